#include "shell/clock.h"
#include <time.h>

static kith_time read_clock(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (kith_time)t.tv_sec * KITH_SEC + t.tv_nsec / 1000;
}

kith_time clock_now_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

kith_time clock_wall_us(void)
{
    return read_clock(CLOCK_REALTIME);
}
