/*
 * Composes who is subscribed to (subs.h), the neighbours (neighbours.h), the tree (tree.h) and what travels along
 * it (spread.h), and decides which of the two ways the cluster is large enough for.
 */
#include "gossip/overlay.h"

#include "base/mem.h"
#include "gossip/spread.h"
#include "gossip/subs.h"

/* Rows kept to be passed on at the end of the step. Beyond it they are left to repair. */
#define RELAY_MAX       2048
#define RELAY_MAX_BYTES (1u << 20)
/* Where each passes on what is news to it, many at once are no news but a snapshot. */
#define RELAY_NEWS_MAX 64
/* News that come so soon after others wait for more of them: each further frame on a connection that loses
 * packets holds up those behind it, and when many hosts go at once there is one for each. */
#define RELAY_GATHER (100 * KITH_MS)
/* Verdicts go along so many of the connections for probes, others each time: more ways around a lost packet, but
 * each frame may also be the lost one that holds up those behind it, which are probes and reports there. */
#define RELAY_BY_PROBES 10
/* Of one death each observer may write a verdict. All need the same row in the end, but who has one is in no hurry
 * for another, and it would hold up the verdicts about other deaths. */
#define RELAY_SETTLED KITH_SEC
/* It is looked who is to be heard when no member changed for so long, and in any case so soon. */
#define LOOK_QUIET  (100 * KITH_MS)
#define LOOK_LATEST (300 * KITH_MS)
/* What guests are told waits for more of it. */
#define TELL_GATHER (30 * KITH_MS)
/* What was published before a neighbour went, or the view became another, still arrives. */
#define LINGER_LINK (2 * KITH_SEC)
#define LINGER_VIEW (10 * KITH_SEC)

/* Records, one after the other. */
struct pile {
    struct buf records;
    uint32_t len[RELAY_MAX];
    uint32_t n;
};

struct overlay {
    struct core *core;
    struct detect *detect;
    struct subs *subs;
    struct neighbours links;
    struct tree tree;
    struct spread *spread;
    bool partial; /* too many to have all in view */
    bool hush;
    kith_time relays_until_us; /* in full view since lately: others may not be yet */
    kith_time relayed_us;      /* when news were passed on last */
    kith_time settled_us;      /* when `settled` is passed on; KITH_NEVER */
    struct pile news;          /* about members, to be published */
    struct pile settled;       /* the same, but nobody's state changed by them: there is no hurry */
    struct pile pushed;        /* others, pushed by one that has all in view */
    kith_time stale_us; /* when a member changed first since it was looked who is to be heard */
    kith_time look_us;  /* when it is; KITH_NEVER */
    struct pile told;   /* about members, for guests and the host */
    kith_time tell_us;  /* when these are told; KITH_NEVER: there are none */
};

struct overlay *overlay_new(struct core *core, struct detect *detect)
{
    struct overlay *o = mem_alloc(sizeof(*o));
    o->core = core;
    o->detect = detect;
    o->settled_us = KITH_NEVER;
    o->look_us = o->tell_us = KITH_NEVER;
    o->subs = subs_new(core);
    neighbours_init(&o->links, core);
    tree_init(&o->tree, core, &o->links);
    o->spread = spread_new(core, &o->links, &o->tree);
    return o;
}

void overlay_free(struct overlay *o)
{
    spread_free(o->spread);
    subs_free(o->subs);
    buf_deinit(&o->news.records);
    buf_deinit(&o->settled.records);
    buf_deinit(&o->pushed.records);
    buf_deinit(&o->told.records);
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
    o->relays_until_us = t->now_us + LINGER_VIEW;
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
    bool known = neighbours_receive(&o->links, t, in) ||
                 tree_receive(&o->tree, t, in, neighbours_slot(&o->links, &in->who.id)) ||
                 take_spread(o, t, in);
    follow(o, t);
    return known;
}

/* ---- telling ---- */

static bool about_members(enum table_id table)
{
    return table == TABLE_ID_MEMBER || table == TABLE_ID_VERDICT || table == TABLE_ID_ADMISSION;
}

