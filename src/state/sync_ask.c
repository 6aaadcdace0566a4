#include "base/mem.h"
#include "state/inside.h"
#include "state/sync_inside.h"

#include <string.h>

/* ---- lists that grow while an answer is read ---- */

struct key_list {
    uint64_t *v;
    uint32_t n, cap;
};

static void key_add(struct key_list *list, uint64_t key)
{
    if (list->n == list->cap) {
        list->cap = list->cap ? 2 * list->cap : 64;
        list->v = mem_grow(list->v, list->cap, sizeof(*list->v));
    }
    list->v[list->n++] = key;
}

/* The list becomes a task's. */
static void add_keys(struct sync_session *session, enum sync_step step, struct key_list *list)
{
    if (list->n > 0)
        session_add(session, &(struct sync_task){.step = step, .keys = list->v, .keys_n = list->n});
    else
        mem_free(list->v);
    *list = (struct key_list){0};
}

/* Nodes to compare are gathered into as few questions as hold them. */
static void compare_add(struct sync_session *session, struct sync_task *task,
                        struct sync_place place)
{
    task->step = STEP_COMPARE;
    task->places[task->places_n++] = place;
    if (task->places_n == SYNC_COMPARE_MAX) {
        session_add(session, task);
        *task = (struct sync_task){0};
    }
}

static void compare_flush(struct sync_session *session, struct sync_task *task)
{
    if (task->places_n > 0)
        session_add(session, task);
}

/* ---- questions ---- */

static bool ask_compare(struct turn *t, struct sync_question *q, struct arena *mem)
{
    const struct digest *digest = &state_table(t->state)->digest;
    struct sync_node *nodes = arena_array(mem, q->task.places_n, sizeof(*nodes));

    for (uint32_t i = 0; i < q->task.places_n; i++) {
        struct sync_place place = q->task.places[i];
        struct digest_sum sum = digest_sum(digest, place.depth, place.prefix);

        nodes[i] = (struct sync_node){
            .depth = (uint8_t)place.depth,
            .prefix = place.prefix,
            .digest = sum.digest,
            .count = sum.count,
        };
    }
    q->kind = WIRE_SYNC_COMPARE;
    sync_compare_encode(&q->payload,
                        &(struct sync_compare){.nodes = nodes, .nodes_n = q->task.places_n});
    return true;
}

static bool ask_want(struct sync_question *q)
{
    uint32_t n = q->task.keys_n - q->task.at;

    if (n == 0)
        return false;
    struct sync_want want = {
        .keys = q->task.keys + q->task.at,
        .keys_n = n < SYNC_WANT_MAX ? n : SYNC_WANT_MAX,
    };
    q->kind = WIRE_SYNC_WANT;
    sync_want_encode(&q->payload, &want);
    return true;
}

static bool ask_range(struct sync_question *q)
{
    struct sync_range range = {
        .depth = (uint8_t)q->task.places[0].depth,
        .prefix = q->task.places[0].prefix,
        .from = q->task.from,
    };

    q->kind = WIRE_SYNC_RANGE;
    sync_range_encode(&q->payload, &range);
    return true;
}

/* The rows of the next keys; `at` moves behind those that the question carries. */
static void load_keys(struct turn *t, struct sync_task *task, struct sync_load *load)
{
    const struct table *table = state_table(t->state);

    for (; task->at < task->keys_n; task->at++) {
        struct digest_walk walk;
        struct digest_item *item = digest_find(&table->digest, task->keys[task->at], &walk);

        if (item && !load_add(load, t->state, item, &walk))
            return;
    }
}

static bool ask_push(struct sync *s, struct turn *t, struct sync_question *q, struct arena *mem)
{
    struct sync_task *task = &q->task;
    struct sync_load load;

    load_init(&load, mem);
    if (task->step == STEP_PUSH)
        load_keys(t, task, &load);
    else if (!task->last)
        task->last = load_range(&load, t->state, task->places[0], task->from, &task->from);
    if (load.n == 0)
        return false;
    s->counts.rows_out += load.n;
    q->kind = WIRE_SYNC_PUSH;
    q->wait = load.wait;
    sync_push_encode(&q->payload,
                     &(struct sync_push){.records = load.records, .records_n = load.n});
    return true;
}

