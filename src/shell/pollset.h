#ifndef KITH_SHELL_POLLSET_H
#define KITH_SHELL_POLLSET_H
/* What one turn of a thread waits for: sockets and descriptors, gathered anew each turn. */
#include "base/time.h"
#include <stddef.h>
#include <zmq.h>

#define POLLSET_NONE ((size_t)-1) /* an index for what is not in the set */

struct pollset { /* a zeroed one is valid and empty */
    zmq_pollitem_t *items;
    size_t count, cap;
};

void pollset_deinit(struct pollset *p);
void pollset_reset(struct pollset *p);
size_t pollset_add(struct pollset *p, void *socket, short events); /* socket NULL: POLLSET_NONE */
size_t pollset_add_fd(struct pollset *p, int fd, short events);

/* Waits until something is ready or until_us comes. Interruptions by signals count as time-outs. */
void pollset_wait(struct pollset *p, kith_time until_us);

short pollset_ready(const struct pollset *p, size_t index); /* 0 for POLLSET_NONE */

#endif
