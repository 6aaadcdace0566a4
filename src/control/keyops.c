#include "control/keyops.h"

#include "base/mem.h"
#include "control/inside.h"

#include <string.h>

/* ---- views ---- */

static uint64_t key_view_index(const struct key_view *v)
{
    return v->lock_stamp > v->stamp ? v->lock_stamp : v->stamp;
}

struct key_info key_view_info(const struct key_view *v, bool value)
{
    return (struct key_info){.key = v->key,
                             .value = value ? v->row.value : (struct bytes){0},
                             .flags = v->row.flags,
                             .created = v->row.created ? v->row.created : v->stamp,
                             .index = key_view_index(v),
                             .locks = v->lock.count,
                             .session = v->lock.session};
}

struct key_view key_view_read(struct turn *t, struct bytes key, struct arena *mem)
{
    struct key_view v = {.key = key};
    struct wire_error err;
    const struct row *row = state_get(t->state, TABLE_ID_KEY, key);
    const struct row *lock = state_get(t->state, TABLE_ID_LOCK, key);

    if (row && key_row_decode(&v.row, row->value, mem, &err) == 0) {
        v.there = true;
        v.stamp = row->version.minor;
    }
    if (lock && lock_row_decode(&v.lock, lock->value, mem, &err) == 0) {
        v.has_lock = true;
        v.lock_stamp = lock->version.minor;
    }
    return v;
}

static struct key_view *find(const struct keyops *o, struct bytes key)
{
    for (uint32_t i = 0; i < o->views_n; i++) {
        if (bytes_equal(o->views[i].key, key))
            return &o->views[i];
    }
    return NULL;
}

/* Pointers to views are good until the next one is added. */
static struct key_view *view_of(struct keyops *o, struct bytes key)
{
    struct key_view *v = find(o, key);

    if (v)
        return v;
    if (o->views_n == o->views_cap) {
        struct key_view *more =
            arena_array(o->mem, o->views_cap ? 2 * (size_t)o->views_cap : 16, sizeof(*more));

        if (o->views_n)
            memcpy(more, o->views, o->views_n * sizeof(*more));
        o->views = more;
        o->views_cap = o->views_cap ? 2 * o->views_cap : 16;
    }
    v = &o->views[o->views_n++];
    *v = key_view_read(o->turn, arena_bytes(o->mem, key), o->mem);
    return v;
}

bool keyops_touches(const struct keyops *o, const struct key_op *ops, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        bool tree = ops[i].kind == KEY_OP_KIND_GET_TREE || ops[i].kind == KEY_OP_KIND_DELETE_TREE;

        for (uint32_t k = 0; k < o->views_n; k++) {
            const struct key_view *v = &o->views[k];

            if ((v->changed || v->lock_changed) &&
                (tree ? bytes_starts(v->key, ops[i].key) : bytes_equal(v->key, ops[i].key)))
                return true;
        }
    }
    return false;
}

/* ---- one operation ---- */

struct doing {
    struct keyops *o;
    const struct key_op *op;
    uint32_t number;
    struct keyops_outcome *out;
};

static void fail(struct doing *d, const char *text)
{
    d->out->errors[d->out->errors_n++] =
        (struct key_error){.op = d->number, .text = bytes_str(text)};
}

static void show(struct doing *d, const struct key_view *v, bool value)
{
    struct keyops_outcome *out = d->out;

    if (out->results_n == KEYS_CHANGED_RESULTS_MAX_ITEMS) {
        fail(d, "there are too many such keys for one transaction");
        return;
    }
    if (out->results_n == out->results_cap) {
        uint32_t cap = out->results_cap ? 2 * out->results_cap : 64;
        struct key_result *more = arena_array(d->o->mem, cap, sizeof(*more));

        if (out->results_n)
            memcpy(more, out->results, out->results_n * sizeof(*more));
        out->results = more;
        out->results_cap = cap;
    }
    out->results[out->results_n++] =
        (struct key_result){.view = (uint32_t)(v - d->o->views), .value = value};
}

static void set(struct doing *d, struct key_view *v)
{
    uint64_t created = 0;

    if (v->there)
        created = v->row.created ? v->row.created : v->stamp;
    v->row = (struct key_row){
        .value = arena_bytes(d->o->mem, d->op->value), .flags = d->op->flags, .created = created};
    v->there = v->changed = true;
    show(d, v, /* value= */ false);
}

