#include "control/keys.h"

#include "base/mem.h"
#include "control/handover.h"
#include "control/inside.h"
#include "control/keeper_decide.h"
#include "control/keyfeed.h"
#include "control/keyops.h"
#include "control/place.h"
#include "control/standing.h"
#include "wire/text.h"

#include <string.h>

/* Who decides: the first of the living by rendezvous hashing of this. One id for all keys, so that a transaction is one
 * decision, whichever keys it is about. */
static const struct ulid keeper_id = {.b = "keys and locks  "};

struct key_lock {
    struct bytes key; /* owned */
    struct ulid session, node;
    kith_time unknown_us; /* since when nothing is known of the session; KITH_NEVER: something is */
    TREE_ENTRY(key_lock) by_key;
};

static inline int compare(const struct key_lock *a, const struct key_lock *b)
{
    return bytes_compare(a->key, b->key);
}

TREE_FUNCTIONS(key_locks, key_lock, by_key, compare)

static void drop(struct keys *k, struct key_lock *l)
{
    TREE_REMOVE(key_locks, &k->locks, l);
    mem_free((void *)(uintptr_t)l->key.data);
    mem_free(l);
}

void keys_deinit(struct keys *k)
{
    struct key_lock *l, *next;

    TREE_FOREACH_SAFE(l, key_locks, &k->locks, next)
    drop(k, l);
}

/* ---- what there is ---- */

static void take_lock(struct keys *k, const struct row *row)
{
    struct key_lock wanted = {.key = row->key};
    struct key_lock *held = TREE_FIND(key_locks, &k->locks, &wanted);
    struct lock_row value = {0};
    struct wire_error err;
    struct arena mem = {0};
    bool bad = (row->flags & ROW_TOMBSTONE) || lock_row_decode(&value, row->value, &mem, &err);

    if (bad || ulid_is_zero(&value.session)) {
        if (held)
            drop(k, held);
    } else {
        if (!held) {
            held = mem_alloc(sizeof(*held));
            held->key = bytes_of(mem_copy(row->key.data, row->key.len), row->key.len);
            TREE_INSERT(key_locks, &k->locks, held);
        }
        held->session = value.session;
        held->node = value.node;
        held->unknown_us = KITH_NEVER;
    }
    arena_deinit(&mem);
}

void keys_row(struct control *c, struct turn *t, const struct row *row)
{
    struct keys *k = &c->keys;
    size_t bytes = row->value.len + row->key.len;

    if (row->table == TABLE_ID_LOCK)
        take_lock(k, row);
    else {
        k->room -= k->room > 0;
        k->room_bytes -= bytes < k->room_bytes ? bytes : k->room_bytes;
    }
    holder_row(c, t);
    keyfeed_touch(&c->keyfeed, TABLE_ID_KEY, row->key);
    k->look = c->dirty = true;
}

void keys_start(struct control *c, struct turn *t)
{
    struct row row = {0};

    while (state_walk(t->state, TABLE_ID_LOCK, &row))
        take_lock(&c->keys, &row);
    c->keys.look = true;
    if (c->keyfeed.on)
        keyfeed_begin(c, t);
}

void keys_member(struct control *c, struct turn *t, const struct ulid *node)
{
    const struct row *row = state_first(t->state, TABLE_ID_SESSION, ulid_bytes(node));

    for (; row; row = state_next(t->state, row, ulid_bytes(node)))
        keyfeed_touch(&c->keyfeed, TABLE_ID_SESSION, row->key);
    c->keys.look = true;
}

/* ---- locks whose session has ended ---- */

static bool has_ended(struct control *c, struct turn *t, struct key_lock *l)
{
    struct buf key = {0};
    struct session_row value;
    struct ulid node;

    if (sessions_valid(c, t, &l->session, &node, &value)) {
        l->unknown_us = KITH_NEVER;
        return false;
    }
    instance_key_put(&key, &l->node, &l->session);
    bool known = state_held(t->state, TABLE_ID_SESSION, buf_bytes(&key)) != NULL;

    buf_deinit(&key);
    if (known)
        return true;
    if (l->unknown_us == KITH_NEVER)
        l->unknown_us = t->now_us;
    return t->now_us >= l->unknown_us + SESSION_UNKNOWN;
}

bool keys_is_keeper(const struct control *c)
{
    return place_coordinates(&c->catalog, &keeper_id);
}

static void end_lock(struct control *c, struct turn *t, const struct key_lock *l)
{
    struct key_op op = {.kind = KEY_OP_KIND_END_LOCK, .key = l->key, .session = l->session};
    struct change_keys request = {.ops = &op, .ops_n = 1};
    struct buf payload = {0};

    change_keys_encode(&payload, &request);
    keeper_take(c, t, /* in= */ NULL, /* forwarded= */ false, buf_bytes(&payload));
    buf_deinit(&payload);
}

