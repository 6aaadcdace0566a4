#include "control/keeper_decide.h"

#include "base/hlc.h"
#include "base/mem.h"
#include "control/inside.h"
#include "control/keyops.h"

#include <string.h>

struct keeper_work {
    struct change_keys
        *requests; /* of the batch, in its order; without operations when it could not be read */
    struct keyops_outcome *outcomes;
    struct keyops ops;
};

/* ---- which ---- */

static bool is_tree(const struct key_op *op)
{
    return op->kind == KEY_OP_KIND_GET_TREE || op->kind == KEY_OP_KIND_DELETE_TREE;
}

static bool has_tree(const struct change_keys *request)
{
    for (uint32_t i = 0; i < request->ops_n; i++) {
        if (is_tree(&request->ops[i]))
            return true;
    }
    return false;
}

static void ask_for(struct keys_ask *ask, struct bytes *keys, struct bytes *trees,
                    const struct change_keys *request)
{
    for (uint32_t i = 0; i < request->ops_n; i++) {
        if (is_tree(&request->ops[i]))
            trees[ask->trees_n++] = request->ops[i].key;
        else
            keys[ask->keys_n++] = request->ops[i].key;
    }
}

/* Whether it is decided with those before it. */
static bool fits(uint32_t ops_n, size_t bytes, bool tree, const struct change_keys *next,
                 size_t next_bytes)
{
    if (ops_n == 0)
        return true;
    return !tree && !has_tree(next) && ops_n + next->ops_n <= KEEPER_BATCH_OPS &&
           bytes + next_bytes <= KEEPER_BATCH_BYTES;
}

void keeper_batch(struct keeper *k, struct keys_ask *ask)
{
    struct keeper_work *work = arena_alloc(&k->mem, sizeof(*work));
    struct bytes *keys = arena_array(&k->mem, KEEPER_BATCH_OPS, sizeof(*keys));
    struct bytes *trees = arena_array(&k->mem, KEEPER_BATCH_OPS, sizeof(*trees));
    uint32_t ops_n = 0;
    size_t bytes = 0;
    bool tree = false;

    k->work = work;
    work->requests = arena_array(&k->mem, k->queue_n, sizeof(*work->requests));
    while (k->batch_n < k->queue_n) {
        struct change_keys *request = &work->requests[k->batch_n];
        struct bytes payload = k->queue[k->batch_n].payload;
        struct wire_error err;

        if (change_keys_decode(request, payload, &k->mem, &err))
            *request = (struct change_keys){0};
        if (!fits(ops_n, bytes, tree, request, payload.len))
            break;
        ask_for(ask, keys, trees, request);
        ops_n += request->ops_n;
        bytes += payload.len;
        tree = tree || has_tree(request);
        k->batch[k->batch_n] = k->queue[k->batch_n];
        k->batch_n++;
    }
    k->queue_n -= k->batch_n;
    memmove(k->queue, k->queue + k->batch_n, k->queue_n * sizeof(*k->queue));
    ask->keys = keys;
    ask->trees = trees;
}

/* ---- answers ---- */

static struct incoming asker(const struct keeper_request *r, struct envelope *envelope)
{
    *envelope = (struct envelope){.correlation = r->correlation};
    return (struct incoming){.envelope = envelope, .route = r->route};
}

static void reply(struct turn *t, const struct keeper_request *r, enum wire_kind kind,
                  struct bytes payload, uint64_t wait)
{
    struct envelope envelope;
    struct incoming in = asker(r, &envelope);
    struct buf out = {0};

    if (r->inside)
        return;
    if (!r->forwarded) {
        turn_reply(t, &in, kind, payload, wait);
        return;
    }
    forwarded_encode(&out, &(struct forwarded){.kind = (uint16_t)kind, .payload = payload});
    turn_reply(t, &in, WIRE_FORWARDED, buf_bytes(&out), wait);
    buf_deinit(&out);
}

