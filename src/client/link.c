#include "client/link.h"

#include "base/mem.h"

#include <assert.h>
#include <czmq.h>
#include <time.h>

#define RECONNECT_MS     50
#define RECONNECT_MAX_MS 1000
#define CONNECT_MS       3000
/* The events that tell how far the connection is. */
#define EVENTS                                                                                     \
    (ZMQ_EVENT_CONNECTED | ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_DISCONNECTED |                    \
     ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |                        \
     ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)

struct link {
    zsock_t *socket, *monitor;
    zframe_t *frame; /* the last one received */
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

static void set_keys(zsock_t *socket, const struct link_keys *keys)
{
    zcert_t *cert = zcert_new_from(keys->own.public_key.b, keys->own.secret.b);

    assert(cert);
    zcert_apply(cert, socket);
    zcert_destroy(&cert);
    zsock_set_curve_serverkey_bin(socket, keys->ring_public.b);
}

/* The other end of the socket's monitor. Its name is never used twice: libzmq closes a former one in the background. */
static zsock_t *watch(zsock_t *socket)
{
    static uint64_t last;
    char endpoint[64];
    uint64_t number = __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);

    snprintf(endpoint, sizeof(endpoint), "inproc://kith-link-%llu", (unsigned long long)number);
    int r = zmq_socket_monitor(zsock_resolve(socket), endpoint, EVENTS);

    assert(r == 0);
    return zsock_new_pair(endpoint);
}

struct link *link_open(const char *uri, const struct link_keys *keys)
{
    zsys_handler_set(NULL); /* a library leaves its program's signals alone */
    zsock_t *socket = zsock_new(ZMQ_DEALER);

    assert(socket);
    zsock_set_linger(socket, 0);
    zsock_set_ipv6(socket, 1);
    zsock_set_reconnect_ivl(socket, RECONNECT_MS);
    zsock_set_reconnect_ivl_max(socket, RECONNECT_MAX_MS);
    zsock_set_connect_timeout(socket, CONNECT_MS);
    zsock_set_immediate(socket, 1);
    zsock_set_sndtimeo(socket, 0);
    if (keys)
        set_keys(socket, keys);
    zsock_t *monitor = watch(socket);

    if (!monitor || zsock_connect(socket, "%s", uri)) {
        zsock_destroy(&monitor);
        zsock_destroy(&socket);
        return NULL;
    }
    struct link *l = mem_alloc(sizeof(*l));

    *l = (struct link){.socket = socket, .monitor = monitor, .state = LINK_TRYING};
    l->websocket = strncmp(uri, "ws://", 5) == 0;
    return l;
}

void link_close(struct link *l)
{
    zmq_socket_monitor(zsock_resolve(l->socket), NULL, 0);
    zsock_destroy(&l->monitor);
    zsock_destroy(&l->socket);
    zframe_destroy(&l->frame);
    mem_free(l);
}

bool link_send(struct link *l, struct bytes frame)
{
    return zmq_send(zsock_resolve(l->socket), frame.data, frame.len, ZMQ_DONTWAIT) >= 0;
}

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

/* An event is two frames: number and value, then the endpoint. */
static bool read_event(struct link *l)
{
    zmsg_t *msg = zmsg_recv(l->monitor);

    if (!msg)
        return false;
    enum link_state before = l->state;
    zframe_t *first = zmsg_first(msg);
    uint16_t event;
    uint32_t value;

    if (first && zframe_size(first) >= sizeof(event) + sizeof(value)) {
        memcpy(&event, zframe_data(first), sizeof(event));
        memcpy(&value, zframe_data(first) + sizeof(event), sizeof(value));
        take_event(l, event, value);
    }
    zmsg_destroy(&msg);
    return l->state != before;
}

/* The next message of one part; others are none of ours. */
static bool read_frame(struct link *l, struct bytes *ret)
{
    zmsg_t *msg = zmsg_recv(l->socket);
    bool one = msg && zmsg_size(msg) == 1;

    if (one) {
        zframe_destroy(&l->frame);
        l->frame = zmsg_pop(msg);
        *ret = bytes_of(zframe_data(l->frame), zframe_size(l->frame));
    }
    zmsg_destroy(&msg);
    return one;
}

enum link_result link_wait(struct link *l, kith_time deadline_us, struct bytes *ret)
{
    zmq_pollitem_t items[] = {{zsock_resolve(l->socket), 0, ZMQ_POLLIN, 0},
                              {zsock_resolve(l->monitor), 0, ZMQ_POLLIN, 0}};

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
