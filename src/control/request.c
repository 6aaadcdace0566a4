#include "control/request.h"

#include "control/answer.h"
#include "control/command.h"
#include "control/explain.h"
#include "control/history.h"
#include "control/registrar.h"
#include "control/undo.h"
#include "trust/authority.h"

#include <string.h>

static const struct instance *only_one_of(const struct control *c, const struct service *s)
{
    const struct instance *found = NULL;
    struct instance *i;

    FLEET_FOREACH (i, service_fleet(s)) {
        if (!instance_runs(&c->catalog, i))
            continue;
        if (found)
            return NULL;
        found = i;
    }
    return found;
}

/* Crockford's base32 in either case: what differs by case only is the same. */
static bool same_start(const char *text, struct bytes prefix)
{
    for (size_t k = 0; k < prefix.len; k++) {
        uint8_t ch = prefix.data[k];

        if (ch >= 'a' && ch <= 'z')
            ch = (uint8_t)(ch - 'a' + 'A');
        if ((uint8_t)text[k] != ch)
            return false;
    }
    return true;
}

const struct instance *request_find_instance(const struct control *c, struct bytes what)
{
    const struct service *s = catalog_find(&c->catalog, what);
    const struct instance *found = NULL;
    struct instance *i;

    if (s)
        return only_one_of(c, s);
    if (!what.len || what.len > ULID_TEXT_LEN)
        return NULL;
    FLEET_FOREACH (i, &c->catalog.instances) {
        if (!same_start(ulid_text(instance_id(i)).s, what))
            continue;
        if (found && !ulid_equal(instance_id(found), instance_id(i)))
            return NULL;
        found = i;
    }
    return found;
}

static bool allowed(struct turn *t, const struct incoming *in, enum authority_verb verb,
                    struct bytes object)
{
    struct authority_subject who = {.kind = in->who.kind};

    if (may(&who, verb, object))
        return true;
    turn_fail(t, in, FAIL_CODE_NOT_ALLOWED, "a %s may not do this",
              principal_kind_name(in->who.kind));
    return false;
}

/* What a change is about decides who may ask for it. */
static bool change_allowed(struct turn *t, const struct incoming *in)
{
    enum authority_verb verb = AUTHORITY_CHANGE;
    struct arena mem = {0};
    struct change request;
    struct wire_error err;
    bool ok = true;

    if (!change_decode(&request, in->payload, &mem, &err)) {
        if (request.kind == COMMAND_KIND_STOP_ALL)
            verb = AUTHORITY_HALT;
        ok = allowed(t, in, verb, request.service);
    } else {
        ok = allowed(t, in, verb, (struct bytes){0});
    }
    arena_deinit(&mem);
    return ok;
}

/* What keys and sessions are asked for, by a client or by the peer that it asked. */
static bool receive_keys(struct control *c, struct turn *t, const struct incoming *in,
                         uint32_t kind, bool forwarded)
{
    switch (kind) {
    case WIRE_CHANGE_KEYS:
        keys_change(c, t, in, forwarded);
        return true;
    case WIRE_RENEW_SESSION:
        sessions_renew(c, t, in, forwarded);
        return true;
    case WIRE_END_SESSION:
        sessions_end(c, t, in, forwarded);
        return true;
    case WIRE_OPEN_SESSION:
        if (!forwarded)
            sessions_open(c, t, in);
        return !forwarded;
    default:
        return false;
    }
}

/* Another peer asks for a client of its own; what it asks for is asked about again. */
static void receive_forward(struct control *c, struct turn *t, const struct incoming *in)
{
    struct incoming inner = *in;
    struct forward request;
    struct arena mem = {0};
    struct wire_error err;

    if (forward_decode(&request, in->payload, &mem, &err)) {
        turn_fail(t, in, FAIL_CODE_BAD_REQUEST, "%s: %s", err.field, err.why);
    } else {
        inner.payload = request.payload;
        inner.who =
            (struct principal){.kind = request.principal_kind, .name = request.principal_name};
        if (!allowed(t, in, AUTHORITY_FORWARD, (struct bytes){0}) ||
            !allowed(t, &inner, authority_verb_of(request.kind), (struct bytes){0}))
            ; /* and it was told so */
        else if (request.kind == WIRE_GET_LOGS)
            logs_get(c, t, &inner, /* forwarded= */ true);
        else if (request.kind == WIRE_CHECK_NOW)
            check_now_ask(c, t, &inner, /* forwarded= */ true);
        else if (!receive_keys(c, t, &inner, request.kind, /* forwarded= */ true))
            turn_fail(t, in, FAIL_CODE_BAD_REQUEST, "this cannot be handed on");
    }
    arena_deinit(&mem);
}

