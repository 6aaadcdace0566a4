/*
 * The paper keeps the wall part l and the counter c apart; packed into one integer, its rules
 * become "one more than the last stamp, or the wall clock, whichever is larger". A counter that
 * runs over carries into the wall part, which is then ahead by a millisecond and waits for the
 * clock.
 */
#include "base/hlc.h"

#include <assert.h>

#define HLC_COUNTER_BITS 16
#define HLC_MAX_WALL_MS  ((INT64_C(1) << (64 - HLC_COUNTER_BITS)) - 1)

kith_time hlc_wall_us(uint64_t stamp)
{
    return (kith_time)(stamp >> HLC_COUNTER_BITS) * KITH_MS;
}

uint64_t hlc_from_wall(kith_time wall_us)
{
    int64_t ms = wall_us < 0 ? 0 : wall_us / KITH_MS;

    return (uint64_t)(ms < HLC_MAX_WALL_MS ? ms : HLC_MAX_WALL_MS) << HLC_COUNTER_BITS;
}

uint64_t hlc_now(struct hlc *h, kith_time wall_us)
{
    uint64_t wall = hlc_from_wall(wall_us);

    assert(h->last < UINT64_MAX);
    h->last = wall > h->last ? wall : h->last + 1;
    return h->last;
}

int hlc_observe(struct hlc *h, uint64_t stamp, kith_time wall_us)
{
    if (hlc_wall_us(stamp) - HLC_MAX_AHEAD > wall_us)
        return HLC_AHEAD;
    if (stamp > h->last)
        h->last = stamp;
    return 0;
}
