#ifndef KITH_GOSSIP_LIMIT_H
#define KITH_GOSSIP_LIMIT_H
/*
 * A token bucket in integers: so many a second, and so many at once after a quiet time.
 */
#include "base/time.h"

#include <stdbool.h>

struct limit {            /* a zeroed one is full the first time it is asked */
    kith_time full_at_us; /* when the bucket will be full again */
};

/* Takes one. False: there is none now. */
bool limit_take(struct limit *l, kith_time now_us, uint32_t per_second, uint32_t burst);

#endif
