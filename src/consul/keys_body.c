#include "consul/keys_body.h"

#include "consul/json.h"
#include "consul/keys.h"

#include <string.h>

/* ---- sessions ---- */

/* serfHealth or nothing: Kith knows no other checks that a session could hang on. */
static int take_checks(struct consul_reader *r, json_t *session, const char *name,
                       struct session_row *ret)
{
    json_t *list = consul_value(session, name);
    size_t n = json_array_size(list);

    if (!list)
        return 0;
    if (!json_is_array(list))
        return consul_refuse(r, "Checks is a list");
    ret->unwatched = n == 0;
    for (size_t i = 0; i < n; i++) {
        const char *check = json_string_value(json_array_get(list, i));

        if (!check || strcmp(check, "serfHealth") != 0)
            return consul_refuse(
                r, "a session hangs on serfHealth or on nothing: other checks are not taken");
    }
    return 0;
}

static int take_behavior(struct consul_reader *r, json_t *session, struct session_row *ret)
{
    struct bytes behavior = bytes_str("release");

    if (consul_take_member(r, session, "Behavior", 16, &behavior))
        return 1;
    ret->deletes = bytes_equal_str(behavior, "delete");
    if (!ret->deletes && behavior.len && !bytes_equal_str(behavior, "release"))
        return consul_refuse(r, "Behavior is release or delete");
    return 0;
}

static int take_session(struct consul_reader *r, json_t *session, struct bytes node,
                        struct session_row *ret)
{
    struct bytes there = node;
    json_t *services = consul_value(session, "ServiceChecks");

    if (!json_is_object(session))
        return consul_refuse(r, "the body is no JSON object");
    ret->delay_ms = CONSUL_LOCK_DELAY_MS;
    if (consul_take_member(r, session, "Name", SESSION_ROW_NAME_MAX, &ret->name) ||
        consul_take_member(r, session, "Node", 256, &there) ||
        consul_take_duration(r, session, "TTL", &ret->ttl_ms) ||
        consul_take_duration(r, session, "LockDelay", &ret->delay_ms) ||
        take_behavior(r, session, ret) || take_checks(r, session, "Checks", ret) ||
        take_checks(r, session, "NodeChecks", ret))
        return 1;
    if (json_array_size(services))
        return consul_refuse(r, "a session hangs on no checks of services here");
    if (there.len && !bytes_equal(there, node))
        return consul_refuse(r, "a session is of the peer that is asked: ask the other one");
    return 0;
}

int consul_read_session(struct session_row *ret, struct bytes body, struct bytes node,
                        struct arena *mem, const char **why)
{
    struct consul_reader r = {.mem = mem};

    *ret = (struct session_row){.delay_ms = CONSUL_LOCK_DELAY_MS};
    if (!body.len)
        return 0;
    json_t *json = consul_parse(body, why);

    if (!json)
        return 1;
    int bad = take_session(&r, json, node, ret);

    json_decref(json);
    *why = r.why;
    return bad;
}

/* ---- transactions ---- */

static const struct {
    const char *verb;
    enum key_op_kind kind;
} verbs[] = {
    {"set", KEY_OP_KIND_SET},
    {"cas", KEY_OP_KIND_CAS},
    {"lock", KEY_OP_KIND_LOCK},
    {"unlock", KEY_OP_KIND_UNLOCK},
    {"get", KEY_OP_KIND_GET},
    {"get-or-empty", KEY_OP_KIND_GET_OR_EMPTY},
    {"get-tree", KEY_OP_KIND_GET_TREE},
    {"check-index", KEY_OP_KIND_CHECK_INDEX},
    {"check-session", KEY_OP_KIND_CHECK_SESSION},
    {"check-not-exists", KEY_OP_KIND_CHECK_NOT_EXISTS},
    {"delete", KEY_OP_KIND_DELETE},
    {"delete-tree", KEY_OP_KIND_DELETE_TREE},
    {"delete-cas", KEY_OP_KIND_DELETE_CAS},
};

