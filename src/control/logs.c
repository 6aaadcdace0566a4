#include "control/logs.h"

#include "control/inside.h"
#include "control/request.h"
#include "wire/text.h"

#include <stdarg.h>

static void reply(struct turn *t, const struct log_wait *w, enum wire_kind kind,
                  struct bytes payload)
{
    struct buf out = {0};

    if (!w->forwarded) {
        post_reply(t->post, t->out, w->route, kind, payload, w->correlation);
        return;
    }
    struct forwarded answer = {.kind = (uint16_t)kind, .payload = payload};

    forwarded_encode(&out, &answer);
    post_reply(t->post, t->out, w->route, WIRE_FORWARDED, buf_bytes(&out), w->correlation);
    buf_deinit(&out);
}

static void fail(struct turn *t, const struct log_wait *w, enum fail_code code, const char *format,
                 ...) __attribute__((format(printf, 4, 5)));

static void fail(struct turn *t, const struct log_wait *w, enum fail_code code, const char *format,
                 ...)
{
    struct buf out = {0};
    struct arena mem = {0};
    va_list args;

    va_start(args, format);
    struct failed answer = {.code = code,
                            .text = wire_text_format(&mem, FAILED_TEXT_MAX, format, args)};
    va_end(args);
    failed_encode(&out, &answer);
    reply(t, w, WIRE_FAILED, buf_bytes(&out));
    arena_deinit(&mem);
    buf_deinit(&out);
}

static void add(struct control *c, struct log_wait *w, kith_time now_us)
{
    w->until_us = now_us + LOGS_PATIENCE;
    c->logs.waits[c->logs.count++] = *w;
    c->dirty = true; /* there is a deadline more */
}

static void drop(struct log_waits *l, uint32_t index)
{
    l->waits[index] = l->waits[--l->count];
}

static void read_here(struct control *c, struct turn *t, struct log_wait *w,
                      const struct get_logs *request)
{
    uint32_t tail = request->tail_bytes ? request->tail_bytes : LOGS_TAIL;

    add(c, w, t->now_us);
    effects_add(t->out, &(struct effect){
                            .kind = EFFECT_READ_LOG,
                            .read_log = {.request = w->number,
                                         .instance = w->instance,
                                         .offset = request->offset,
                                         .tail_bytes = tail < LOGS_READ_MAX ? tail : LOGS_READ_MAX},
                        });
}

static void hand_on(struct control *c, struct turn *t, const struct incoming *in,
                    struct log_wait *w)
{
    const struct member *m = members_get(c->catalog.members, &w->node);
    struct bytes uri = m ? member_uri(m, ADDR_ROLE_BULK) : (struct bytes){0};
    struct forward request = {
        .kind = WIRE_GET_LOGS,
        .payload = in->payload,
        .principal_kind = in->who.kind,
        .principal_name = wire_text_clip(in->who.name, FORWARD_PRINCIPAL_NAME_MAX),
    };
    struct buf out = {0};

    if (!uri.len || !node_lives(&c->catalog, &w->node)) {
        fail(t, w, FAIL_CODE_NOT_READY, "its host cannot be reached now");
        return;
    }
    add(c, w, t->now_us);
    forward_encode(&out, &request);
    post_send(t->post, t->out, uri, WIRE_FORWARD, buf_bytes(&out), w->number);
    buf_deinit(&out);
}

void logs_get(struct control *c, struct turn *t, const struct incoming *in, bool forwarded)
{
    struct log_wait w = {.route = in->route,
                         .correlation = in->envelope->correlation,
                         .forwarded = forwarded,
                         .number = ++c->logs.last};
    const struct instance *i;
    struct get_logs request;
    struct arena mem = {0};
    struct wire_error err;

    if (get_logs_decode(&request, in->payload, &mem, &err)) {
        fail(t, &w, FAIL_CODE_BAD_REQUEST, "%s: %s", err.field, err.why);
    } else if (!(i = request_find_instance(c, request.instance))) {
        fail(t, &w, FAIL_CODE_NOT_FOUND, "no instance, or several, by " BYTES_FMT,
             BYTES_ARG(request.instance));
    } else if (c->logs.count == LOGS_MAX) {
        fail(t, &w, FAIL_CODE_BUSY, "too many logs are being read: try again");
    } else if (ulid_equal(instance_node(i), &c->self)) {
        w.instance = *instance_id(i);
        read_here(c, t, &w, &request);
    } else if (forwarded) {
        fail(t, &w, FAIL_CODE_NOT_FOUND, "this instance is not on the host that was asked");
    } else {
        w.node = *instance_node(i);
        hand_on(c, t, in, &w);
    }
    arena_deinit(&mem);
}

static uint32_t find(const struct log_waits *l, uint64_t number)
{
    uint32_t k = 0;

    while (k < l->count && l->waits[k].number != number)
        k++;
    return k;
}

void logs_read(struct control *c, struct turn *t, const struct event_log_read *e)
{
    uint32_t k = find(&c->logs, e->request);
    struct buf out = {0};

    if (k == c->logs.count)
        return;
    struct log_wait w = c->logs.waits[k];
    struct logs answer = {
        .instance = w.instance,
        .offset = e->offset,
        .next = e->next,
        .data = bytes_of(e->data.data, e->data.len < LOGS_READ_MAX ? e->data.len : LOGS_READ_MAX)};

    drop(&c->logs, k);
    if (e->why.len) {
        fail(t, &w, FAIL_CODE_NOT_FOUND, BYTES_FMT, BYTES_ARG(e->why));
    } else {
        logs_encode(&out, &answer);
        reply(t, &w, WIRE_LOGS, buf_bytes(&out));
    }
    buf_deinit(&out);
}

void logs_forwarded(struct control *c, struct turn *t, const struct incoming *in)
{
    uint32_t k = find(&c->logs, in->envelope->correlation);
    struct forwarded answer;
    struct arena mem = {0};
    struct wire_error err;

    if (k < c->logs.count && in->who.kind == PRINCIPAL_KIND_NODE &&
        ulid_equal(&in->who.id, &c->logs.waits[k].node) &&
        !forwarded_decode(&answer, in->payload, &mem, &err)) {
        struct log_wait w = c->logs.waits[k];

        drop(&c->logs, k);
        if (answer.kind == WIRE_LOGS || answer.kind == WIRE_FAILED)
            reply(t, &w, (enum wire_kind)answer.kind, answer.payload);
    }
    arena_deinit(&mem);
}

kith_time logs_settle(struct control *c, struct turn *t)
{
    kith_time at_us = KITH_NEVER;

    for (uint32_t k = c->logs.count; k-- > 0;) {
        struct log_wait w = c->logs.waits[k];

        if (t->now_us < w.until_us) {
            at_us = kith_time_min(at_us, w.until_us);
            continue;
        }
        drop(&c->logs, k);
        fail(t, &w, FAIL_CODE_NOT_READY, "its host did not answer in time");
    }
    return at_us;
}
