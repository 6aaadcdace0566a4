#include "gossip/overlay.h"

#include "base/mem.h"
#include "base/tree.h"

/* Rows kept to be passed on at the end of the step. Beyond it they are left to repair. */
#define RELAY_MAX       2048
#define RELAY_MAX_BYTES (1u << 20)

struct sub {
    struct ulid id;
    char *uri;
    kith_time off_at_us; /* KITH_NEVER: wanted */
    TREE_ENTRY(sub) by_id;
    TREE_ENTRY(sub) by_uri;
};

static int compare_id(const struct sub *a, const struct sub *b)
{
    return ulid_compare(&a->id, &b->id);
}

static int compare_uri(const struct sub *a, const struct sub *b)
{
    return bytes_compare(bytes_str(a->uri), bytes_str(b->uri));
}

TREE_DEFINE(sub_tree, sub, by_id, compare_id)
TREE_DEFINE(uri_tree, sub, by_uri, compare_uri)

struct overlay {
    struct core *core;
    struct sub_tree subs;
    struct uri_tree uris;
    kith_time next_off_us; /* no subscription ends before */
    bool hush;
    struct buf relay; /* records, one after the other */
    size_t relay_len[RELAY_MAX];
    uint32_t relay_n;
};

struct overlay *overlay_new(struct core *core)
{
    struct overlay *o = mem_alloc(sizeof(*o));
    o->core = core;
    o->next_off_us = KITH_NEVER;
    return o;
}

static void drop(struct overlay *o, struct sub *s)
{
    TREE_REMOVE(sub_tree, &o->subs, s);
    TREE_REMOVE(uri_tree, &o->uris, s);
    mem_free(s->uri);
    mem_free(s);
    o->core->counts.subscriptions--;
}

void overlay_free(struct overlay *o)
{
    struct sub *s, *next;
    TREE_FOREACH_SAFE(s, sub_tree, &o->subs, next)
    drop(o, s);
    buf_deinit(&o->relay);
    mem_free(o);
}

static struct sub *find_uri(const struct overlay *o, struct bytes uri)
{
    char *text = bytes_to_str(uri);
    struct sub search = {.uri = text};
    struct uri_tree tree = o->uris;
    struct sub *s = TREE_FIND(uri_tree, &tree, &search);
    mem_free(text);
    return s;
}

const struct ulid *overlay_whose(const struct overlay *o, struct bytes pub_uri)
{
    const struct sub *s = find_uri(o, pub_uri);
    return s ? &s->id : NULL;
}

static void subscribe(struct overlay *o, struct turn *t, const struct ulid *id, struct bytes uri)
{
    struct sub *former = find_uri(o, uri);
    if (former)
        drop(o, former); /* its address went to another: the connection stays */
    else
        effect_subscribe(t->out, uri, true);
    struct sub *s = mem_alloc(sizeof(*s));
    *s = (struct sub){.id = *id, .uri = bytes_to_str(uri), .off_at_us = KITH_NEVER};
    TREE_INSERT(sub_tree, &o->subs, s);
    TREE_INSERT(uri_tree, &o->uris, s);
    o->core->counts.subscriptions++;
}

static void unsubscribe(struct overlay *o, struct turn *t, struct sub *s)
{
    effect_subscribe(t->out, bytes_str(s->uri), false);
    drop(o, s);
}

static void linger(struct overlay *o, struct sub *s, kith_time until_us)
{
    s->off_at_us = until_us;
    o->next_off_us = kith_time_min(o->next_off_us, until_us);
}

void overlay_member(struct overlay *o, struct turn *t, const struct ulid *id)
{
    if (ulid_equal(id, &o->core->self))
        return;
    struct sub search = {.id = *id};
    struct sub *s = TREE_FIND(sub_tree, &o->subs, &search);
    struct bytes uri = core_uri(o->core, id, ADDR_ROLE_PUB);
    bool alive = core_alive(o->core, id) && uri.len > 0;

    if (s && alive && !bytes_equal(bytes_str(s->uri), uri)) {
        unsubscribe(o, t, s);
        s = NULL;
    }
    if (alive && !s)
        subscribe(o, t, id, uri);
    else if (s && alive)
        s->off_at_us = KITH_NEVER;
    else if (s && s->off_at_us == KITH_NEVER)
        linger(o, s, t->now_us + OVERLAY_LINGER);
}

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

