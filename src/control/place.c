#include "control/place.h"

#include "base/mem.h"
#include "control/inside.h"
#include "control/rank.h"
#include "control/removal.h"
#include "state/journal.h"

/* One slot while its host is being chosen. */
struct choice {
    struct service *service;
    struct slot slot;
    const struct placement *former; /* NULL: none */
    const char *why;                /* it needs a host: static text */
    struct bytes former_name;       /* of that host */
    struct tally *tally;
};

void place_deinit(struct place *p)
{
    mem_free(p->avoids);
}

/* This peer knows that the others hold it for dead: they decide without it, until it has risen. */
static bool is_held_for_dead(const struct catalog *c)
{
    const struct member *self = members_get(c->members, &c->self);

    return self && self->state == MEMBER_STATE_DEAD && members_alive(c->members) > 0;
}

/* Whether it may decide for services. */
static bool is_eligible(const struct catalog *c, const struct ulid *node)
{
    return node_lives(c, node) && !(ulid_equal(node, &c->self) && is_held_for_dead(c));
}

static uint64_t score_of(const struct ulid *service, const struct member *m)
{
    return rank_score(service, &m->id, rank_weight(m));
}

bool place_coordinator(const struct catalog *c, const struct ulid *service, struct ulid *ret)
{
    uint64_t best = 0;
    bool found = false;

    for (const struct member *m = members_first(c->members); m; m = members_next(c->members, m)) {
        if (!is_eligible(c, &m->id))
            continue;
        uint64_t score = score_of(service, m);

        if (found && score <= best)
            continue;
        found = true;
        best = score;
        *ret = m->id;
    }
    return found;
}

bool place_coordinates(const struct catalog *c, const struct ulid *service)
{
    const struct member *self = members_get(c->members, &c->self);

    if (!self || !is_eligible(c, &self->id))
        return false;
    uint64_t own = score_of(service, self);
    bool before = true; /* of equals the first */

    for (const struct member *m = members_first(c->members); m; m = members_next(c->members, m)) {
        if (m == self) {
            before = false;
            continue;
        }
        uint64_t score = score_of(service, m);

        if ((score > own || (score == own && before)) && is_eligible(c, &m->id))
            return false;
    }
    return true;
}

/* -- hosts to be avoided -- */

static struct avoid *find_avoid(const struct place *p, const struct ulid *service,
                                const struct slot *slot, const struct ulid *node)
{
    for (size_t k = 0; k < p->count; k++) {
        struct avoid *a = &p->avoids[k];

        if (ulid_equal(&a->service, service) && ulid_equal(&a->node, node) &&
            slot_compare(&a->slot, slot) == 0)
            return a;
    }
    return NULL;
}

static void forget_avoids(struct place *p, kith_time now_us)
{
    for (size_t k = p->count; k-- > 0;) {
        if (now_us >= p->avoids[k].until_us + AVOID_LONGEST)
            p->avoids[k] = p->avoids[--p->count];
    }
}

/* Once for each instance that ended badly. */
static void avoid(struct place *p, const struct service *s, const struct placement *former,
                  kith_time wait_us, kith_time now_us)
{
    struct avoid *a = find_avoid(p, &s->id, &former->slot, &former->row.node);

    if (a && ulid_equal(&a->instance, &former->row.instance))
        return;
    if (!a) {
        if (p->count == AVOIDS_MAX)
            p->count--;
        p->avoids = mem_grow(p->avoids, p->count + 1, sizeof(*p->avoids));
        a = &p->avoids[p->count++];
        *a = (struct avoid){.service = s->id, .node = former->row.node, .slot = former->slot};
    }
    for (uint32_t k = 0; k < a->tries && wait_us < AVOID_LONGEST; k++)
        wait_us *= 2;
    a->tries++;
    a->instance = former->row.instance;
    a->until_us = now_us + kith_time_min(wait_us, AVOID_LONGEST);
}

static bool is_avoided(struct control *c, const struct turn *t, const struct choice *choice,
                       const struct ulid *node)
{
    const struct avoid *a = find_avoid(&c->place, &choice->service->id, &choice->slot, node);

    if (!a || t->now_us >= a->until_us)
        return false;
    c->place.at_us = kith_time_min(c->place.at_us, a->until_us);
    return true;
}

/* -- one slot -- */

/* The slot looks empty, but this peer may not have heard yet what the others know. */
static bool on_hold(struct control *c, const struct turn *t, const struct choice *choice)
{
    const struct service *s = choice->service;
    const struct placement *p = choice->former;
    kith_time until_us =
        kith_time_min(c->joined_us + PLACE_HOLD, c->joining_from_us + PLACE_HOLD_MAX);

    if (t->now_us >= until_us || ulid_ms(&s->id) > c->joined_ms ||
        (p && node_lives(&c->catalog, &p->row.node)))
        return false;
    c->place.at_us = kith_time_min(c->place.at_us, until_us);
    return true;
}

