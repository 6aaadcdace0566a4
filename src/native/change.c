/* Kith's own API: what changes something. Each is the message that `kith` sends, and the peer asks who may. */
#include "native/ask.h"
#include "native/native.h"
#include "spec/service_file.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- commands ---- */

/* A change that anybody could have put together; the peer refuses what is none. */
void native_submit(struct exchange *x)
{
    struct change request = {0};

    if (native_read(x, &change_struct, &request))
        native_ask(x, WIRE_CHANGE, &request, native_accepted);
}

/* Of the service that the path names, or of all. */
static void change(struct exchange *x, enum command_kind kind)
{
    struct change request = {0};

    if (!native_read(x, &change_struct, &request))
        return;
    request.kind = kind;
    request.service = x->match.args_n ? x->match.args[0] : (struct bytes){0};
    native_ask(x, WIRE_CHANGE, &request, native_accepted);
}

void native_scale(struct exchange *x)
{
    change(x, COMMAND_KIND_SCALE);
}

void native_stop(struct exchange *x)
{
    change(x, COMMAND_KIND_STOP);
}

void native_stop_all(struct exchange *x)
{
    change(x, COMMAND_KIND_STOP_ALL);
}

void native_start(struct exchange *x)
{
    change(x, COMMAND_KIND_START);
}

void native_restart(struct exchange *x)
{
    change(x, COMMAND_KIND_RESTART);
}

void native_remove(struct exchange *x)
{
    change(x, COMMAND_KIND_RM);
}

void native_undo(struct exchange *x)
{
    struct change request = {0};
    struct bytes id = x->match.args[0];
    char digits[17], end;

    if (!native_read(x, &change_struct, &request))
        return;
    snprintf(digits, sizeof(digits), BYTES_FMT, BYTES_ARG(id));
    request.kind = COMMAND_KIND_UNDO;
    if (id.len != 16 || sscanf(digits, "%16" SCNx64 "%c", &request.conflict, &end) != 1)
        answer_error(x, 404, "not_found", "there is no conflict of such an id: it has 16 digits");
    else
        native_ask(x, WIRE_CHANGE, &request, native_accepted);
}

/* ---- health checks ---- */

/* They take as long as the check's own time-out says, and the peer bounds it. */
static void check(struct exchange *x, exchange_answered *answered)
{
    struct check_now request = {0};

    if (!native_read(x, &check_now_struct, &request))
        return;
    request.what = x->match.args[0];
    x->within_us = NATIVE_TIMEOUT_MAX_US;
    native_ask(x, WIRE_CHECK_NOW, &request, answered);
}

/* A path of one instance may name it by its service. */
static void one_check(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    json_t *items = native_items(x, kind, payload);

    if (items && json_array_size(items) == 1)
        native_answer(x, 200, json_incref(json_array_get(items, 0)));
    else if (items)
        answer_error(x, 409, "rejected", "this service has several instances: name one by its id");
    json_decref(items);
}

void native_check_service(struct exchange *x)
{
    check(x, native_list);
}

void native_check_instance(struct exchange *x)
{
    check(x, one_check);
}

/* ---- service files ---- */

/* Programs beside the file are beside nothing here. */
static const char *beside(const struct service_file *file)
{
    for (uint32_t i = 0; i < file->count; i++) {
        const struct service_spec *s = &file->specs[i];
        const struct bytes *programs[] = {s->argv_n ? s->argv : NULL,
                                          s->check.argv_n ? s->check.argv : NULL};

        for (unsigned k = 0; k < 2; k++) {
            if (programs[k] && programs[k]->len && programs[k]->data[0] == '.')
                return "a program beside its file (./NAME) cannot be found from here: write its "
                       "whole path";
        }
    }
    return NULL;
}

/* The body is a service file, in YAML or JSON. False: it has errors, which are the answer. */
static bool read_file(struct exchange *x, struct service_file *ret)
{
    struct spec_errors errors;
    struct buf report = {0};

    spec_errors_init(&errors, "body", buf_bytes(&x->body), &x->mem);
    int r = service_file_read(ret, buf_bytes(&x->body), &x->mem, &errors);
    const char *why = r ? NULL : beside(ret);

    if (r > 0)
        spec_errors_print(&errors, &report);
    if (r > 0)
        answer_error(x, 400, "bad_request", "%s", buf_cstr(&report));
    else if (r < 0)
        answer_error(x, 500, "internal", "the body cannot be read");
    else if (why)
        answer_error(x, 400, "bad_request", "%s", why);
    buf_deinit(&report);
    return r == 0 && !why;
}