void keeper_fail_one(struct turn *t, uint64_t route, uint64_t correlation, bool forwarded,
                     enum fail_code code, const char *text)
{
    struct keeper_request r = {.route = route, .correlation = correlation, .forwarded = forwarded};
    struct failed failed = {.code = code, .text = bytes_str(text)};
    struct buf out = {0};

    failed_encode(&out, &failed);
    reply(t, &r, WIRE_FAILED, buf_bytes(&out), 0);
    buf_deinit(&out);
}

static void fail_batch(struct keeper *k, struct turn *t, enum fail_code code, const char *text)
{
    for (uint32_t i = 0; i < k->batch_n; i++) {
        const struct keeper_request *r = &k->batch[i];

        if (!r->inside)
            keeper_fail_one(t, r->route, r->correlation, r->forwarded, code, text);
        mem_free((void *)(uintptr_t)r->payload.data);
    }
    k->batch_n = 0;
}

static bool is_about(const struct change_keys *request, struct bytes key)
{
    for (uint32_t i = 0; i < request->ops_n; i++) {
        const struct key_op *op = &request->ops[i];

        if (is_tree(op) ? bytes_starts(key, op->key) : bytes_equal(key, op->key))
            return true;
    }
    return false;
}

/* The rows of its keys, for the peer that the client asked, so that it has them before the client hears of them. */
static void add_records(struct keeper *k, const struct change_keys *request,
                        struct keys_changed *answer)
{
    struct bytes *list = arena_array(&k->mem, k->records_n, sizeof(*list));
    struct record record;
    struct wire_error err;

    for (uint32_t i = 0; i < k->records_n; i++) {
        if (record_decode(&record, k->records[i], &k->mem, &err) == 0 &&
            is_about(request, record.key))
            list[answer->records_n++] = k->records[i];
    }
    answer->records = list;
}

static void answer(struct control *c, struct turn *t, uint32_t index)
{
    struct keeper *k = &c->keeper;
    const struct keyops_outcome *outcome = &k->work->outcomes[index];
    struct key_info *infos = arena_array(&k->mem, outcome->results_n, sizeof(*infos));
    struct keys_changed changed = {.done = outcome->errors_n == 0,
                                   .results = infos,
                                   .results_n = outcome->results_n,
                                   .errors = outcome->errors,
                                   .errors_n = outcome->errors_n};
    struct buf out = {0};

    for (uint32_t i = 0; i < outcome->results_n; i++)
        infos[i] =
            key_view_info(&k->work->ops.views[outcome->results[i].view], outcome->results[i].value);
    if (k->batch[index].forwarded)
        add_records(k, &k->work->requests[index], &changed);
    else
        changed.told = keys_fed(c);
    keys_changed_encode(&out, &changed);
    reply(t, &k->batch[index], WIRE_KEYS_CHANGED, buf_bytes(&out), state_unstored(t->state));
    buf_deinit(&out);
}

void keeper_answer(struct control *c, struct turn *t)
{
    for (uint32_t i = 0; i < c->keeper.batch_n; i++)
        answer(c, t, i);
}

/* ---- what becomes of them ---- */

static uint32_t changes(const struct keyops *o)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < o->views_n; i++)
        n += o->views[i].changed + o->views[i].lock_changed;
    return n;
}

enum fate { FATE_LATER, FATE_ANSWERED, FATE_WRITES };

static enum fate decide_one(struct control *c, struct turn *t, uint32_t index)
{
    struct keeper *k = &c->keeper;
    struct keeper_work *work = k->work;
    const struct change_keys *request = &work->requests[index];
    uint32_t before = changes(&work->ops);

    if (keyops_touches(&work->ops, request->ops, request->ops_n))
        return FATE_LATER;
    if (k->too_many && has_tree(request)) {
        keeper_fail_one(t, k->batch[index].route, k->batch[index].correlation,
                        k->batch[index].forwarded, FAIL_CODE_BAD_REQUEST,
                        "there are too many such keys for one transaction");
        return FATE_ANSWERED;
    }
    for (uint32_t i = 0; i < request->records_n; i++)
        (void)state_merge(t->state, request->records[i]);
    keyops_apply(&work->ops, request->ops, request->ops_n, &work->outcomes[index]);
    if (changes(&work->ops) > before)
        return FATE_WRITES;
    answer(c, t, index);
    return FATE_ANSWERED;
}

