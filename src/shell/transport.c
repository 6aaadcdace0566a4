/*
 * Sockets of a transport, and when they exist:
 *   doors     from transport_start() (ipc) or transport_ring() on
 *   lines     a DEALER per (address, lane), from the first frame until idle
 *   subs      a SUB per neighbour, from subscribe to unsubscribe
 * Lines and subs hold a struct dial, which opens and closes the socket itself as it sees fit.
 */
#include "shell/transport.h"
#include "base/mem.h"
#include "base/tree.h"
#include "shell/clock.h"
#include "shell/dial.h"
#include "shell/handshake.h"
#include "shell/hourly.h"
#include "shell/log.h"
#include "shell/queue.h"
#include "shell/routes.h"
#include "shell/zap.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TICK_US     (1 * KITH_SEC)  /* idle connections and old routes are looked for */
#define REBIND_US   (50 * KITH_MS)  /* a closed PUB's port is free soon after */
#define REVOKE_US   (500 * KITH_MS) /* what was just published, the revocation too, gets out */
#define EXIT_LINGER 200             /* ms that libzmq may use for what was handed to it last */

/* A newcomer subscribes to many at once, and what it has to say and to hear first must not wait behind all
 * those handshakes, its own and those of others who start now: after the first few each waits its turn. */
#define SUBS_AT_ONCE 4
#define SUBS_PACE_US (40 * KITH_MS)

struct line {
    struct bytes uri; /* view of dial.uri */
    enum wire_lane lane;
    struct dial dial;
    struct queue queue;
    kith_time used_us;
    TREE_ENTRY(line) by_key;
};

struct sub {
    struct bytes uri; /* view of dial.uri */
    struct dial dial;
    kith_time from_us; /* not opened before; 0: it was */
    TREE_ENTRY(sub) by_uri;
};

static int compare_line(const struct line *a, const struct line *b)
{
    int order = bytes_compare(a->uri, b->uri);
    return order != 0 ? order : (int)a->lane - (int)b->lane;
}

static int compare_sub(const struct sub *a, const struct sub *b)
{
    return bytes_compare(a->uri, b->uri);
}

TREE_DEFINE(line_tree, line, by_key, compare_line)
TREE_DEFINE(sub_tree, sub, by_uri, compare_sub)

struct link_news {
    struct link_news *next;
    bool up;
    char uri[];
};

struct transport {
    void *ctx;
    char *ways[TRANSPORT_WAYS_MAX];
    size_t ways_n;
    char *ipc;
    uint32_t lines_made;
    struct ulid node;
    uint64_t nonce;
    struct curve keys;
    struct doors doors;
    struct zap *zap;
    struct pollset_hint zap_hint;
    size_t zap_item;
    struct line_tree lines;
    struct sub_tree subs;
    struct routes *routes;
    struct hourly *hourly;
    struct link_news *news, **news_end, *told;
    kith_time tick_us, rebind_us;
    kith_time subs_us; /* when the next new SUB may be opened */
    zmq_msg_t msg;     /* the frame that was received last */
    struct transport_counters counters;
    struct transport_depth closed[TRANSPORT_LANES]; /* of connections that are no more */
};

/* ---- life ---- */

static void complain(struct transport *t, const char *address, const char *why, kith_time now_us)
{
    uint64_t before;
    t->counters.refused++;
    if (!hourly_say(t->hourly, address, why, now_us, &before))
        return;
    if (before == 0)
        log_line(LOG_WARN_, "no connection with %s: %s", address, why);
    else
        log_line(LOG_WARN_, "no connection with %s: %s (%llu more times since last said)", address,
                 why, (unsigned long long)before);
}

static void on_zap_closing(void *arg)
{
    struct transport *t = arg;
    pollset_forget(&t->zap_hint);
    t->zap_item = POLLSET_NONE;
}

static void on_refused(void *arg, const char *address, const char *why)
{
    complain(arg, address, why, clock_now_us());
}

