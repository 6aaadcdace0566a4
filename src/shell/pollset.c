#include "shell/pollset.h"
#include "base/mem.h"
#include "shell/clock.h"

/* Nobody sleeps longer: a clock that was read wrong once must not stop a thread for good. */
#define WAIT_MAX_US (60 * KITH_SEC)

struct pollset_item {
    void *socket; /* NULL: a descriptor */
    struct pollset_hint *hint;
    short events, ready;
};

void pollset_deinit(struct pollset *p)
{
    mem_free(p->items);
    mem_free(p->fds);
    *p = (struct pollset){0};
}

void pollset_reset(struct pollset *p)
{
    p->count = 0;
}

static size_t add(struct pollset *p, struct pollset_item item, int fd, short fd_events)
{
    if (p->count == p->cap) {
        p->cap = p->cap == 0 ? 16 : 2 * p->cap;
        p->items = mem_grow(p->items, p->cap, sizeof *p->items);
        p->fds = mem_grow(p->fds, p->cap, sizeof *p->fds);
    }
    p->items[p->count] = item;
    p->fds[p->count] = (struct pollfd){.fd = fd, .events = fd_events};
    return p->count++;
}

static int fd_of(void *socket)
{
    int fd = -1;
    size_t size = sizeof fd;
    zmq_getsockopt(socket, ZMQ_FD, &fd, &size);
    return fd;
}

size_t pollset_add(struct pollset *p, void *socket, short events, struct pollset_hint *hint)
{
    if (socket == NULL)
        return POLLSET_NONE;
    if (hint != NULL && !hint->known)
        *hint = (struct pollset_hint){.known = true, .fd = fd_of(socket)};
    int fd = hint != NULL ? hint->fd : fd_of(socket);
    return add(p, (struct pollset_item){.socket = socket, .hint = hint, .events = events}, fd,
               POLLIN);
}

size_t pollset_add_fd(struct pollset *p, int fd, short events)
{
    short wanted =
        (short)((events & ZMQ_POLLIN ? POLLIN : 0) | (events & ZMQ_POLLOUT ? POLLOUT : 0));
    return add(p, (struct pollset_item){.events = events}, fd, wanted);
}

/* Asks a socket for its state, which also takes in what its descriptor told of. */
static bool ask(struct pollset_item *i)
{
    int state = 0;
    size_t size = sizeof state;
    zmq_getsockopt(i->socket, ZMQ_EVENTS, &state, &size);
    i->ready = (short)(state & i->events);
    if (i->hint != NULL)
        i->hint->quiet = i->ready == 0;
    return i->ready != 0;
}

/* Those that may have something without their descriptor saying so. */
static bool ask_restless(struct pollset *p)
{
    bool any = false;
    for (size_t n = 0; n < p->count; n++) {
        struct pollset_item *i = &p->items[n];
        i->ready = 0;
        if (i->socket != NULL && (i->hint == NULL || !i->hint->quiet))
            any = ask(i) || any;
    }
    return any;
}

static int wait_ms(kith_time until_us)
{
    if (until_us == KITH_NEVER)
        return (int)(WAIT_MAX_US / KITH_MS);
    kith_time wait_us = until_us - clock_now_us();
    if (wait_us <= 0)
        return 0;
    /* Rounded up: waking a little early would only mean waking again. */
    return (int)((kith_time_min(wait_us, WAIT_MAX_US) + KITH_MS - 1) / KITH_MS);
}

void pollset_wait(struct pollset *p, kith_time until_us)
{
    bool any = ask_restless(p);
    if (poll(p->fds, p->count, any ? 0 : wait_ms(until_us)) <= 0)
        return;
    for (size_t n = 0; n < p->count; n++) {
        struct pollset_item *i = &p->items[n];
        if (p->fds[n].revents == 0)
            continue;
        if (i->socket != NULL)
            ask(i);
        else
            i->ready = (short)(i->events & (p->fds[n].revents & ~POLLOUT ? ZMQ_POLLIN | ZMQ_POLLOUT
                                                                         : ZMQ_POLLOUT));
    }
}

short pollset_ready(const struct pollset *p, size_t index)
{
    return index < p->count ? p->items[index].ready : 0;
}