static void sort_out(struct control *c, struct turn *t)
{
    struct keeper *k = &c->keeper;
    struct keeper_work *work = k->work;
    uint32_t kept = 0, later_n = 0;
    struct keeper_request *later = arena_array(&k->mem, k->batch_n, sizeof(*later));

    for (uint32_t i = 0; i < k->batch_n; i++) {
        enum fate fate = decide_one(c, t, i);

        if (fate == FATE_LATER) {
            later[later_n++] = k->batch[i];
        } else if (fate == FATE_ANSWERED) {
            mem_free((void *)(uintptr_t)k->batch[i].payload.data);
        } else {
            k->batch[kept] = k->batch[i];
            work->requests[kept] = work->requests[i];
            work->outcomes[kept++] = work->outcomes[i];
        }
    }
    k->batch_n = kept;
    if (!later_n)
        return;
    memmove(k->queue + later_n, k->queue, k->queue_n * sizeof(*k->queue));
    memcpy(k->queue, later, later_n * sizeof(*later));
    k->queue_n += later_n;
}

static size_t bytes_of_all(const struct bytes *list, uint32_t n)
{
    size_t bytes = 0;

    for (uint32_t i = 0; i < n; i++)
        bytes += list[i].len;
    return bytes;
}

bool keeper_decide(struct control *c, struct turn *t)
{
    struct keeper *k = &c->keeper;
    struct keeper_work *work = k->work;

    work->ops = (struct keyops){.control = c, .turn = t, .mem = &k->mem};
    work->outcomes = arena_array(&k->mem, k->batch_n, sizeof(*work->outcomes));
    sort_out(c, t);
    if (!k->batch_n)
        return false;
    int r = keyops_draft(&work->ops, &k->records, &k->records_n);

    if (r == 0 && (k->records_n > KEYS_ASK_RECORDS_MAX_ITEMS ||
                   bytes_of_all(k->records, k->records_n) > 2 * KEEPER_BATCH_BYTES))
        fail_batch(k, t, FAIL_CODE_BAD_REQUEST, "this is too much for one transaction");
    else if (r != 0)
        fail_batch(k, t, FAIL_CODE_NOT_READY,
                   "the host that decides about keys cannot write now (is its clock ahead?): try "
                   "again");
    return k->batch_n > 0;
}

/* Older than what all members have dropped the tombstones of, and of a key that is not here. */
static bool is_old(struct turn *t, struct bytes bytes, struct arena *mem)
{
    struct record record;
    struct wire_error err;

    if (record_decode(&record, bytes, mem, &err))
        return true;
    return hlc_wall_us(record.version.minor) / KITH_MS <= state_collected(t->state) &&
           !state_held(t->state, record.table, record.key);
}

/* The same row, as this peer would write it now; no bytes when there is nothing to be deleted. False: it cannot. */
static bool stamp_anew(struct turn *t, struct bytes *bytes, struct arena *mem)
{
    struct record record;
    struct wire_error err;
    struct buf out = {0};
    int r = record_decode(&record, *bytes, mem, &err);

    if (r == 0)
        r = state_draft(t->state, record.table, record.key, record.value, &out);
    bool nothing = r == STATE_OLD && record.value.len == 0;

    *bytes = r == 0 ? arena_bytes(mem, buf_bytes(&out)) : (struct bytes){0};
    buf_deinit(&out);
    return r == 0 || nothing;
}

bool keeper_adopt(struct keeper *k, struct turn *t)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < k->records_n; i++) {
        struct bytes record = k->records[i];

        if (is_old(t, record, &k->mem))
            continue;
        if (state_is_ahead(t->state, record) && !stamp_anew(t, &record, &k->mem))
            return false;
        if (record.len)
            k->records[kept++] = record;
    }
    k->records_n = kept;
    return true;
}
