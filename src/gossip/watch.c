#include "gossip/watch.h"

#include "base/mem.h"

/* A longer round trip than the base raises it by one part in this. */
#define BASE_FADES 64

static int compare_id(const struct watch *a, const struct watch *b)
{
    return ulid_compare(&a->id, &b->id);
}

TREE_FUNCTIONS(watch_tree, watch, by_id, compare_id)

struct watch *watch_find(struct watch_tree *tree, const struct ulid *id)
{
    struct watch key = {.id = *id};
    return TREE_FIND(watch_tree, tree, &key);
}

struct watch *watch_get(struct watch_tree *tree, const struct ulid *id)
{
    struct watch *w = watch_find(tree, id);
    if (!w) {
        w = mem_alloc(sizeof(*w));
        w->id = *id;
        TREE_INSERT(watch_tree, tree, w);
    }
    return w;
}

struct watch *watch_first(struct watch_tree *tree)
{
    return TREE_FIRST(watch_tree, tree);
}

struct watch *watch_next(struct watch *w)
{
    return TREE_NEXT(watch_tree, /* tree= */ NULL, w);
}

void watch_drop(struct watch_tree *tree, struct watch *w)
{
    TREE_REMOVE(watch_tree, tree, w);
    mem_free(w);
}

void watch_clear(struct watch_tree *tree)
{
    struct watch *w;
    while ((w = watch_first(tree)))
        watch_drop(tree, w);
}

void watch_calm(struct watch *w)
{
    w->owed_us = 0;
    w->missed = false;
    w->told_us = 0;
    w->deciding = false;
}

void watch_hush(struct watch *w)
{
    for (size_t i = 0; i < w->seats_n; i++)
        w->seats[i].says = SAYS_NOTHING;
}

struct seat *watch_seat_of(struct watch *w, const struct ulid *observer)
{
    for (size_t i = 0; i < w->seats_n; i++) {
        if (ulid_equal(&w->seats[i].id, observer))
            return &w->seats[i];
    }
    return NULL;
}

void watch_seat(struct watch *w, const struct ulid *observers, size_t n, const struct ulid *self,
                kith_time now_us)
{
    kith_time since_us = w->seats_n > 0 ? now_us : 0;
    struct seat seats[RINGS_OBSERVERS];
    size_t seats_n = 0;
    for (size_t i = 0; i < n; i++) {
        if (ulid_equal(&observers[i], self))
            continue;
        const struct seat *former = watch_seat_of(w, &observers[i]);
        seats[seats_n++] =
            former ? *former : (struct seat){.id = observers[i], .since_us = since_us};
    }
    for (size_t i = 0; i < seats_n; i++)
        w->seats[i] = seats[i];
    w->seats_n = seats_n;
}

void watch_round_trip(struct watch *w, kith_time rtt_us)
{
    /* The least that was seen, which fades: half of the answers come undelayed even under 30 % loss. */
    if (w->base_us == 0 || rtt_us < w->base_us)
        w->base_us = rtt_us;
    else
        w->base_us += (rtt_us - w->base_us) / BASE_FADES;
    if (w->srtt_us == 0) {
        w->srtt_us = rtt_us;
        w->rttvar_us = rtt_us / 2;
        return;
    }
    kith_time off_us = rtt_us > w->srtt_us ? rtt_us - w->srtt_us : w->srtt_us - rtt_us;
    w->rttvar_us += (off_us - w->rttvar_us) / 4;
    w->srtt_us += (rtt_us - w->srtt_us) / 8;
}

kith_time watch_patience(const struct watch *w, kith_time floor_us)
{
    if (w->base_us == 0)
        return WATCH_PATIENCE_FIRST * floor_us;
    kith_time near_us = kith_time_min(floor_us + 4 * w->base_us, 2 * floor_us);
    kith_time far_us = floor_us + 2 * w->base_us;
    return near_us > far_us ? near_us : far_us;
}

bool watch_nonce_is_recent(const struct watch *w, uint64_t nonce)
{
    uint32_t n = w->probes < WATCH_NONCES ? w->probes : WATCH_NONCES;
    for (uint32_t i = 0; i < n; i++) {
        if (w->nonces[i] == nonce)
            return true;
    }
    return false;
}