kith_time keys_settle(struct control *c, struct turn *t)
{
    struct keys *k = &c->keys;
    struct key_lock *l;
    bool again = false;

    if (TREE_EMPTY(&k->locks))
        return KITH_NEVER;
    if (!k->look && t->now_us < k->look_us)
        return k->look_us;
    /* What is being ended now is not asked for once more with each row that comes. */
    if (t->now_us < k->look_us && k->look_us != KITH_NEVER)
        return k->look_us;
    k->look = false;
    k->look_us = KITH_NEVER;
    if (!keys_is_keeper(c))
        return KITH_NEVER;
    TREE_FOREACH (l, key_locks, &k->locks) {
        if (has_ended(c, t, l)) {
            end_lock(c, t, l);
            again = true;
        }
        again = again || l->unknown_us != KITH_NEVER;
    }
    if (again)
        k->look_us = t->now_us + KEYS_LOOK;
    return k->look_us;
}

/* ---- room ---- */

static void count_room(struct control *c, struct turn *t)
{
    struct row row = {0};
    uint32_t keys = 0;
    size_t bytes = 0;

    while (state_walk(t->state, TABLE_ID_KEY, &row)) {
        keys++;
        bytes += row.value.len + row.key.len;
    }
    c->keys.room = keys < KEYS_MAX ? KEYS_MAX - keys : 0;
    c->keys.room_bytes = bytes < KEYS_BYTES_MAX ? KEYS_BYTES_MAX - bytes : 0;
    c->keys.counted_us = t->now_us;
}

static bool has_room(struct control *c, struct turn *t, const struct change_keys *request)
{
    struct keys *k = &c->keys;
    size_t bytes = 0;
    bool adds = false;

    for (uint32_t i = 0; i < request->ops_n; i++) {
        const struct key_op *op = &request->ops[i];

        adds = adds || op->kind == KEY_OP_KIND_SET || op->kind == KEY_OP_KIND_CAS ||
               op->kind == KEY_OP_KIND_LOCK;
        bytes += op->value.len + op->key.len;
    }
    if (!adds)
        return true;
    bool fits = k->room > request->ops_n && k->room_bytes > bytes;

    if (!fits && (k->counted_us == 0 || t->now_us >= k->counted_us + KEYS_COUNT)) {
        count_room(c, t);
        fits = k->room > request->ops_n && k->room_bytes > bytes;
    }
    return fits;
}

/* ---- plain writes ---- */

static int put(struct turn *t, const struct key_op *op, struct arena *mem)
{
    struct key_view held = key_view_read(t, op->key, mem);
    struct key_row row = {.value = op->value, .flags = op->flags};
    struct buf value = {0};

    if (held.there)
        row.created = held.row.created ? held.row.created : held.stamp;
    key_row_encode(&value, &row);
    int r = state_put(t->state, TABLE_ID_KEY, op->key, buf_bytes(&value), /* major= */ 0,
                      /* expires_ms= */ 0);

    buf_deinit(&value);
    return r;
}

static int erase(struct turn *t, struct bytes key)
{
    int r = state_delete(t->state, TABLE_ID_KEY, key, /* major= */ 0);

    return r == STATE_OLD ? 0 : r; /* it is not there */
}

static int erase_tree(struct turn *t, struct bytes prefix)
{
    const struct row *row;
    int r = 0;

    while (r == 0 && (row = state_first(t->state, TABLE_ID_KEY, prefix)) != NULL)
        r = erase(t, row->key);
    return r;
}

static int write(struct turn *t, const struct key_op *op, struct arena *mem)
{
    switch (op->kind) {
    case KEY_OP_KIND_SET:
        return put(t, op, mem);
    case KEY_OP_KIND_DELETE:
        return erase(t, op->key);
    default:
        return erase_tree(t, op->key);
    }
}

static void write_here(struct control *c, struct turn *t, const struct incoming *in,
                       const struct key_op *op, struct arena *mem)
{
    struct keys_changed changed = {.done = true, .told = keys_fed(c)};
    struct buf out = {0};
    struct key_info info;

    if (write(t, op, mem) != 0) {
        turn_fail(t, in, FAIL_CODE_NOT_READY,
                  "this host cannot write now (is its clock ahead?): try again, or ask another");
        return;
    }
    if (op->kind == KEY_OP_KIND_SET) {
        struct key_view now = key_view_read(t, op->key, mem);

        info = key_view_info(&now, /* value= */ false);
        changed.results = &info;
        changed.results_n = 1;
    }
    keys_changed_encode(&out, &changed);
    turn_reply(t, in, WIRE_KEYS_CHANGED, buf_bytes(&out), state_unstored(t->state));
    buf_deinit(&out);
}

