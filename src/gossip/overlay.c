/*
 * Composes who is subscribed to (subs.h), the neighbours (neighbours.h), the tree (tree.h), what travels along
 * it (spread.h) and what is told to whom (relay.h), and decides which of the two ways the cluster is large enough for.
 */
#include "gossip/overlay.h"

#include "base/mem.h"
#include "gossip/relay.h"
#include "gossip/spread.h"
#include "gossip/subs.h"

/* It is looked who is to be heard when no member changed for so long, and in any case so soon. */
#define LOOK_QUIET  (100 * KITH_MS)
#define LOOK_LATEST (300 * KITH_MS)
/* What was published before a neighbour went, or the view became another, still arrives. */
#define LINGER_LINK (2 * KITH_SEC)
#define LINGER_VIEW (10 * KITH_SEC)

struct overlay {
    struct core *core;
    struct subs *subs;
    struct neighbours links;
    struct tree tree;
    struct spread *spread;
    struct relay *relay;
    uint64_t round;     /* of the tree, that was passed on */
    bool partial;       /* too many to have all in view */
    kith_time stale_us; /* when a member changed first since it was looked who is to be heard */
    kith_time look_us;  /* when it is; KITH_NEVER */
};

struct overlay *overlay_new(struct core *core, struct detect *detect)
{
    struct overlay *o = mem_alloc(sizeof(*o));
    o->core = core;
    o->look_us = KITH_NEVER;
    o->subs = subs_new(core);
    neighbours_init(&o->links, core);
    tree_init(&o->tree, core, &o->links);
    o->spread = spread_new(core, &o->links, &o->tree);
    o->relay = relay_new(core, &o->links, detect, o->spread);
    return o;
}

void overlay_free(struct overlay *o)
{
    relay_free(o->relay);
    spread_free(o->spread);
    subs_free(o->subs);
    mem_free(o);
}

const struct ulid *overlay_whose(const struct overlay *o, struct bytes pub_uri)
{
    return subs_whose(o->subs, pub_uri);
}

/* ---- who is in view ---- */

/* Tells the parts which links ended and which were made. */
static void follow(struct overlay *o, struct turn *t)
{
    uint32_t ended, made;
    neighbours_take_changes(&o->links, &ended, &made);
    for (int i = 0; i < NEIGHBOURS_MAX; i++) {
        if (ended & 1u << i) {
            subs_linger(o->subs, &o->links.former[i], t->now_us + LINGER_LINK);
            tree_gone(&o->tree, t, i);
            spread_gone(o->spread, i);
        }
        if (made & 1u << i) {
            subs_want(o->subs, t, &o->links.slots[i].id);
            tree_made(&o->tree, t, i);
            spread_made(o->spread, t, i);
        }
    }
}

static void go_partial(struct overlay *o, struct turn *t)
{
    o->partial = true;
    subs_only(o->subs, NULL, 0, t->now_us + LINGER_VIEW);
    neighbours_start(&o->links, t);
    tree_start(&o->tree, t);
    spread_start(o->spread, t);
    sync_rarely(o->core->sync, true);
}

static void go_full(struct overlay *o, struct turn *t)
{
    o->partial = false;
    relay_linger(o->relay, t->now_us + LINGER_VIEW);
    neighbours_stop(&o->links, t);
    follow(o, t);
    tree_stop(&o->tree);
    spread_stop(o->spread);
    sync_rarely(o->core->sync, false);
}

static void hear_everybody(struct overlay *o, struct turn *t)
{
    const struct member *m = members_first(o->core->members);
    for (; m; m = members_next(o->core->members, m)) {
        if (ulid_equal(&m->id, &o->core->self))
            continue;
        if (core_alive(o->core, &m->id))
            subs_want(o->subs, t, &m->id);
        else
            subs_linger(o->subs, &m->id, t->now_us + OVERLAY_LINGER);
    }
}

static void hear_neighbours(struct overlay *o, struct turn *t)
{
    for (int i = 0; i < NEIGHBOURS_MAX; i++) {
        if (neighbours_has(&o->links, i))
            subs_want(o->subs, t, &o->links.slots[i].id); /* its address may be another */
    }
}

