#include "gossip/neighbours.h"

#include <assert.h>

/* While links are lacking, and at first, it looks each second. */
#define TICK KITH_SEC
/* A request that is not answered by then is given up. */
#define ASK_TAKES (4 * KITH_SEC)
/* Pings without a sign of life after which a link ends. */
#define PINGS_MAX 3
/* Whoever refused a near place is asked again then. */
#define REFUSED_FOR KITH_MIN
/* A nearer one has to be nearer by a fifth, and by this much: else links change for nothing. */
#define NEARER_US (500 * KITH_US)
/* Two digests that differ are looked at again so soon: rows on their way have arrived by then. */
#define LOOK_AGAIN (1500 * KITH_MS)
/* Differing for so many answers in a row they repair even though they are not quiet. */
#define DIFFERED_MAX 8

void neighbours_init(struct neighbours *n, struct core *core)
{
    *n = (struct neighbours){.core = core, .tick_us = KITH_NEVER};
}

/* ---- slots ---- */

bool neighbours_has(const struct neighbours *n, int slot)
{
    return !ulid_is_zero(&n->slots[slot].id);
}

int neighbours_slot(const struct neighbours *n, const struct ulid *id)
{
    for (int i = 0; i < NEIGHBOURS_MAX; i++) {
        if (ulid_equal(&n->slots[i].id, id) && neighbours_has(n, i))
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

static size_t count_near(const struct neighbours *n)
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

static void measured(struct neighbour *s, kith_time rtt_us)
{
    s->trips_us[s->trips++ % NEIGHBOURS_TRIPS] = rtt_us > 0 ? rtt_us : 1;
}

static void add(struct neighbours *n, struct turn *t, const struct ulid *id, bool near,
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
    if (rtt_us > 0)
        measured(s, rtt_us);
    n->made |= 1u << slot;
    n->tick_us = kith_time_min(n->tick_us, s->again_us);
    n->core->counts.neighbours++;
    n->core->counts.links_made++;
}

static void empty(struct neighbours *n, int slot)
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
    n->tick_us = 0; /* another is looked for at once */
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

static void send_end(const struct neighbours *n, struct turn *t, const struct ulid *id)
{
    struct buf payload = {0};
    link_end_encode(&payload, &(struct link_end){0});
    send_to(n, t, id, WIRE_LINK_END, buf_bytes(&payload));
    buf_deinit(&payload);
}

static void end(struct neighbours *n, struct turn *t, int slot)
{
    send_end(n, t, &n->slots[slot].id);
    empty(n, slot);
}

static void ping(const struct neighbours *n, struct turn *t, const struct ulid *id, bool linked)
{
    struct link_ping p = {.sent_us = t->now_us, .linked = linked};
    struct buf payload = {0};
    link_ping_encode(&payload, &p);
    send_to(n, t, id, WIRE_LINK_PING, buf_bytes(&payload));
    buf_deinit(&payload);
}

static struct link_request *asked(struct neighbours *n, const struct ulid *id)
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
    struct link_request *r = asked(n, &nobody);
    if (!r)
        return;
    *r = (struct link_request){.id = *id, .near = near, .until_us = t->now_us + ASK_TAKES};
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

static void fill(struct neighbours *n, struct turn *t)
{
    size_t near = count_near(n) + count_asks(n, true);
    size_t random = neighbours_count(n) - count_near(n) + count_asks(n, false);
    for (; near < NEIGHBOURS_NEAR; near++) {
        const struct nearby_entry *c = best_candidate(n, t->now_us);
        if (!c)
            break;
        struct ulid id = c->id;
        nearby_not_until(&n->nearby, &id, t->now_us + REFUSED_FOR);
        ask(n, t, &id, true, c->rtt_us);
    }
    /* While nobody near is known, random ones keep the places. */
    for (; near + random < NEIGHBOURS_WANTED; random++) {
        const struct member *m = draw(n, t);
        if (m)
            ask(n, t, &m->id, false, /* rtt_us= */ 0);
    }
}

/* The near neighbour with the longest round trip; -1: none. */
static int farthest_near(const struct neighbours *n)
{
    int worst = -1;
    for (int i = 0; i < NEIGHBOURS_MAX; i++) {
        if (neighbours_has(n, i) && n->slots[i].near &&
            (worst < 0 || neighbours_rtt_us(n, i) > neighbours_rtt_us(n, worst)))
            worst = i;
    }
    return worst;
}

static int any_random(const struct neighbours *n, struct turn *t)
{
    size_t random = neighbours_count(n) - count_near(n);
    if (random == 0)
        return -1;
    uint64_t drawn = rng_below(t->rng, random);
    for (int i = 0; i < NEIGHBOURS_MAX; i++) {
        if (neighbours_has(n, i) && !n->slots[i].near && drawn-- == 0)
            return i;
    }
    return -1;
}

static bool nearer(kith_time rtt_us, kith_time than_us)
{
    return rtt_us > 0 && rtt_us + NEARER_US < than_us && 5 * rtt_us < 4 * than_us;
}

/* There are more near ones than places: the farthest becomes a random one, or goes. And the random ones
 * that kept the places for near ones go. */
static void settle(struct neighbours *n, struct turn *t)
{
    while (count_near(n) > NEIGHBOURS_NEAR) {
        int worst = farthest_near(n);
        if (neighbours_count(n) > NEIGHBOURS_WANTED)
            end(n, t, worst);
        else
            n->slots[worst].near = false;
    }
    while (neighbours_count(n) > NEIGHBOURS_WANTED + 1 &&
           neighbours_count(n) - count_near(n) > NEIGHBOURS_WANTED - NEIGHBOURS_NEAR)
        end(n, t, any_random(n, t));
}

/* One of the random ones may be near; one of the near ones may have moved away. */
static void exchange(struct neighbours *n, struct turn *t)
{
    int worst = farthest_near(n);
    if (worst < 0 || count_near(n) + count_asks(n, true) > NEIGHBOURS_NEAR)
        return;
    const struct nearby_entry *c = best_candidate(n, t->now_us);
    if (!c || !nearer(c->rtt_us, neighbours_rtt_us(n, worst)))
        return;
    struct ulid id = c->id;
    nearby_not_until(&n->nearby, &id, t->now_us + REFUSED_FOR);
    ask(n, t, &id, true, c->rtt_us);
}

static void explore(struct neighbours *n, struct turn *t)
{
    struct ulid not [NEIGHBOURS_MAX + NEIGHBOURS_ASKS + 1];
    size_t count = taken(n, not );
    uint32_t known = n->core->trips_n < CORE_TRIPS ? n->core->trips_n : CORE_TRIPS;
    for (uint32_t i = 0; i < known; i++)
        nearby_learn(&n->nearby, &n->core->trips[i].id, n->core->trips[i].rtt_us);
    const struct nearby_entry *c = nearby_to_measure(&n->nearby, not, count);
    if (c && core_alive(n->core, &c->id))
        ping(n, t, &c->id, false);
    else if (c)
        nearby_forget(&n->nearby, &c->id);
    exchange(n, t);
}

/* ---- requests ---- */

static bool accept_near(struct neighbours *n, struct turn *t, const struct ulid *id,
                        kith_time rtt_us)
{
    size_t count = neighbours_count(n);
    int worst = farthest_near(n);
    bool room = count < NEIGHBOURS_MAX;
    if (count_near(n) < NEIGHBOURS_NEAR && room) {
        add(n, t, id, true, rtt_us);
        settle(n, t);
        return true;
    }
    if (worst >= 0 && nearer(rtt_us, neighbours_rtt_us(n, worst))) {
        if (!room)
            end(n, t, worst);
        add(n, t, id, true, rtt_us);
        settle(n, t);
        return true;
    }
    if (count >= NEIGHBOURS_WANTED)
        return false;
    add(n, t, id, false, rtt_us);
    return true;
}

static bool accept_random(struct neighbours *n, struct turn *t, const struct ulid *id, bool need)
{
    size_t count = neighbours_count(n);
    if (count == NEIGHBOURS_MAX && need && count > count_near(n))
        end(n, t, any_random(n, t));
    else if (count >= (need ? NEIGHBOURS_MAX : NEIGHBOURS_WANTED + 1))
        return false;
    add(n, t, id, false, /* rtt_us= */ 0);
    return true;
}

static bool accept(struct neighbours *n, struct turn *t, const struct ulid *id,
                   const struct link_ask *a)
{
    if (!n->on || !core_alive(n->core, id))
        return false;
    if (neighbours_slot(n, id) >= 0)
        return true;
    kith_time rtt_us = a->rtt_us < (uint64_t)KITH_MIN ? (kith_time)a->rtt_us : 0;
    if (a->near && rtt_us > 0)
        return accept_near(n, t, id, rtt_us);
    return accept_random(n, t, id, a->need);
}

static void take_ask(struct neighbours *n, struct turn *t, const struct incoming *in)
{
    struct link_ask a;
    struct wire_error err;
    if (link_ask_decode(&a, in->payload, /* mem= */ NULL, &err) != 0) {
        naming_refuse(&n->core->naming, t, REFUSAL_PAYLOAD, in->from, "%s: %s", err.field, err.why);
        return;
    }
    struct link_answer answer = {.yes = accept(n, t, &in->who.id, &a)};
    struct buf payload = {0};
    link_answer_encode(&payload, &answer);
    post_reply(t->post, t->out, in->route, WIRE_LINK_ANSWER, buf_bytes(&payload),
               in->envelope->correlation);
    buf_deinit(&payload);
}

static void take_answer(struct neighbours *n, struct turn *t, const struct incoming *in)
{
    struct link_answer a;
    struct wire_error err;
    struct link_request *r = asked(n, &in->who.id);
    if (link_answer_decode(&a, in->payload, /* mem= */ NULL, &err) != 0) {
        naming_refuse(&n->core->naming, t, REFUSAL_PAYLOAD, in->from, "%s: %s", err.field, err.why);
        return;
    }
    bool near = r && r->near;
    if (r)
        *r = (struct link_request){0};
    if (!a.yes || neighbours_slot(n, &in->who.id) >= 0)
        return;
    if (!r || !n->on || neighbours_count(n) == NEIGHBOURS_MAX) {
        send_end(n, t, &in->who.id); /* too late */
        return;
    }
    add(n, t, &in->who.id, near, /* rtt_us= */ 0);
    if (near) {
        for (size_t i = 0; i < NEARBY_MAX; i++) {
            if (ulid_equal(&n->nearby.entries[i].id, &in->who.id))
                measured(&n->slots[neighbours_slot(n, &in->who.id)], n->nearby.entries[i].rtt_us);
        }
        settle(n, t);
    }
}

/* ---- pings ---- */

static void take_ping(struct neighbours *n, struct turn *t, const struct incoming *in)
{
    struct link_ping p;
    struct wire_error err;
    struct ulid near[LINK_PONG_NEAR_MAX_ITEMS];
    struct link_pong pong = {.near = near, .digest = state_digest(t->state)};
    if (link_ping_decode(&p, in->payload, /* mem= */ NULL, &err) != 0) {
        naming_refuse(&n->core->naming, t, REFUSAL_PAYLOAD, in->from, "%s: %s", err.field, err.why);
        return;
    }
    int slot = neighbours_slot(n, &in->who.id);
    if (slot >= 0 && !p.linked && t->now_us - n->slots[slot].since_us > ASK_TAKES)
        empty(n, slot); /* it does not hold this peer for one */
    for (int i = 0; i < NEIGHBOURS_MAX && pong.near_n < LINK_PONG_NEAR_MAX_ITEMS; i++) {
        if (neighbours_has(n, i) && n->slots[i].near && i != slot)
            near[pong.near_n++] = n->slots[i].id;
    }
    pong.sent_us = p.sent_us;
    pong.linked = neighbours_slot(n, &in->who.id) >= 0;
    struct buf payload = {0};
    link_pong_encode(&payload, &pong);
    post_reply(t->post, t->out, in->route, WIRE_LINK_PONG, buf_bytes(&payload),
               in->envelope->correlation);
    buf_deinit(&payload);
}

/* Two that have been quiet between two answers and differ miss something of each other. */
static void compare_digests(struct neighbours *n, struct turn *t, struct neighbour *s,
                            uint64_t there)
{
    uint64_t here = state_digest(t->state);
    bool quiet = here == s->digest_here && there == s->digest_there;
    s->digest_here = here;
    s->digest_there = there;
    if (here == there) {
        s->differed = 0;
        return;
    }
    s->differed++;
    if (quiet || s->differed >= (n->repaired ? DIFFERED_MAX : 2)) {
        s->differed = 0;
        n->repaired = true;
        n->core->counts.repairs_asked++;
        sync_with(n->core->sync, t, core_uri(n->core, &s->id, ADDR_ROLE_BULK));
        return;
    }
    s->again_us = t->now_us + LOOK_AGAIN;
    n->tick_us = kith_time_min(n->tick_us, s->again_us);
}

static void take_pong(struct neighbours *n, struct turn *t, const struct incoming *in)
{
    struct link_pong p;
    struct arena mem = {0};
    struct wire_error err;
    if (link_pong_decode(&p, in->payload, &mem, &err) != 0) {
        naming_refuse(&n->core->naming, t, REFUSAL_PAYLOAD, in->from, "%s: %s", err.field, err.why);
        arena_deinit(&mem);
        return;
    }
    kith_time rtt_us = t->now_us - p.sent_us;
    int slot = neighbours_slot(n, &in->who.id);
    if (rtt_us >= 0 && rtt_us < KITH_MIN && slot >= 0)
        measured(&n->slots[slot], rtt_us);
    else if (rtt_us >= 0 && rtt_us < KITH_MIN)
        nearby_learn(&n->nearby, &in->who.id, rtt_us > 0 ? rtt_us : 1);
    for (uint32_t i = 0; i < p.near_n && slot >= 0 && n->slots[slot].near; i++) {
        if (!ulid_equal(&p.near[i], &n->core->self) && core_alive(n->core, &p.near[i]))
            nearby_learn(&n->nearby, &p.near[i], /* rtt_us= */ 0);
    }
    if (slot >= 0 && !p.linked && t->now_us - n->slots[slot].since_us > ASK_TAKES)
        empty(n, slot);
    else if (slot >= 0)
        compare_digests(n, t, &n->slots[slot], p.digest);
    arena_deinit(&mem);
}

static void take_end(struct neighbours *n, const struct incoming *in)
{
    int slot = neighbours_slot(n, &in->who.id);
    if (slot >= 0)
        empty(n, slot);
}

bool neighbours_receive(struct neighbours *n, struct turn *t, const struct incoming *in)
{
    switch (in->envelope->kind) {
    case WIRE_LINK_ASK:
        take_ask(n, t, in);
        return true;
    case WIRE_LINK_ANSWER:
        take_answer(n, t, in);
        return true;
    case WIRE_LINK_PING:
        take_ping(n, t, in);
        return true;
    case WIRE_LINK_PONG:
        take_pong(n, t, in);
        return true;
    case WIRE_LINK_END:
        take_end(n, in);
        return true;
    default:
        return false;
    }
}

/* ---- the rest of the world ---- */

void neighbours_start(struct neighbours *n, struct turn *t)
{
    n->on = true;
    n->started_us = n->ping_us = n->explore_us = t->now_us;
    n->tick_us = t->now_us;
}

void neighbours_stop(struct neighbours *n, struct turn *t)
{
    for (int i = 0; i < NEIGHBOURS_MAX; i++) {
        if (neighbours_has(n, i))
            end(n, t, i);
    }
    for (size_t i = 0; i < NEIGHBOURS_ASKS; i++)
        n->asks[i] = (struct link_request){0};
    n->on = false;
    n->tick_us = KITH_NEVER;
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
    struct link_request *r = asked(n, id);
    int slot = neighbours_slot(n, id);
    if (r)
        *r = (struct link_request){0};
    if (slot >= 0)
        empty(n, slot);
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
            n->tick_us = 0;
        }
    }
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
            end(n, t, i);
            continue;
        }
        ping(n, t, &s->id, true);
    }
}

