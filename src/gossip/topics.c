#include "gossip/topics.h"

#include "base/mem.h"
#include "gossip/listener.h"
#include "gossip/meter.h"
#include "gossip/seen.h"

/* Of `kith info`, by name. */
#define TOPICS_COUNTS(X)                                                                           \
    X(published)                                                                                   \
    X(dropped_at_origin) /* beyond the origin's or the lane's budget */                            \
    X(received)          /* each message once */                                                   \
    X(received_again)                                                                              \
    X(received_stale)    /* of an earlier life of their origin */                                  \
    X(received_too_many) /* beyond what an origin may send */                                      \
    X(delivered)         /* to subscribers here */                                                 \
    X(passed_on)         /* copies of others' messages */                                          \
    X(not_passed_on)     /* beyond the lane's budget */                                            \
    X(hops_ended)                                                                                  \
    X(inbox_dropped)

struct topics_counts {
#define TOPICS_COUNT_FIELD(name) uint64_t name;
    TOPICS_COUNTS(TOPICS_COUNT_FIELD)
#undef TOPICS_COUNT_FIELD
};

struct topics {
    struct core *core;
    struct interest *interest;
    struct listeners *listeners;
    struct courier *courier;
    struct seen *seen;
    struct meter *meter;
    uint64_t seq;
    struct storm storm;
    struct topics_counts counts;
    struct bytes wants[INTEREST_PATTERNS_MAX]; /* of this peer itself */
    size_t wants_n;
    struct arena inbox_mem;
    struct topics_note inbox[TOPICS_INBOX];
    size_t inbox_n, inbox_at;
};

/* A message on its way through this peer. */
struct passing {
    struct topic_message message;
    struct bytes encoded;
    struct topic topic;
    struct meter_topic *meter;
};

struct topics *topics_new(struct core *core, struct overlay *overlay, courier_suspect *suspect,
                          void *arg)
{
    struct topics *tp = mem_alloc(sizeof(*tp));
    tp->core = core;
    tp->interest = interest_new(core);
    tp->listeners = listeners_new();
    tp->courier = courier_new(core, overlay, tp->interest, suspect, arg);
    tp->seen = seen_new();
    tp->meter = meter_new();
    return tp;
}

static void clear_wants(struct topics *tp)
{
    for (size_t i = 0; i < tp->wants_n; i++)
        mem_free((void *)(uintptr_t)tp->wants[i].data);
    tp->wants_n = 0;
}

void topics_free(struct topics *tp)
{
    clear_wants(tp);
    arena_deinit(&tp->inbox_mem);
    meter_free(tp->meter);
    seen_free(tp->seen);
    courier_free(tp->courier);
    listeners_free(tp->listeners);
    interest_free(tp->interest);
    mem_free(tp);
}

/* ---- interests ---- */

static void tell_interests(struct topics *tp, struct turn *t)
{
    struct arena mem = {0};
    const struct bytes *theirs;
    size_t n = listeners_patterns(tp->listeners, &mem, &theirs);
    struct bytes *all = arena_array(&mem, n + tp->wants_n, sizeof(*all));
    for (size_t i = 0; i < n; i++)
        all[i] = theirs[i];
    for (size_t i = 0; i < tp->wants_n; i++)
        all[n++] = tp->wants[i];
    interest_want(tp->interest, t, all, n);
    arena_deinit(&mem);
}

void topics_enter(struct topics *tp, struct turn *t)
{
    tell_interests(tp, t);
}

void topics_row(struct topics *tp, const struct row *row)
{
    interest_row(tp->interest, row);
}

void topics_members_changed(struct topics *tp, kith_time now_us)
{
    interest_members_changed(tp->interest);
    courier_members_changed(tp->courier, now_us);
}

