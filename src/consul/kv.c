/* Consul's key-value store: /v1/kv/KEY. Reads are answered from the shelf, changes go to the peer. */
#include "consul/consul.h"
#include "consul/keys.h"
#include "consul/shape.h"
#include "http/json.h"

#include <stdio.h>
#include <string.h>

/* ---- shown ---- */

void consul_key(struct buf *out, const struct key_info *k, bool value)
{
    json_open(out, '{');
    json_unsigned_of(out, "LockIndex", k->locks);
    json_text_of(out, "Key", k->key);
    json_unsigned_of(out, "Flags", k->flags);
    json_base64_of(out, "Value", value ? k->value : (struct bytes){0});
    if (!ulid_is_zero(&k->session))
        consul_node_id(out, "Session", &k->session);
    json_unsigned_of(out, "CreateIndex", k->created);
    json_unsigned_of(out, "ModifyIndex", k->index);
    json_close(out, '}');
}

/* The answer is that there is nothing; it can be waited for. */
static void not_there(struct exchange *x, struct resource *about)
{
    answer_error(x, 404, "not_found", "there is no such key");
    x->answer.about = about;
}

static void raw(struct exchange *x, const struct key_info *k)
{
    answer_text(x, "application/octet-stream", "");
    buf_append(&x->answer.body, k->value.data, k->value.len);
}

static void get_one(struct exchange *x)
{
    struct shelf *s = &x->hub->shelf;
    struct bytes name = x->match.args[0];

    if (exchange_blocks(x, shelf_key_resource(s, name)))
        return;
    const struct key_info *k = shelf_find(s, name);

    if (!k) {
        not_there(x, shelf_key_resource(s, name));
    } else if (target_flag(&x->target, "raw")) {
        raw(x, k);
    } else {
        struct buf *out = answer_json(x);

        json_open(out, '[');
        consul_key(out, k, /* value= */ true);
        json_close(out, ']');
    }
}

static void get_tree(struct exchange *x)
{
    struct shelf *s = &x->hub->shelf;
    struct bytes prefix = x->match.args[0];
    struct resource *about = shelf_view_resource(s, SHELF_TREE, prefix, (struct bytes){0});

    if (exchange_blocks(x, about))
        return;
    const struct key_info *k = shelf_first(s, prefix);

    if (!k) {
        not_there(x, about);
        return;
    }
    struct buf *out = answer_json(x);

    json_open(out, '[');
    for (; k; k = shelf_next(s, k, prefix))
        consul_key(out, k, /* value= */ true);
    json_close(out, ']');
}

static void get_names(struct exchange *x)
{
    struct shelf *s = &x->hub->shelf;
    struct bytes prefix = x->match.args[0], separator = target_get(&x->target, "separator");
    struct resource *about = shelf_view_resource(s, SHELF_NAMES, prefix, separator);

    if (exchange_blocks(x, about))
        return;
    const struct key_info *k = shelf_first(s, prefix);
    struct bytes last = {0};

    if (!k) {
        not_there(x, about);
        return;
    }
    struct buf *out = answer_json(x);

    json_open(out, '[');
    for (; k; k = shelf_next(s, k, prefix)) {
        struct bytes name = shelf_fold(k->key, prefix, separator);

        if (!bytes_equal(name, last))
            json_text(out, name);
        last = name;
    }
    json_close(out, ']');
}

/* ---- asked of the keeper ---- */

static void got(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    struct keys_changed answer;

    if (consul_keys_answer(x, kind, payload, &answer))
        return;
    if (answer.results_n == 0) {
        not_there(x, NULL);
        return;
    }
    if (target_flag(&x->target, "raw") && !target_flag(&x->target, "recurse")) {
        raw(x, &answer.results[0]);
        return;
    }
    struct buf *out = answer_json(x);

    json_open(out, '[');
    for (uint32_t i = 0; i < answer.results_n; i++)
        consul_key(out, &answer.results[i], /* value= */ true);
    json_close(out, ']');
}

