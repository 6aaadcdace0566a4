#ifndef KITH_GOSSIP_SEEN_H
#define KITH_GOSSIP_SEEN_H
/*
 * Which messages have been here, and how many each origin sends: every message once, and from no origin more
 * than its budget, whoever passes them on.
 *
 * Per origin a window over its newest SEEN_WINDOW sequence numbers; what is older counts as seen. Of more than
 * SEEN_ORIGINS origins the one heard longest ago is forgotten. A later boot of an origin begins anew, an earlier
 * one is stale.
 */
#include "base/ulid.h"
#include "gossip/budget.h"

#define SEEN_WINDOW  8192 /* a second of the most that an origin may send, nearly */
#define SEEN_ORIGINS 1024 /* 1 KiB each */

struct seen;

struct seen *seen_new(void);
void seen_free(struct seen *s);

enum seen_result { SEEN_NEW, SEEN_AGAIN, SEEN_STALE, SEEN_TOO_MANY };

/* Counts the message as seen. SEEN_TOO_MANY: beyond this peer's budget for the origin. */
enum seen_result seen_take(struct seen *s, const struct ulid *origin, const struct ulid *boot,
                           uint64_t seq, struct budget_rate per_origin, kith_time now_us);

#endif
