#include "gossip/scout.h"

#define NEARER_US (500 * KITH_US)

bool scout_nearer(kith_time rtt_us, kith_time than_us)
{
    return rtt_us > 0 && rtt_us + NEARER_US < than_us && 5 * rtt_us < 4 * than_us;
}

static bool among(const struct ulid *ids, size_t count, const struct ulid *id)
{
    for (size_t i = 0; i < count; i++) {
        if (ulid_equal(&ids[i], id))
            return true;
    }
    return false;
}

/* The nearest of some, by their places. */
static void draw(struct nearby *n, const struct core *core, struct turn *t,
                 const struct ulid *except, size_t except_n, kith_time far_us)
{
    struct ulid best = {{0}};
    kith_time best_us = far_us;
    for (int i = 0; i < SCOUT_DRAWN; i++) {
        const struct member *m = core_any(core, t);
        if (!m || !m->row || among(except, except_n, &m->id) || nearby_knows(n, &m->id))
            continue;
        kith_time rtt_us = (kith_time)atlas_rtt_us(core->atlas, t->state, &core->self, &m->id);
        if (rtt_us >= best_us || !scout_nearer(rtt_us, far_us))
            continue;
        best_us = rtt_us;
        best = m->id;
    }
    if (!ulid_is_zero(&best))
        nearby_learn(n, &best, /* rtt_us= */ 0);
}

const struct ulid *scout_look(struct nearby *n, const struct core *core, struct turn *t,
                              const struct ulid *except, size_t except_n, kith_time far_us)
{
    const struct nearby_entry *c;
    uint32_t known = core->trips_n < CORE_TRIPS ? core->trips_n : CORE_TRIPS;
    for (uint32_t i = 0; i < known; i++)
        nearby_learn(n, &core->trips[i].id, core->trips[i].rtt_us);
    draw(n, core, t, except, except_n, far_us);
    while ((c = nearby_to_measure(n, except, except_n)) != NULL) {
        kith_time rtt_us = (kith_time)atlas_rtt_us(core->atlas, t->state, &core->self, &c->id);
        if (core_alive(core, &c->id) && (rtt_us == 0 || scout_nearer(rtt_us, far_us)))
            return &c->id;
        nearby_forget(n, &c->id);
    }
    return NULL;
}
