#ifndef KITH_HTTP_TIMES_H
#define KITH_HTTP_TIMES_H
/* How long requests took, in the buckets that /metrics shows. A zeroed one is valid and empty. */
#include "base/buf.h"
#include "base/time.h"

#define TIMES_BUCKETS 14

struct times {
    uint64_t buckets[TIMES_BUCKETS]; /* each alone; the last: longer than all bounds */
    kith_time sum_us;
};

extern const kith_time times_bounds_us[TIMES_BUCKETS - 1];

void times_add(struct times *t, kith_time took_us);
void times_add_n(struct times *t, kith_time took_us,
                 uint64_t n); /* n requests that took so long each */

/* As a histogram of Prometheus' text format, in seconds. */
void times_write(struct buf *out, const char *name, const char *help, const struct times *t);

#endif
