/* Kith's own API: what the peer is asked about, as `kith` asks it. */
#include "native/ask.h"
#include "native/native.h"
#include "view/view.h"
#include "wire/text.h"

#define COMMANDS_MAX 1000u /* the newest are what a list is made of */

/* ---- members ---- */

/* The item of the answer that has the path's segment as this or that; 404: none has. */
static void one_that_has(struct exchange *x, json_t *items, const char *this, const char *that)
{
    struct bytes who = x->match.args[0];
    json_t *item;
    size_t i;

    json_array_foreach(items, i, item)
    {
        const char *a = json_string_value(json_object_get(item, this));
        const char *b = json_string_value(json_object_get(item, that));

        if (!bytes_equal_str(who, a ? a : "") && !bytes_equal_str(who, b ? b : ""))
            continue;
        native_answer(x, 200, json_incref(item));
        return;
    }
    answer_error(x, 404, "not_found", "there is no " BYTES_FMT " here", BYTES_ARG(who));
}

static void one_member(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    json_t *items = native_items(x, kind, payload);

    if (items)
        one_that_has(x, items, "id", "name");
    json_decref(items);
}

void native_member(struct exchange *x)
{
    native_ask(x, WIRE_GET_MEMBERS, &(struct get_members){.all = true}, one_member);
}

void native_rtt(struct exchange *x)
{
    native_ask(x, WIRE_GET_RTT,
               &(struct get_rtt){.from = x->match.args[0], .to = target_get(&x->target, "to")},
               native_list);
}

void native_info(struct exchange *x)
{
    native_ask(x, WIRE_GET_INFO, &(struct get_info){0}, native_one);
}

static void only_counters(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    json_t *items = native_items(x, kind, payload);

    if (!items)
        return;
    native_answer(x, 200, json_incref(json_object_get(json_array_get(items, 0), "counters")));
    json_decref(items);
}

void native_metrics(struct exchange *x)
{
    native_ask(x, WIRE_GET_INFO, &(struct get_info){0}, only_counters);
}

/* ---- services ---- */

void native_instances(struct exchange *x)
{
    struct get_instances request = {.service = target_get(&x->target, "service"),
                                    .all = target_flag(&x->target, "all")};

    native_ask(x, WIRE_GET_INSTANCES, &request, native_list);
}

static void one_instance(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    json_t *items = native_items(x, kind, payload);

    if (items)
        one_that_has(x, items, "id", "id");
    json_decref(items);
}

void native_instance(struct exchange *x)
{
    native_ask(x, WIRE_GET_INSTANCES, &(struct get_instances){.all = true}, one_instance);
}

static void as_dot(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    struct service_graph graph;
    struct wire_error err;

    (void)kind;
    if (service_graph_decode(&graph, payload, &x->mem, &err)) {
        answer_error(x, 500, "internal", "the peer's answer cannot be read");
        return;
    }
    answer_text(x, "text/vnd.graphviz", "");
    view_dot(&x->answer.body, &graph);
}

void native_graph(struct exchange *x)
{
    native_ask(x, WIRE_GET_GRAPH, &(struct get_graph){0},
               target_flag(&x->target, "dot") ? as_dot : native_one);
}

void native_why(struct exchange *x)
{
    native_ask(x, WIRE_GET_WHY, &(struct get_why){.what = x->match.args[0]}, native_one);
}

/* ---- what happened ---- */

/* Of a parameter that is a number. False: it is none, and the answer says so. */
static bool number(struct exchange *x, const char *name, uint64_t max, uint64_t *ret)
{
    int r = target_number(&x->target, name, ret);

    if (r == TARGET_BAD || (r == 0 && *ret > max)) {
        answer_error(x, 400, "bad_request", "%s: write a whole number", name);
        return false;
    }
    return true;
}

void native_commands(struct exchange *x)
{
    native_ask(x, WIRE_GET_COMMANDS, &(struct get_commands){.limit = COMMANDS_MAX}, native_list);
}

/* It goes on: who waits is told when it is over, whichever way. */
static void one_command(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    struct arena mem = {0};
    struct commands answer;
    struct wire_error err;

    if (commands_decode(&answer, payload, &mem, &err) == 0 && answer.commands_n)
        x->unsettled = answer.commands[0].state < COMMAND_STATE_DONE;
    arena_deinit(&mem);
    native_one(x, kind, payload);
}

void native_command(struct exchange *x)
{
    struct get_commands request = {0};

    if (ulid_parse(&request.id, x->match.args[0]))
        answer_error(x, 404, "not_found", "there is no command of such an id");
    else
        native_ask(x, WIRE_GET_COMMANDS, &request, one_command);
}

/* As they happened; the peer has counted them already. */
static void list_events(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    json_t *items = native_items(x, kind, payload);

    x->unsettled = items && json_array_size(items) == 0; /* the next one is waited for */
    if (items)
        native_answer_list(x, items, NULL);
}

void native_events(struct exchange *x)
{
    uint64_t after = 0, limit = 0;

    if (number(x, "after", UINT64_MAX, &after) && number(x, "limit", UINT32_MAX, &limit))
        native_ask(x, WIRE_GET_EVENTS,
                   &(struct get_events){.after = after, .limit = (uint32_t)limit}, list_events);
}

void native_conflicts(struct exchange *x)
{
    native_ask(x, WIRE_GET_CONFLICTS, &(struct get_conflicts){0}, native_list);
}

/* ---- logs ---- */

static void show_log(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    struct logs logs;
    struct wire_error err;

    (void)kind;
    if (logs_decode(&logs, payload, &x->mem, &err)) {
        answer_error(x, 500, "internal", "the peer's answer cannot be read");
        return;
    }
    x->unsettled = logs.data.len == 0; /* more of it is waited for */
    if (target_flag(&x->target, "raw")) {
        answer_text(x, "application/octet-stream", "");
        buf_append(&x->answer.body, logs.data.data, logs.data.len);
        return;
    }
    /* One byte that is no text becomes three. */
    struct bytes text = wire_text_make(&x->mem, logs.data, 3 * logs.data.len);

    native_answer(
        x, 200,
        json_pack("{s:s, s:I, s:I, s:o}", "instance", ulid_text(&logs.instance).s, "offset",
                  (json_int_t)logs.offset, "next", (json_int_t)logs.next, "text",
                  text.len ? json_stringn((const char *)text.data, text.len) : json_string("")));
}

void native_logs(struct exchange *x)
{
    struct get_logs request = {.instance = x->match.args[0]};
    uint64_t tail = 0;

    if (!number(x, "offset", UINT64_MAX, &request.offset) || !number(x, "tail", UINT32_MAX, &tail))
        return;
    request.tail_bytes = (uint32_t)tail;
    native_ask(x, WIRE_GET_LOGS, &request, show_log);
}
