#ifndef KITH_BASE_HLC_H
#define KITH_BASE_HLC_H
/*
 * Hybrid logical clock: Kulkarni et al., "Logical Physical Clocks" (2014). A stamp is 48 bits of
 * wall-clock milliseconds and 16 bits of counter in one u64, so stamps compare as integers.
 */
#include "base/time.h"

/* A stamp this far ahead of the own clock is refused: no honest clock drifts so far unnoticed. */
#define HLC_MAX_AHEAD (30 * KITH_SEC)

enum { HLC_AHEAD = 1 };

struct hlc {
    uint64_t last;
};

uint64_t hlc_now(struct hlc *h, kith_time wall_us); /* strictly larger than every one before */

/* 0: taken in, later stamps are larger. HLC_AHEAD: refused, the clock is untouched. */
int hlc_observe(struct hlc *h, uint64_t stamp, kith_time wall_us);

kith_time hlc_wall_us(uint64_t stamp);     /* the wall part, microseconds, to the millisecond */
uint64_t hlc_from_wall(kith_time wall_us); /* the smallest stamp of that millisecond */

#endif
