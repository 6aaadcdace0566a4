#include "gossip/centre.h"

/* Of fewer places a mean says nothing. */
#define PEERS_MIN 6

static uint64_t mean_us(const struct coord *place, const struct atlas_peer *peers, size_t n)
{
    uint64_t sum_us = 0;
    for (size_t i = 0; i < n; i++)
        sum_us += coord_rtt_us(place, &peers[i].place);
    return sum_us / n;
}

bool centre_better(const struct core *core, struct turn *t, struct ulid *ret)
{
    struct atlas_peer peers[ATLAS_PEERS_MAX];
    size_t n = atlas_peers(core->atlas, peers);
    struct coord own = atlas_place(core->atlas, t->state, &core->self);
    if (n < PEERS_MIN || !coord_is_known(&own))
        return false;
    uint64_t own_us = mean_us(&own, peers, n), best_us = own_us - own_us / 4;
    bool found = false;
    for (size_t i = 0; i < n; i++) {
        /* To itself the way is no way: as many others count as for this peer. */
        uint64_t us = mean_us(&peers[i].place, peers, n) * n / (n - 1);
        if (us >= best_us || !core_alive(core, &peers[i].id))
            continue;
        best_us = us;
        *ret = peers[i].id;
        found = true;
    }
    return found;
}
