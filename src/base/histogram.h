#ifndef KITH_BASE_HISTOGRAM_H
#define KITH_BASE_HISTOGRAM_H
/*
 * How durations are spread, in a fixed amount of memory: four buckets for each doubling, so what is read out
 * is at most a fifth above what was put in. From 1 us to an hour; what lies beyond counts as the nearest.
 * Integers only, so that every peer makes the same of the same values.
 */
#include "base/time.h"

#define HISTOGRAM_STEPS   4 /* buckets in a doubling */
#define HISTOGRAM_BUCKETS (32 * HISTOGRAM_STEPS)

struct histogram { /* a zeroed one is valid and empty */
    uint64_t count;
    uint32_t bucket[HISTOGRAM_BUCKETS]; /* full ones stay full */
};

void histogram_add(struct histogram *h, kith_time value_us); /* negative: as 0 */

/* The value that `permille` of 1000 do not exceed (500 is the median), as its bucket's upper bound; 0 when
 * nothing was added. */
kith_time histogram_quantile(const struct histogram *h, uint32_t permille);

#endif