static void erase(struct key_view *v)
{
    v->changed = v->changed || v->there;
    v->there = false;
    v->row = (struct key_row){0};
    v->lock_changed = v->lock_changed || v->has_lock;
    v->has_lock = false;
    v->lock = (struct lock_row){0};
}

static bool has_index(const struct doing *d, const struct key_view *v)
{
    if (d->op->index == 0)
        return !v->there;
    return v->there && !v->changed && key_view_index(v) == d->op->index;
}

static void lock(struct doing *d, struct key_view *v)
{
    struct session_row session;
    struct ulid node;

    if (!sessions_valid(d->o->control, d->o->turn, &d->op->session, &node, &session)) {
        fail(d, "there is no such session");
        d->out->errors[d->out->errors_n - 1].no_session = true;
        return;
    }
    if (!ulid_is_zero(&v->lock.session) && !ulid_equal(&v->lock.session, &d->op->session)) {
        fail(d, "the lock is another session's");
        return;
    }
    if (ulid_is_zero(&v->lock.session)) {
        if (v->lock.free_ms > d->o->turn->wall_us / KITH_MS) {
            fail(d, "nobody gets the lock now: the session that had it has ended a moment ago");
            return;
        }
        v->lock = (struct lock_row){.session = d->op->session,
                                    .node = node,
                                    .count = v->lock.count + 1,
                                    .deletes = session.deletes,
                                    .delay_ms = session.delay_ms};
        v->has_lock = v->lock_changed = true;
    }
    set(d, v);
}

static bool has_lock(const struct doing *d, const struct key_view *v)
{
    return !ulid_is_zero(&d->op->session) && ulid_equal(&v->lock.session, &d->op->session);
}

static void unlock(struct doing *d, struct key_view *v)
{
    if (!has_lock(d, v)) {
        fail(d, "this session does not have the lock");
        return;
    }
    v->lock.session = v->lock.node = (struct ulid){0};
    v->lock_changed = true;
    set(d, v);
}

/* The session has ended: nobody gets the lock for as long as it said. */
static void end_lock(struct doing *d, struct key_view *v)
{
    bool deletes = v->lock.deletes;

    if (!has_lock(d, v))
        return;
    v->lock.session = v->lock.node = (struct ulid){0};
    v->lock.free_ms = d->o->turn->wall_us / KITH_MS + v->lock.delay_ms;
    v->lock_changed = true;
    if (!deletes || !v->there)
        return;
    v->there = false;
    v->row = (struct key_row){0};
    v->changed = true;
}

/* ---- trees ---- */

/* Brings all keys that begin so into the views. */
static void view_tree(struct keyops *o, struct bytes prefix)
{
    const struct state *state = o->turn->state;
    const struct row *row = state_first(state, TABLE_ID_KEY, prefix);

    for (; row; row = state_next(state, row, prefix))
        (void)view_of(o, row->key);
}

static void get_tree(struct doing *d)
{
    view_tree(d->o, d->op->key);
    for (uint32_t i = 0; i < d->o->views_n; i++) {
        const struct key_view *v = &d->o->views[i];

        if (v->there && bytes_starts(v->key, d->op->key) && !d->out->errors_n)
            show(d, v, /* value= */ true);
    }
}

static void delete_tree(struct doing *d)
{
    view_tree(d->o, d->op->key);
    for (uint32_t i = 0; i < d->o->views_n; i++) {
        struct key_view *v = &d->o->views[i];

        if (v->there && bytes_starts(v->key, d->op->key))
            erase(v);
    }
}

/* ---- all of them ---- */

static void set_if(struct doing *d, struct key_view *v)
{
    if (has_index(d, v))
        set(d, v);
    else
        fail(d, "the key's index is another one");
}

static void delete_if(struct doing *d, struct key_view *v)
{
    if (!v->there)
        return; /* as Consul has it */
    if (has_index(d, v))
        erase(v);
    else
        fail(d, "the key's index is another one");
}

static void get(struct doing *d, const struct key_view *v)
{
    if (v->there)
        show(d, v, /* value= */ true);
    else if (d->op->kind == KEY_OP_KIND_GET)
        fail(d, "there is no such key");
}

