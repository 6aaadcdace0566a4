#include "gossip/neighbours_inside.h"
#include "gossip/scout.h"

/* Two digests that differ are looked at again so soon: rows on their way have arrived by then. */
#define LOOK_AGAIN (1500 * KITH_MS)
/* Differing for so many answers in a row they repair even though they are not quiet. */
#define DIFFERED_MAX 8

/* ---- requests ---- */

static bool accept_near(struct neighbours *n, struct turn *t, const struct ulid *id,
                        kith_time rtt_us)
{
    size_t count = neighbours_count(n);
    int worst = neighbours_farthest(n);
    bool room = count < NEIGHBOURS_MAX;
    if (neighbours_near(n) < NEIGHBOURS_NEAR && room) {
        neighbours_add(n, t, id, true, rtt_us);
        neighbours_settle(n, t);
        return true;
    }
    if (worst >= 0 && scout_nearer(rtt_us, neighbours_rtt_us(n, worst))) {
        if (!room)
            neighbours_end(n, t, worst);
        neighbours_add(n, t, id, true, rtt_us);
        neighbours_settle(n, t);
        return true;
    }
    if (count >= NEIGHBOURS_WANTED)
        return false;
    neighbours_add(n, t, id, false, rtt_us);
    return true;
}

static bool accept_random(struct neighbours *n, struct turn *t, const struct ulid *id, bool need)
{
    size_t count = neighbours_count(n);
    if (count == NEIGHBOURS_MAX && need && count > neighbours_near(n))
        neighbours_end(n, t, neighbours_random(n, t));
    else if (count >= (need ? NEIGHBOURS_MAX : NEIGHBOURS_WANTED + 1))
        return false;
    neighbours_add(n, t, id, false, /* rtt_us= */ 0);
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
    struct link_request *r = neighbours_asked(n, &in->who.id);
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
        neighbours_send_end(n, t, &in->who.id); /* too late */
        return;
    }
    neighbours_add(n, t, &in->who.id, near, /* rtt_us= */ 0);
    if (near) {
        for (size_t i = 0; i < NEARBY_MAX; i++) {
            if (ulid_equal(&n->nearby.entries[i].id, &in->who.id))
                neighbours_measured(&n->slots[neighbours_slot(n, &in->who.id)],
                                    n->nearby.entries[i].rtt_us);
        }
        neighbours_settle(n, t);
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
    if (slot >= 0 && !p.linked && t->now_us - n->slots[slot].since_us > NEIGHBOURS_ASK_TAKES)
        neighbours_empty(n, slot); /* it does not hold this peer for one */
    else if (slot >= 0)
        n->slots[slot].route = in->route;
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
    neighbours_look_by(n, s->again_us);
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
        neighbours_measured(&n->slots[slot], rtt_us);
    else if (rtt_us >= 0 && rtt_us < KITH_MIN)
        nearby_learn(&n->nearby, &in->who.id, rtt_us > 0 ? rtt_us : 1);
    for (uint32_t i = 0; i < p.near_n && slot >= 0 && n->slots[slot].near; i++) {
        if (!ulid_equal(&p.near[i], &n->core->self) && core_alive(n->core, &p.near[i]))
            nearby_learn(&n->nearby, &p.near[i], /* rtt_us= */ 0);
    }
    if (slot >= 0 && !p.linked && t->now_us - n->slots[slot].since_us > NEIGHBOURS_ASK_TAKES)
        neighbours_empty(n, slot);
    else if (slot >= 0)
        compare_digests(n, t, &n->slots[slot], p.digest);
    arena_deinit(&mem);
}

static void take_end(struct neighbours *n, const struct incoming *in)
{
    int slot = neighbours_slot(n, &in->who.id);
    if (slot >= 0)
        neighbours_empty(n, slot);
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
