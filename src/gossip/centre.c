#include "gossip/centre.h"

/* Of fewer places a mean says nothing. */
#define OTHERS_MIN 16

struct places {
    struct coord at[CENTRE_OTHERS];
    uint64_t n;
};

static void draw(const struct core *core, struct turn *t, struct places *ret)
{
    ret->n = 0;
    for (int i = 0; i < CENTRE_OTHERS; i++) {
        const struct member *m = core_any(core, t);
        if (!m)
            continue;
        struct coord place = atlas_place(core->atlas, t->state, &m->id);
        if (coord_is_known(&place))
            ret->at[ret->n++] = place;
    }
}

/* UINT64_MAX: its place is not known. */
static uint64_t mean_us(const struct core *core, struct turn *t, const struct ulid *id,
                        const struct places *others)
{
    struct coord place = atlas_place(core->atlas, t->state, id);
    uint64_t sum_us = 0;
    if (!coord_is_known(&place))
        return UINT64_MAX;
    for (uint64_t i = 0; i < others->n; i++)
        sum_us += coord_rtt_us(&place, &others->at[i]);
    return sum_us / others->n;
}

bool centre_better(const struct core *core, struct turn *t, struct ulid *ret)
{
    struct places others;
    draw(core, t, &others);
    if (others.n < OTHERS_MIN)
        return false;
    uint64_t own_us = mean_us(core, t, &core->self, &others);
    uint64_t best_us = own_us - own_us / 8;
    bool found = false;
    for (int i = 0; i < CENTRE_CANDIDATES && own_us != UINT64_MAX; i++) {
        const struct member *m = core_any(core, t);
        uint64_t us = m ? mean_us(core, t, &m->id, &others) : UINT64_MAX;
        if (us >= best_us)
            continue;
        best_us = us;
        *ret = m->id;
        found = true;
    }
    return found;
}
