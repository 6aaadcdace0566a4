#include "shell/pollset.h"
#include "base/mem.h"
#include "shell/clock.h"
#include <assert.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Nobody sleeps longer: a clock that was read wrong once must not stop a thread for good. */
#define WAIT_MAX_US (60 * KITH_SEC)
/* Taken from the kernel at once; those beyond are told of in the next turn. */
#define READY_MAX 64

struct pollset_item {
    void *socket; /* NULL: a descriptor */
    struct pollset_hint *hint;
    size_t fd; /* index in fds, without a hint */
    short events, ready;
};

void pollset_deinit(struct pollset *p)
{
    if (p->epoll_fd > 0)
        close(p->epoll_fd);
    mem_free(p->items);
    mem_free(p->fds);
    *p = (struct pollset){0};
}

void pollset_reset(struct pollset *p)
{
    p->count = 0;
    p->fds_n = 0;
}

static struct pollset_item *add(struct pollset *p, struct pollset_item item)
{
    if (p->count == p->cap) {
        p->cap = p->cap == 0 ? 16 : 2 * p->cap;
        p->items = mem_grow(p->items, p->cap, sizeof *p->items);
        p->fds = mem_grow(p->fds, p->cap + 1, sizeof *p->fds);
    }
    p->items[p->count] = item;
    return &p->items[p->count++];
}

static void add_fd(struct pollset *p, struct pollset_item item, int fd, short fd_events)
{
    struct pollset_item *added = add(p, item);
    added->fd = ++p->fds_n; /* the first is epoll_fd's */
    p->fds[added->fd] = (struct pollfd){.fd = fd, .events = fd_events};
}

static int fd_of(void *socket)
{
    int fd = -1;
    size_t size = sizeof fd;
    zmq_getsockopt(socket, ZMQ_FD, &fd, &size);
    return fd;
}

static void enlist(struct pollset *p, int fd, struct pollset_hint *hint)
{
    if (p->epoll_fd == 0)
        p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    *hint = (struct pollset_hint){.known = true, .fd = fd, .epoll_fd = p->epoll_fd};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = hint};
    int rc = epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, hint->fd, &event);
    assert(rc == 0);
}

void pollset_forget(struct pollset_hint *hint)
{
    if (hint->known)
        epoll_ctl(hint->epoll_fd, EPOLL_CTL_DEL, hint->fd, NULL);
    *hint = (struct pollset_hint){0};
}

size_t pollset_add(struct pollset *p, void *socket, short events, struct pollset_hint *hint)
{
    if (socket == NULL)
        return POLLSET_NONE;
    struct pollset_item item = {.socket = socket, .hint = hint, .events = events};
    if (hint == NULL) {
        add_fd(p, item, fd_of(socket), POLLIN);
    } else {
        if (!hint->known)
            enlist(p, fd_of(socket), hint);
        hint->index = p->count;
        add(p, item);
    }
    return p->count - 1;
}

size_t pollset_add_fd(struct pollset *p, int fd, short events, struct pollset_hint *hint)
{
    if (hint != NULL) {
        assert(events == ZMQ_POLLIN);
        if (!hint->known)
            enlist(p, fd, hint);
        hint->index = p->count;
        add(p, (struct pollset_item){.hint = hint, .events = events});
        return p->count - 1;
    }
    short wanted =
        (short)((events & ZMQ_POLLIN ? POLLIN : 0) | (events & ZMQ_POLLOUT ? POLLOUT : 0));
    add_fd(p, (struct pollset_item){.events = events}, fd, wanted);
    return p->count - 1;
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

/* What the kernel tells of what has a hint. One that is in no set any more was not forgotten in time,
 * which is an error of the caller's; one that is not in this turn's set is left alone. */
static void ask_told(struct pollset *p, int ms)
{
    struct epoll_event ready[READY_MAX];
    int count = epoll_wait(p->epoll_fd, ready, READY_MAX, ms);
    for (int n = 0; n < count; n++) {
        struct pollset_hint *hint = ready[n].data.ptr;
        struct pollset_item *i = hint->index < p->count ? &p->items[hint->index] : NULL;
        if (i != NULL && i->hint == hint && i->socket == NULL)
            i->ready = ZMQ_POLLIN;
        else if (i != NULL && i->hint == hint)
            ask(i);
    }
}

void pollset_wait(struct pollset *p, kith_time until_us)
{
    if (p->count == 0)
        p->fds = p->fds == NULL ? mem_alloc(sizeof *p->fds) : p->fds;
    bool any = ask_restless(p);
    if (p->fds_n == 0 && p->epoll_fd > 0) {
        ask_told(p, any ? 0 : wait_ms(until_us));
        return;
    }
    p->fds[0] = (struct pollfd){.fd = p->epoll_fd > 0 ? p->epoll_fd : -1, .events = POLLIN};
    if (poll(p->fds, p->fds_n + 1, any ? 0 : wait_ms(until_us)) <= 0)
        return;
    if (p->fds[0].revents != 0)
        ask_told(p, /* ms= */ 0);
    for (size_t n = 0; n < p->count; n++) {
        struct pollset_item *i = &p->items[n];
        short told = i->hint == NULL ? p->fds[i->fd].revents : 0;
        if (told == 0)
            continue;
        if (i->socket != NULL)
            ask(i);
        else
            i->ready =
                (short)(i->events & (told & ~POLLOUT ? ZMQ_POLLIN | ZMQ_POLLOUT : ZMQ_POLLOUT));
    }
}

short pollset_ready(const struct pollset *p, size_t index)
{
    return index < p->count ? p->items[index].ready : 0;
}