/* ---- requests ---- */

static bool is_locked(const struct control *c, const struct key_op *op)
{
    struct key_lock wanted = {.key = op->key};
    const struct key_lock *l =
        TREE_FROM(key_locks, (struct key_locks *)(uintptr_t)&c->keys.locks, &wanted);

    if (!l || op->kind == KEY_OP_KIND_SET)
        return false;
    return op->kind == KEY_OP_KIND_DELETE_TREE ? bytes_starts(l->key, op->key)
                                               : bytes_equal(l->key, op->key);
}

/* One write that asks for nothing first. What is locked is deleted with its lock, by the keeper. */
static bool is_plain(const struct control *c, const struct change_keys *request)
{
    const struct key_op *op = request->ops;

    return request->ops_n == 1 && !request->strict && !is_locked(c, op) &&
           (op->kind == KEY_OP_KIND_SET || op->kind == KEY_OP_KIND_DELETE ||
            op->kind == KEY_OP_KIND_DELETE_TREE);
}

/* NULL: it can be read. */
static const char *refusal(const struct change_keys *request)
{
    size_t bytes = 0;

    for (uint32_t i = 0; i < request->ops_n; i++) {
        const struct key_op *op = &request->ops[i];
        bool tree = op->kind == KEY_OP_KIND_GET_TREE || op->kind == KEY_OP_KIND_DELETE_TREE;

        bytes += op->value.len;
        if ((op->key.len == 0 && !tree) || !wire_text_ok(op->key))
            return "a key is 1 to 255 bytes of UTF-8";
        if (op->kind == 0 || op->kind >= KEY_OP_KIND_END_LOCK)
            return "there is no such operation on keys";
    }
    if (request->ops_n == 0)
        return "there is nothing to be done";
    if (bytes > KEEPER_BATCH_BYTES)
        return "all values of one transaction are 256 KiB at most";
    return NULL;
}

/* The keeper may not have heard of a session that was just opened. */
static void name_sessions(struct turn *t, struct change_keys *request, struct arena *mem)
{
    struct bytes *records = arena_array(mem, request->ops_n, sizeof(*records));

    request->records_n = 0;
    for (uint32_t i = 0; i < request->ops_n; i++) {
        const struct ulid *id = &request->ops[i].session;
        const struct row *row = ulid_is_zero(id) ? NULL : sessions_find(t, id);

        if (row)
            records[request->records_n++] = row->record;
    }
    request->records = records;
}

static void to_keeper(struct control *c, struct turn *t, const struct incoming *in,
                      struct change_keys *request, struct arena *mem)
{
    struct buf payload = {0};
    struct ulid node;

    name_sessions(t, request, mem);
    change_keys_encode(&payload, request);
    if (!place_coordinator(&c->catalog, &keeper_id, &node) || ulid_equal(&node, &c->self))
        keeper_take(c, t, in, /* forwarded= */ false, buf_bytes(&payload));
    else
        handover_send(c, t, in, &node, WIRE_CHANGE_KEYS, buf_bytes(&payload));
    buf_deinit(&payload);
}

static void fail(struct turn *t, const struct incoming *in, bool forwarded, enum fail_code code,
                 const char *text)
{
    keeper_fail_one(t, in->route, in->envelope->correlation, forwarded, code, text);
}

void keys_change(struct control *c, struct turn *t, const struct incoming *in, bool forwarded)
{
    struct arena mem = {0};
    struct change_keys request;
    struct wire_error err;
    const char *why = NULL;

    if (change_keys_decode(&request, in->payload, &mem, &err))
        fail(t, in, forwarded, FAIL_CODE_BAD_REQUEST, err.field);
    else if ((why = refusal(&request)) != NULL)
        fail(t, in, forwarded, FAIL_CODE_BAD_REQUEST, why);
    else if (ulid_is_zero(&t->post->cluster))
        fail(t, in, forwarded, FAIL_CODE_NOT_READY, "this host has not joined a cluster yet");
    else if (!has_room(c, t, &request))
        fail(t, in, forwarded, FAIL_CODE_REJECTED,
             "there are as many keys and values as there may be: delete some");
    else if (forwarded)
        keeper_take(c, t, in, forwarded, in->payload);
    else if (is_plain(c, &request))
        write_here(c, t, in, request.ops, &mem);
    else
        to_keeper(c, t, in, &request, &mem);
    arena_deinit(&mem);
}
