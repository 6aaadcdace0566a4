#include "shell/sockets.h"
#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

void sockets_set(void *socket, int option, int value)
{
    int rc = zmq_setsockopt(socket, option, &value, sizeof value);
    assert(rc == 0);
}

static void set_key(void *socket, int option, const struct key32 *key)
{
    int rc = zmq_setsockopt(socket, option, key->b, sizeof key->b);
    assert(rc == 0);
}

/* Every handle costs a descriptor; running out of them is a wrong limit, not a condition. */
static void *open_socket(void *ctx, int type)
{
    void *socket = zmq_socket(ctx, type);
    if (socket == NULL) {
        fprintf(stderr, "kithd: no more sockets (%s): raise the limit of open files\n",
                zmq_strerror(errno));
        assert(socket != NULL);
    }
    sockets_set(socket, ZMQ_LINGER, 0);
    return socket;
}

static void set_common(void *socket)
{
    sockets_set(socket, ZMQ_HANDSHAKE_IVL, SOCKETS_HANDSHAKE_MS);
    sockets_set(socket, ZMQ_TCP_KEEPALIVE, 1);
    sockets_set(socket, ZMQ_TCP_KEEPALIVE_IDLE, SOCKETS_KEEPALIVE_S);
    sockets_set(socket, ZMQ_TCP_KEEPALIVE_INTVL, SOCKETS_KEEPALIVE_AGAIN_S);
    sockets_set(socket, ZMQ_TCP_MAXRT, SOCKETS_VANISHED_MS);
    sockets_set(socket, ZMQ_SNDHWM, SOCKETS_HWM);
    sockets_set(socket, ZMQ_RCVHWM, SOCKETS_HWM);
    int64_t max = SOCKETS_MAX_BYTES;
    int rc = zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max, sizeof max);
    assert(rc == 0);
}

void *sockets_client(void *ctx, int type, const struct curve *keys, struct bytes id)
{
    void *socket = open_socket(ctx, type);
    set_common(socket);
    sockets_set(socket, ZMQ_RECONNECT_IVL, SOCKETS_RECONNECT_MS);
    sockets_set(socket, ZMQ_RECONNECT_IVL_MAX, SOCKETS_RECONNECT_MAX_MS);
    sockets_set(socket, ZMQ_CONNECT_TIMEOUT, SOCKETS_CONNECT_MS);
    if (type == ZMQ_SUB || type == ZMQ_XSUB) {
        /* Subscriptions go out through the same pipe, and those over its mark vanish. */
        sockets_set(socket, ZMQ_SNDHWM, 0);
        sockets_set(socket, ZMQ_RCVHWM, SOCKETS_PUB_HWM);
    } else {
        /* A frame leaves the queue only when there is a connection that may carry it. */
        sockets_set(socket, ZMQ_IMMEDIATE, 1);
    }
    if (id.len > 0) {
        int rc = zmq_setsockopt(socket, ZMQ_ROUTING_ID, id.data, id.len);
        assert(rc == 0);
    }
    if (!keys->insecure) {
        assert(!key32_is_zero(&keys->ring_public));
        set_key(socket, ZMQ_CURVE_SERVERKEY, &keys->ring_public);
        set_key(socket, ZMQ_CURVE_PUBLICKEY, &keys->own_public);
        set_key(socket, ZMQ_CURVE_SECRETKEY, &keys->own_secret);
    }
    return socket;
}

void *sockets_server(void *ctx, int type, const struct curve *keys, const char *domain)
{
    void *socket = open_socket(ctx, type);
    set_common(socket);
    sockets_set(socket, ZMQ_BACKLOG, SOCKETS_BACKLOG);
    if (type == ZMQ_ROUTER) {
        /* A connection that came back takes its routing id over from its dead forerunner; an
         * answer that cannot be sent is an error to count, not a silent drop. */
        sockets_set(socket, ZMQ_ROUTER_HANDOVER, 1);
        sockets_set(socket, ZMQ_ROUTER_MANDATORY, 1);
    } else {
        sockets_set(socket, ZMQ_SNDHWM, SOCKETS_PUB_HWM);
    }
    if (domain != NULL && !keys->insecure) {
        assert(!key32_is_zero(&keys->ring_secret));
        sockets_set(socket, ZMQ_CURVE_SERVER, 1);
        set_key(socket, ZMQ_CURVE_SECRETKEY, &keys->ring_secret);
        int rc = zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, domain, strlen(domain));
        assert(rc == 0);
    }
    return socket;
}

void sockets_close(void **socket)
{
    if (*socket != NULL)
        zmq_close(*socket);
    *socket = NULL;
}

void *sockets_monitor(void *ctx, void *socket, int events)
{
    /* Names of inproc endpoints only have to differ. */
    static atomic_ulong count;
    char name[64];
    snprintf(name, sizeof name, "inproc://monitor-%lu", atomic_fetch_add(&count, 1));
    int rc = zmq_socket_monitor(socket, name, events);
    assert(rc == 0);
    void *monitor = open_socket(ctx, ZMQ_PAIR);
    rc = zmq_connect(monitor, name);
    assert(rc == 0);
    return monitor;
}

bool sockets_monitor_read(void *monitor, struct sockets_event *ret)
{
    /* Two frames: event (16 bits) and value (32 bits), then the own endpoint as text. */
    uint8_t head[6];
    char endpoint[256];
    int len = zmq_recv(monitor, head, sizeof head, ZMQ_DONTWAIT);
    if (len != (int)sizeof head)
        return false;
    uint16_t event;
    memcpy(&event, head, sizeof event);
    memcpy(&ret->value, head + sizeof event, sizeof ret->value);
    ret->event = event;
    return zmq_recv(monitor, endpoint, sizeof endpoint, ZMQ_DONTWAIT) >= 0;
}

const char *sockets_failure(const struct sockets_event *e)
{
    if (e->event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
        return "key is not admitted";
    if (e->event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)
        return "connection ended during the handshake (wrong ring key, or no Kith peer)";
    switch (e->value) {
    case ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC:
    case ZMQ_PROTOCOL_ERROR_ZMTP_KEY_EXCHANGE:
        return "wrong ring key";
    case ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH:
        return "one side uses keys and the other does not";
    default:
        return "does not speak ZeroMQ as a Kith peer does";
    }
}
