#include "gossip/neighbours_inside.h"
#include "gossip/scout.h"

#include <assert.h>

/* While links are lacking, and at first, it looks each second. */
#define TICK KITH_SEC
/* Pings without a sign of life after which a link ends. */
#define PINGS_MAX 3
/* Whoever refused a near place is asked again then. */
#define REFUSED_FOR KITH_MIN

void neighbours_init(struct neighbours *n, struct core *core)
{
    *n = (struct neighbours){.core = core, .tick_us = KITH_NEVER, .latest_us = KITH_NEVER};
}

void neighbours_look_by(struct neighbours *n, kith_time at_us)
{
    n->tick_us = kith_time_min(n->tick_us, at_us);
    n->latest_us = kith_time_min(n->latest_us, at_us);
}

/* ---- slots ---- */

bool neighbours_has(const struct neighbours *n, int slot)
{
    return !ulid_is_zero(&n->slots[slot].id);
}

int neighbours_slot(const struct neighbours *n, const struct ulid *id)
{
    for (int i = 0; i < NEIGHBOURS_MAX; i++) {
        if (n->tags[i] == id->b[sizeof(id->b) - 1] && ulid_equal(&n->slots[i].id, id) &&
            neighbours_has(n, i))
            return i;
    }
    return -1;
}

size_t neighbours_count(const struct neighbours *n)
{
    size_t count = 0;
    for (int i = 0; i < NEIGHBOURS_MAX; i++)
        count += neighbours_has(n, i);
    return count;
}

size_t neighbours_near(const struct neighbours *n)
{
    size_t count = 0;
    for (int i = 0; i < NEIGHBOURS_MAX; i++)
        count += neighbours_has(n, i) && n->slots[i].near;
    return count;
}

static kith_time smallest(const struct neighbour *s)
{
    kith_time best = 0;
    uint32_t have = s->trips < NEIGHBOURS_TRIPS ? s->trips : NEIGHBOURS_TRIPS;
    for (uint32_t i = 0; i < have; i++) {
        if (best == 0 || s->trips_us[i] < best)
            best = s->trips_us[i];
    }
    return best;
}

kith_time neighbours_rtt_us(const struct neighbours *n, int slot)
{
    kith_time rtt_us = smallest(&n->slots[slot]);
    return rtt_us > 0 ? rtt_us : NEIGHBOURS_RTT_UNKNOWN;
}

void neighbours_measured(struct neighbour *s, kith_time rtt_us)
{
    s->trips_us[s->trips++ % NEIGHBOURS_TRIPS] = rtt_us > 0 ? rtt_us : 1;
}

void neighbours_add(struct neighbours *n, struct turn *t, const struct ulid *id, bool near,
                    kith_time rtt_us)
{
    int slot = 0;
    while (slot < NEIGHBOURS_MAX && neighbours_has(n, slot))
        slot++;
    assert(slot < NEIGHBOURS_MAX);
    struct neighbour *s = &n->slots[slot];
    *s = (struct neighbour){.id = *id,
                            .near = near,
                            .since_us = t->now_us,
                            .heard_us = t->now_us,
                            .again_us = t->now_us + KITH_SEC};
    n->tags[slot] = id->b[sizeof(id->b) - 1];
    if (rtt_us > 0)
        neighbours_measured(s, rtt_us);
    n->made |= 1u << slot;
    neighbours_look_by(n, s->again_us);
    n->core->counts.neighbours++;
    n->core->counts.links_made++;
}

void neighbours_empty(struct neighbours *n, int slot)
{
    assert(slot >= 0);
    if (n->made & 1u << slot)
        n->made &= ~(1u << slot); /* nobody heard of it */
    else {
        n->former[slot] = n->slots[slot].id;
        n->ended |= 1u << slot;
    }
    n->slots[slot] = (struct neighbour){0};
    n->core->counts.neighbours--;
    n->core->counts.links_ended++;
    neighbours_look_by(n, 0); /* for another */
}

void neighbours_take_changes(struct neighbours *n, uint32_t *ret_ended, uint32_t *ret_made)
{
    *ret_ended = n->ended;
    *ret_made = n->made;
    n->ended = n->made = 0;
}

/* ---- frames out ---- */

static void send_to(const struct neighbours *n, struct turn *t, const struct ulid *id,
                    enum wire_kind kind, struct bytes payload)
{
    struct bytes uri = core_uri(n->core, id, ADDR_ROLE_BULK);
    if (uri.len > 0)
        post_send(t->post, t->out, uri, kind, payload, /* correlation= */ 0);
}

