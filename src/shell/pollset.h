#ifndef KITH_SHELL_POLLSET_H
#define KITH_SHELL_POLLSET_H
/*
 * What one turn of a thread waits for: sockets and descriptors, gathered anew each turn.
 *
 * zmq_poll() asks every socket for its state on every call, at two or three system calls each: with
 * a hundred quiet connections that is most of what an idle peer costs. A socket with a hint is only
 * asked when its descriptor says that something may have changed, or when pollset_touch() says so; and
 * its descriptor stays registered with the kernel from one turn to the next (epoll).
 */
#include "base/time.h"
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <zmq.h>

#define POLLSET_NONE ((size_t)-1) /* an index for what is not in the set */

/* Kept beside a socket for as long as that lives; a zeroed one is right for a new socket. It belongs to
 * the first set that it is added to, stays where it is, and is taken out before the socket is closed. */
struct pollset_hint {
    bool known;
    bool quiet; /* it had nothing when it was asked last, and was not used since */
    int fd, epoll_fd;
    size_t index; /* in this turn's set */
};

struct pollset_item;

struct pollset { /* a zeroed one is valid and empty */
    struct pollset_item *items;
    struct pollfd *fds; /* of those without a hint; the first is epoll_fd's */
    size_t count, cap, fds_n;
    int epoll_fd; /* 0: none yet */
};

void pollset_deinit(struct pollset *p);
void pollset_reset(struct pollset *p);

/* The index of what was added; POLLSET_NONE when the socket is NULL. Events are ZMQ_POLLIN and
 * ZMQ_POLLOUT. The hint may be NULL; else it must live until pollset_wait() returns. */
size_t pollset_add(struct pollset *p, void *socket, short events, struct pollset_hint *hint);
/* With a hint only ZMQ_POLLIN. When everything has one, a turn waits with one system call. */
size_t pollset_add_fd(struct pollset *p, int fd, short events, struct pollset_hint *hint);

/* The hint's socket is about to be closed. */
void pollset_forget(struct pollset_hint *hint);

/* To be called after a send on a socket with a hint: what else came in then is not told again. */
static inline void pollset_touch(struct pollset_hint *hint)
{
    hint->quiet = false;
}

/* Waits until something is ready or until_us comes. It may return early with nothing. */
void pollset_wait(struct pollset *p, kith_time until_us);

short pollset_ready(const struct pollset *p, size_t index); /* 0 for POLLSET_NONE */

#endif