void topics_want(struct topics *tp, struct turn *t, const struct bytes *patterns, size_t n)
{
    bool same = n == tp->wants_n;
    for (size_t i = 0; same && i < n; i++)
        same = bytes_equal(patterns[i], tp->wants[i]);
    if (same)
        return;
    clear_wants(tp);
    for (size_t i = 0; i < n && i < INTEREST_PATTERNS_MAX; i++)
        tp->wants[tp->wants_n++] =
            bytes_of(mem_copy(patterns[i].data, patterns[i].len), patterns[i].len);
    tell_interests(tp, t);
}

static void keep_for_itself(struct topics *tp, const struct passing *p)
{
    if (p->topic.words_n != 2 || !bytes_equal_str(p->topic.words[0], "load"))
        return;
    if (tp->inbox_n == TOPICS_INBOX) {
        tp->counts.inbox_dropped++;
        return;
    }
    tp->inbox[tp->inbox_n++] =
        (struct topics_note){.origin = p->message.origin,
                             .topic = arena_bytes(&tp->inbox_mem, p->message.topic),
                             .payload = arena_bytes(&tp->inbox_mem, p->message.payload)};
}

bool topics_take(struct topics *tp, struct topics_note *ret)
{
    if (tp->inbox_at == tp->inbox_n) {
        tp->inbox_at = tp->inbox_n = 0;
        arena_reset(&tp->inbox_mem);
        return false;
    }
    *ret = tp->inbox[tp->inbox_at++];
    return true;
}

bool topics_wanted(struct topics *tp, struct bytes topic)
{
    struct topic words;
    const struct ulid *peers;
    return topic_split(&words, topic) == 0 &&
           (listeners_count(tp->listeners, &words) > 0 ||
            interest_peers(tp->interest, topic, &words, &peers) > 0);
}

/* ---- to subscribers here ---- */

static void deliver(struct topics *tp, struct turn *t, const struct passing *p)
{
    const struct topic_message *m = &p->message;
    int64_t latency_us = t->wall_us - m->stamp_us;
    struct ulid_text text;
    struct topic_delivery delivery = {
        .topic = m->topic,
        .payload = m->payload,
        .origin = m->origin,
        .origin_name = core_name(tp->core, &m->origin, &text),
        .seq = m->seq,
        .priority = m->priority,
        .stamp_ms = m->stamp_us / KITH_MS,
        .latency_us = latency_us > 0 ? (uint64_t)latency_us : 0,
    };
    uint32_t n = listeners_offer(tp->listeners, &p->topic, &delivery);
    keep_for_itself(tp, p);
    p->meter->delivered += n;
    tp->counts.delivered += n;
}

/* ---- on to others ---- */

static void send_on(struct topics *tp, struct turn *t, const struct passing *p,
                    const struct route *route)
{
    courier_send(tp->courier, t, route, p->encoded, p->message.priority == TOPIC_PRIORITY_HIGH);
}

static void pass_on(struct topics *tp, struct turn *t, const struct passing *p,
                    const struct topic_item *item, const struct ulid *from)
{
    uint32_t cost = storm_cost(p->message.topic, p->message.payload);
    struct route route;
    courier_route_on(tp->courier, p->message.topic, &p->topic, item, from, &route);
    tp->counts.hops_ended += route.ended;
    if (!storm_pass_on(&tp->storm, t->now_us, cost, route.copies)) {
        tp->counts.not_passed_on++;
        return;
    }
    send_on(tp, t, p, &route);
    tp->counts.passed_on += route.copies;
}

/* The end of everything that may have put messages into queues. */
static void leave(struct topics *tp, struct turn *t)
{
    courier_flush(tp->courier, t);
    listeners_flush(tp->listeners, t);
    if (listeners_changed(tp->listeners))
        tell_interests(tp, t);
}

/* ---- published here ---- */