void neighbours_send(const struct neighbours *n, struct turn *t, int slot, enum wire_kind kind,
                     struct bytes payload)
{
    send_to(n, t, &n->slots[slot].id, kind, payload);
}

void neighbours_send_aside(const struct neighbours *n, struct turn *t, int slot,
                           enum wire_kind kind, struct bytes payload)
{
    if (n->slots[slot].route != 0)
        post_reply(t->post, t->out, n->slots[slot].route, kind, payload, /* correlation= */ 0);
    else
        neighbours_send(n, t, slot, kind, payload);
}

void neighbours_send_end(const struct neighbours *n, struct turn *t, const struct ulid *id)
{
    struct buf payload = {0};
    link_end_encode(&payload, &(struct link_end){0});
    send_to(n, t, id, WIRE_LINK_END, buf_bytes(&payload));
    buf_deinit(&payload);
}

void neighbours_end(struct neighbours *n, struct turn *t, int slot)
{
    neighbours_send_end(n, t, &n->slots[slot].id);
    neighbours_empty(n, slot);
}

static void ping(const struct neighbours *n, struct turn *t, const struct ulid *id, bool linked)
{
    struct link_ping p = {.sent_us = t->now_us, .linked = linked};
    struct buf payload = {0};
    link_ping_encode(&payload, &p);
    send_to(n, t, id, WIRE_LINK_PING, buf_bytes(&payload));
    buf_deinit(&payload);
}

struct link_request *neighbours_asked(struct neighbours *n, const struct ulid *id)
{
    for (size_t i = 0; i < NEIGHBOURS_ASKS; i++) {
        if (ulid_equal(&n->asks[i].id, id))
            return &n->asks[i];
    }
    return NULL;
}

static void ask(struct neighbours *n, struct turn *t, const struct ulid *id, bool near,
                kith_time rtt_us)
{
    static const struct ulid nobody;
    struct link_request *r = neighbours_asked(n, &nobody);
    if (!r)
        return;
    *r = (struct link_request){
        .id = *id, .near = near, .until_us = t->now_us + NEIGHBOURS_ASK_TAKES};
    struct link_ask a = {.near = near, .need = neighbours_count(n) < 2, .rtt_us = (uint64_t)rtt_us};
    struct buf payload = {0};
    link_ask_encode(&payload, &a);
    send_to(n, t, id, WIRE_LINK_ASK, buf_bytes(&payload));
    buf_deinit(&payload);
}

/* ---- choosing ---- */

/* Neighbours, those asked, and this peer: whoever is not to be asked now. */
static size_t taken(const struct neighbours *n,
                    struct ulid ret[NEIGHBOURS_MAX + NEIGHBOURS_ASKS + 1])
{
    size_t count = 0;
    ret[count++] = n->core->self;
    for (int i = 0; i < NEIGHBOURS_MAX; i++) {
        if (neighbours_has(n, i))
            ret[count++] = n->slots[i].id;
    }
    for (size_t i = 0; i < NEIGHBOURS_ASKS; i++) {
        if (!ulid_is_zero(&n->asks[i].id))
            ret[count++] = n->asks[i].id;
    }
    return count;
}

static bool among(const struct ulid *ids, size_t count, const struct ulid *id)
{
    for (size_t i = 0; i < count; i++) {
        if (ulid_equal(&ids[i], id))
            return true;
    }
    return false;
}

/* A live member that is neither neighbour nor asked. NULL: none was drawn. */
static const struct member *draw(const struct neighbours *n, struct turn *t)
{
    struct ulid not [NEIGHBOURS_MAX + NEIGHBOURS_ASKS + 1];
    size_t count = taken(n, not );
    for (int i = 0; i < 8; i++) {
        const struct member *m = core_any(n->core, t);
        if (m && m->row && !among(not, count, &m->id))
            return m;
    }
    return NULL;
}

static const struct nearby_entry *best_candidate(const struct neighbours *n, kith_time now_us)
{
    struct ulid not [NEIGHBOURS_MAX + NEIGHBOURS_ASKS + 1];
    size_t count = taken(n, not );
    return nearby_best(&n->nearby, not, count, now_us);
}

static size_t count_asks(const struct neighbours *n, bool near)
{
    size_t count = 0;
    for (size_t i = 0; i < NEIGHBOURS_ASKS; i++)
        count += !ulid_is_zero(&n->asks[i].id) && n->asks[i].near == near;
    return count;
}

static bool is_young(const struct neighbours *n, const struct turn *t)
{
    return t->now_us - n->started_us < NEIGHBOURS_YOUNG;
}

