#include "control/command.h"

#include "control/draft.h"
#include "control/inside.h"
#include "control/undo.h"
#include "control/vet.h"

#define HALT_KEY "halt"

/* -- apply -- */

static bool same_spec(const struct service_spec *a, const struct service_spec *b)
{
    struct buf one = {0}, two = {0};

    service_spec_encode(&one, a);
    service_spec_encode(&two, b);
    bool same = bytes_equal(buf_bytes(&one), buf_bytes(&two));

    buf_deinit(&one);
    buf_deinit(&two);
    return same;
}

static void say(struct draft *r, const char *what, struct bytes name)
{
    buf_printf(&r->text, "%s%s " BYTES_FMT, r->text.len ? ", " : "", what, BYTES_ARG(name));
}

static void create(struct draft *r, const struct service_spec *spec, const struct ulid *id,
                   const struct ulid *spec_id)
{
    struct service_row row = {.name = spec->name, .spec = *spec_id};

    draft_put_spec(r, id, spec_id, spec);
    draft_put_count(r, id, spec->count, spec->every_host);
    draft_put_name(r, spec->name, id);
    draft_put_service(r, id, &row);
    say(r, "created", spec->name);
}

static void change_spec(struct draft *r, const struct service *s, const struct service_spec *spec,
                        const struct ulid *spec_id)
{
    bool counted =
        s->counted && s->count.count == spec->count && s->count.every_host == spec->every_host;
    const struct service_spec *is = service_spec(&r->control->catalog, s);
    bool same = is && same_spec(is, spec);
    struct ulid id = s->id;
    struct service_row row = s->row;

    say(r, same && counted ? "unchanged" : "changed", spec->name);
    if (!counted)
        draft_put_count(r, &id, spec->count, spec->every_host);
    if (same)
        return;
    row.name = spec->name; /* the held one goes when the row is written */
    row.spec = *spec_id;
    draft_put_spec(r, &id, spec_id, spec);
    draft_put_service(r, &id, &row);
}

static void apply_all(struct draft *r, const struct apply *request)
{
    for (uint32_t k = 0; k < request->specs_n; k++) {
        const struct service_spec *spec = &request->specs[k];
        struct ulid spec_id = draft_derive(&r->id, DERIVED_SPEC, k);
        struct service *s = catalog_find(&r->control->catalog, spec->name);

        if (s)
            change_spec(r, s, spec, &spec_id);
        else
            create(r, spec, &r->services[k], &spec_id);
    }
}

/* A peer that cannot write shared rows says so, and the client asks another. */
static bool can_write(struct control *c, struct turn *t, const struct incoming *in)
{
    if (c->halting)
        turn_fail(t, in, FAIL_CODE_NOT_READY, "the cluster is stopping");
    else if (c->leaving)
        turn_fail(t, in, FAIL_CODE_NOT_READY, "this host is leaving: ask another");
    else if (ulid_is_zero(&t->post->cluster))
        turn_fail(t, in, FAIL_CODE_NOT_READY, "this host has not joined a cluster yet");
    else if (state_clock_ahead(t->state))
        turn_fail(t, in, FAIL_CODE_NOT_READY,
                  "this host's clock is ahead of most others': set it, or ask another host");
    else
        return true;
    return false;
}

void command_apply(struct control *c, struct turn *t, const struct incoming *in)
{
    struct arena mem = {0};
    struct apply request;
    struct wire_error err;
    struct vet_error why = {0};
    struct draft r;

    if (apply_decode(&request, in->payload, &mem, &err)) {
        turn_fail(t, in, FAIL_CODE_BAD_REQUEST, "%s: %s", err.field, err.why);
        arena_deinit(&mem);
        return;
    }
    draft_begin(&r, c, t, in, &request.id, COMMAND_KIND_APPLY, &request.ack, request.specs_n);
    for (uint32_t k = 0; k < request.specs_n; k++) {
        const struct service *s = catalog_find(&c->catalog, request.specs[k].name);
        struct ulid id = s ? s->id : draft_derive(&r.id, DERIVED_SERVICE, k);

        draft_service(&r, &id);
        draft_arg(&r, "service", request.specs[k].name);
    }
    if (can_write(c, t, in) && !draft_answer_known(&r)) {
        if (vet_apply(&c->catalog, &request, r.services, &why)) {
            apply_all(&r, &request);
            draft_accept(&r);
        } else {
            if (why.service.len)
                buf_printf(&r.text, BYTES_FMT ": ", BYTES_ARG(why.service));
            buf_append(&r.text, why.text.data, why.text.len);
            r.services_n = 0; /* those it would have made are not there */
            draft_reject(&r, why.service);
        }
    }
    buf_deinit(&why.text);
    draft_deinit(&r);
    arena_deinit(&mem);
}

