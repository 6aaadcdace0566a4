#include "shell/pollset.h"
#include "shell/clock.h"
#include <assert.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Nobody sleeps longer: a clock that was read wrong once must not stop a thread for good. */
#define WAIT_MAX_US (60 * KITH_SEC)
/* Taken from the kernel at once; those beyond are told of in the next turn. */
#define READY_MAX 64

void pollset_init(struct pollset *p)
{
    p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    assert(p->epoll_fd >= 0);
    TAILQ_INIT(&p->restless);
    TAILQ_INIT(&p->ready);
    p->next = NULL;
}

void pollset_deinit(struct pollset *p)
{
    assert(TAILQ_EMPTY(&p->restless) && TAILQ_EMPTY(&p->ready));
    close(p->epoll_fd);
}

/* ---- items ---- */

static void enlist(struct pollset *p, struct pollset_item *i)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = i};
    int rc = epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, i->fd, &event);
    assert(rc == 0);
}

void pollset_add(struct pollset *p, struct pollset_item *i, void *socket, pollset_told *tell,
                 void *arg)
{
    size_t size = sizeof i->fd;

    assert(!i->set);
    *i = (struct pollset_item){
        .set = p, .socket = socket, .events = ZMQ_POLLIN, .tell = tell, .arg = arg};
    int rc = zmq_getsockopt(socket, ZMQ_FD, &i->fd, &size);
    assert(rc == 0);
    enlist(p, i);
    pollset_touch(i);
}

void pollset_add_fd(struct pollset *p, struct pollset_item *i, int fd, pollset_told *tell,
                    void *arg)
{
    assert(!i->set);
    *i = (struct pollset_item){.set = p, .fd = fd, .events = ZMQ_POLLIN, .tell = tell, .arg = arg};
    enlist(p, i);
}

static void unready(struct pollset_item *i)
{
    if (!i->state)
        return;
    if (i->set->next == i)
        i->set->next = TAILQ_NEXT(i, by_turn);
    TAILQ_REMOVE(&i->set->ready, i, by_turn);
    i->state = 0;
}

void pollset_remove(struct pollset_item *i)
{
    if (!i->set)
        return;
    pollset_rest(i);
    unready(i);
    epoll_ctl(i->set->epoll_fd, EPOLL_CTL_DEL, i->fd, NULL);
    *i = (struct pollset_item){0};
}

void pollset_want_out(struct pollset_item *i, bool out)
{
    short events = (short)(ZMQ_POLLIN | (out ? ZMQ_POLLOUT : 0));

    if (!i->set || i->events == events)
        return;
    i->events = events;
    pollset_touch(i);
}

void pollset_touch(struct pollset_item *i)
{
    if (!i->set || !i->socket || i->restless)
        return;
    TAILQ_INSERT_TAIL(&i->set->restless, i, by_rest);
    i->restless = true;
}

void pollset_rest(struct pollset_item *i)
{
    if (i->restless)
        TAILQ_REMOVE(&i->set->restless, i, by_rest);
    i->restless = false;
}

/* ---- a turn ---- */

static void set_ready(struct pollset_item *i, short state)
{
    i->state = state;
    TAILQ_INSERT_TAIL(&i->set->ready, i, by_turn);
}

/* Asks a socket for its state, which also takes in what its descriptor told of. */
static void ask(struct pollset_item *i)
{
    int state = 0;
    size_t size = sizeof state;

    zmq_getsockopt(i->socket, ZMQ_EVENTS, &state, &size);
    state &= i->events;
    if (state) {
        set_ready(i, (short)state);
        pollset_touch(i);
    } else {
        pollset_rest(i);
    }
}

static void ask_restless(struct pollset *p)
{
    struct pollset_item *i, *next;

    TAILQ_FOREACH_SAFE(i, &p->restless, by_rest, next)
    ask(i);
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

static void ask_told(struct pollset *p, int ms)
{
    struct epoll_event events[READY_MAX];
    int count = epoll_wait(p->epoll_fd, events, READY_MAX, ms);

    for (int n = 0; n < count; n++) {
        struct pollset_item *i = events[n].data.ptr;

        if (!i->socket)
            set_ready(i, ZMQ_POLLIN);
        else if (!i->state)
            ask(i);
    }
}

/* Any of them may remove any other. */
static void tell_all(struct pollset *p)
{
    struct pollset_item *i;

    p->next = TAILQ_FIRST(&p->ready);
    while ((i = p->next)) {
        p->next = TAILQ_NEXT(i, by_turn);
        if (i->tell)
            i->tell(i->arg);
    }
}

void pollset_wait(struct pollset *p, kith_time until_us)
{
    struct pollset_item *i;

    while ((i = TAILQ_FIRST(&p->ready)))
        unready(i);
    ask_restless(p);
    ask_told(p, TAILQ_EMPTY(&p->ready) ? wait_ms(until_us) : 0);
    tell_all(p);
}
