#ifndef KITH_HTTP_CALLERS_H
#define KITH_HTTP_CALLERS_H
/*
 * Who is connected: how many there may be, and who goes when there are too many. Knows descriptors and addresses, and sends
 * nothing; one thread.
 *
 * A connection is idle from its begin, and from each answer on, until a whole request was read. Who is idle for
 * CALLERS_IDLE_US is sent away, however busily he sends. When all places but one in CALLERS_SPARE are taken, whoever has been
 * idle for longest is, so that any number of connections that say nothing keep nobody out; and where nobody is idle, who comes
 * next is turned away. Who has closed his side, and has all his answers, is let go after CALLERS_LOOK_US: libmicrohttpd does not see it where the
 * end came together with what was before it (it reads once for each of epoll's edges). From one address that is none of this host there are CALLERS_ADDRESS_MAX connections at most.
 */
#include "base/time.h"
#include "base/tree.h"

#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <sys/socket.h>

#define CALLERS_IDLE_US (30 * KITH_SEC)
#define CALLERS_LOOK_US (100 * KITH_MS) /* who asks again and again is not looked at */
#define CALLERS_SPARE                                                                              \
    64u /* so many as are accepted in one turn, and more, out of the 512 that there are at least */
#define CALLERS_ADDRESS_MAX                                                                        \
    512u /* a host that runs a dozen clients with a few dozen connections each */

struct caller_host { /* that has connections here, and is another one */
    TREE_ENTRY(caller_host) by_address;
    uint8_t address[16]; /* IPv4: the first four */
    uint8_t len;
    uint32_t count;
};

struct caller { /* a connection */
    int fd;
    bool idle;
    kith_time since_us;       /* when that began */
    struct caller_host *host; /* NULL: this one */
    TAILQ_ENTRY(caller) by_age;
};

TAILQ_HEAD(callers_list, caller);
TREE_HEAD(callers_hosts, caller_host);

struct callers {
    uint32_t max, count;
    struct callers_list idle; /* the one who has been for longest first */
    struct caller *unseen;    /* the first of them who was not looked at since; NULL: none */
    struct callers_hosts hosts;
    uint64_t turned_away, sent_away; /* since the start */
};

void callers_init(struct callers *c, uint32_t max);
void callers_deinit(struct callers *c); /* nobody is connected any more */

/* Whether one from this address may come in. */
bool callers_admit(struct callers *c, const struct sockaddr *from);
/* He is in, and idle: whoever has to go for him is shut down. `own`: the address of this end. Freed by callers_remove(). */
struct caller *callers_add(struct callers *c, int fd, const struct sockaddr *from,
                           const struct sockaddr *own, kith_time now_us);
void callers_remove(struct callers *c, struct caller *one);

void callers_busy(struct callers *c, struct caller *one); /* his request is whole */
void callers_idle(struct callers *c, struct caller *one, kith_time now_us);

/* Shuts those down who have been idle for too long, or have closed their side: libmicrohttpd then finds that they have gone. */
void callers_drop(struct callers *c, kith_time now_us);
kith_time callers_deadline(const struct callers *c);

#endif