static int take_verb(struct consul_reader *r, json_t *kv, struct key_op *ret)
{
    struct bytes verb = {0};

    if (consul_take_member(r, kv, "Verb", 32, &verb))
        return 1;
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (!bytes_equal_str(verb, verbs[i].verb))
            continue;
        ret->kind = verbs[i].kind;
        return 0;
    }
    return consul_refuse(r, "a Verb is set, cas, lock, unlock, get, get-or-empty, get-tree, "
                            "check-index, check-session, check-not-exists, delete, delete-tree or "
                            "delete-cas");
}

static int digit(uint8_t c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* RFC 4648, with its padding. */
static int read_base64(struct consul_reader *r, struct bytes text, struct bytes *ret)
{
    uint8_t *out = arena_alloc(r->mem, text.len / 4 * 3 + 1);
    size_t len = 0;

    for (size_t i = 0; i < text.len; i += 4) {
        uint32_t group = 0;
        unsigned pad = 0;

        for (unsigned k = 0; k < 4; k++) {
            uint8_t c = i + k < text.len ? text.data[i + k] : 0;
            int d = digit(c);

            pad += c == '=';
            if ((d < 0 && c != '=') || (d >= 0 && pad) || pad > 2)
                return consul_refuse(r, "a Value is base64");
            group = group << 6 | (d < 0 ? 0u : (uint32_t)d);
        }
        if (pad && i + 4 < text.len)
            return consul_refuse(r, "a Value is base64");
        for (unsigned k = 0; k < 3 - pad; k++)
            out[len++] = (uint8_t)(group >> (16 - 8 * k));
    }
    *ret = bytes_of(out, len);
    return 0;
}

static int take_value(struct consul_reader *r, json_t *kv, struct key_op *ret)
{
    json_t *value = consul_value(kv, "Value");

    if (!value)
        return 0;
    if (!json_is_string(value))
        return consul_refuse(r, "a Value is base64");
    if (read_base64(r, bytes_of(json_string_value(value), json_string_length(value)), &ret->value))
        return 1;
    return ret->value.len > KEY_OP_VALUE_MAX ? consul_refuse(r, "a value has 64 KiB at most here")
                                             : 0;
}

static int take_op(struct consul_reader *r, json_t *op, struct key_op *ret)
{
    json_t *kv = consul_value(op, "KV");
    struct bytes session = {0};

    if (!json_is_object(kv))
        return consul_refuse(r, "only operations on KV are done in a transaction here");
    if (take_verb(r, kv, ret) || consul_take_member(r, kv, "Key", KEY_OP_KEY_MAX, &ret->key) ||
        take_value(r, kv, ret) || consul_take_unsigned(r, kv, "Flags", &ret->flags) ||
        consul_take_unsigned(r, kv, "Index", &ret->index) ||
        consul_take_member(r, kv, "Session", 64, &session))
        return 1;
    if (session.len && consul_read_uuid(session, &ret->session))
        return consul_refuse(r, "a Session is the ID of one");
    return 0;
}

static int take_ops(struct consul_reader *r, json_t *list, struct change_keys *ret)
{
    size_t n = json_array_size(list);

    if (!json_is_array(list) || n == 0 || n > CHANGE_KEYS_OPS_MAX_ITEMS)
        return consul_refuse(r, "a transaction is a list of 1 to 64 operations");
    struct key_op *ops = arena_array(r->mem, n, sizeof(*ops));

    for (size_t i = 0; i < n; i++) {
        if (take_op(r, json_array_get(list, i), &ops[i]))
            return 1;
    }
    ret->ops = ops;
    ret->ops_n = (uint32_t)n;
    ret->strict = true;
    return 0;
}

int consul_read_txn(struct change_keys *ret, struct bytes body, struct arena *mem, const char **why)
{
    struct consul_reader r = {.mem = mem};
    json_t *json = consul_parse(body, why);

    *ret = (struct change_keys){0};
    if (!json)
        return 1;
    int bad = take_ops(&r, json, ret);

    json_decref(json);
    *why = r.why;
    return bad;
}
