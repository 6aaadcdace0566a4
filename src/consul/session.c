/* Consul's sessions: /v1/session. Lists are answered from the shelf, changes go to the peer. */
#include "consul/consul.h"
#include "consul/keys.h"
#include "consul/keys_body.h"
#include "consul/shape.h"
#include "http/json.h"

/* ---- shown ---- */

/* "15s", "1500ms": as Go writes what it reads. */
static void write_span(struct buf *out, const char *name, uint32_t ms)
{
    json_name(out, name);
    if (ms % 1000)
        buf_printf(out, "\"%ums\"", ms);
    else
        buf_printf(out, "\"%us\"", ms / 1000);
}

static void write_session(struct buf *out, const struct exchange *x, const struct told_session *t)
{
    const struct dir_member *m = directory_member(&x->hub->directory, &t->node);
    struct bytes health = bytes_str("serfHealth");

    json_open(out, '{');
    consul_node_id(out, "ID", &t->id);
    json_text_of(out, "Name", t->session.name);
    json_text_of(out, "Node", m ? m->says.name : (struct bytes){0});
    /* Nanoseconds, as Consul shows this one. */
    json_unsigned_of(out, "LockDelay", (uint64_t)t->session.delay_ms * 1000000u);
    json_string_of(out, "Behavior", t->session.deletes ? "delete" : "release");
    if (t->session.ttl_ms)
        write_span(out, "TTL", t->session.ttl_ms);
    else
        json_string_of(out, "TTL", "");
    json_texts_of(out, "NodeChecks", &health, !t->session.unwatched);
    json_texts_of(out, "Checks", &health, !t->session.unwatched);
    json_texts_of(out, "ServiceChecks", NULL, 0);
    consul_indexes(out, t->session.opened);
    json_close(out, '}');
}

void consul_session_list(struct exchange *x)
{
    struct shelf *s = &x->hub->shelf;

    if (consul_check_keys(x) || exchange_blocks(x, &s->all_sessions))
        return;
    struct buf *out = answer_json(x);

    json_open(out, '[');
    for (const struct told_session *t = shelf_first_session(s); t; t = shelf_next_session(s, t))
        write_session(out, x, t);
    json_close(out, ']');
}

void consul_session_info(struct exchange *x)
{
    struct shelf *s = &x->hub->shelf;
    struct ulid id;

    if (consul_check_keys(x))
        return;
    if (consul_read_uuid(x->match.args[0], &id)) {
        answer_error(x, 400, "bad_request", "the ID of a session is a UUID");
        return;
    }
    if (exchange_blocks(x, shelf_session_resource(s, &id)))
        return;
    const struct told_session *t = shelf_session(s, &id);
    struct buf *out = answer_json(x);

    json_open(out, '[');
    if (t)
        write_session(out, x, t);
    json_close(out, ']');
}

void consul_session_node(struct exchange *x)
{
    struct shelf *s = &x->hub->shelf;
    const struct dir_member *m = directory_named(&x->hub->directory, x->match.args[0]);
    struct bytes node = m ? ulid_bytes(&m->says.id) : bytes_str("-"); /* of one that is not known */

    if (consul_check_keys(x) ||
        exchange_blocks(x, shelf_view_resource(s, SHELF_NODE, node, (struct bytes){0})))
        return;
    struct buf *out = answer_json(x);

    json_open(out, '[');
    for (const struct told_session *t = shelf_first_session(s); t; t = shelf_next_session(s, t)) {
        if (m && ulid_equal(&t->node, &m->says.id))
            write_session(out, x, t);
    }
    json_close(out, ']');
}

/* ---- changes ---- */

/* 0, or 1: the answer is an error. */
static int read_told(struct exchange *x, enum wire_kind kind, struct bytes payload,
                     struct session_told *ret)
{
    struct wire_error err;

    if (kind == WIRE_SESSION_TOLD && session_told_decode(ret, payload, &x->mem, &err) == 0)
        return 0;
    answer_error(x, 500, "internal", "the peer's answer cannot be read");
    return 1;
}

static void opened(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    struct session_told told;

    if (read_told(x, kind, payload, &told))
        return;
    struct buf *out = answer_json(x);

    json_open(out, '{');
    consul_node_id(out, "ID", &told.id);
    json_close(out, '}');
    exchange_catch_up(x, told.told);
}

void consul_session_create(struct exchange *x)
{
    struct open_session request = {0};
    struct buf question = {0};
    const char *why;

    if (consul_check_keys(x))
        return;
    if (consul_read_session(&request.session, buf_bytes(&x->body), bytes_str(x->hub->name), &x->mem,
                            &why)) {
        answer_error(x, 400, "bad_request", "%s", why);
        return;
    }
    open_session_encode(&question, &request);
    exchange_ask(x, WIRE_OPEN_SESSION, question, opened);
}

static void ended(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    struct session_told told;

    if (read_told(x, kind, payload, &told))
        return;
    buf_str(answer_json(x), "true");
    exchange_catch_up(x, told.told);
}

static int read_id(struct exchange *x, struct ulid *ret)
{
    if (consul_check_keys(x))
        return 1;
    if (consul_read_uuid(x->match.args[0], ret) == 0)
        return 0;
    answer_error(x, 400, "bad_request", "the ID of a session is a UUID");
    return 1;
}

/* As Consul, one that has ended is ended. */
static void end_failed(struct exchange *x)
{
    buf_str(answer_json(x), "true");
}

void consul_session_destroy(struct exchange *x)
{
    struct end_session request;
    struct buf question = {0};

    if (read_id(x, &request.id))
        return;
    if (!shelf_session(&x->hub->shelf, &request.id)) {
        end_failed(x);
        return;
    }
    end_session_encode(&question, &request);
    exchange_ask(x, WIRE_END_SESSION, question, ended);
}

static void renewed(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    struct session_told told;

    if (read_told(x, kind, payload, &told))
        return;
    struct told_session t = {.id = told.id, .node = told.node, .session = told.session};
    struct buf *out = answer_json(x);

    json_open(out, '[');
    write_session(out, x, &t);
    json_close(out, ']');
}

void consul_session_renew(struct exchange *x)
{
    struct renew_session request;
    struct buf question = {0};

    if (read_id(x, &request.id))
        return;
    renew_session_encode(&question, &request);
    exchange_ask(x, WIRE_RENEW_SESSION, question, renewed);
}