/* One message, all but its payload and number set. */
static bool publish_one(struct topics *tp, struct turn *t, struct passing *p,
                        const struct route *route)
{
    struct buf encoded = {0};
    uint32_t cost = storm_cost(p->message.topic, p->message.payload);
    if (!storm_publish(&tp->storm, t->now_us, p->message.priority, cost, route->copies))
        return false;
    p->message.seq = ++tp->seq;
    deliver(tp, t, p);
    if (route->n > 0) {
        topic_message_encode(&encoded, &p->message);
        p->encoded = buf_bytes(&encoded);
        send_on(tp, t, p, route);
        buf_deinit(&encoded);
    }
    return true;
}

struct topics_sent topics_publish(struct topics *tp, struct turn *t, const struct publish *publish)
{
    struct topics_sent sent = {0};
    const struct ulid *peers;
    struct route route;
    struct passing p = {.message = {.origin = tp->core->self,
                                    .boot = tp->core->boot,
                                    .topic = publish->topic,
                                    .priority = publish->priority,
                                    .stamp_us = t->wall_us}};
    if (topic_split(&p.topic, publish->topic) != 0)
        return sent;
    p.meter = meter_get(tp->meter, publish->topic);
    courier_route(tp->courier, t->now_us, publish->topic, &p.topic, publish->hops, &route);
    for (uint32_t i = 0; i < publish->payloads_n; i++) {
        p.message.payload = publish->payloads[i];
        if (publish_one(tp, t, &p, &route))
            sent.accepted++;
        else
            sent.dropped++;
    }
    sent.peers = (uint32_t)interest_peers(tp->interest, publish->topic, &p.topic, &peers);
    sent.local = listeners_count(tp->listeners, &p.topic);
    p.meter->published += sent.accepted;
    p.meter->dropped += sent.dropped;
    tp->counts.published += sent.accepted;
    tp->counts.dropped_at_origin += sent.dropped;
    leave(tp, t);
    return sent;
}

/* ---- come from others ---- */

static void refuse(struct topics *tp, struct turn *t, const struct incoming *in,
                   const struct wire_error *err)
{
    naming_refuse(&tp->core->naming, t, REFUSAL_PAYLOAD, in->from, "%s: %s", err->field, err->why);
}

static void take(struct topics *tp, struct turn *t, const struct incoming *in,
                 const struct topic_item *item, struct passing *p)
{
    const struct topic_message *m = &p->message;
    if (ulid_equal(&m->origin, &tp->core->self))
        return;
    switch (seen_take(tp->seen, &m->origin, &m->boot, m->seq, storm_others, t->now_us)) {
    case SEEN_NEW:
        p->meter = meter_get(tp->meter, m->topic);
        p->meter->received++;
        meter_latency(p->meter, t->wall_us - m->stamp_us);
        tp->counts.received++;
        deliver(tp, t, p);
        pass_on(tp, t, p, item, &in->who.id);
        break;
    case SEEN_AGAIN: /* by another way, and perhaps with others to serve */
        tp->counts.received_again++;
        if (!item->tree)
            pass_on(tp, t, p, item, &in->who.id);
        break;
    case SEEN_STALE:
        tp->counts.received_stale++;
        break;
    case SEEN_TOO_MANY:
        tp->counts.received_too_many++;
        break;
    }
}

bool topics_receive(struct topics *tp, struct turn *t, const struct incoming *in)
{
    struct topic_batch batch;
    struct arena mem = {0};
    struct wire_error err;
    int opened = courier_open(&batch, in, &mem, &err);
    if (opened == COURIER_OTHER)
        return false;
    if (opened != 0)
        refuse(tp, t, in, &err);
    for (uint32_t i = 0; i < batch.items_n; i++) {
        struct passing p = {.encoded = batch.items[i].message};
        int bad = topic_message_decode(&p.message, p.encoded, &mem, &err);
        if (bad == 0 && topic_split(&p.topic, p.message.topic) != 0) {
            err = (struct wire_error){"topic_message.topic", "is none"};
            bad = WIRE_BAD;
        }
        if (bad == 0)
            take(tp, t, in, &batch.items[i], &p);
        else
            refuse(tp, t, in, &err);
    }
    arena_deinit(&mem);
    leave(tp, t);
    return true;
}

