#include "shell/transport.h"
#include "base/mem.h"
#include "shell/clock.h"
#include "shell/handshake.h"
#include "shell/hourly.h"
#include "shell/log.h"
#include "shell/routes.h"
#include "shell/traffic.h"
#include "shell/zap.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TICK_US     (1 * KITH_SEC)  /* idle connections and old routes are looked for, */
#define TICK_LATE   (1 * KITH_SEC)  /* so much later if nothing else wakes the thread */
#define REBIND_US   (50 * KITH_MS)  /* a closed PUB's port is free soon after */
#define REVOKE_US   (500 * KITH_MS) /* what was just published, the revocation too, gets out */
#define EXIT_LINGER 200             /* ms that libzmq may use for what was handed to it last */

struct transport {
    void *ctx;
    char *ways[TRANSPORT_WAYS_MAX];
    size_t ways_n;
    char *ipc;
    struct curve keys;
    struct doors doors;
    struct zap *zap;
    struct pollset set;
    struct pollset_item zap_item;
    struct traffic traffic;
    struct links *links;
    struct routes *routes;
    struct hourly *hourly;
    kith_time tick_us, rebind_us;
    uint64_t dropped_replies, refused;
};

/* ---- life ---- */

static void on_refused(void *arg, const char *address, const char *why)
{
    struct transport *t = arg;
    uint64_t before;
    t->refused++;
    if (!hourly_say(t->hourly, address, why, clock_now_us(), &before))
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
    pollset_remove(&t->zap_item);
}

static struct links *make_links(struct transport *t, const struct transport_config *c)
{
    return links_new(&(struct links_config){
        .ctx = t->ctx,
        .set = &t->set,
        .node = c->node,
        .nonce = c->nonce,
        .keys = &t->keys,
        .traffic = &t->traffic,
        .refused = on_refused,
        .arg = t,
    });
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
    t->keys = c->keys;
    pollset_init(&t->set);
    doors_init(&t->doors, t->ctx, &t->set);
    t->zap = zap_new(t->ctx, on_refused, on_zap_closing, t);
    pollset_add(&t->set, &t->zap_item, zap_socket(t->zap), /* tell= */ NULL, /* arg= */ NULL);
    traffic_init(&t->traffic);
    t->links = make_links(t, c);
    t->routes = routes_new();
    t->hourly = hourly_new();
    t->rebind_us = KITH_NEVER;
    return t;
}

void transport_free(struct transport *t)
{
    if (t == NULL)
        return;
    links_free(t->links);
    traffic_deinit(&t->traffic);
    doors_deinit(&t->doors);
    pollset_remove(&t->zap_item);
    zap_free(t->zap);
    pollset_deinit(&t->set);
    zmq_ctx_term(t->ctx);
    routes_free(t->routes);
    hourly_free(t->hourly);
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
        if (bind_door(t, DOOR_LOCAL, (const char *[]){uri, TRANSPORT_INSIDE}, 2) != 0)
            return 1;
    }
    return t->keys.insecure ? bind_all(t) : 0;
}

void *transport_context(const struct transport *t)
{
    return t->ctx;
}