/* -- change -- */

static uint64_t next_stamp(const struct draft *r, const struct service *s)
{
    uint64_t stamp = 0;

    for (unsigned k = 0; k < 8; k++)
        stamp = stamp << 8 | r->id.b[k];
    return stamp > s->row.restart_stamp ? stamp : s->row.restart_stamp + 1;
}

static void set_desired(struct draft *r, const struct ulid *id, enum desired desired)
{
    const struct service *s = catalog_get(&r->control->catalog, id);
    struct service_row row = s->row;

    row.name = arena_bytes(&r->mem, s->row.name);
    if (desired == DESIRED_RUNNING && row.desired != DESIRED_RUNNING)
        row.restart_stamp = next_stamp(r, s);
    row.desired = desired;
    draft_put_service(r, id, &row);
}

/* Stops or removes a service, and with cascade those that need it. False: they are in the way. */
static bool end_service(struct draft *r, const struct service *s, const struct change *request)
{
    const struct catalog *c = &r->control->catalog;
    bool remove = request->kind == COMMAND_KIND_RM;
    enum desired desired = remove ? DESIRED_REMOVED : DESIRED_STOPPED;
    struct graph_ids users = vet_users(c, s, remove, &r->mem);
    struct ulid id = s->id;

    if (users.count && !request->cascade) {
        buf_str(&r->text, "needed by");
        for (size_t k = 0; k < users.count; k++)
            buf_printf(&r->text, "%s " BYTES_FMT, k ? "," : "",
                       BYTES_ARG(catalog_get(c, &users.ids[k])->row.name));
        buf_str(&r->text, ": end these first, or all of them with --cascade");
        return false;
    }
    for (size_t k = 0; k < users.count; k++) {
        say(r, remove ? "removes" : "stops", catalog_get(c, &users.ids[k])->row.name);
        if (r->services_n + 1 < COMMAND_ROW_SERVICES_MAX_ITEMS)
            draft_service(r, &users.ids[k]);
        set_desired(r, &users.ids[k], desired);
    }
    say(r, remove ? "removes" : "stops", request->service);
    set_desired(r, &id, desired);
    return true;
}

static bool scale(struct draft *r, const struct service *s, const struct change *request)
{
    struct ulid id = s->id;

    if (service_every_host(s)) {
        buf_str(&r->text, "it runs once on every host: its count cannot be set");
        return false;
    }
    if (request->count > VET_COUNT_MAX) {
        buf_printf(&r->text, "a count is at most %u", VET_COUNT_MAX);
        return false;
    }
    buf_printf(&r->text, BYTES_FMT ": from %u to %u", BYTES_ARG(request->service),
               s->counted ? s->count.count : 0, request->count);
    draft_put_count(r, &id, request->count, /* every_host= */ false);
    return true;
}

static bool restart(struct draft *r, const struct service *s, const struct change *request)
{
    struct ulid id = s->id;
    struct service_row row = s->row;

    if (s->row.desired != DESIRED_RUNNING) {
        buf_str(&r->text, "it is stopped: start it");
        return false;
    }
    row.name = request->service;
    row.restart_stamp = next_stamp(r, s);
    draft_put_service(r, &id, &row);
    say(r, "restarts", request->service);
    return true;
}

