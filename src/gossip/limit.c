#include "gossip/limit.h"

/* What was taken is kept as the time that filling it up takes: one number, and nothing to refill. */
bool limit_take(struct limit *l, kith_time now_us, uint32_t per_second, uint32_t burst)
{
    kith_time one_us = KITH_SEC / per_second;
    kith_time full_at_us = l->full_at_us > now_us ? l->full_at_us : now_us;

    if (full_at_us + one_us > now_us + one_us * burst)
        return false;
    l->full_at_us = full_at_us + one_us;
    return true;
}