typedef void answer_function(struct control *c, struct turn *t, const struct incoming *in);

static answer_function *reader_of(uint32_t kind)
{
    switch (kind) {
    case WIRE_GET_SERVICES:
        return answer_services;
    case WIRE_GET_INSTANCES:
        return answer_instances;
    case WIRE_GET_ENDPOINTS:
        return answer_endpoints;
    case WIRE_GET_GRAPH:
        return answer_graph;
    case WIRE_GET_COMMANDS:
        return answer_commands;
    case WIRE_GET_WHY:
        return explain_why;
    case WIRE_GET_EVENTS:
        return answer_events;
    case WIRE_GET_CONFLICTS:
        return undo_answer;
    default:
        return NULL;
    }
}

static answer_function *registrar_of(uint32_t kind)
{
    switch (kind) {
    case WIRE_REGISTER_ENDPOINT:
        return registrar_register;
    case WIRE_REGISTER_ENDPOINTS:
        return registrar_register_all;
    case WIRE_DEREGISTER_ENDPOINT:
        return registrar_deregister;
    case WIRE_REPORT_ENDPOINT:
        return registrar_report;
    case WIRE_CHECK_ENDPOINT:
        return registrar_check;
    case WIRE_MAINTAIN:
        return maintenance_answer;
    default:
        return NULL;
    }
}

bool request_receive(struct control *c, struct turn *t, const struct incoming *in)
{
    uint32_t kind = in->envelope->kind;
    answer_function *reader = reader_of(kind), *registrar = registrar_of(kind);

    if (reader) {
        if (allowed(t, in, AUTHORITY_READ, (struct bytes){0}))
            reader(c, t, in);
        return true;
    }
    if (registrar) {
        if (allowed(t, in, AUTHORITY_REGISTER, (struct bytes){0}))
            registrar(c, t, in);
        return true;
    }
    switch (kind) {
    case WIRE_APPLY:
        if (allowed(t, in, AUTHORITY_APPLY, (struct bytes){0}))
            command_apply(c, t, in);
        return true;
    case WIRE_CHANGE:
        if (change_allowed(t, in))
            command_change(c, t, in);
        return true;
    case WIRE_BACKUP:
        if (allowed(t, in, AUTHORITY_BACKUP, (struct bytes){0}))
            backup_receive(c, t, in);
        return true;
    case WIRE_GET_LOGS:
        if (allowed(t, in, AUTHORITY_LOGS, (struct bytes){0}))
            logs_get(c, t, in, /* forwarded= */ false);
        return true;
    case WIRE_CHECK_NOW:
        if (allowed(t, in, AUTHORITY_CHANGE, (struct bytes){0}))
            check_now_ask(c, t, in, /* forwarded= */ false);
        return true;
    case WIRE_FORWARD:
        receive_forward(c, t, in);
        return true;
    case WIRE_CONFIRM_ASK:
        if (allowed(t, in, AUTHORITY_GOSSIP, (struct bytes){0}))
            confirm_receive(c, t, in);
        return true;
    case WIRE_CONFIRMED:
        if (allowed(t, in, AUTHORITY_GOSSIP, (struct bytes){0}))
            confirm_received(c, t, in);
        return true;
    case WIRE_CHANGE_KEYS:
    case WIRE_OPEN_SESSION:
    case WIRE_RENEW_SESSION:
    case WIRE_END_SESSION:
        if (allowed(t, in, AUTHORITY_KEYS, (struct bytes){0}))
            (void)receive_keys(c, t, in, kind, /* forwarded= */ false);
        return true;
    case WIRE_KEYS_ASK:
        if (allowed(t, in, AUTHORITY_GOSSIP, (struct bytes){0}))
            holder_receive(c, t, in);
        return true;
    case WIRE_KEYS_TOLD:
        if (allowed(t, in, AUTHORITY_GOSSIP, (struct bytes){0}))
            keeper_told(c, t, in);
        return true;
    case WIRE_FORWARDED:
        if (!handover_receive(c, t, in) && !check_now_forwarded(c, t, in))
            logs_forwarded(c, t, in);
        return true;
    default:
        return false;
    }
}
