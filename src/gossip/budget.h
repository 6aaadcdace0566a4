#ifndef KITH_GOSSIP_BUDGET_H
#define KITH_GOSSIP_BUDGET_H
/*
 * A token bucket that costs differ in (bytes, messages), and that keeps a part of itself for those who matter
 * more. Integers only: what is there is kept in millionths of a unit, so no rate is rounded.
 */
#include "base/time.h"

#include <stdbool.h>
#include <stdint.h>

struct budget_rate {
    uint32_t per_second, burst; /* units; at most 2^31 each */
};

struct budget { /* a zeroed one is full the first time it is asked */
    bool used;
    int64_t left_millionths;
    kith_time at_us;
};

/* Takes `cost` units, unless less than `reserve_permille` of the burst were left then. */
bool budget_take(struct budget *b, struct budget_rate rate, kith_time now_us, uint32_t cost,
                 uint32_t reserve_permille);
/* Whether it would. */
bool budget_has(struct budget *b, struct budget_rate rate, kith_time now_us, uint32_t cost,
                uint32_t reserve_permille);

#endif