struct transport *transport_new(const struct transport_config *c)
{
    struct transport *t = mem_alloc(sizeof *t);
    handshake_memory_init();
    t->ctx = zmq_ctx_new();
    assert(t->ctx != NULL);
    zmq_ctx_set(t->ctx, ZMQ_MAX_SOCKETS, TRANSPORT_SOCKETS_MAX);
    assert(c->ways_n <= TRANSPORT_WAYS_MAX);
    for (; t->ways_n < c->ways_n; t->ways_n++)
        t->ways[t->ways_n] = mem_str(c->ways[t->ways_n]);
    t->ipc = c->ipc != NULL ? mem_str(c->ipc) : NULL;
    t->node = c->node;
    t->nonce = c->nonce;
    t->keys = c->keys;
    doors_init(&t->doors, t->ctx);
    t->zap = zap_new(t->ctx, on_refused, on_zap_closing, t);
    t->zap_item = POLLSET_NONE;
    t->routes = routes_new();
    t->hourly = hourly_new();
    t->news_end = &t->news;
    t->tick_us = t->rebind_us = KITH_NEVER;
    zmq_msg_init(&t->msg);
    return t;
}

static void line_free(struct transport *t, struct line *l)
{
    TREE_REMOVE(line_tree, &t->lines, l);
    t->closed[l->lane].dropped_full += l->queue.dropped_full;
    t->closed[l->lane].dropped_stale += l->queue.dropped_stale;
    queue_deinit(&l->queue);
    dial_deinit(&l->dial);
    mem_free(l);
}

static void sub_free(struct transport *t, struct sub *s)
{
    TREE_REMOVE(sub_tree, &t->subs, s);
    dial_deinit(&s->dial);
    mem_free(s);
}

static void news_free(struct transport *t)
{
    mem_free(t->told);
    t->told = NULL;
    while (t->news != NULL) {
        struct link_news *n = t->news;
        t->news = n->next;
        mem_free(n);
    }
    t->news_end = &t->news;
}

void transport_free(struct transport *t)
{
    if (t == NULL)
        return;
    struct line *l, *next_line;
    TREE_FOREACH_SAFE(l, line_tree, &t->lines, next_line)
    line_free(t, l);
    struct sub *s, *next_sub;
    TREE_FOREACH_SAFE(s, sub_tree, &t->subs, next_sub)
    sub_free(t, s);
    zmq_msg_close(&t->msg);
    doors_deinit(&t->doors);
    pollset_forget(&t->zap_hint);
    zap_free(t->zap);
    zmq_ctx_term(t->ctx);
    routes_free(t->routes);
    hourly_free(t->hourly);
    news_free(t);
    for (size_t i = 0; i < t->ways_n; i++)
        mem_free(t->ways[i]);
    mem_free(t->ipc);
    mem_free(t);
}

/* ---- doors ---- */

static int bind_door(struct transport *t, enum door which, const char *const *ways, size_t ways_n)
{
    if (doors_bind(&t->doors, which, ways, ways_n, &t->keys) == 0)
        return 0;
    log_line(LOG_ERROR_, "cannot bind %s: %s", t->doors.door[which].uri, zmq_strerror(errno));
    return 1;
}

static const char *const *ways_of(const struct transport *t)
{
    return (const char *const *)t->ways;
}

static int bind_all(struct transport *t)
{
    static const enum door doors[] = {DOOR_PROBE, DOOR_BULK, DOOR_SUB};
    for (size_t i = 0; i < sizeof doors / sizeof *doors; i++)
        if (bind_door(t, doors[i], ways_of(t), t->ways_n) != 0)
            return 1;
    return 0;
}

int transport_start(struct transport *t)
{
    if (t->ipc != NULL) {
        char uri[300];
        snprintf(uri, sizeof uri, "ipc://%s", t->ipc);
        if (bind_door(t, DOOR_LOCAL, &(const char *){uri}, 1) != 0)
            return 1;
    }
    return t->keys.insecure ? bind_all(t) : 0;
}

/* Connections made with former keys are made again with the new ones. */
static void redial(struct transport *t)
{
    struct line *l;
    TREE_FOREACH (l, line_tree, &t->lines)
        dial_close(&l->dial);
    struct sub *s;
    TREE_FOREACH (s, sub_tree, &t->subs)
        dial_close(&s->dial);
}