/* As a majority of the members has it. */
static void get_consistent(struct exchange *x)
{
    bool tree = target_flag(&x->target, "recurse");
    struct key_op op = {.kind = tree ? KEY_OP_KIND_GET_TREE : KEY_OP_KIND_GET_OR_EMPTY,
                        .key = x->match.args[0]};

    if (target_has(&x->target, "index"))
        answer_error(x, 400, "bad_request",
                     "what is read from a majority cannot be waited for: leave consistent out");
    else if (target_has(&x->target, "keys"))
        answer_error(x, 400, "bad_request", "keys cannot be listed consistently here");
    else
        consul_keys_ask(x, &op, 1, got);
}

void consul_kv_get(struct exchange *x)
{
    bool consistent = target_flag(&x->target, "consistent");

    if (consul_check_keys(x))
        return;
    if (consistent)
        get_consistent(x);
    else if (target_has(&x->target, "keys"))
        get_names(x);
    else if (target_has(&x->target, "recurse"))
        get_tree(x);
    else if (x->match.args[0].len == 0)
        answer_error(x, 400, "bad_request", "the name of a key is missing");
    else
        get_one(x);
}

/* ---- changes ---- */

static void changed(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    struct keys_changed answer;

    if (consul_keys_answer(x, kind, payload, &answer))
        return;
    if (answer.errors_n && answer.errors[0].no_session) {
        answer_error(x, 500, "not_found", "invalid session: there is none of this ID");
        return;
    }
    buf_str(answer_json(x), answer.done ? "true" : "false");
    exchange_catch_up(x, answer.told);
}

/* 0, or 1: the answer is an error. */
static int read_session(struct exchange *x, const char *name, struct ulid *ret)
{
    if (consul_read_uuid(target_get(&x->target, name), ret) == 0)
        return 0;
    answer_error(x, 400, "bad_request", "%s: write the ID of a session", name);
    return 1;
}

static int read_index(struct exchange *x, struct key_op *op, enum key_op_kind kind)
{
    if (!target_has(&x->target, "cas"))
        return 0;
    op->kind = kind;
    if (target_number(&x->target, "cas", &op->index) == 0)
        return 0;
    answer_error(x, 400, "bad_request", "cas: write the ModifyIndex of the key, or 0");
    return 1;
}

static int read_put(struct exchange *x, struct key_op *op)
{
    const struct target *t = &x->target;
    int bad = read_index(x, op, KEY_OP_KIND_CAS);

    if (!bad && target_has(t, "flags") && target_number(t, "flags", &op->flags) != 0) {
        answer_error(x, 400, "bad_request", "flags: write a number");
        bad = 1;
    }
    if (!bad && target_has(t, "cas") + target_has(t, "acquire") + target_has(t, "release") > 1) {
        answer_error(x, 400, "bad_request", "only one of cas, acquire and release can be done");
        bad = 1;
    }
    if (!bad && target_has(t, "acquire")) {
        op->kind = KEY_OP_KIND_LOCK;
        bad = read_session(x, "acquire", &op->session);
    }
    if (!bad && target_has(t, "release")) {
        op->kind = KEY_OP_KIND_UNLOCK;
        bad = read_session(x, "release", &op->session);
    }
    return bad;
}

void consul_kv_put(struct exchange *x)
{
    struct key_op op = {
        .kind = KEY_OP_KIND_SET, .key = x->match.args[0], .value = buf_bytes(&x->body)};

    if (consul_check_keys(x) || read_put(x, &op))
        return;
    if (op.value.len > KEY_OP_VALUE_MAX)
        answer_error(x, 413, "too_large", "a value has %u bytes at most here", KEY_OP_VALUE_MAX);
    else
        consul_keys_ask(x, &op, 1, changed);
}

void consul_kv_delete(struct exchange *x)
{
    struct key_op op = {.kind = KEY_OP_KIND_DELETE, .key = x->match.args[0]};

    if (consul_check_keys(x) || read_index(x, &op, KEY_OP_KIND_DELETE_CAS))
        return;
    if (target_has(&x->target, "recurse"))
        op.kind = KEY_OP_KIND_DELETE_TREE;
    consul_keys_ask(x, &op, 1, changed);
}
