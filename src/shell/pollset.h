#ifndef KITH_SHELL_POLLSET_H
#define KITH_SHELL_POLLSET_H
/*
 * What a thread waits for: sockets and descriptors that stay in the set from one turn to the next, so that a turn costs what
 * is ready and not what there is (docs/decisions/0050).
 *
 * zmq_poll() asks every socket for its state on every call, at two or three system calls each: with a hundred quiet
 * connections that is most of what an idle peer costs. Here a socket is asked when its descriptor says that something may
 * have changed (epoll), when pollset_touch() says so, and as long as it had something when it was asked last.
 *
 * One thread. Nothing is allocated.
 */
#include "base/time.h"
#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <zmq.h>

struct pollset;

/* Called by pollset_wait() for what is ready. It may add and remove any items. */
typedef void pollset_told(void *arg);

/* Stands beside the socket or descriptor, stays where it is, and is removed before that is closed; a zeroed one is in no set. */
struct pollset_item {
    struct pollset *set; /* NULL: none */
    void *socket;        /* NULL: a descriptor */
    int fd;
    short events; /* ZMQ_POLLIN, ZMQ_POLLOUT */
    short state;  /* what is ready in this turn */
    bool restless;
    pollset_told *tell; /* NULL: its state is looked at by pollset_ready() */
    void *arg;
    TAILQ_ENTRY(pollset_item) by_rest, by_turn;
};

TAILQ_HEAD(pollset_items, pollset_item);

struct pollset {
    int epoll_fd;
    struct pollset_items restless; /* sockets to be asked whether or not the kernel tells of them */
    struct pollset_items ready;    /* of this turn */
    struct pollset_item *next;     /* of these, whose tell() is called next */
};

void pollset_init(struct pollset *p);
void pollset_deinit(struct pollset *p); /* nothing is in it any more */

/* From the next wait on. `tell` may be NULL. A socket begins with ZMQ_POLLIN. */
void pollset_add(struct pollset *p, struct pollset_item *i, void *socket, pollset_told *tell,
                 void *arg);
void pollset_add_fd(struct pollset *p, struct pollset_item *i, int fd, pollset_told *tell,
                    void *arg);              /* to be read */
void pollset_remove(struct pollset_item *i); /* fine when it is in none */

/* Whether to wait for a place to send, too. Fine when it is in no set. */
void pollset_want_out(struct pollset_item *i, bool out);

/* To be called after a send on an item's socket: what else came in then is not told again. Fine when it is in no set. */
void pollset_touch(struct pollset_item *i);
/* It was just found to have nothing: it needs not be asked again before its descriptor tells. */
void pollset_rest(struct pollset_item *i);

/* Waits until something is ready or until_us comes. It may return early with nothing. */
void pollset_wait(struct pollset *p, kith_time until_us);

static inline short pollset_ready(const struct pollset_item *i) /* of the last wait; 0: nothing */
{
    return i->state;
}

#endif