static void pile_add(struct pile *p, struct bytes record, uint32_t max)
{
    if (p->n >= max || p->records.len + record.len > RELAY_MAX_BYTES)
        return;
    buf_append(&p->records, record.data, record.len);
    p->len[p->n++] = (uint32_t)record.len;
}

/* The records of a pile, which is empty afterwards; they live in `mem`. */
static struct rows pile_take(struct pile *p, struct arena *mem)
{
    struct bytes all = arena_bytes(mem, buf_bytes(&p->records));
    struct bytes *records = arena_array(mem, p->n, sizeof(*records));
    struct rows rows = {.records = records, .records_n = p->n};
    const uint8_t *at = all.data;
    for (uint32_t i = 0; i < p->n; i++) {
        records[i] = bytes_of(at, p->len[i]);
        at += p->len[i];
    }
    buf_reset(&p->records);
    p->n = 0;
    return rows;
}

/* Some hear this peer and not those whom it hears. */
static bool relays(const struct overlay *o, const struct turn *t)
{
    return o->partial || t->now_us < o->relays_until_us;
}

/* Newcomers hear of it by who let them in, and that one by them. */
static void tell_later(struct overlay *o, struct turn *t, const struct row *row)
{
    bool own = ulid_equal(&row->origin, &o->core->self);
    bool up = t->now_us < o->core->settles_us && !own && !o->core->by_host;
    if (!up && !guests_any(&o->core->guests, t->now_us))
        return;
    pile_add(&o->told, row->record, RELAY_MAX);
    o->tell_us = kith_time_min(o->tell_us, t->now_us + TELL_GATHER);
}

void overlay_changed(struct overlay *o, struct turn *t, const struct row *row, bool moved)
{
    if (about_members(row->table))
        tell_later(o, t, row);
    if (ulid_equal(&row->origin, &o->core->self))
        return;
    if (row->table == TABLE_ID_VERDICT && !moved && relays(o, t)) {
        pile_add(&o->settled, row->record, RELAY_MAX);
        o->settled_us = kith_time_min(o->settled_us, t->now_us + RELAY_SETTLED);
    } else if (about_members(row->table)) {
        if (relays(o, t) || o->core->directed)
            pile_add(&o->news, row->record, relays(o, t) ? RELAY_NEWS_MAX : RELAY_MAX);
    } else if (o->partial && o->core->pushed) {
        pile_add(&o->pushed, row->record, RELAY_MAX);
    }
}

static void publish_rows(struct turn *t, const struct rows *rows)
{
    struct buf payload = {0};
    rows_encode(&payload, rows);
    post_publish(t->post, t->out, WIRE_ROWS, buf_bytes(&payload));
    buf_deinit(&payload);
}

static enum table_id table_of(struct bytes record)
{
    struct arena mem = {0};
    struct record r = {0};
    struct wire_error err;
    enum table_id table = record_decode(&r, record, &mem, &err) == 0 ? r.table : (enum table_id)0;
    arena_deinit(&mem);
    return table;
}

/* Verdicts also go along the connections of the probes. */
static void tell_verdicts(struct overlay *o, struct turn *t, const struct rows *rows)
{
    struct bytes records[RELAY_NEWS_MAX];
    struct news news = {.records = records};
    struct buf payload = {0};
    for (uint32_t i = 0; i < rows->records_n && news.records_n < RELAY_NEWS_MAX; i++) {
        if (table_of(rows->records[i]) == TABLE_ID_VERDICT)
            records[news.records_n++] = rows->records[i];
    }
    if (news.records_n > 0) {
        news_encode(&payload, &news);
        detect_tell_some(o->detect, t, WIRE_NEWS, buf_bytes(&payload), RELAY_BY_PROBES);
    }
    buf_deinit(&payload);
}

static void publish_news(struct overlay *o, struct turn *t, const struct rows *rows)
{
    publish_rows(t, rows);
    if (relays(o, t))
        tell_verdicts(o, t, rows);
}