/* Another one, who sees this otherwise, decided a moment ago. */
static bool is_contested(struct control *c, const struct turn *t, const struct choice *choice)
{
    const struct placement *p = choice->former;

    if (!p || ulid_is_zero(&p->row.node) || ulid_equal(&p->row.coordinator, &c->self))
        return false;
    kith_time age_us = t->wall_us - (kith_time)ulid_ms(&p->row.instance) * KITH_MS;

    if (age_us < 0 || age_us >= PLACE_CONTEST)
        return false;
    c->place.at_us = kith_time_min(c->place.at_us, t->now_us + PLACE_CONTEST - age_us);
    return true;
}

/* True: the slot needs a host, choice->why says why. */
static bool needs_host(struct control *c, const struct turn *t, struct choice *choice)
{
    const struct placement *p = choice->former;
    const struct instance *i = p ? catalog_placed(&c->catalog, p) : NULL;
    struct service *s = choice->service;

    if (!p || ulid_is_zero(&p->row.node)) {
        choice->why = "the slot is new";
        return true;
    }
    choice->former_name = node_name(&c->catalog, &p->row.node);
    if (!node_lives(&c->catalog, &p->row.node)) {
        choice->why = "its host is gone";
        return choice->slot.len != SLOT_NODE_LEN;
    }
    if (i && i->given_up) {
        choice->why = "its host leaves";
        avoid(&c->place, s, p, AVOID_FAILED, t->now_us);
        return choice->slot.len != SLOT_NODE_LEN;
    }
    if (i && i->state == INSTANCE_STATE_REFUSED) {
        choice->why = "its host refused";
        avoid(&c->place, s, p, AVOID_REFUSED, t->now_us);
        return true;
    }
    if (i && i->state == INSTANCE_STATE_FAILED) {
        choice->why = "it failed on its host";
        avoid(&c->place, s, p, AVOID_FAILED, t->now_us);
        return choice->slot.len != SLOT_NODE_LEN;
    }
    return false;
}

static const struct tally_host *choose(struct control *c, const struct turn *t,
                                       const struct choice *choice, uint32_t *ret_fitting)
{
    const struct service_spec *spec = service_spec(&c->catalog, choice->service);
    const struct tally_host *best = NULL;

    *ret_fitting = 0;
    for (size_t k = 0; k < choice->tally->count; k++) {
        const struct tally_host *h = &choice->tally->hosts[k];

        if (choice->slot.len == SLOT_NODE_LEN &&
            !bytes_equal(slot_bytes(&choice->slot), ulid_bytes(&h->node)))
            continue;
        if (!tally_fits(h, spec) || is_avoided(c, t, choice, &h->node))
            continue;
        ++*ret_fitting;
        if (!best || tally_better(&c->catalog, choice->service, &choice->slot, h, best))
            best = h;
    }
    return best;
}

static uint32_t explain(struct control *c, const struct choice *choice, const struct tally_host *h,
                        uint32_t fitting, struct arena *mem, struct bytes *lines)
{
    const struct service_spec *spec = service_spec(&c->catalog, choice->service);
    uint32_t n = 0;

    if (choice->former_name.len)
        lines[n++] = bytes_str(
            arena_printf(mem, "%s (" BYTES_FMT ")", choice->why, BYTES_ARG(choice->former_name)));
    else
        lines[n++] = bytes_str(choice->why);
    if (choice->slot.len == SLOT_NODE_LEN) {
        lines[n++] = bytes_str("one instance per host");
        return n;
    }
    lines[n++] = bytes_str(arena_printf(
        mem, "%s: %u of this service there, %u placements, %u permille of it given away",
        strategy_name(spec->strategy), h->of_service, h->placements, tally_permille(h, spec)));
    lines[n++] = bytes_str(arena_printf(mem, "%u of %zu live hosts could take it", fitting,
                                        members_alive(c->catalog.members)));
    return n;
}

/* The one way a placement is written: the next epoch of its slot, after that of a deleted one as well. */
static void write(struct control *c, struct turn *t, const struct service *s,
                  const struct slot *slot, struct placement_row *row)
{
    struct buf key = {0}, value = {0};
    uint64_t epoch;

    row->coordinator = c->self;
    row->cause = s->row.command;
    placement_key_put(&key, &s->id, slot);
    placement_row_encode(&value, row);
    epoch = state_major(t->state, TABLE_ID_PLACEMENT, buf_bytes(&key)) + 1;
    (void)control_put(c, t, TABLE_ID_PLACEMENT, buf_bytes(&key), buf_bytes(&value), epoch);
    buf_deinit(&key);
    buf_deinit(&value);
}

