#include "native/ask.h"

#include "native/message.h"
#include "view/things.h"
#include "wire/frame.h"

/* ---- what is asked for ---- */

json_t *native_body(struct exchange *x)
{
    json_error_t error;
    json_t *json;

    if (x->body.len == 0)
        return json_object();
    json = json_loadb((const char *)x->body.data, x->body.len, JSON_REJECT_DUPLICATES, &error);
    if (!json)
        answer_error(x, 400, "bad_request", "the body is no JSON: line %d: %s", error.line,
                     error.text);
    return json;
}

/* Of how, and not of what. */
static bool is_about_request(struct bytes name)
{
    return bytes_equal_str(name, "token") || bytes_equal_str(name, "timeout");
}

json_t *native_query(const struct exchange *x)
{
    json_t *object = json_object();

    for (unsigned i = 0; i < x->target.params_n; i++) {
        const struct target_param *p = &x->target.params[i];

        if (!is_about_request(p->name))
            json_object_setn_new(object, (const char *)p->name.data, p->name.len,
                                 p->value.len
                                     ? json_stringn((const char *)p->value.data, p->value.len)
                                     : json_string(""));
    }
    return object;
}

bool native_read_object(struct exchange *x, const struct wire_struct *type, void *message,
                        const json_t *object)
{
    struct buf why = {0};
    bool good = json_is_object(object);

    if (!good)
        answer_error(x, 400, "bad_request", "the body is no JSON object");
    else if (message_read(message, type, object, &x->mem, &why)) {
        answer_error(x, 400, "bad_request", "%s", buf_cstr(&why));
        good = false;
    }
    buf_deinit(&why);
    return good;
}

bool native_read(struct exchange *x, const struct wire_struct *type, void *message)
{
    json_t *body = native_body(x);

    if (!body)
        return false;
    json_t *query = native_query(x);
    bool good;

    json_object_update(body, query); /* what both say is the query's */
    good = native_read_object(x, type, message, body);
    json_decref(query);
    json_decref(body);
    return good;
}

void native_ask(struct exchange *x, enum wire_kind kind, const void *message,
                exchange_answered *answered)
{
    const struct wire_struct *type = frame_kind(kind)->type;
    struct buf question = {0};
    struct wire_error err;

    if (wire_check(type, message, &err)) {
        answer_error(x, 400, "bad_request", "%s: %s", err.field, err.why);
        return;
    }
    int r = target_duration(&x->target, "timeout", &x->within_us);

    if (r == TARGET_BAD || (r == 0 && x->within_us <= 0)) {
        answer_error(x, 400, "bad_request", "timeout: write a time such as 30s");
        return;
    }
    if (x->match.route->effect != ROUTE_CHANGES && exchange_waits(x))
        return;
    x->within_us = kith_time_min(x->within_us, NATIVE_TIMEOUT_MAX_US);
    wire_encode(&question, type, message);
    exchange_ask(x, kind, question, answered);
}

/* ---- what is answered ---- */

static json_t *items_of(const struct thing *thing, const struct wire_struct *type,
                        const void *answer)
{
    struct wire_list items = {answer, 1};
    json_t *array = json_array();

    if (thing->list)
        items = wire_load_list(column_field(type, thing->list), answer);
    for (uint32_t i = 0; i < items.n; i++)
        json_array_append_new(
            array, columns_object(thing->columns, items.items + i * thing->columns->type->size));
    return array;
}

json_t *native_items(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    const struct thing *thing = thing_find(kind);
    const struct wire_kind_info *info = frame_kind(kind);
    struct arena mem = {0}; /* of its own: the peer may be asked again and again */
    struct wire_error err;
    json_t *items = NULL;
    void *answer = thing && info ? arena_alloc(&mem, info->type->size) : NULL;

    if (answer && wire_decode(answer, info->type, payload, &mem, &err) == 0)
        items = items_of(thing, info->type, answer);
    else
        answer_error(x, 500, "internal", "the peer's answer cannot be read");
    arena_deinit(&mem);
    return items;
}

static int append(const char *data, size_t len, void *out)
{
    buf_append(out, data, len);
    return 0;
}

void native_answer(struct exchange *x, unsigned status, json_t *value)
{
    struct buf *out = answer_json(x);

    json_dump_callback(value, append, out, JSON_COMPACT | JSON_ENCODE_ANY);
    x->answer.status = status;
    json_decref(value);
}

void native_answer_list(struct exchange *x, json_t *items, const struct native_key *key)
{
    items = native_pick(x, items, key);
    if (items)
        native_answer(x, 200, items);
}

static const struct {
    enum wire_kind kind;
    struct native_key key;
} keys[] = {
    {WIRE_INSTANCES, {.first = "id"}},     {WIRE_COMMANDS, {.first = "id", .newest = true}},
    {WIRE_CONFLICT_LIST, {.first = "id"}}, {WIRE_CHECK_RESULTS, {.first = "instance"}},
    {WIRE_RTTS, {.first = "to"}},          {WIRE_REGISTERED_ENDPOINTS, {.first = "name"}},
};

void native_list(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    json_t *items = native_items(x, kind, payload);
    struct native_key key = {.first = "id"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (keys[i].kind == kind)
            key = keys[i].key;
    }
    if (items)
        native_answer_list(x, items, &key);
}

static void first(struct exchange *x, enum wire_kind kind, struct bytes payload, unsigned status)
{
    json_t *items = native_items(x, kind, payload);

    if (!items)
        return;
    if (json_array_size(items))
        native_answer(x, status, json_incref(json_array_get(items, 0)));
    else
        answer_error(x, 404, "not_found", "there is no such thing");
    json_decref(items);
}

void native_one(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    first(x, kind, payload, 200);
}

void native_accepted(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    first(x, kind, payload, 202);
}