static void fill(struct neighbours *n, struct turn *t)
{
    size_t near = neighbours_near(n) + count_asks(n, true);
    size_t random = neighbours_count(n) - neighbours_near(n) + count_asks(n, false);
    for (; near < NEIGHBOURS_NEAR && t->now_us >= n->near_ask_us; near++) {
        const struct nearby_entry *c = best_candidate(n, t->now_us);
        if (!c)
            break;
        struct ulid id = c->id;
        nearby_not_until(&n->nearby, &id, t->now_us + REFUSED_FOR);
        ask(n, t, &id, true, c->rtt_us);
        n->near_ask_us = t->now_us + (is_young(n, t) ? 0 : NEIGHBOURS_NEAR_ASK);
    }
    /* While nobody near is known, random ones keep the places. Half of those that lack are asked: when all
     * look at once, the others ask this peer. */
    size_t have = near + random,
           asks = have < NEIGHBOURS_WANTED ? (NEIGHBOURS_WANTED - have + 1) / 2 : 0;
    for (; asks > 0; asks--) {
        const struct member *m = draw(n, t);
        if (m)
            ask(n, t, &m->id, false, /* rtt_us= */ 0);
    }
}

int neighbours_farthest(const struct neighbours *n)
{
    int worst = -1;
    for (int i = 0; i < NEIGHBOURS_MAX; i++) {
        if (neighbours_has(n, i) && n->slots[i].near &&
            (worst < 0 || neighbours_rtt_us(n, i) > neighbours_rtt_us(n, worst)))
            worst = i;
    }
    return worst;
}

static bool is_in_use(const struct neighbours *n, int slot)
{
    return (n->in_use & 1u << slot) != 0;
}

int neighbours_random(const struct neighbours *n, struct turn *t)
{
    int random[NEIGHBOURS_MAX], count = 0, idle = 0; /* idle ones first */
    for (int i = 0; i < NEIGHBOURS_MAX; i++) {
        if (!neighbours_has(n, i) || n->slots[i].near)
            continue;
        random[count++] = i;
        if (!is_in_use(n, i)) {
            random[count - 1] = random[idle];
            random[idle++] = i;
        }
    }
    if (count == 0)
        return -1;
    return random[rng_below(t->rng, (uint64_t)(idle > 0 ? idle : count))];
}

void neighbours_settle(struct neighbours *n, struct turn *t)
{
    while (neighbours_near(n) > NEIGHBOURS_NEAR) {
        int worst = neighbours_farthest(n);
        if (neighbours_count(n) > NEIGHBOURS_WANTED && !is_in_use(n, worst))
            neighbours_end(n, t, worst);
        else
            n->slots[worst].near = false;
    }
    while (neighbours_count(n) > NEIGHBOURS_WANTED + 1 &&
           neighbours_count(n) - neighbours_near(n) > NEIGHBOURS_WANTED - NEIGHBOURS_NEAR)
        neighbours_end(n, t, neighbours_random(n, t));
}

/* One of the random ones may be near; one of the near ones may have moved away. */
static void exchange(struct neighbours *n, struct turn *t)
{
    int worst = neighbours_farthest(n);
    if (worst < 0 || neighbours_near(n) + count_asks(n, true) > NEIGHBOURS_NEAR)
        return;
    const struct nearby_entry *c = best_candidate(n, t->now_us);
    if (!c || !scout_nearer(c->rtt_us, neighbours_rtt_us(n, worst)))
        return;
    struct ulid id = c->id;
    nearby_not_until(&n->nearby, &id, t->now_us + REFUSED_FOR);
    ask(n, t, &id, true, c->rtt_us);
}

static void explore(struct neighbours *n, struct turn *t)
{
    struct ulid not [NEIGHBOURS_MAX + NEIGHBOURS_ASKS + 1];
    size_t count = taken(n, not );
    int worst = neighbours_farthest(n);
    bool full = worst >= 0 && neighbours_near(n) >= NEIGHBOURS_NEAR;
    const struct ulid *id = scout_look(&n->nearby, n->core, t, not, count,
                                       full ? neighbours_rtt_us(n, worst) : KITH_MIN);
    if (id)
        ping(n, t, id, false);
    exchange(n, t);
}

/* ---- the rest of the world ---- */

void neighbours_start(struct neighbours *n, struct turn *t)
{
    n->on = true;
    n->started_us = n->ping_us = n->explore_us = t->now_us;
    neighbours_look_by(n, t->now_us);
}

