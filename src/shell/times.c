#include "shell/times.h"

#include <inttypes.h>

const kith_time times_bounds_us[TIMES_BUCKETS - 1] = {
    10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 100000, 1000000};

void times_add_n(struct times *t, kith_time took_us, uint64_t n)
{
    unsigned i = 0;

    while (i < TIMES_BUCKETS - 1 && took_us > times_bounds_us[i])
        i++;
    t->buckets[i] += n;
    t->sum_us += took_us * (kith_time)n;
}

void times_add(struct times *t, kith_time took_us)
{
    times_add_n(t, took_us, 1);
}

void times_write(struct buf *out, const char *name, const char *help, const struct times *t)
{
    uint64_t count = 0;

    buf_printf(out, "# HELP %s %s\n# TYPE %s histogram\n", name, help, name);
    for (unsigned i = 0; i < TIMES_BUCKETS; i++) {
        count += t->buckets[i];
        if (i < TIMES_BUCKETS - 1)
            buf_printf(out, "%s_bucket{le=\"%" PRId64 ".%06" PRId64 "\"} %" PRIu64 "\n", name,
                       times_bounds_us[i] / KITH_SEC, times_bounds_us[i] % KITH_SEC, count);
    }
    buf_printf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum %" PRId64 ".%06" PRId64 "\n", name,
               count, name, t->sum_us / KITH_SEC, t->sum_us % KITH_SEC);
    buf_printf(out, "%s_count %" PRIu64 "\n", name, count);
}
