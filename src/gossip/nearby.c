#include "gossip/nearby.h"

static struct nearby_entry *find(struct nearby *n, const struct ulid *id)
{
    for (size_t i = 0; i < NEARBY_MAX; i++) {
        if (ulid_equal(&n->entries[i].id, id))
            return &n->entries[i];
    }
    return NULL;
}

/* A free place, or that of the farthest if this one is better: unknown ones may be. */
static struct nearby_entry *place_for(struct nearby *n, kith_time rtt_us)
{
    struct nearby_entry *farthest = NULL;
    for (size_t i = 0; i < NEARBY_MAX; i++) {
        struct nearby_entry *e = &n->entries[i];
        if (ulid_is_zero(&e->id))
            return e;
        if (!farthest || e->rtt_us > farthest->rtt_us)
            farthest = e;
    }
    return farthest->rtt_us > rtt_us ? farthest : NULL;
}

void nearby_learn(struct nearby *n, const struct ulid *id, kith_time rtt_us)
{
    struct nearby_entry *e = find(n, id);
    if (!e) {
        e = place_for(n, rtt_us);
        if (!e)
            return;
        *e = (struct nearby_entry){.id = *id};
    }
    if (rtt_us > 0 && (e->rtt_us == 0 || rtt_us < e->rtt_us))
        e->rtt_us = rtt_us;
}

bool nearby_knows(const struct nearby *n, const struct ulid *id)
{
    for (size_t i = 0; i < NEARBY_MAX; i++) {
        if (ulid_equal(&n->entries[i].id, id))
            return n->entries[i].rtt_us > 0;
    }
    return false;
}

void nearby_forget(struct nearby *n, const struct ulid *id)
{
    struct nearby_entry *e = find(n, id);
    if (e)
        *e = (struct nearby_entry){0};
}

void nearby_not_until(struct nearby *n, const struct ulid *id, kith_time until_us)
{
    struct nearby_entry *e = find(n, id);
    if (e)
        e->not_until = until_us;
}

static bool usable(const struct nearby_entry *e, const struct ulid *except, size_t except_n)
{
    if (ulid_is_zero(&e->id))
        return false;
    for (size_t i = 0; i < except_n; i++) {
        if (ulid_equal(&except[i], &e->id))
            return false;
    }
    return true;
}

const struct nearby_entry *nearby_best(const struct nearby *n, const struct ulid *except,
                                       size_t except_n, kith_time now_us)
{
    const struct nearby_entry *best = NULL;
    for (size_t i = 0; i < NEARBY_MAX; i++) {
        const struct nearby_entry *e = &n->entries[i];
        if (e->rtt_us > 0 && e->not_until <= now_us && usable(e, except, except_n) &&
            (!best || e->rtt_us < best->rtt_us))
            best = e;
    }
    return best;
}

const struct nearby_entry *nearby_to_measure(struct nearby *n, const struct ulid *except,
                                             size_t except_n)
{
    for (size_t i = 0; i < NEARBY_MAX; i++) {
        struct nearby_entry *e = &n->entries[i];
        if (e->rtt_us > 0 || !usable(e, except, except_n))
            continue;
        if (e->pings++ < NEARBY_PINGS_MAX)
            return e;
        *e = (struct nearby_entry){0};
    }
    return NULL;
}