int transport_ring(struct transport *t, const struct effect_ring *ring)
{
    if (t->keys.insecure)
        return 0;
    if (key32_compare(&t->keys.ring_public, &ring->ring_public) != 0)
        redial(t);
    bool rebind = key32_compare(&t->keys.ring_secret, &ring->ring_secret) != 0 ||
                  t->doors.door[DOOR_PROBE].socket == NULL;
    t->keys.ring_public = ring->ring_public;
    t->keys.ring_secret = ring->ring_secret;
    if (key32_is_zero(&ring->ring_secret) || !rebind)
        return 0;
    return bind_all(t);
}

void transport_admit(struct transport *t, const struct effect_admit *a, kith_time now_us)
{
    pollset_touch(&t->zap_hint); /* it may answer on that socket */
    if (!zap_admit(t->zap, &a->key, a->on) || a->on || t->keys.insecure)
        return;
    /* libzmq cannot cut one subscriber off. The others come back within SOCKETS_RECONNECT_MS, and
     * what they missed is repaired. */
    if (t->doors.door[DOOR_SUB].socket != NULL)
        t->rebind_us = kith_time_min(t->rebind_us, now_us + REVOKE_US);
}

static void rebind_pub(struct transport *t, kith_time now_us)
{
    /* Sockets are closed by another thread: the port may be taken for a moment. */
    if (doors_bind(&t->doors, DOOR_SUB, ways_of(t), t->ways_n, &t->keys) == 0)
        t->rebind_us = KITH_NEVER;
    else
        t->rebind_us = now_us + REBIND_US;
}

/* ---- out ---- */

static void flush_line(struct transport *t, struct line *l, kith_time now_us)
{
    struct bytes frame;
    while (l->dial.socket != NULL && queue_peek(&l->queue, &frame, now_us)) {
        pollset_touch(&l->dial.hint);
        if (zmq_send(l->dial.socket, frame.data, frame.len, ZMQ_DONTWAIT) < 0)
            return;
        t->counters.frames_out++;
        t->counters.bytes_out += frame.len;
        queue_pop(&l->queue);
    }
}

static struct line *line_new(struct transport *t, struct bytes uri, enum wire_lane lane)
{
    struct line *l = mem_alloc(sizeof *l);
    /* A ROUTER that is reached by two ways has to tell them apart. */
    uint32_t number = t->lines_made++;
    uint8_t id[1 + sizeof t->node.b + 1 + sizeof t->nonce + sizeof number];
    id[0] = 'k'; /* libzmq keeps ids that begin with 0 to itself */
    memcpy(id + 1, t->node.b, sizeof t->node.b);
    id[1 + sizeof t->node.b] = (uint8_t)lane;
    memcpy(id + 2 + sizeof t->node.b, &t->nonce, sizeof t->nonce);
    memcpy(id + sizeof id - sizeof number, &number, sizeof number);
    dial_init(&l->dial, t->ctx, ZMQ_DEALER, uri, bytes_of(id, sizeof id));
    l->uri = bytes_str(l->dial.uri);
    l->lane = lane;
    l->queue.limits = queue_limits_of(lane);
    TREE_INSERT(line_tree, &t->lines, l);
    return l;
}

static void open_dial(struct transport *t, struct dial *d, kith_time now_us)
{
    if (dial_open(d, &t->keys, now_us) != 0)
        complain(t, d->uri, "not an address that can be connected", now_us);
}

void transport_send(struct transport *t, const struct effect_send *send, kith_time now_us)
{
    struct line key = {.uri = send->uri, .lane = send->lane};
    struct line *l = TREE_FIND(line_tree, &t->lines, &key);
    if (l == NULL)
        l = line_new(t, send->uri, send->lane);
    l->used_us = now_us;
    open_dial(t, &l->dial, now_us);
    queue_push(&l->queue, send->frame, now_us);
    flush_line(t, l, now_us);
}