static void look(struct overlay *o, struct turn *t)
{
    size_t alive = members_alive(o->core->members);
    o->look_us = KITH_NEVER;
    if (!o->partial && alive > OVERLAY_FULL_MAX)
        go_partial(o, t);
    else if (o->partial && alive <= OVERLAY_FULL_AGAIN)
        go_full(o, t);
    if (o->partial)
        hear_neighbours(o, t);
    else
        hear_everybody(o, t);
}

/* When many come or go at once it is looked once. A newcomer waits until it hears of no more. */
static void look_soon(struct overlay *o, kith_time now_us)
{
    if (o->look_us == KITH_NEVER)
        o->stale_us = now_us;
    kith_time at_us = kith_time_min(now_us + LOOK_QUIET, o->stale_us + LOOK_LATEST);
    o->look_us = at_us > o->core->settles_us ? at_us : o->core->settles_us;
}

void overlay_member(struct overlay *o, struct turn *t, const struct ulid *id)
{
    look_soon(o, t->now_us);
    if (!o->partial)
        return;
    neighbours_member(&o->links, t, id);
    follow(o, t);
}

void overlay_heard(struct overlay *o, struct turn *t, const struct ulid *from)
{
    neighbours_heard(&o->links, from, t->now_us);
}

void overlay_link(struct overlay *o, struct turn *t, const struct event_link *link)
{
    neighbours_link(&o->links, t, link);
}

/* ---- frames ---- */

/* One record of another's. Counted and named by what is wrong; the rest of the frame is still good. */
static void take(struct overlay *o, struct turn *t, const struct incoming *in, struct bytes record)
{
    struct naming *naming = &o->core->naming;
    o->core->counts.rows_received++;
    switch (state_merge(t->state, record)) {
    case 0:
        o->core->counts.rows_new++;
        break;
    case STATE_BAD:
        naming_refuse(naming, t, REFUSAL_ROW, in->from, "sends a row that is none");
        break;
    case STATE_FROZEN:
        naming_refuse(naming, t, REFUSAL_ROW, in->from, "sends other content for a fixed row");
        break;
    case STATE_NOT_OWNER:
        naming_refuse(naming, t, REFUSAL_OWNER, in->from,
                      "sends a row that its writer may not write");
        break;
    case STATE_AHEAD:
        naming_refuse(naming, t, REFUSAL_AHEAD, in->from,
                      "sends a row from the future: are the hosts' clocks right?");
        break;
    default: /* old news */
        break;
    }
}

static void take_all(struct overlay *o, struct turn *t, const struct incoming *in,
                     const struct bytes *records, uint32_t n)
{
    if (!o->core->member)
        return;
    o->core->pushed = true;
    for (uint32_t i = 0; i < n; i++)
        take(o, t, in, records[i]);
}

/* Neighbours get the beacon of a new round now. */
static void look_at_round(struct overlay *o, struct turn *t)
{
    if (o->round == o->tree.round)
        return;
    o->round = o->tree.round;
    neighbours_awake(&o->links, t->now_us);
}

static void take_rows(struct overlay *o, struct turn *t, const struct incoming *in)
{
    struct rows rows;
    struct news news;
    struct arena mem = {0};
    struct wire_error err;
    bool is_news = in->envelope->kind == WIRE_NEWS;
    if ((is_news ? news_decode(&news, in->payload, &mem, &err)
                 : rows_decode(&rows, in->payload, &mem, &err)) != 0)
        naming_refuse(&o->core->naming, t, REFUSAL_PAYLOAD, in->from, "%s: %s", err.field, err.why);
    else if (is_news)
        take_all(o, t, in, news.records, news.records_n);
    else
        take_all(o, t, in, rows.records, rows.records_n);
    arena_deinit(&mem);
}

/* Others have too many to have all in view: so has this peer, soon. */
static void follow_others(struct overlay *o, struct turn *t, enum wire_kind kind)
{
    bool theirs = kind == WIRE_LINK_ASK || kind == WIRE_BEACON || kind == WIRE_HAVE;
    if (theirs && !o->partial && members_alive(o->core->members) > OVERLAY_FULL_AGAIN)
        go_partial(o, t);
}

static bool take_spread(struct overlay *o, struct turn *t, const struct incoming *in)
{
    struct arena mem = {0};
    struct cast cast;
    bool known = spread_receive(o->spread, t, in, &mem, &cast);
    for (uint32_t i = 0; i < cast.records_n; i++)
        take(o, t, in, cast.records[i]);
    arena_deinit(&mem);
    return known;
}