bool ask(struct sync *s, struct turn *t, struct sync_question *q)
{
    struct arena mem = {0};
    bool asked = false;

    switch (q->task.step) {
    case STEP_COMPARE:
        asked = ask_compare(t, q, &mem);
        break;
    case STEP_WANT:
        asked = ask_want(q);
        break;
    case STEP_RANGE:
        asked = ask_range(q);
        break;
    case STEP_PUSH:
    case STEP_PUSH_RANGE:
        asked = ask_push(s, t, q, &mem);
        break;
    }
    arena_deinit(&mem);
    return asked;
}

/* ---- answers ---- */

/* What a child of a split node needs, seen from both counts. */
static void compare_child(struct sync_session *session, struct sync_task *compare,
                          struct sync_place place, struct digest_sum here, struct digest_sum there)
{
    struct sync_task whole = {.places = {place}, .places_n = 1, .from = place.prefix};

    if (here.digest == there.digest && here.count == there.count)
        return;
    if (there.count == 0) {
        whole.step = STEP_PUSH_RANGE;
        session_add(session, &whole);
    } else if (here.count * SYNC_NEARLY_EMPTY < there.count) {
        whole.step = STEP_RANGE;
        whole.compare_then = here.count > 0;
        session_add(session, &whole);
    } else {
        compare_add(session, compare, place);
    }
}

static bool hear_split(struct turn *t, struct sync_session *session, struct sync_task *compare,
                       const struct sync_split *split)
{
    struct digest_sum here[DIGEST_FANOUT];

    if (split->depth >= DIGEST_DEPTH_MAX)
        return false;
    if (split->digests_n != DIGEST_FANOUT || split->counts_n != DIGEST_FANOUT)
        return false;
    digest_children(&state_table(t->state)->digest, split->depth, split->prefix, here);
    for (uint32_t i = 0; i < DIGEST_FANOUT; i++) {
        struct sync_place place = {
            .depth = (uint32_t)split->depth + 1,
            .prefix = digest_child(split->depth, split->prefix, i),
        };
        struct digest_sum there = {split->digests[i], split->counts[i]};

        compare_child(session, compare, place, here[i], there);
    }
    return true;
}

/* Whether the leaf names this key hash, and with this content. */
static void look_up(const struct sync_leaf *leaf, uint64_t key, uint64_t hash, bool *ret_key,
                    bool *ret_same)
{
    *ret_key = *ret_same = false;
    for (uint32_t i = 0; i < leaf->keys_n; i++) {
        if (leaf->keys[i] == key) {
            *ret_key = true;
            *ret_same |= leaf->hashes[i] == hash;
        }
    }
}

static bool is_here(const struct digest *digest, uint64_t key, uint64_t hash)
{
    struct digest_walk walk;
    struct digest_item *item = digest_find(digest, key, &walk);

    for (; item && item->key_hash == key; item = digest_next(&walk)) {
        if (item->hash == hash)
            return true;
    }
    return false;
}

static bool hear_leaf(struct turn *t, struct sync_session *session, const struct sync_leaf *leaf,
                      struct key_list *want)
{
    const struct digest *digest = &state_table(t->state)->digest;
    struct sync_place place = {leaf->depth, leaf->prefix};
    struct key_list push = {0};
    bool named, same;

    if (leaf->keys_n != leaf->hashes_n)
        return false;
    if (leaf->keys_n == 0) {
        session_add(session, &(struct sync_task){.step = STEP_PUSH_RANGE,
                                                 .places = {place},
                                                 .places_n = 1,
                                                 .from = place.prefix});
        return true;
    }
    for (uint32_t i = 0; i < leaf->keys_n; i++) {
        if (!is_here(digest, leaf->keys[i], leaf->hashes[i]))
            key_add(want, leaf->keys[i]);
    }
    uint64_t last = digest_last(place.depth, place.prefix), before = 0;
    struct digest_walk walk;
    struct digest_item *item = digest_from(digest, place.prefix, &walk);
    for (; item && item->key_hash <= last; item = digest_next(&walk)) {
        look_up(leaf, item->key_hash, item->hash, &named, &same);
        if (!named && (push.n == 0 || item->key_hash != before)) /* of twins, one stands for all */
            key_add(&push, item->key_hash);
        before = item->key_hash;
    }
    add_keys(session, STEP_PUSH, &push);
    return true;
}