/* What is about members goes from each to all its neighbours, the rest along the tree. */
static void broadcast_partial(struct overlay *o, struct turn *t, const struct rows *all,
                              struct arena *mem)
{
    struct bytes *small = arena_array(mem, all->records_n, sizeof(*small));
    struct bytes *rest = arena_array(mem, all->records_n, sizeof(*rest));
    struct rows news = {.records = small};
    uint32_t rest_n = 0;
    for (uint32_t i = 0; i < all->records_n; i++) {
        if (about_members(table_of(all->records[i])))
            small[news.records_n++] = all->records[i];
        else
            rest[rest_n++] = all->records[i];
    }
    if (news.records_n > 0)
        publish_news(o, t, &news);
    if (rest_n > 0)
        spread_say(o->spread, t, rest, rest_n);
}

void overlay_broadcast(struct overlay *o, struct turn *t, struct bytes rows_payload)
{
    struct arena mem = {0};
    struct rows rows;
    struct wire_error err;
    if (o->hush) {
        o->core->counts.broadcasts_kept++;
        return;
    }
    o->core->counts.broadcasts++;
    if (!o->partial)
        post_publish(t->post, t->out, WIRE_ROWS, rows_payload);
    else if (rows_decode(&rows, rows_payload, &mem, &err) == 0)
        broadcast_partial(o, t, &rows, &mem);
    arena_deinit(&mem);
}

static void relay(struct overlay *o, struct turn *t)
{
    struct arena mem = {0};
    struct rows news = pile_take(&o->news, &mem), pushed = pile_take(&o->pushed, &mem);
    o->relayed_us = t->now_us;
    o->core->counts.rows_relayed += news.records_n + pushed.records_n;
    if (o->hush)
        o->core->counts.broadcasts_kept++;
    else {
        o->core->counts.broadcasts++;
        if (news.records_n > 0)
            publish_news(o, t, &news);
        if (pushed.records_n > 0)
            spread_say(o->spread, t, pushed.records, pushed.records_n);
    }
    arena_deinit(&mem);
}

static void relay_settled(struct overlay *o, struct turn *t)
{
    struct arena mem = {0};
    struct rows rows = pile_take(&o->settled, &mem);
    o->settled_us = KITH_NEVER;
    if (!o->hush && rows.records_n > 0)
        publish_rows(t, &rows);
    arena_deinit(&mem);
}

/* What the host itself told is told it again when guests are: it is no news there, and a few frames. */
static void tell_now(struct overlay *o, struct turn *t)
{
    struct arena mem = {0};
    struct rows rows = pile_take(&o->told, &mem);
    struct buf payload = {0};
    o->tell_us = KITH_NEVER;
    rows_encode(&payload, &rows);
    bool settling = t->now_us < o->core->settles_us;
    struct bytes host = settling ? buf_bytes(&o->core->host) : (struct bytes){0};
    if (!o->hush)
        guests_tell(&o->core->guests, t, buf_bytes(&payload), host);
    buf_deinit(&payload);
    arena_deinit(&mem);
}

static kith_time relay_at(const struct overlay *o)
{
    if (o->pushed.n > 0)
        return 0;
    return o->news.n > 0 ? o->relayed_us + RELAY_GATHER : KITH_NEVER;
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

void overlay_hush(struct overlay *o, bool hush)
{
    o->hush = hush;
}

/* ---- time ---- */

void overlay_time(struct overlay *o, struct turn *t)
{
    if (t->now_us >= o->look_us)
        look(o, t);
    if (t->now_us >= o->tell_us)
        tell_now(o, t);
    if (t->now_us >= relay_at(o))
        relay(o, t);
    if (t->now_us >= o->settled_us)
        relay_settled(o, t);
    neighbours_time(&o->links, t);
    follow(o, t);
    if (o->partial) {
        tree_time(&o->tree, t);
        spread_time(o->spread, t);
    }
    subs_time(o->subs, t);
}

kith_time overlay_deadline(const struct overlay *o)
{
    kith_time at_us = kith_time_min(subs_deadline(o->subs), neighbours_deadline(&o->links));
    at_us = kith_time_min(at_us, kith_time_min(relay_at(o), o->settled_us));
    at_us = kith_time_min(at_us, kith_time_min(o->look_us, o->tell_us));
    if (o->partial)
        at_us = kith_time_min(at_us,
                              kith_time_min(tree_deadline(&o->tree), spread_deadline(o->spread)));
    return at_us;
}
