#include "shell/doors.h"
#include "base/mem.h"
#include "shell/accepted.h"
#include "shell/zap.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define EVENTS                                                                                     \
    (ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |                 \
     ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |                  \
     ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
#define DESCRIPTORS_MAX (1u << 20)

/* Someone at the other end of an accepted connection. */
struct door_visitor {
    char address[ACCEPTED_TEXT]; /* empty: not known, as on the ipc socket */
    uint64_t handshakes;         /* of the door when the connection was accepted */
};

static const char unknown[] = "an unknown address";
static const char silent[] = "sent something that is not ZeroMQ, or nothing";

static void close_door(struct doors *d, enum door which)
{
    struct door_socket *s = &d->door[which];
    pollset_remove(&s->item);
    pollset_remove(&s->monitor_item);
    if (s->socket != NULL)
        zmq_socket_monitor(s->socket, /* endpoint= */ NULL, 0);
    sockets_close(&s->monitor);
    sockets_close(&s->socket);
    s->budget = 0;
}

void doors_init(struct doors *d, void *ctx, struct pollset *set)
{
    *d = (struct doors){.ctx = ctx, .set = set};
}

void doors_deinit(struct doors *d)
{
    for (size_t i = 0; i < DOORS_COUNT; i++)
        close_door(d, (enum door)i);
    mem_free(d->visitors);
    d->visitors = NULL;
    d->visitors_n = 0;
}

void doors_endpoint(char *out, size_t size, const char *way, enum door which)
{
    static const char *const names[] = {
        [DOOR_PROBE] = ".probe", [DOOR_SUB] = ".pub", [DOOR_BULK] = ".bulk", [DOOR_LOCAL] = ""};
    static const unsigned above[] = {[DOOR_PROBE] = 0,
                                     [DOOR_SUB] = DOORS_PORT_PUB,
                                     [DOOR_BULK] = DOORS_PORT_BULK,
                                     [DOOR_LOCAL] = 0};
    const char *port = strrchr(way, ':');
    if (strncmp(way, "ipc://", 6) == 0 || strncmp(way, "inproc://", 9) == 0)
        snprintf(out, size, "%s%s", way, names[which]);
    else
        snprintf(out, size, "%.*s:%lu", (int)(port - way), way,
                 strtoul(port + 1, NULL, 10) + above[which]);
}

static void *make_socket(struct doors *d, enum door which, const struct curve *keys)
{
    if (which == DOOR_LOCAL)
        return sockets_server(d->ctx, ZMQ_ROUTER, keys, /* domain= */ NULL);
    if (which == DOOR_SUB)
        return sockets_server(d->ctx, ZMQ_PUB, keys, ZAP_PUB);
    void *socket = sockets_server(d->ctx, ZMQ_ROUTER, keys, ZAP_ROUTER);
    if (which == DOOR_PROBE) {
        int64_t max = SOCKETS_MAX_PROBE_BYTES;
        zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max, sizeof max);
    }
    return socket;
}

static int bind_way(struct door_socket *s, enum door which, const char *way)
{
    doors_endpoint(s->uri, sizeof s->uri, way, which);
    sockets_set(s->socket, ZMQ_IPV6, strchr(way, '[') != NULL);
    /* An ipc socket is the daemon owner's alone; its file is made by this thread, in here. */
    mode_t former = umask(0177);
    int rc = zmq_bind(s->socket, s->uri);
    int why = errno;
    umask(former);
    errno = why;
    return rc < 0;
}

int doors_bind(struct doors *d, enum door which, const char *const *ways, size_t ways_n,
               const struct curve *keys)
{
    struct door_socket *s = &d->door[which];
    close_door(d, which);
    s->socket = make_socket(d, which, keys);
    for (size_t i = 0; i < ways_n; i++) {
        if (bind_way(s, which, ways[i]) == 0)
            continue;
        int why = errno;
        close_door(d, which);
        errno = why;
        return 1;
    }
    s->monitor = sockets_monitor(d->ctx, s->socket, EVENTS);
    if (which != DOOR_SUB) /* a PUB takes nothing in */
        pollset_add(d->set, &s->item, s->socket, /* tell= */ NULL, /* arg= */ NULL);
    pollset_add(d->set, &s->monitor_item, s->monitor, /* tell= */ NULL, /* arg= */ NULL);
    return 0;
}

static struct door_visitor *visitor(struct doors *d, uint32_t fd)
{
    if (fd >= DESCRIPTORS_MAX)
        return NULL;
    if (fd >= d->visitors_n) {
        size_t count = (size_t)fd + 64;
        d->visitors = mem_grow(d->visitors, count, sizeof *d->visitors);
        memset(d->visitors + d->visitors_n, 0, (count - d->visitors_n) * sizeof *d->visitors);
        d->visitors_n = count;
    }
    return &d->visitors[fd];
}

static void greet(struct doors *d, const struct door_socket *s, uint32_t fd)
{
    struct door_visitor *v = visitor(d, fd);
    if (v == NULL)
        return;
    *v = (struct door_visitor){.handshakes = s->handshakes};
    if (!accepted_take((int)fd, v->address))
        v->address[0] = '\0';
}

/* A connection ended: what was wrong with it, or NULL. Failures carry no descriptor, but libzmq's I/O
 * thread tells the end of the same connection right after. What is no ZeroMQ at all is not told as a
 * failure, but shows: no handshake succeeded at this door since it was accepted. */
static const char *what_was_wrong(struct doors *d, const struct door_socket *s,
                                  const struct door_visitor *v)
{
    const char *why = d->failure;
    d->failure = NULL;
    if (why == NULL && v != NULL && v->handshakes == s->handshakes)
        why = silent;
    return why;
}

bool doors_watch(struct doors *d, enum door which, const char **ret_address, const char **ret_why)
{
    struct door_socket *s = &d->door[which];
    struct sockets_event e;
    while (s->monitor != NULL && sockets_monitor_read(s->monitor, &e)) {
        if (e.event == ZMQ_EVENT_ACCEPTED) {
            greet(d, s, e.value);
        } else if (e.event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
            s->handshakes++;
        } else if (e.event != ZMQ_EVENT_DISCONNECTED) {
            d->failure = sockets_failure(&e);
        } else {
            struct door_visitor *v = visitor(d, e.value);
            *ret_why = what_was_wrong(d, s, v);
            *ret_address = v != NULL && v->address[0] != '\0' ? v->address : unknown;
            if (*ret_why != NULL)
                return true;
        }
    }
    return false;
}
