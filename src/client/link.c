#include "client/link.h"

#include "base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#define RECONNECT_MS     50
#define RECONNECT_MAX_MS 1000
#define CONNECT_MS       3000
/* The events that tell how far the connection is. */
#define EVENTS                                                                                     \
    (ZMQ_EVENT_CONNECTED | ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_DISCONNECTED |                    \
     ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |                        \
     ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
#define MONITOR "inproc://monitor" /* in a context of its own */

struct link {
    void *ctx, *socket, *monitor;
    zmq_msg_t frame; /* the last one received */
    enum link_state state;
    struct link_story story;
    bool websocket;
    bool greeted; /* the WebSocket handshake is over, that of ZeroMQ is not */
};

kith_time link_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (kith_time)ts.tv_sec * KITH_SEC + ts.tv_nsec / 1000;
}

/* ---- life ---- */

static void set_int(struct link *l, int option, int value)
{
    int r = zmq_setsockopt(l->socket, option, &value, sizeof(value));

    assert(r == 0);
}

static void set_key(struct link *l, int option, const struct key32 *key)
{
    int r = zmq_setsockopt(l->socket, option, key->b, sizeof(key->b));

    assert(r == 0);
}

static void set_options(struct link *l, const struct link_keys *keys)
{
    set_int(l, ZMQ_LINGER, 0);
    set_int(l, ZMQ_IPV6, 1);
    set_int(l, ZMQ_RECONNECT_IVL, RECONNECT_MS);
    set_int(l, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS);
    set_int(l, ZMQ_CONNECT_TIMEOUT, CONNECT_MS);
    set_int(l, ZMQ_IMMEDIATE, 1);
    if (!keys)
        return;
    set_key(l, ZMQ_CURVE_PUBLICKEY, &keys->own.public_key);
    set_key(l, ZMQ_CURVE_SECRETKEY, &keys->own.secret);
    set_key(l, ZMQ_CURVE_SERVERKEY, &keys->ring_public);
}

/* The other end of the socket's monitor. */
static void watch(struct link *l)
{
    int r = zmq_socket_monitor(l->socket, MONITOR, EVENTS);

    l->monitor = zmq_socket(l->ctx, ZMQ_PAIR);
    assert(r == 0 && l->monitor);
    r = zmq_connect(l->monitor, MONITOR);
    assert(r == 0);
}

struct link *link_open(const char *uri, const struct link_keys *keys)
{
    struct link *l = mem_alloc(sizeof(*l));

    l->state = LINK_TRYING;
    l->websocket = strncmp(uri, "ws://", 5) == 0;
    l->ctx = zmq_ctx_new();
    l->socket = zmq_socket(l->ctx, ZMQ_DEALER);
    assert(l->ctx && l->socket);
    zmq_msg_init(&l->frame);
    set_options(l, keys);
    watch(l);
    if (zmq_connect(l->socket, uri) == 0)
        return l;
    link_close(l);
    return NULL;
}

void link_close(struct link *l)
{
    zmq_socket_monitor(l->socket, NULL, 0);
    zmq_close(l->monitor);
    zmq_close(l->socket);
    zmq_msg_close(&l->frame);
    zmq_ctx_term(l->ctx);
    mem_free(l);
}

bool link_send(struct link *l, struct bytes frame)
{
    return zmq_send(l->socket, frame.data, frame.len, ZMQ_DONTWAIT) >= 0;
}

/* ---- what the monitor tells ---- */

static enum link_state state_after(enum link_state before, uint16_t event)
{
    switch (event) {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        return LINK_UP;
    case ZMQ_EVENT_CONNECT_RETRIED:
        return before == LINK_TRYING ? LINK_REFUSED : before;
    case ZMQ_EVENT_DISCONNECTED:
        return before == LINK_UP ? LINK_LOST : before == LINK_LOST ? before : LINK_STRANGE;
    default:
        return LINK_STRANGE;
    }
}

static void note_failure(struct link_story *s, uint32_t code)
{
    if (code == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH)
        s->mechanism = true;
    else if ((code & ZMQ_PROTOCOL_ERROR_ZMTP_UNSPECIFIED) &&
             code < ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC)
        s->not_zeromq = true;
}

/* libzmq 4.3.4 tells of a WebSocket's own handshake as it does of ZeroMQ's, which comes after it. */
static bool is_greeting(struct link *l, uint16_t event)
{
    bool greeting = l->websocket && !l->greeted && event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;

    l->greeted = greeting || (l->greeted && event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    return greeting;
}

static void take_event(struct link *l, uint16_t event, uint32_t value)
{
    if (event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL)
        note_failure(&l->story, value);
    if (event == ZMQ_EVENT_CONNECTED)
        l->story.connected = true;
    else if (!is_greeting(l, event))
        l->state = state_after(l->state, event);
}

/* A message into *first, what follows its first part thrown away. Returns how many parts; 0: there is none. */
static int receive(void *socket, zmq_msg_t *first)
{
    int parts = 0;
    zmq_msg_t rest, *to = first;

    zmq_msg_init(&rest);
    while (zmq_msg_recv(to, socket, ZMQ_DONTWAIT) >= 0) {
        parts++;
        if (!zmq_msg_more(to))
            break;
        to = &rest;
    }
    zmq_msg_close(&rest);
    return parts;
}

/* An event is two frames: number and value, then the endpoint. */
static bool read_event(struct link *l)
{
    enum link_state before = l->state;
    zmq_msg_t msg;
    uint16_t event;
    uint32_t value;

    zmq_msg_init(&msg);
    if (receive(l->monitor, &msg) > 0 && zmq_msg_size(&msg) >= sizeof(event) + sizeof(value)) {
        const uint8_t *data = zmq_msg_data(&msg);

        memcpy(&event, data, sizeof(event));
        memcpy(&value, data + sizeof(event), sizeof(value));
        take_event(l, event, value);
    }
    zmq_msg_close(&msg);
    return l->state != before;
}

/* The next message of one part; others are none of ours. */
static bool read_frame(struct link *l, struct bytes *ret)
{
    if (receive(l->socket, &l->frame) != 1)
        return false;
    *ret = bytes_of(zmq_msg_data(&l->frame), zmq_msg_size(&l->frame));
    return true;
}

enum link_result link_wait(struct link *l, kith_time deadline_us, struct bytes *ret)
{
    zmq_pollitem_t items[] = {{l->socket, 0, ZMQ_POLLIN, 0}, {l->monitor, 0, ZMQ_POLLIN, 0}};

    for (;;) {
        kith_time left_us = deadline_us - link_now();
        int r = zmq_poll(items, 2, left_us > 0 ? (long)((left_us + 999) / 1000) : 0);

        /* Frames first: an answer that came before the connection broke is an answer. */
        if (r > 0 && items[0].revents && read_frame(l, ret))
            return LINK_FRAME;
        if (r > 0 && items[1].revents && read_event(l))
            return LINK_CHANGED;
        if (link_now() >= deadline_us)
            return LINK_TIMEOUT;
    }
}

struct link_story link_story(const struct link *l)
{
    return l->story;
}

enum link_state link_state(const struct link *l)
{
    return l->state;
}