void native_validate(struct exchange *x)
{
    struct service_file file;
    json_t *names = json_array();

    if (!read_file(x, &file)) {
        json_decref(names);
        return;
    }
    for (uint32_t i = 0; i < file.count; i++)
        json_array_append_new(
            names, json_stringn((const char *)file.specs[i].name.data, file.specs[i].name.len));
    native_answer(x, 200, json_pack("{s:o}", "services", names));
}

void native_apply(struct exchange *x)
{
    struct apply request = {0};
    struct service_file file;
    json_t *query = native_query(x);

    if (read_file(x, &file) && native_read_object(x, &apply_struct, &request, query)) {
        request.specs = file.specs;
        request.specs_n = file.count;
        native_ask(x, WIRE_APPLY, &request, native_accepted);
    }
    json_decref(query);
}

/* ---- endpoints that Kith did not start ---- */

/* Encodes each; what they lack is said by the answer. */
static bool read_many(struct exchange *x, const json_t *list, struct register_endpoints *ret)
{
    struct bytes *encoded = arena_array(&x->mem, json_array_size(list), sizeof(*encoded));
    struct wire_error err;
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        struct register_endpoint one = {0};
        struct buf out = {0};

        if (!native_read_object(x, &register_endpoint_struct, &one, item))
            return false;
        if (!one.service.len || wire_check(&register_endpoint_struct, &one, &err)) {
            answer_error(x, 400, "bad_request", "registration %zu: %s", i,
                         one.service.len ? err.why : "it needs the name of its service");
            return false;
        }
        register_endpoint_encode(&out, &one);
        encoded[i] = arena_bytes(&x->mem, buf_bytes(&out));
        buf_deinit(&out);
    }
    ret->endpoints = encoded;
    ret->endpoints_n = (uint32_t)json_array_size(list);
    return true;
}

static void register_many(struct exchange *x, const json_t *list)
{
    struct register_endpoints request = {0};
    json_t *query = native_query(x);

    if (json_array_size(list) == 0)
        answer_error(x, 400, "bad_request", "there is nothing to register");
    else if (native_read_object(x, &register_endpoints_struct, &request, query) &&
             read_many(x, list, &request))
        native_ask(x, WIRE_REGISTER_ENDPOINTS, &request, native_list);
    json_decref(query);
}

void native_register_any(struct exchange *x)
{
    json_t *body = native_body(x);

    if (json_is_array(body))
        register_many(x, body);
    else if (body)
        native_register(x);
    json_decref(body);
}

void native_register(struct exchange *x)
{
    struct register_endpoint request = {0};

    if (!native_read(x, &register_endpoint_struct, &request))
        return;
    if (x->match.args_n)
        request.name = x->match.args[0];
    if (!request.service.len)
        answer_error(x, 400, "bad_request", "a registration needs the name of its service");
    else
        native_ask(x, WIRE_REGISTER_ENDPOINT, &request, native_one);
}

void native_deregister(struct exchange *x)
{
    struct deregister_endpoint request = {0};

    if (!native_read(x, &deregister_endpoint_struct, &request))
        return;
    request.name = x->match.args[0];
    native_ask(x, WIRE_DEREGISTER_ENDPOINT, &request, native_one);
}

void native_report(struct exchange *x)
{
    struct report_endpoint request = {0};

    if (!native_read(x, &report_endpoint_struct, &request))
        return;
    request.name = x->match.args[0];
    native_ask(x, WIRE_REPORT_ENDPOINT, &request, native_one);
}

/* ---- members ---- */

void native_join(struct exchange *x)
{
    struct join request = {0};

    if (native_read(x, &join_struct, &request))
        native_ask(x, WIRE_JOIN, &request, native_one);
}

void native_leave(struct exchange *x)
{
    native_ask(x, WIRE_LEAVE, &(struct leave){0}, native_one);
}

void native_forget(struct exchange *x)
{
    struct forget request = {0};

    if (!native_read(x, &forget_struct, &request))
        return;
    request.node = x->match.args[0];
    native_ask(x, WIRE_FORGET, &request, native_accepted);
}

/* ---- others ---- */

void native_backup(struct exchange *x)
{
    struct backup request = {0};

    if (native_read(x, &backup_struct, &request))
        native_ask(x, WIRE_BACKUP, &request, native_one);
}

/* The body is the message, whatever it is. */
void native_publish(struct exchange *x)
{
    struct bytes body = buf_bytes(&x->body);
    struct publish request = {0};
    json_t *query = native_query(x);

    if (native_read_object(x, &publish_struct, &request, query)) {
        request.topic = x->match.args[0];
        request.payloads = &body;
        request.payloads_n = 1;
        native_ask(x, WIRE_PUBLISH, &request, native_one);
    }
    json_decref(query);
}
