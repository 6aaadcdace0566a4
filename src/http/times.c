#include "http/times.h"

const kith_time times_bounds_us[TIMES_BUCKETS - 1] = {100,  250,   500,   1000,   2500,
                                                      5000, 10000, 25000, 100000, 1000000};

void times_add(struct times *t, kith_time took_us)
{
    unsigned i = 0;

    while (i < TIMES_BUCKETS - 1 && took_us > times_bounds_us[i])
        i++;
    t->buckets[i]++;
    t->sum_us += took_us;
}