bool overlay_receive(struct overlay *o, struct turn *t, const struct incoming *in)
{
    enum wire_kind kind = (enum wire_kind)in->envelope->kind;
    if (kind == WIRE_ROWS || kind == WIRE_NEWS) {
        const struct bytes host = buf_bytes(&o->core->host);
        o->core->by_host = kind == WIRE_NEWS && in->route == 0 && bytes_equal(in->from, host);
        take_rows(o, t, in);
        return true;
    }
    follow_others(o, t, kind);
    o->links.in_use = tree_eager(&o->tree);
    bool known = neighbours_receive(&o->links, t, in) ||
                 tree_receive(&o->tree, t, in, neighbours_slot(&o->links, &in->who.id)) ||
                 take_spread(o, t, in);
    look_at_round(o, t);
    follow(o, t);
    return known;
}

void overlay_changed(struct overlay *o, struct turn *t, const struct row *row, bool moved)
{
    relay_changed(o->relay, t, row, moved, o->partial);
}

void overlay_broadcast(struct overlay *o, struct turn *t, struct bytes rows_payload)
{
    relay_broadcast(o->relay, t, rows_payload, o->partial);
}

/* ---- for other parts ---- */

bool overlay_is_full(const struct overlay *o)
{
    return !o->partial;
}

static size_t everybody(const struct overlay *o, struct ulid *ret, size_t max)
{
    size_t n = 0;
    const struct member *m = members_first(o->core->members);
    for (; m && n < max; m = members_next(o->core->members, m)) {
        if (core_alive(o->core, &m->id) && !ulid_equal(&m->id, &o->core->self))
            ret[n++] = m->id;
    }
    return n;
}

static size_t in_slots(const struct overlay *o, uint32_t slots, struct ulid *ret, size_t max)
{
    size_t n = 0;
    for (int i = 0; i < NEIGHBOURS_MAX && n < max; i++) {
        if ((slots & 1u << i) && neighbours_has(&o->links, i))
            ret[n++] = o->links.slots[i].id;
    }
    return n;
}

size_t overlay_eager(const struct overlay *o, struct ulid *ret, size_t max)
{
    return o->partial ? in_slots(o, tree_eager(&o->tree), ret, max) : everybody(o, ret, max);
}

bool overlay_stands(const struct overlay *o, const struct ulid *id)
{
    return o->partial && neighbours_slot(&o->links, id) >= 0;
}

bool overlay_send(struct overlay *o, struct turn *t, const struct ulid *id, enum wire_kind kind,
                  struct bytes payload)
{
    bool member = frame_kind((uint32_t)kind)->lane == WIRE_LANE_MEMBER;
    struct bytes uri = core_uri(o->core, id, member ? ADDR_ROLE_PROBE : ADDR_ROLE_BULK);
    if (uri.len == 0)
        return false;
    post_send(t->post, t->out, uri, kind, payload, /* correlation= */ 0);
    return true;
}

bool overlay_send_aside(struct overlay *o, struct turn *t, const struct ulid *id,
                        enum wire_kind kind, struct bytes payload)
{
    int slot = o->partial ? neighbours_slot(&o->links, id) : -1;
    if (slot < 0)
        return overlay_send(o, t, id, kind, payload);
    neighbours_send_aside(&o->links, t, slot, kind, payload);
    return true;
}

void overlay_hush(struct overlay *o, bool hush)
{
    relay_hush(o->relay, hush);
}

/* ---- time ---- */

void overlay_time(struct overlay *o, struct turn *t)
{
    if (t->now_us >= o->look_us)
        look(o, t);
    relay_time(o->relay, t, o->partial);
    o->links.in_use = tree_eager(&o->tree);
    neighbours_time(&o->links, t);
    follow(o, t);
    if (o->partial) {
        tree_time(&o->tree, t);
        look_at_round(o, t);
        spread_time(o->spread, t);
    }
    subs_time(o->subs, t);
}

kith_time overlay_deadline(const struct overlay *o)
{
    kith_time at_us = kith_time_min(subs_deadline(o->subs), neighbours_deadline(&o->links));
    at_us = kith_time_min(at_us, kith_time_min(o->look_us, relay_deadline(o->relay)));
    if (o->partial)
        at_us = kith_time_min(at_us,
                              kith_time_min(tree_deadline(&o->tree), spread_deadline(o->spread)));
    return at_us;
}