/* Early ones fill and look each second, later ones wake only to ping. */
static kith_time next_tick(const struct neighbours *n, struct turn *t)
{
    bool busy = neighbours_count(n) < NEIGHBOURS_WANTED || count_near(n) < NEIGHBOURS_NEAR ||
                t->now_us - n->started_us < NEIGHBOURS_YOUNG;
    kith_time at_us = kith_time_min(n->ping_us, n->explore_us);
    if (busy)
        at_us = kith_time_min(at_us, t->now_us + TICK * 3 / 4 +
                                         (kith_time)rng_below(t->rng, (uint64_t)TICK / 2));
    for (int i = 0; i < NEIGHBOURS_MAX; i++) {
        if (neighbours_has(n, i))
            at_us = kith_time_min(at_us, n->slots[i].again_us);
    }
    return at_us;
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
        bool young = t->now_us - n->started_us < NEIGHBOURS_YOUNG;
        kith_time every_us = young ? NEIGHBOURS_EXPLORE_YOUNG : NEIGHBOURS_EXPLORE;
        explore(n, t);
        n->explore_us =
            t->now_us + every_us * 3 / 4 + (kith_time)rng_below(t->rng, (uint64_t)every_us / 2);
    }
    n->tick_us = next_tick(n, t);
}

kith_time neighbours_deadline(const struct neighbours *n)
{
    return n->on && !n->core->leaving ? n->tick_us : KITH_NEVER;
}
