#include "gossip/atlas.h"

#include "base/mem.h"
#include "base/tree.h"
#include "state/state.h"

struct neighbour {
    struct ulid id;
    TREE_ENTRY(neighbour) by_id;
    struct coord place; /* as it told last */
    kith_time samples_us[ATLAS_SAMPLES];
    uint32_t samples_n; /* ever */
    uint32_t probes;    /* ever sent */
    kith_time seen_us;
};

static int compare_id(const struct neighbour *a, const struct neighbour *b)
{
    return ulid_compare(&a->id, &b->id);
}

TREE_DEFINE(neighbour_tree, neighbour, by_id, compare_id)

struct atlas {
    const struct ulid *self;
    struct coord_self place;
    struct neighbour_tree neighbours;
    uint32_t measured;    /* updates of the own place */
    kith_time typical_us; /* round trip, smoothed over all neighbours */
    struct coord told;    /* the own row */
    kith_time row_at_us;  /* not before; 0: before the first measurement */
    kith_time row_gap_us;
};

struct atlas *atlas_new(const struct ulid *self)
{
    struct atlas *a = mem_alloc(sizeof(*a));
    a->self = self;
    a->row_at_us = KITH_NEVER;
    a->row_gap_us = ATLAS_ROW_FIRST;
    coord_init(&a->place);
    return a;
}

static void forget(struct atlas *a, struct neighbour *n)
{
    TREE_REMOVE(neighbour_tree, &a->neighbours, n);
    mem_free(n);
}

void atlas_free(struct atlas *a)
{
    struct neighbour *n, *next;
    TREE_FOREACH_SAFE(n, neighbour_tree, &a->neighbours, next)
    forget(a, n);
    mem_free(a);
}

static struct neighbour *find(const struct atlas *a, const struct ulid *id)
{
    struct neighbour key = {.id = *id};
    struct neighbour_tree tree = a->neighbours;
    return TREE_FIND(neighbour_tree, &tree, &key);
}

static struct neighbour *get(struct atlas *a, const struct turn *t, const struct ulid *id)
{
    struct neighbour *n = find(a, id);
    if (!n) {
        n = mem_alloc(sizeof(*n));
        n->id = *id;
        TREE_INSERT(neighbour_tree, &a->neighbours, n);
    }
    n->seen_us = t->now_us;
    return n;
}

/* Of the latest samples; the lower one of an even number. 0: there are none. */
static kith_time median(const struct neighbour *n)
{
    kith_time sorted_us[ATLAS_SAMPLES];
    uint32_t count = n->samples_n < ATLAS_SAMPLES ? n->samples_n : ATLAS_SAMPLES;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = i;
        for (; at > 0 && sorted_us[at - 1] > n->samples_us[i]; at--)
            sorted_us[at] = sorted_us[at - 1];
        sorted_us[at] = n->samples_us[i];
    }
    return count > 0 ? sorted_us[(count - 1) / 2] : 0;
}

static void learn(struct atlas *a, struct turn *t, const struct coord *there, kith_time rtt_us)
{
    coord_update(&a->place, there, rtt_us, t->rng);
    a->typical_us += (rtt_us - a->typical_us) / (a->measured < ATLAS_SETTLED ? 2 : 16);
    a->measured++;
}

void atlas_probe(struct atlas *a, struct turn *t, const struct ulid *to, struct probe *p)
{
    struct neighbour *n = get(a, t, to);
    if (n->probes++ >= ATLAS_EAGER && n->probes % ATLAS_EVERY != 0)
        return;
    p->coord = coord_told(&a->place);
    p->rtt_us = (uint64_t)median(n);
}

void atlas_answered(struct atlas *a, struct turn *t, const struct ulid *from,
                    const struct probe_ack *ack, kith_time rtt_us)
{
    struct neighbour *n = get(a, t, from);
    n->samples_us[n->samples_n++ % ATLAS_SAMPLES] = rtt_us;
    if (!coord_is_known(&ack->coord))
        return;
    n->place = ack->coord;
    learn(a, t, &n->place, median(n));
}