bool overlay_receive(struct overlay *o, struct turn *t, const struct incoming *in)
{
    if (in->envelope->kind != WIRE_ROWS)
        return false;
    struct rows rows;
    struct arena mem = {0};
    struct wire_error err;
    if (rows_decode(&rows, in->payload, &mem, &err) != 0)
        naming_refuse(&o->core->naming, t, REFUSAL_PAYLOAD, in->from, "%s: %s", err.field, err.why);
    else if (o->core->member) {
        for (uint32_t i = 0; i < rows.records_n; i++)
            take(o, t, in, rows.records[i]);
    }
    arena_deinit(&mem);
    return true;
}

static bool about_members(enum table_id table)
{
    return table == TABLE_ID_MEMBER || table == TABLE_ID_VERDICT || table == TABLE_ID_ADMISSION;
}

void overlay_changed(struct overlay *o, struct turn *t, const struct row *row)
{
    (void)t;
    if (!o->core->directed || !about_members(row->table) ||
        ulid_equal(&row->origin, &o->core->self) || o->relay_n == RELAY_MAX ||
        o->relay.len + row->record.len > RELAY_MAX_BYTES)
        return;
    buf_append(&o->relay, row->record.data, row->record.len);
    o->relay_len[o->relay_n++] = row->record.len;
}

void overlay_broadcast(struct overlay *o, struct turn *t, struct bytes rows_payload)
{
    if (o->hush) {
        o->core->counts.broadcasts_kept++;
        return;
    }
    o->core->counts.broadcasts++;
    post_publish(t->post, t->out, WIRE_ROWS, rows_payload);
}

bool overlay_is_full(const struct overlay *o)
{
    (void)o;
    return true;
}

size_t overlay_neighbours(const struct overlay *o, struct ulid *ret, size_t max)
{
    size_t n = 0;
    const struct member *m = members_first(o->core->members);
    for (; m && n < max; m = members_next(o->core->members, m)) {
        if (core_alive(o->core, &m->id) && !ulid_equal(&m->id, &o->core->self))
            ret[n++] = m->id;
    }
    return n;
}

size_t overlay_eager(const struct overlay *o, struct ulid *ret, size_t max)
{
    return overlay_neighbours(o, ret, max);
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

static void relay(struct overlay *o, struct turn *t)
{
    struct bytes *records = mem_alloc(o->relay_n * sizeof(*records));
    const uint8_t *at = o->relay.data;
    for (uint32_t i = 0; i < o->relay_n; i++) {
        records[i] = bytes_of(at, o->relay_len[i]);
        at += o->relay_len[i];
    }
    struct rows rows = {.records = records, .records_n = o->relay_n};
    struct buf payload = {0};
    rows_encode(&payload, &rows);
    overlay_broadcast(o, t, buf_bytes(&payload));
    o->core->counts.rows_relayed += o->relay_n;
    buf_deinit(&payload);
    mem_free(records);
    buf_reset(&o->relay);
    o->relay_n = 0;
}

void overlay_time(struct overlay *o, struct turn *t)
{
    struct sub *s, *next;
    if (o->relay_n > 0)
        relay(o, t);
    if (t->now_us < o->next_off_us)
        return;
    o->next_off_us = KITH_NEVER;
    TREE_FOREACH_SAFE(s, sub_tree, &o->subs, next)
    {
        if (s->off_at_us <= t->now_us)
            unsubscribe(o, t, s);
        else
            o->next_off_us = kith_time_min(o->next_off_us, s->off_at_us);
    }
}

kith_time overlay_deadline(const struct overlay *o)
{
    return o->relay_n > 0 ? 0 : o->next_off_us; /* what is to be passed on: at once */
}