void transport_reply(struct transport *t, const struct effect_reply *reply)
{
    uint32_t door;
    struct bytes id;
    if (!routes_find(t->routes, reply->route, &door, &id) || t->doors.door[door].socket == NULL) {
        t->counters.dropped_replies++;
        return;
    }
    void *socket = t->doors.door[door].socket;
    pollset_touch(&t->doors.door[door].hint);
    if (zmq_send(socket, id.data, id.len, ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0 ||
        zmq_send(socket, reply->frame.data, reply->frame.len, ZMQ_DONTWAIT) < 0) {
        t->counters.dropped_replies++;
        return;
    }
    t->counters.frames_out++;
    t->counters.bytes_out += reply->frame.len;
}

void transport_publish(struct transport *t, struct bytes frame)
{
    void *pub = t->doors.door[DOOR_SUB].socket;
    if (pub == NULL)
        return;
    zmq_send(pub, frame.data, frame.len, ZMQ_DONTWAIT);
    t->counters.frames_out++;
    t->counters.bytes_out += frame.len;
}

void transport_subscribe(struct transport *t, const struct effect_subscribe *e, kith_time now_us)
{
    struct sub key = {.uri = e->uri};
    struct sub *s = TREE_FIND(sub_tree, &t->subs, &key);
    if (!e->on && s != NULL)
        sub_free(t, s);
    if (!e->on || s != NULL)
        return;
    s = mem_alloc(sizeof *s);
    dial_init(&s->dial, t->ctx, ZMQ_SUB, e->uri, bytes_of(NULL, 0));
    s->uri = bytes_str(s->dial.uri);
    kith_time next_us = t->subs_us > now_us ? t->subs_us : now_us;
    s->from_us = next_us - SUBS_AT_ONCE * SUBS_PACE_US;
    t->subs_us = next_us + SUBS_PACE_US;
    TREE_INSERT(sub_tree, &t->subs, s);
}

/* ---- a turn ---- */

void transport_poll(struct transport *t, struct pollset *p, kith_time now_us)
{
    t->zap_item = pollset_add(p, zap_socket(t->zap), ZMQ_POLLIN, &t->zap_hint);
    doors_poll(&t->doors, p);
    struct line *l;
    TREE_FOREACH (l, line_tree, &t->lines) {
        open_dial(t, &l->dial, now_us);
        dial_poll(&l->dial, p, !queue_empty(&l->queue));
    }
    struct sub *s;
    TREE_FOREACH (s, sub_tree, &t->subs) {
        if (now_us < s->from_us)
            continue;
        s->from_us = 0;
        open_dial(t, &s->dial, now_us);
        dial_poll(&s->dial, p, /* out= */ false);
    }
    if (t->tick_us == KITH_NEVER)
        t->tick_us = now_us + TICK_US;
}

static void tell_link(struct transport *t, const char *uri, bool up)
{
    size_t len = strlen(uri) + 1;
    struct link_news *n = mem_alloc(sizeof *n + len);
    n->up = up;
    memcpy(n->uri, uri, len);
    *t->news_end = n;
    t->news_end = &n->next;
}

static void watch_dial(struct transport *t, struct dial *d, const struct pollset *p,
                       kith_time now_us)
{
    d->budget = pollset_ready(p, d->item) & ZMQ_POLLIN ? DIAL_BUDGET : 0;
    if (pollset_ready(p, d->monitor_item) == 0)
        return;
    const char *why = NULL;
    enum dial_news news;
    while ((news = dial_watch(d, now_us, &why)) != DIAL_NOTHING) {
        if (news == DIAL_FAILED)
            complain(t, d->uri, why, now_us);
        else
            tell_link(t, d->uri, news == DIAL_UP);
    }
}

static void watch_doors(struct transport *t, const struct pollset *p, kith_time now_us)
{
    for (size_t i = 0; i < DOORS_COUNT; i++) {
        struct door_socket *s = &t->doors.door[i];
        s->budget = pollset_ready(p, s->item) & ZMQ_POLLIN ? DOORS_BUDGET : 0;
        const char *address, *why;
        if (pollset_ready(p, s->monitor_item) != 0)
            while (doors_watch(&t->doors, (enum door)i, &address, &why))
                complain(t, address, why, now_us);
    }
}

static void tick(struct transport *t, kith_time now_us)
{
    t->tick_us = now_us + TICK_US;
    routes_expire(t->routes, now_us);
    struct line *l, *next;
    TREE_FOREACH_SAFE(l, line_tree, &t->lines, next)
    if (now_us - l->used_us > TRANSPORT_IDLE_US)
        line_free(t, l);
}

void transport_polled(struct transport *t, const struct pollset *p, kith_time now_us)
{
    if (pollset_ready(p, t->zap_item) != 0)
        zap_answer(t->zap, now_us);
    if (now_us >= zap_deadline(t->zap)) {
        pollset_touch(&t->zap_hint); /* it answers on that socket */
        zap_time(t->zap, now_us);
    }
    watch_doors(t, p, now_us);
    struct line *l;
    TREE_FOREACH (l, line_tree, &t->lines) {
        watch_dial(t, &l->dial, p, now_us);
        flush_line(t, l, now_us);
    }
    struct sub *s;
    TREE_FOREACH (s, sub_tree, &t->subs)
        watch_dial(t, &s->dial, p, now_us);
    if (now_us >= t->rebind_us)
        rebind_pub(t, now_us);
    if (now_us >= t->tick_us)
        tick(t, now_us);
}

kith_time transport_deadline(const struct transport *t)
{
    kith_time at_us = kith_time_min(t->tick_us, t->rebind_us);
    at_us = kith_time_min(at_us, zap_deadline(t->zap));
    struct line *l;
    TREE_FOREACH (l, line_tree, (struct line_tree *)&t->lines)
        if (l->dial.socket == NULL && l->dial.retry_at_us > 0)
            at_us = kith_time_min(at_us, l->dial.retry_at_us);
    struct sub *s;
    TREE_FOREACH (s, sub_tree, (struct sub_tree *)&t->subs) {
        if (s->dial.socket == NULL && s->dial.retry_at_us > 0)
            at_us = kith_time_min(at_us, s->dial.retry_at_us);
        if (s->from_us > 0)
            at_us = kith_time_min(at_us, s->from_us);
    }
    return at_us;
}

/* ---- in ---- */

/* Takes one message off a socket into t->msg; one of too many parts is thrown away. False: there is none,
 * and then *budget is 0 (each further try would cost system calls), or it was thrown away. A socket that said
 * so has looked at all that came: it is not asked again before its descriptor tells. */
static bool take(struct transport *t, void *socket, zmq_msg_t *id, struct pollset_hint *hint,
                 unsigned *budget)
{
    if (zmq_msg_recv(id != NULL ? id : &t->msg, socket, ZMQ_DONTWAIT) < 0) {
        hint->quiet = errno == EAGAIN;
        *budget = 0;
        return false;
    }
    if (id != NULL && (!zmq_msg_more(id) || zmq_msg_recv(&t->msg, socket, ZMQ_DONTWAIT) < 0)) {
        *budget = 0;
        return false;
    }
    if (!zmq_msg_more(&t->msg)) {
        t->counters.frames_in++;
        t->counters.bytes_in += zmq_msg_size(&t->msg);
        return true;
    }
    t->counters.malformed++;
    while (zmq_msg_more(&t->msg))
        if (zmq_msg_recv(&t->msg, socket, ZMQ_DONTWAIT) < 0)
            break;
    return false;
}

static struct bytes msg_bytes(zmq_msg_t *msg)
{
    return bytes_of(zmq_msg_data(msg), zmq_msg_size(msg));
}

static bool receive_door(struct transport *t, enum door which, kith_time now_us,
                         struct event_frame *ret)
{
    struct door_socket *s = &t->doors.door[which];
    while (s->budget > 0) {
        s->budget--;
        zmq_msg_t id;
        zmq_msg_init(&id);
        bool took = take(t, s->socket, &id, &s->hint, &s->budget);
        if (took) {
            *ret = (struct event_frame){.door = which, .frame = msg_bytes(&t->msg)};
            ret->route = routes_number(t->routes, which, msg_bytes(&id), now_us);
            ret->key = zap_key(zmq_msg_gets(&t->msg, "User-Id"));
            const char *from = zmq_msg_gets(&t->msg, "Peer-Address");
            ret->from = bytes_str(from != NULL ? from : "local");
        }
        zmq_msg_close(&id);
        if (took)
            return true;
    }
    return false;
}

static bool receive_dial(struct transport *t, struct dial *d, enum door door,
                         struct event_frame *ret)
{
    while (d->budget > 0) {
        d->budget--;
        if (!take(t, d->socket, /* id= */ NULL, &d->hint, &d->budget))
            continue;
        *ret = (struct event_frame){.door = door, .frame = msg_bytes(&t->msg)};
        ret->from = bytes_str(d->uri);
        return true;
    }
    return false;
}

static bool receive_lines(struct transport *t, bool member, kith_time now_us,
                          struct event_frame *ret)
{
    struct line *l;
    TREE_FOREACH (l, line_tree, &t->lines) {
        if ((l->lane == WIRE_LANE_MEMBER) != member)
            continue;
        if (receive_dial(t, &l->dial, member ? DOOR_PROBE : DOOR_BULK, ret)) {
            l->used_us = now_us;
            return true;
        }
    }
    return false;
}

static bool receive_subs(struct transport *t, struct event_frame *ret)
{
    struct sub *s;
    TREE_FOREACH (s, sub_tree, &t->subs)
        if (receive_dial(t, &s->dial, DOOR_SUB, ret))
            return true;
    return false;
}

bool transport_receive(struct transport *t, enum transport_class class, kith_time now_us,
                       struct event_frame *ret)
{
    switch (class) {
    case TRANSPORT_MEMBER:
        return receive_door(t, DOOR_PROBE, now_us, ret) ||
               receive_lines(t, /* member= */ true, now_us, ret);
    case TRANSPORT_TOPIC:
        return receive_subs(t, ret);
    case TRANSPORT_REST:
        break;
    }
    return receive_door(t, DOOR_LOCAL, now_us, ret) || receive_door(t, DOOR_BULK, now_us, ret) ||
           receive_lines(t, /* member= */ false, now_us, ret);
}

bool transport_link(struct transport *t, struct event_link *ret)
{
    mem_free(t->told);
    t->told = t->news;
    if (t->told == NULL)
        return false;
    t->news = t->told->next;
    if (t->news == NULL)
        t->news_end = &t->news;
    *ret = (struct event_link){.uri = bytes_str(t->told->uri), .up = t->told->up};
    return true;
}

/* ---- end ---- */

static bool flush_all(struct transport *t, kith_time now_us)
{
    bool empty = true;
    struct line *l;
    TREE_FOREACH (l, line_tree, &t->lines) {
        flush_line(t, l, now_us);
        empty = empty && (queue_empty(&l->queue) || !l->dial.up);
    }
    return empty;
}

void transport_flush(struct transport *t, kith_time within_us)
{
    kith_time until_us = clock_now_us() + within_us;
    while (!flush_all(t, clock_now_us()) && clock_now_us() < until_us)
        zmq_poll(NULL, 0, /* ms= */ 5);
    struct line *l;
    TREE_FOREACH (l, line_tree, &t->lines)
        if (l->dial.socket != NULL)
            sockets_set(l->dial.socket, ZMQ_LINGER, EXIT_LINGER);
    for (size_t i = 0; i < DOORS_COUNT; i++)
        if (t->doors.door[i].socket != NULL)
            sockets_set(t->doors.door[i].socket, ZMQ_LINGER, EXIT_LINGER);
}

const struct transport_counters *transport_counters(const struct transport *t)
{
    return &t->counters;
}

void transport_depths(const struct transport *t, struct transport_depth ret[TRANSPORT_LANES])
{
    memcpy(ret, t->closed, sizeof t->closed);
    struct line *l;
    TREE_FOREACH (l, line_tree, (struct line_tree *)&t->lines) {
        struct transport_depth *d = &ret[l->lane];
        d->connections += l->dial.up;
        d->frames += l->queue.count;
        d->bytes += l->queue.bytes;
        d->dropped_full += l->queue.dropped_full;
        d->dropped_stale += l->queue.dropped_stale;
    }
    struct sub *s;
    TREE_FOREACH (s, sub_tree, (struct sub_tree *)&t->subs)
        ret[WIRE_LANE_TOPIC].connections += s->dial.up;
}