void atlas_probed(struct atlas *a, struct turn *t, const struct ulid *from, const struct probe *p,
                  struct probe_ack *ack)
{
    if (!coord_is_known(&p->coord) || ulid_is_zero(from))
        return;
    struct neighbour *n = get(a, t, from);
    n->place = p->coord;
    if (p->rtt_us > 0 && p->rtt_us <= COORD_RTT_MAX)
        learn(a, t, &n->place, (kith_time)p->rtt_us);
    ack->coord = coord_told(&a->place);
}

static bool is_news(const struct atlas *a, const struct coord *now)
{
    if (!coord_is_known(&a->told))
        return true;
    uint64_t bound_us = (uint64_t)a->typical_us / 8;
    if (bound_us < ATLAS_MOVE_MIN_US)
        bound_us = ATLAS_MOVE_MIN_US;
    return coord_moved_us(&a->told, now) > bound_us;
}

static void write_row(struct atlas *a, struct turn *t, const struct coord *now)
{
    struct buf value = {0};
    coord_encode(&value, now);
    if (state_put(t->state, TABLE_ID_COORD, ulid_bytes(a->self), buf_bytes(&value),
                  /* major= */ 0, /* expires_ms= */ 0) == 0)
        a->told = *now;
    buf_deinit(&value);
}

void atlas_time(struct atlas *a, struct turn *t, size_t alive, bool loss)
{
    kith_time all_us = (kith_time)alive * ATLAS_ROWS_APART;
    kith_time share_us = all_us > ATLAS_ROWS_SPREAD ? all_us : ATLAS_ROWS_SPREAD;
    if (a->row_at_us == KITH_NEVER && a->measured >= ATLAS_SETTLED)
        a->row_at_us = t->now_us + (kith_time)rng_below(t->rng, (uint64_t)share_us + 1);
    if (t->now_us < a->row_at_us)
        return;
    struct neighbour *n, *next;
    TREE_FOREACH_SAFE(n, neighbour_tree, &a->neighbours, next)
    {
        if (t->now_us - n->seen_us > ATLAS_FORGET)
            forget(a, n);
    }
    struct coord now = coord_told(&a->place);
    kith_time wait_us = ATLAS_ROW_FIRST;
    if (loss && all_us > ATLAS_ROW_FIRST && rng_below(t->rng, ATLAS_ROWS_LOSS) != 0) {
        wait_us = share_us;
    } else if (is_news(a, &now)) {
        write_row(a, t, &now);
        wait_us = a->row_gap_us > share_us ? a->row_gap_us : share_us;
        a->row_gap_us = kith_time_min(2 * a->row_gap_us, ATLAS_ROW_MAX);
    }
    /* A quarter to either side, so that those who started together do not write together. */
    a->row_at_us =
        t->now_us + wait_us * 3 / 4 + (kith_time)rng_below(t->rng, (uint64_t)wait_us / 2);
}

kith_time atlas_deadline(const struct atlas *a)
{
    return a->row_at_us == KITH_NEVER && a->measured >= ATLAS_SETTLED ? 0 : a->row_at_us;
}

size_t atlas_peers(const struct atlas *a, struct atlas_peer ret[ATLAS_PEERS_MAX])
{
    struct neighbour_tree tree = a->neighbours;
    struct neighbour *n;
    size_t count = 0;
    TREE_FOREACH (n, neighbour_tree, &tree) {
        if (count < ATLAS_PEERS_MAX && coord_is_known(&n->place))
            ret[count++] = (struct atlas_peer){n->id, n->place};
    }
    return count;
}

struct coord atlas_place(const struct atlas *a, const struct state *state, const struct ulid *id)
{
    struct coord place = {0};
    struct wire_error err;
    if (ulid_equal(id, a->self))
        return a->measured > 0 ? coord_told(&a->place) : place;
    const struct neighbour *n = find(a, id);
    if (n && coord_is_known(&n->place))
        return n->place;
    const struct row *row = state_get(state, TABLE_ID_COORD, ulid_bytes(id));
    if (row && row->value.len > 0 && coord_decode(&place, row->value, /* mem= */ NULL, &err) != 0)
        place = (struct coord){0};
    return place;
}

uint64_t atlas_rtt_us(const struct atlas *a, const struct state *state, const struct ulid *from,
                      const struct ulid *to)
{
    struct coord here = atlas_place(a, state, from), there = atlas_place(a, state, to);
    return ulid_equal(from, to) ? 0 : coord_rtt_us(&here, &there);
}