static void fill(struct control *c, struct turn *t, struct service *s, const struct slot *slot,
                 struct tally *tally)
{
    struct choice choice = {
        .service = s, .slot = *slot, .former = catalog_placement(s, slot), .tally = tally};
    struct bytes lines[PLACEMENT_ROW_REASONS_MAX_ITEMS];
    struct arena mem = {0};
    uint32_t fitting;

    if (!needs_host(c, t, &choice) || on_hold(c, t, &choice) || is_contested(c, t, &choice))
        return;
    const struct service_spec *spec = service_spec(&c->catalog, s);

    tally_service(tally, &c->catalog, s);
    /* What it has where it cannot stay is free again, for itself, too. */
    if (choice.former)
        tally_remove(tally, &choice.former->row.node, spec);
    const struct tally_host *h = choose(c, t, &choice, &fitting);

    if (!h) {
        if (choice.former)
            tally_add(tally, &choice.former->row.node, spec);
        c->place.at_us = kith_time_min(c->place.at_us, t->now_us + PLACE_RETRY);
        catalog_touch(&c->catalog, s);
        return;
    }
    struct placement_row row = {
        .node = h->node,
        .instance = turn_ulid(t),
        .reasons = lines,
        .reasons_n = explain(c, &choice, h, fitting, &mem, lines),
    };

    tally_add(tally, &h->node, spec);
    write(c, t, s, slot, &row);
    c->counts.placements_written++;
    arena_deinit(&mem);
}

static void withdraw(struct control *c, struct turn *t, const struct service *s,
                     const struct slot *slot, const char *why)
{
    struct bytes reason = bytes_str(why);
    struct placement_row row = {.reasons = &reason, .reasons_n = 1};

    write(c, t, s, slot, &row);
    c->counts.placements_withdrawn++;
}

/* -- one service -- */

/* Highest slots first. */
static void withdraw_surplus(struct control *c, struct turn *t, struct service *s)
{
    struct placement *p, *lower;

    for (p = TREE_LAST(placement_tree, &s->placements); p; p = lower) {
        struct slot slot = p->slot;

        lower = TREE_PREV(placement_tree, &s->placements, p);
        if (!ulid_is_zero(&p->row.node) && !service_wants_slot(&c->catalog, s, &slot))
            withdraw(c, t, s, &slot, "more than the service's count");
    }
}

static void withdraw_all(struct control *c, struct turn *t, struct service *s, const char *why)
{
    struct placement *p, *next;

    TREE_FOREACH_SAFE(p, placement_tree, &s->placements, next)
    {
        struct slot slot = p->slot;

        if (!ulid_is_zero(&p->row.node))
            withdraw(c, t, s, &slot, why);
    }
}

static void fill_all(struct control *c, struct turn *t, struct service *s, struct tally *tally)
{
    uint32_t wanted = service_wanted(&c->catalog, s);
    struct slot slot;

    if (!service_every_host(s)) {
        for (uint32_t k = 0; k < wanted; k++) {
            slot = slot_ordinal(k);
            fill(c, t, s, &slot, tally);
        }
        return;
    }
    tally_service(tally, &c->catalog, s);
    for (size_t k = 0; k < tally->count; k++) {
        slot = slot_node(&tally->hosts[k].node);
        fill(c, t, s, &slot, tally);
    }
}

static void decide(struct control *c, struct turn *t, struct service *s, struct tally *tally)
{
    if (!place_coordinates(&c->catalog, &s->id) || removal_settle(c, t, s))
        return;
    if (service_is_alias(&c->catalog, s)) {
        withdraw_all(c, t, s, "another service of this name is in effect");
    } else if (service_active(&c->catalog, s)) {
        withdraw_surplus(c, t, s);
        fill_all(c, t, s, tally);
    }
}

kith_time place_settle(struct control *c, struct turn *t)
{
    bool again = t->now_us >= c->place.at_us;
    struct arena mem = {0};
    struct tally tally = {.mem = &mem};
    struct ulid after = {{0}};
    struct service *s;

    if (c->halting)
        return t->now_us + PLACE_RETRY;
    if (again) {
        forget_avoids(&c->place, t->now_us);
        c->place.at_us = KITH_NEVER;
        SERVICES_FOREACH(s, &c->catalog)
        catalog_touch(&c->catalog, s);
    }
    while ((s = catalog_take_touched(&c->catalog, &after)) != NULL) {
        after = s->id;
        decide(c, t, s, &tally);
    }
    arena_deinit(&mem);
    return c->place.at_us;
}