static bool start(struct draft *r, const struct service *s, const struct change *request)
{
    const struct service_spec *spec = service_spec(&r->control->catalog, s);
    struct ulid id = s->id;

    say(r, s->row.desired == DESIRED_RUNNING ? "not stopped:" : "starts", request->service);
    for (uint32_t k = 0; spec && k < spec->needs_n; k++) {
        const struct service *need = catalog_find(&r->control->catalog, spec->needs[k]);

        if (!need || !service_active(&r->control->catalog, need))
            buf_printf(&r->text, "; it waits for " BYTES_FMT ", which is not to run",
                       BYTES_ARG(spec->needs[k]));
    }
    set_desired(r, &id, DESIRED_RUNNING);
    return true;
}

static bool change_service(struct draft *r, const struct service *s, const struct change *request)
{
    if (s->row.desired == DESIRED_REMOVED) {
        buf_str(&r->text, "it is being removed");
        return false;
    }
    switch (request->kind) {
    case COMMAND_KIND_SCALE:
        return scale(r, s, request);
    case COMMAND_KIND_STOP:
    case COMMAND_KIND_RM:
        return end_service(r, s, request);
    case COMMAND_KIND_START:
        return start(r, s, request);
    case COMMAND_KIND_RESTART:
        return restart(r, s, request);
    default:
        buf_str(&r->text, "this is nothing that can be done to a service");
        return false;
    }
}

static void put_halt(struct draft *r)
{
    struct halt_row row = {.command = r->id, .at_ms = r->turn->wall_us / KITH_MS};
    struct buf value = {0};

    halt_row_encode(&value, &row);
    (void)control_put(r->control, r->turn, TABLE_ID_CLUSTER, bytes_str(HALT_KEY), buf_bytes(&value),
                      /* major= */ 0);
    buf_deinit(&value);
}

static void stop_all(struct draft *r, const struct change *request)
{
    struct service *s;

    if (request->daemons) {
        buf_str(&r->text,
                "the cluster stops: all services, what needs others first, then the daemons");
        put_halt(r);
        return;
    }
    buf_str(&r->text, "stops all services, what needs others first");
    SERVICES_FOREACH(s, &r->control->catalog)
    {
        struct ulid id = s->id;

        if (!service_active(&r->control->catalog, s))
            continue;
        if (r->services_n < COMMAND_ROW_SERVICES_MAX_ITEMS)
            draft_service(r, &id);
        set_desired(r, &id, DESIRED_STOPPED);
    }
}

static void carry_out(struct draft *r, const struct change *request)
{
    const struct service *s = catalog_find(&r->control->catalog, request->service);

    if (request->kind == COMMAND_KIND_STOP_ALL) {
        stop_all(r, request);
        draft_accept(r);
        return;
    }
    if (request->kind == COMMAND_KIND_UNDO) {
        undo(r, request->conflict);
        return;
    }
    if (!s) {
        turn_fail(r->turn, r->in, FAIL_CODE_NOT_FOUND, "there is no service " BYTES_FMT,
                  BYTES_ARG(request->service));
        return;
    }
    draft_service(r, &s->id);
    if (change_service(r, s, request))
        draft_accept(r);
    else
        draft_reject(r, request->service);
}

void command_change(struct control *c, struct turn *t, const struct incoming *in)
{
    struct arena mem = {0};
    struct change request;
    struct wire_error err;
    struct draft r;

    if (change_decode(&request, in->payload, &mem, &err)) {
        turn_fail(t, in, FAIL_CODE_BAD_REQUEST, "%s: %s", err.field, err.why);
        arena_deinit(&mem);
        return;
    }
    draft_begin(&r, c, t, in, &request.id, request.kind, &request.ack,
                COMMAND_ROW_SERVICES_MAX_ITEMS);
    if (request.service.len)
        draft_arg(&r, "service", request.service);
    if (request.kind == COMMAND_KIND_SCALE)
        draft_arg(&r, "count", bytes_str(arena_printf(&r.mem, "%u", request.count)));
    if (request.kind == COMMAND_KIND_UNDO)
        draft_arg(&r, "conflict", undo_id(&r.mem, request.conflict));
    if (request.cascade)
        draft_arg(&r, "cascade", bytes_str("true"));
    if (can_write(c, t, in) && !draft_answer_known(&r))
        carry_out(&r, &request);
    draft_deinit(&r);
    arena_deinit(&mem);
}