static void check(struct doing *d, const struct key_view *v)
{
    if (d->op->kind == KEY_OP_KIND_CHECK_NOT_EXISTS) {
        if (v->there)
            fail(d, "the key is there");
        return;
    }
    bool good =
        d->op->kind == KEY_OP_KIND_CHECK_INDEX ? v->there && has_index(d, v) : has_lock(d, v);

    if (!v->there)
        fail(d, "there is no such key");
    else if (!good)
        fail(d, d->op->kind == KEY_OP_KIND_CHECK_INDEX ? "the key's index is another one"
                                                       : "this session does not have the lock");
    else
        show(d, v, /* value= */ false);
}

static void one_key(struct doing *d, struct key_view *v)
{
    switch (d->op->kind) {
    case KEY_OP_KIND_SET:
        set(d, v);
        break;
    case KEY_OP_KIND_CAS:
        set_if(d, v);
        break;
    case KEY_OP_KIND_LOCK:
        lock(d, v);
        break;
    case KEY_OP_KIND_UNLOCK:
        unlock(d, v);
        break;
    case KEY_OP_KIND_DELETE:
        erase(v);
        break;
    case KEY_OP_KIND_DELETE_CAS:
        delete_if(d, v);
        break;
    case KEY_OP_KIND_END_LOCK:
        end_lock(d, v);
        break;
    case KEY_OP_KIND_GET:
    case KEY_OP_KIND_GET_OR_EMPTY:
        get(d, v);
        break;
    default:
        check(d, v);
    }
}

static void do_one(struct doing *d)
{
    if (d->op->kind == KEY_OP_KIND_GET_TREE)
        get_tree(d);
    else if (d->op->kind == KEY_OP_KIND_DELETE_TREE)
        delete_tree(d);
    else
        one_key(d, view_of(d->o, d->op->key));
}

void keyops_apply(struct keyops *o, const struct key_op *ops, uint32_t n,
                  struct keyops_outcome *ret)
{
    uint32_t before_n = o->views_n;
    struct key_view *before = arena_array(o->mem, before_n, sizeof(*before));

    if (before_n)
        memcpy(before, o->views, before_n * sizeof(*before));
    *ret = (struct keyops_outcome){0};
    for (uint32_t i = 0; i < n && !ret->errors_n; i++) {
        struct doing d = {.o = o, .op = &ops[i], .number = i, .out = ret};

        do_one(&d);
    }
    if (!ret->errors_n)
        return;
    ret->results_n = 0;
    o->views_n = before_n;
    if (before_n)
        memcpy(o->views, before, before_n * sizeof(*before));
}

/* ---- what is to be written ---- */

struct drafting {
    struct keyops *o;
    struct bytes *records;
    uint32_t n;
};

/* An empty value: deleted. The stamp of the draft in *ret_stamp. */
static int draft(struct drafting *d, enum table_id table, struct bytes key, const struct buf *value,
                 uint64_t *ret_stamp)
{
    struct buf out = {0};
    struct record record;
    struct wire_error err;
    int r = state_draft(d->o->turn->state, table, key, buf_bytes(value), &out);

    if (r == STATE_OLD && value->len == 0)
        r = 0; /* there was nothing to be deleted: it came and went in between */
    else if (r == 0) {
        struct bytes bytes = arena_bytes(d->o->mem, buf_bytes(&out));

        d->records[d->n++] = bytes;
        r = record_decode(&record, bytes, d->o->mem, &err) == 0 ? 0 : STATE_BAD;
        *ret_stamp = record.version.minor;
    }
    buf_deinit(&out);
    return r;
}

static int draft_view(struct drafting *d, struct key_view *v)
{
    struct buf value = {0}, lock_value = {0};
    int r = 0;

    if (v->there)
        key_row_encode(&value, &v->row);
    if (v->has_lock)
        lock_row_encode(&lock_value, &v->lock);
    if (v->changed)
        r = draft(d, TABLE_ID_KEY, v->key, &value, &v->stamp);
    if (r == 0 && v->lock_changed)
        r = draft(d, TABLE_ID_LOCK, v->key, &lock_value, &v->lock_stamp);
    buf_deinit(&value);
    buf_deinit(&lock_value);
    return r;
}

int keyops_draft(struct keyops *o, struct bytes **ret, uint32_t *ret_n)
{
    struct drafting d = {
        .o = o, .records = arena_array(o->mem, 2 * (size_t)o->views_n, sizeof(*d.records))};
    int r = 0;

    for (uint32_t i = 0; i < o->views_n && r == 0; i++)
        r = draft_view(&d, &o->views[i]);
    *ret = d.records;
    *ret_n = d.n;
    return r;
}
