#include "shell/dial.h"
#include "base/mem.h"
#include <assert.h>
#include <string.h>

#define EVENTS                                                                                     \
    (ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |                                      \
     ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |                  \
     ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)

void dial_init(struct dial *d, const struct dial_config *c, struct bytes uri, struct bytes id)
{
    assert(id.len <= sizeof d->id);
    *d = (struct dial){.ctx = c->ctx, .set = c->set, .type = c->type, .id_len = id.len};
    d->uri = bytes_to_str(uri);
    d->readable = c->readable;
    d->news = c->news;
    d->arg = c->arg;
    if (id.len > 0)
        memcpy(d->id, id.data, id.len);
    d->websocket = strncmp(d->uri, "ws://", 5) == 0;
    d->backoff_us = DIAL_BACKOFF_US;
}

void dial_deinit(struct dial *d)
{
    dial_close(d);
    mem_free(d->uri);
    d->uri = NULL;
}

void dial_close(struct dial *d)
{
    pollset_remove(&d->item);
    pollset_remove(&d->monitor_item);
    if (d->socket != NULL)
        zmq_socket_monitor(d->socket, /* endpoint= */ NULL, 0);
    sockets_close(&d->monitor);
    sockets_close(&d->socket);
    d->up = d->greeted = false;
    d->retry_at_us = 0;
    d->budget = 0;
}

int dial_open(struct dial *d, const struct curve *keys, kith_time now_us)
{
    if (d->socket != NULL || now_us < d->retry_at_us)
        return 0;
    if (!keys->insecure && key32_is_zero(&keys->ring_public))
        return 0;
    int type = d->type == ZMQ_SUB && d->websocket ? ZMQ_XSUB : d->type;
    d->socket = sockets_client(d->ctx, type, keys, bytes_of(d->id, d->id_len));
    d->monitor = sockets_monitor(d->ctx, d->socket, EVENTS);
    pollset_add(d->set, &d->item, d->socket, d->readable, d->arg);
    pollset_add(d->set, &d->monitor_item, d->monitor, d->news, d->arg);
    if (strchr(d->uri, '[') != NULL)
        sockets_set(d->socket, ZMQ_IPV6, 1);
    if (type == ZMQ_SUB)
        zmq_setsockopt(d->socket, ZMQ_SUBSCRIBE, "", 0);
    d->retry_at_us = KITH_NEVER;
    if (zmq_connect(d->socket, d->uri) == 0)
        return 0;
    dial_close(d);
    d->retry_at_us = now_us + DIAL_BACKOFF_MAX_US;
    return 1;
}

static void retry_later(struct dial *d, kith_time now_us)
{
    dial_close(d);
    d->retry_at_us = now_us + d->backoff_us;
    d->backoff_us = kith_time_min(2 * d->backoff_us, DIAL_BACKOFF_MAX_US);
}

static void come_up(struct dial *d)
{
    static const char all[] = {1}; /* subscribe, to what begins with nothing */
    d->up = true;
    d->backoff_us = DIAL_BACKOFF_US;
    if (d->type == ZMQ_SUB && d->websocket)
        zmq_send(d->socket, all, sizeof all, ZMQ_DONTWAIT);
}

enum dial_news dial_watch(struct dial *d, kith_time now_us, const char **ret_why)
{
    struct sockets_event e;
    while (d->monitor != NULL && sockets_monitor_read(d->monitor, &e)) {
        bool greeting = e.event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED && d->websocket && !d->greeted;
        d->greeted = e.event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED && d->websocket;
        if (greeting)
            continue;
        if (e.event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
            come_up(d);
            return DIAL_UP;
        }
        if (e.event == ZMQ_EVENT_DISCONNECTED) {
            if (!d->up)
                continue;
            d->up = false;
            return DIAL_DOWN;
        }
        *ret_why = sockets_failure(&e);
        if (e.event != ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)
            retry_later(d, now_us);
        return DIAL_FAILED;
    }
    return DIAL_NOTHING;
}
