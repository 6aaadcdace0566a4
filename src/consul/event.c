#include "consul/event.h"

#include "consul/consul.h"
#include "consul/shape.h"
#include "http/json.h"
#include "shell/clock.h"
#include "store/identity.h"
#include "wire/text.h"

/* ---- what comes ---- */

static bool has_such_tag(const struct consul_group *g, struct bytes filter)
{
    uint32_t n = consul_tags_n(g);

    for (uint32_t i = 0; i < n; i++) {
        if (event_match(filter, consul_tag(g, i)))
            return true;
    }
    return false;
}

/* This peer runs a service of such a name, with such a tag. */
static bool runs_such(struct hub *hub, const struct user_event *e)
{
    for (const struct dir_service *s = directory_first_on(&hub->directory, &hub->self); s;
         s = directory_next_on(s, &hub->self)) {
        struct consul_group g;
        uint32_t at = 0;

        if (!event_match(e->service_filter, s->name))
            continue;
        while (consul_next(s, &at, &g)) {
            if (ulid_equal(&g.ports->node, &hub->self) && !consul_is_foreign(&g) &&
                (!e->tag_filter.len || has_such_tag(&g, e->tag_filter)))
                return true;
        }
    }
    return false;
}

void consul_event_seen(struct hub *hub, const struct user_event *e)
{
    if (!event_match(e->node_filter, bytes_str(hub->name)) ||
        (e->service_filter.len && !runs_such(hub, e)))
        return;
    event_list_add(&hub->events, e);
}

void consul_event_taken(struct hub *hub, struct bytes payload)
{
    struct arena mem = {0};
    struct user_event e;
    struct wire_error err;

    if (user_event_decode(&e, payload, &mem, &err) == 0) /* anybody may publish anything there */
        consul_event_seen(hub, &e);
    arena_deinit(&mem);
}

/* ---- what is asked ---- */

static void write_event(struct buf *out, const struct user_event *e, uint64_t index)
{
    json_open(out, '{');
    consul_node_id(out, "ID", &e->id);
    json_text_of(out, "Name", e->name);
    json_base64_of(out, "Payload", e->payload);
    json_text_of(out, "NodeFilter", e->node_filter);
    json_text_of(out, "ServiceFilter", e->service_filter);
    json_text_of(out, "TagFilter", e->tag_filter);
    json_unsigned_of(out, "Version", 1);
    json_unsigned_of(out, "LTime", index);
    json_close(out, '}');
}

static int take_filter(struct exchange *x, const char *name, struct bytes *ret)
{
    *ret = target_get(&x->target, name);
    if (event_filter_ok(*ret) && ret->len <= USER_EVENT_NODE_FILTER_MAX)
        return 0;
    answer_error(x, 400, "bad_request",
                 "%s: of regular expressions only letters, digits, blanks, - _ / : are understood "
                 "here, with ^ before and $ behind",
                 name);
    return 1;
}

/* 0, or 1: the answer is an error. */
static int read_event(struct exchange *x, struct user_event *e)
{
    *e = (struct user_event){.id = identity_fresh_id(clock_wall_us() / KITH_MS),
                             .name = x->match.args[0],
                             .payload = buf_bytes(&x->body)};
    if (e->name.len > USER_EVENT_NAME_MAX) {
        answer_error(x, 400, "bad_request", "the name of an event has %u bytes at most",
                     USER_EVENT_NAME_MAX);
        return 1;
    }
    if (e->payload.len > USER_EVENT_PAYLOAD_MAX) {
        answer_error(x, 413, "too_large", "an event carries %u bytes at most",
                     USER_EVENT_PAYLOAD_MAX);
        return 1;
    }
    if (take_filter(x, "node", &e->node_filter) || take_filter(x, "service", &e->service_filter) ||
        take_filter(x, "tag", &e->tag_filter))
        return 1;
    if (!e->tag_filter.len || e->service_filter.len)
        return 0;
    answer_error(x, 400, "bad_request", "tag goes with service"); /* as Consul */
    return 1;
}

/* The event is in the question still: what is answered is what was sent. */
static void fired(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    struct published sum;
    struct publish sent;
    struct user_event e;
    struct wire_error err;

    if (kind != WIRE_PUBLISHED || published_decode(&sum, payload, &x->mem, &err) ||
        publish_decode(&sent, buf_bytes(&x->question), &x->mem, &err) || sent.payloads_n != 1 ||
        user_event_decode(&e, sent.payloads[0], &x->mem, &err))
        answer_error(x, 500, "internal", "the peer's answer cannot be read");
    else if (sum.dropped)
        answer_error(x, 429, "busy", "more is published at this peer than it may send: try again");
    else
        write_event(answer_json(x), &e, /* index= */ 0);
}

void consul_event_fire(struct exchange *x)
{
    struct user_event e;
    struct buf message = {0}, question = {0};

    if (consul_check_query(x) || read_event(x, &e))
        return;
    user_event_encode(&message, &e);
    struct bytes payload = buf_bytes(&message);

    publish_encode(&question, &(struct publish){.topic = bytes_str(CONSUL_EVENTS),
                                                .payloads = &payload,
                                                .payloads_n = 1});
    buf_deinit(&message);
    exchange_ask(x, WIRE_PUBLISH, question, fired);
}

void consul_event_list(struct exchange *x)
{
    struct bytes name = target_get(&x->target, "name");
    const struct event_seen *s;

    if (target_has(&x->target, "node") || target_has(&x->target, "service") ||
        target_has(&x->target, "tag")) {
        answer_error(x, 400, "bad_request", "events are listed by their name only");
        return;
    }
    if (consul_check_query(x) || exchange_blocks(x, event_list_resource(&x->hub->events, name)))
        return;
    struct buf *out = answer_json(x);

    json_open(out, '[');
    TAILQ_FOREACH(s, &x->hub->events.seen, others)
    {
        if (!name.len || bytes_equal(s->says.name, name))
            write_event(out, &s->says, s->index);
    }
    json_close(out, ']');
}
