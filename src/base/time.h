#ifndef KITH_BASE_TIME_H
#define KITH_BASE_TIME_H
/*
 * Time in the machine. Time is always an argument, never read here.
 *
 * kith_time is microseconds. Two clocks use it: the monotonic one, whose zero means nothing (fields
 * and parameters called now_us, at_us, deadline), and the wall clock since 1970 (called wall_us).
 */
#include <stdint.h>

typedef int64_t kith_time;

#define KITH_US    ((kith_time)1)
#define KITH_MS    ((kith_time)1000)
#define KITH_SEC   ((kith_time)1000000)
#define KITH_MIN   (60 * KITH_SEC)
#define KITH_HOUR  (60 * KITH_MIN)
#define KITH_NEVER INT64_MAX

static inline kith_time kith_time_min(kith_time a, kith_time b)
{
    return a < b ? a : b;
}

#endif