int transport_ring(struct transport *t, const struct effect_ring *ring)
{
    if (t->keys.insecure)
        return 0;
    if (key32_compare(&t->keys.ring_public, &ring->ring_public) != 0)
        links_redial(t->links);
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
    pollset_touch(&t->zap_item); /* it may answer on that socket */
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

void transport_send(struct transport *t, const struct effect_send *send, kith_time now_us)
{
    links_send(t->links, send, now_us);
}

void transport_subscribe(struct transport *t, const struct effect_subscribe *e, kith_time now_us)
{
    links_subscribe(t->links, e, now_us);
}

static bool answer(struct transport *t, struct door_socket *s, struct bytes id, struct bytes frame)
{
    if (s->socket == NULL)
        return false;
    pollset_touch(&s->item);
    return zmq_send(s->socket, id.data, id.len, ZMQ_DONTWAIT | ZMQ_SNDMORE) >= 0 &&
           traffic_give(&t->traffic, s->socket, frame);
}

void transport_reply(struct transport *t, const struct effect_reply *reply)
{
    uint32_t door;
    struct bytes id;
    if (!routes_find(t->routes, reply->route, &door, &id) ||
        !answer(t, &t->doors.door[door], id, reply->frame))
        t->dropped_replies++;
}

void transport_publish(struct transport *t, struct bytes frame)
{
    void *pub = t->doors.door[DOOR_SUB].socket;
    if (pub != NULL)
        traffic_give(&t->traffic, pub, frame);
}

/* ---- a turn ---- */

struct pollset *transport_set(struct transport *t)
{
    return &t->set;
}

static void turn_zap(struct transport *t, kith_time now_us)
{
    if (pollset_ready(&t->zap_item) != 0)
        zap_answer(t->zap, now_us);
    if (now_us < zap_deadline(t->zap))
        return;
    pollset_touch(&t->zap_item); /* it answers on that socket */
    if (zap_time(t->zap, now_us))
        pollset_add(&t->set, &t->zap_item, zap_socket(t->zap), /* tell= */ NULL, /* arg= */ NULL);
}

static void turn_doors(struct transport *t)
{
    for (size_t i = 0; i < DOORS_COUNT; i++) {
        struct door_socket *s = &t->doors.door[i];
        s->budget = pollset_ready(&s->item) & ZMQ_POLLIN ? DOORS_BUDGET : 0;
        const char *address, *why;
        if (pollset_ready(&s->monitor_item) != 0)
            while (doors_watch(&t->doors, (enum door)i, &address, &why))
                on_refused(t, address, why);
    }
}

void transport_turn(struct transport *t, kith_time now_us)
{
    turn_zap(t, now_us);
    turn_doors(t);
    links_turn(t->links, now_us);
    if (now_us >= t->rebind_us)
        rebind_pub(t, now_us);
    if (now_us >= t->tick_us) {
        t->tick_us = now_us + TICK_US;
        routes_expire(t->routes, now_us);
        links_expire(t->links, now_us);
    }
}

kith_time transport_deadline(const struct transport *t)
{
    kith_time at_us = kith_time_min(t->tick_us + TICK_LATE, t->rebind_us);
    at_us = kith_time_min(at_us, zap_deadline(t->zap));
    return kith_time_min(at_us, links_deadline(t->links));
}

/* ---- in ---- */

static bool receive_door(struct transport *t, enum door which, kith_time now_us,
                         struct event_frame *ret)
{
    struct door_socket *s = &t->doors.door[which];
    zmq_msg_t *msg = &t->traffic.msg;
    while (s->budget > 0) {
        s->budget--;
        zmq_msg_t id;
        zmq_msg_init(&id);
        bool took = traffic_take(&t->traffic, &s->item, &id, &s->budget);
        if (took) {
            *ret = (struct event_frame){.door = which, .frame = traffic_bytes(msg)};
            ret->route = routes_number(t->routes, which, traffic_bytes(&id), now_us);
            ret->key = zap_key(zmq_msg_gets(msg, "User-Id"));
            const char *from = zmq_msg_gets(msg, "Peer-Address");
            ret->from = bytes_str(from != NULL ? from : "local");
        }
        zmq_msg_close(&id);
        if (took)
            return true;
    }
    return false;
}

bool transport_receive(struct transport *t, enum transport_class class, kith_time now_us,
                       struct event_frame *ret)
{
    switch (class) {
    case TRANSPORT_MEMBER:
        return receive_door(t, DOOR_PROBE, now_us, ret) ||
               links_receive(t->links, /* member= */ true, now_us, ret);
    case TRANSPORT_TOPIC:
        return links_receive_subs(t->links, ret);
    case TRANSPORT_REST:
        break;
    }
    return receive_door(t, DOOR_LOCAL, now_us, ret) || receive_door(t, DOOR_BULK, now_us, ret) ||
           links_receive(t->links, /* member= */ false, now_us, ret);
}

bool transport_link(struct transport *t, struct event_link *ret)
{
    return links_news(t->links, ret);
}

/* ---- end ---- */

void transport_flush(struct transport *t, kith_time within_us)
{
    kith_time until_us = clock_now_us() + within_us;
    while (!links_flush(t->links, clock_now_us()) && clock_now_us() < until_us)
        zmq_poll(NULL, 0, /* ms= */ 5);
    links_linger(t->links, EXIT_LINGER);
    for (size_t i = 0; i < DOORS_COUNT; i++)
        if (t->doors.door[i].socket != NULL)
            sockets_set(t->doors.door[i].socket, ZMQ_LINGER, EXIT_LINGER);
}

struct transport_counters transport_counters(const struct transport *t)
{
    return (struct transport_counters){
        .frames_in = t->traffic.frames_in,
        .frames_out = t->traffic.frames_out,
        .bytes_in = t->traffic.bytes_in,
        .bytes_out = t->traffic.bytes_out,
        .dropped_replies = t->dropped_replies,
        .refused = t->refused,
        .malformed = t->traffic.malformed,
    };
}

void transport_depths(const struct transport *t, struct links_depth ret[LINKS_LANES])
{
    links_depths(t->links, ret);
}
