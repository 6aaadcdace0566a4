#ifndef KITH_SHELL_HOURLY_H
#define KITH_SHELL_HOURLY_H
/*
 * Who was told off for what, so that one broken or hostile address fills no log: each pair of
 * (address, reason) is worth a line once an hour. What comes in between is counted and told with the
 * next line.
 *
 * The table is bounded; when it is full, new pairs share one more entry, "others". So a thousand
 * addresses at once cost no memory and one line an hour.
 */
#include "base/bytes.h"
#include "base/time.h"

#define HOURLY_MAX        512 /* pairs remembered: more than a person reads, 40 KiB */
#define HOURLY_PERIOD_US  KITH_HOUR
#define HOURLY_NAME_BYTES 64 /* of address and of reason; longer ones are cut */

struct hourly;

struct hourly *hourly_new(void);
void hourly_free(struct hourly *h);

/* Counts one. True: say it now; *ret_before is how often it happened unsaid since the last time. */
bool hourly_say(struct hourly *h, const char *address, const char *reason, kith_time now_us,
                uint64_t *ret_before);

#endif