void neighbours_stop(struct neighbours *n, struct turn *t)
{
    for (int i = 0; i < NEIGHBOURS_MAX; i++) {
        if (neighbours_has(n, i))
            neighbours_end(n, t, i);
    }
    for (size_t i = 0; i < NEIGHBOURS_ASKS; i++)
        n->asks[i] = (struct link_request){0};
    n->on = false;
    n->tick_us = n->latest_us = KITH_NEVER;
}

void neighbours_heard(struct neighbours *n, const struct ulid *id, kith_time now_us)
{
    int slot = n->on ? neighbours_slot(n, id) : -1;
    if (slot < 0)
        return;
    n->slots[slot].heard_us = now_us;
    n->slots[slot].pings = 0;
}

void neighbours_member(struct neighbours *n, struct turn *t, const struct ulid *id)
{
    (void)t;
    if (core_alive(n->core, id))
        return;
    nearby_forget(&n->nearby, id);
    struct link_request *r = neighbours_asked(n, id);
    int slot = neighbours_slot(n, id);
    if (r)
        *r = (struct link_request){0};
    if (slot >= 0)
        neighbours_empty(n, slot);
}

void neighbours_link(struct neighbours *n, struct turn *t, const struct event_link *link)
{
    if (link->up || !n->on)
        return;
    for (int i = 0; i < NEIGHBOURS_MAX; i++) {
        struct neighbour *s = &n->slots[i];
        if (neighbours_has(n, i) &&
            (bytes_equal(core_uri(n->core, &s->id, ADDR_ROLE_BULK), link->uri) ||
             bytes_equal(core_uri(n->core, &s->id, ADDR_ROLE_PUB), link->uri))) {
            s->again_us = t->now_us;
            neighbours_look_by(n, 0);
        }
    }
}

void neighbours_awake(struct neighbours *n, kith_time now_us)
{
    if (!n->on || now_us < n->ping_us - (NEIGHBOURS_PING - NEIGHBOURS_PING_MIN))
        return;
    n->ping_us = now_us;
    neighbours_look_by(n, now_us);
}

static void ping_all(struct neighbours *n, struct turn *t)
{
    bool due = t->now_us >= n->ping_us;
    if (due)
        n->ping_us = t->now_us + NEIGHBOURS_PING;
    for (int i = 0; i < NEIGHBOURS_MAX; i++) {
        struct neighbour *s = &n->slots[i];
        if (!neighbours_has(n, i) || (!due && s->again_us > t->now_us))
            continue;
        s->again_us = KITH_NEVER;
        if (due && s->pings++ == PINGS_MAX) {
            neighbours_end(n, t, i);
            continue;
        }
        ping(n, t, &s->id, true);
    }
}

/* Early ones fill and look each second, later ones when they ping. */
static void set_tick(struct neighbours *n, struct turn *t)
{
    bool busy = neighbours_count(n) < NEIGHBOURS_WANTED || is_young(n, t);
    kith_time regular_us = kith_time_min(n->ping_us, n->explore_us);
    if (busy)
        regular_us = kith_time_min(
            regular_us, t->now_us + TICK / 2 + (kith_time)rng_below(t->rng, (uint64_t)TICK / 2));
    n->tick_us = regular_us;
    n->latest_us = regular_us + NEIGHBOURS_SLACK;
    for (int i = 0; i < NEIGHBOURS_MAX; i++) {
        if (neighbours_has(n, i))
            neighbours_look_by(n, n->slots[i].again_us);
    }
}

void neighbours_time(struct neighbours *n, struct turn *t)
{
    if (!n->on || n->core->leaving || t->now_us < n->tick_us)
        return;
    for (size_t i = 0; i < NEIGHBOURS_ASKS; i++) {
        if (n->asks[i].until_us <= t->now_us)
            n->asks[i] = (struct link_request){0};
    }
    ping_all(n, t);
    fill(n, t);
    if (t->now_us >= n->explore_us) {
        kith_time every_us = is_young(n, t) ? NEIGHBOURS_EXPLORE_YOUNG : NEIGHBOURS_EXPLORE;
        explore(n, t);
        neighbours_settle(n, t); /* those that needed more links than it wants have found others */
        n->explore_us =
            t->now_us + every_us * 3 / 4 + (kith_time)rng_below(t->rng, (uint64_t)every_us / 2);
    }
    set_tick(n, t);
}

kith_time neighbours_deadline(const struct neighbours *n)
{
    return n->on && !n->core->leaving ? n->latest_us : KITH_NEVER;
}