/* ---- clients ---- */

static void publish_asked(struct topics *tp, struct turn *t, const struct incoming *in)
{
    struct publish publish;
    struct topic topic;
    struct arena mem = {0};
    struct buf payload = {0};
    struct wire_error err;
    int bad;
    if (publish_decode(&publish, in->payload, &mem, &err) != 0) {
        turn_fail(t, in, FAIL_CODE_BAD_REQUEST, "%s: %s", err.field, err.why);
    } else if ((bad = topic_split(&topic, publish.topic)) != 0) {
        turn_fail(t, in, FAIL_CODE_BAD_REQUEST, "this is no topic: %s", pattern_problem(bad));
    } else if (!tp->core->member) {
        turn_fail(t, in, FAIL_CODE_NOT_READY, "this peer has not joined its cluster yet");
    } else {
        struct topics_sent sent = topics_publish(tp, t, &publish);
        published_encode(&payload, &(struct published){.accepted = sent.accepted,
                                                       .dropped = sent.dropped,
                                                       .peers = sent.peers,
                                                       .local = sent.local});
        turn_reply(t, in, WIRE_PUBLISHED, buf_bytes(&payload), /* wait= */ 0);
    }
    buf_deinit(&payload);
    arena_deinit(&mem);
}

bool topics_request(struct topics *tp, struct turn *t, const struct incoming *in)
{
    if (in->envelope->kind == WIRE_PUBLISH)
        publish_asked(tp, t, in);
    else if (!listeners_request(tp->listeners, t, in))
        return false;
    leave(tp, t);
    return true;
}

/* ---- time ---- */

void topics_time(struct topics *tp, struct turn *t)
{
    listeners_time(tp->listeners, t);
    leave(tp, t);
    interest_time(tp->interest, t);
}

kith_time topics_deadline(const struct topics *tp)
{
    kith_time at_us =
        kith_time_min(courier_deadline(tp->courier), listeners_deadline(tp->listeners));
    return kith_time_min(at_us, interest_deadline(tp->interest));
}

static void add(struct info *ret, struct counter *counters, struct arena *mem, const char *name,
                uint64_t value)
{
    counters[ret->counters_n++] = (struct counter){
        .name = bytes_str(arena_printf(mem, "topic.%s", name)), .value = (int64_t)value};
}

void topics_info(const struct topics *tp, struct info *ret, struct arena *mem)
{
    const struct parcel_counts *p = courier_parcels(tp->courier);
    const struct courier_counts *c = courier_counts(tp->courier);
    size_t fields = sizeof(tp->counts) / sizeof(uint64_t) + 9;
    struct counter *counters = arena_array(mem, ret->counters_n + fields, sizeof(*counters));
    for (uint32_t i = 0; i < ret->counters_n; i++)
        counters[i] = ret->counters[i];
#define TOPICS_COUNT_ADD(field) add(ret, counters, mem, #field, tp->counts.field);
    TOPICS_COUNTS(TOPICS_COUNT_ADD)
#undef TOPICS_COUNT_ADD
    add(ret, counters, mem, "subscriptions", listeners_number(tp->listeners));
    add(ret, counters, mem, "dropped_for_slow_clients", listeners_dropped(tp->listeners));
    add(ret, counters, mem, "frames_sent", p->frames);
    add(ret, counters, mem, "frames_by_express", c->express);
    add(ret, counters, mem, "requests_along_tree", c->along_tree);
    add(ret, counters, mem, "messages_sent", p->messages);
    add(ret, counters, mem, "bytes_sent", p->bytes);
    add(ret, counters, mem, "frames_packed", p->packed);
    add(ret, counters, mem, "bytes_saved", p->saved_bytes);
    ret->counters = counters;
    ret->topics_n = meter_read(tp->meter, mem, &ret->topics);
}