/* Each node that was asked about is answered once at most: an answer cannot make work for ever. */
static bool was_asked(struct sync_task *task, uint32_t depth, uint64_t prefix)
{
    for (uint32_t i = 0; i < task->places_n; i++) {
        if (task->places[i].depth == depth && task->places[i].prefix == prefix) {
            task->places[i] = task->places[--task->places_n];
            return true;
        }
    }
    return false;
}

static bool hear_diff(struct turn *t, struct sync_session *session, struct sync_task *task,
                      struct bytes payload, struct arena *mem)
{
    struct sync_task compare = {0};
    struct key_list want = {0};
    struct sync_diff diff;
    struct wire_error err;
    bool ok = sync_diff_decode(&diff, payload, mem, &err) == 0;

    for (uint32_t i = 0; ok && i < diff.splits_n; i++)
        ok = was_asked(task, diff.splits[i].depth, diff.splits[i].prefix) &&
             hear_split(t, session, &compare, &diff.splits[i]);
    for (uint32_t i = 0; ok && i < diff.leaves_n; i++)
        ok = was_asked(task, diff.leaves[i].depth, diff.leaves[i].prefix) &&
             hear_leaf(t, session, &diff.leaves[i], &want);
    compare_flush(session, &compare);
    add_keys(session, STEP_WANT, &want);
    return ok;
}

/* Merges what came; where ours stays, it is sent back. */
static void take_records(struct sync *s, struct turn *t, struct sync_session *session,
                         const struct bytes *records, uint32_t n)
{
    struct key_list push = {0};

    s->counts.rows_in += n;
    for (uint32_t i = 0; i < n; i++) {
        int r = state_merge(t->state, records[i]);
        uint64_t key;

        if ((r == STATE_OLD || r == STATE_FROZEN) && state_holds_other(t->state, records[i], &key))
            key_add(&push, key);
    }
    add_keys(session, STEP_PUSH, &push);
}

static bool hear_rows(struct sync *s, struct turn *t, struct sync_session *session,
                      struct sync_task *task, struct bytes payload, struct arena *mem)
{
    struct sync_rows rows;
    struct wire_error err;

    if (sync_rows_decode(&rows, payload, mem, &err) != 0)
        return false;
    if (rows.done == 0 || rows.done > task->keys_n - task->at)
        return false;
    task->at += rows.done;
    if (task->at < task->keys_n) {
        session_add(session, task);
        task->keys = NULL; /* handed over */
    }
    take_records(s, t, session, rows.records, rows.records_n);
    return true;
}

static bool hear_page(struct sync *s, struct turn *t, struct sync_session *session,
                      struct sync_task *task, struct bytes payload, struct arena *mem)
{
    struct sync_page page;
    struct wire_error err;
    struct sync_place place = task->places[0];

    if (sync_page_decode(&page, payload, mem, &err) != 0)
        return false;
    if (!page.end &&
        (page.next <= task->from || page.next > digest_last(place.depth, place.prefix)))
        return false;
    if (!page.end) {
        task->from = page.next;
        session_add(session, task);
    } else if (task->compare_then) {
        session_add(session,
                    &(struct sync_task){.step = STEP_COMPARE, .places = {place}, .places_n = 1});
    }
    take_records(s, t, session, page.records, page.records_n);
    return true;
}

static bool hear_taken(struct sync_session *session, struct sync_task *task)
{
    session_add(session, task);
    task->keys = NULL; /* handed over */
    return true;
}

bool hear(struct sync *s, struct turn *t, struct sync_session *session, struct sync_question *q,
          const struct incoming *in)
{
    struct arena mem = {0};
    bool ok = false;

    if (in->envelope->kind == WIRE_SYNC_DIFF && q->kind == WIRE_SYNC_COMPARE)
        ok = hear_diff(t, session, &q->task, in->payload, &mem);
    else if (in->envelope->kind == WIRE_SYNC_ROWS && q->kind == WIRE_SYNC_WANT)
        ok = hear_rows(s, t, session, &q->task, in->payload, &mem);
    else if (in->envelope->kind == WIRE_SYNC_PAGE && q->kind == WIRE_SYNC_RANGE)
        ok = hear_page(s, t, session, &q->task, in->payload, &mem);
    else if (in->envelope->kind == WIRE_SYNC_TAKEN && q->kind == WIRE_SYNC_PUSH)
        ok = hear_taken(session, &q->task);
    arena_deinit(&mem);
    return ok;
}
