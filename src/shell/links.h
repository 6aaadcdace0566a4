#ifndef KITH_SHELL_LINKS_H
#define KITH_SHELL_LINKS_H
/*
 * The connections that this peer makes itself: a DEALER per (address, lane), from the first frame until it is
 * idle, and a SUB per neighbour, from subscribe to unsubscribe. Each holds a struct dial, which opens and
 * closes the socket itself as it sees fit.
 *
 * Decides when a connection exists, when a new SUB may be opened, and what a connection that takes nothing
 * keeps waiting (queue.h) and drops.
 */
#include "shell/sockets.h"
#include "shell/traffic.h"
#include "wire/effect.h"
#include "wire/event.h"

#define LINKS_IDLE_US (20 * KITH_SEC) /* a DEALER without traffic is closed */
#define LINKS_LANES   8               /* by enum wire_lane */

/* A newcomer subscribes to many at once, and what it has to say and to hear first must not wait behind all
 * those handshakes, its own and those of others who start now: after the first few each waits its turn. */
#define LINKS_SUBS_AT_ONCE 4
#define LINKS_SUBS_PACE_US (40 * KITH_MS)

/* What waits and what was dropped, of all connections of one lane. */
struct links_depth {
    uint64_t connections; /* that are up; of TOPIC: to other peers' PUBs */
    uint64_t frames, bytes;
    uint64_t dropped_full, dropped_stale; /* since the start, of closed connections too */
};

/* Called for each connection that failed. */
typedef void links_refused(void *arg, const char *address, const char *why);

struct links_config {
    void *ctx;
    struct pollset *set; /* borrowed: open connections are in it */
    struct ulid node;
    uint64_t nonce;           /* random: makes routing ids unguessable and new at each start */
    const struct curve *keys; /* borrowed; followed when they change, see links_redial() */
    struct traffic *traffic;  /* borrowed */
    links_refused *refused;
    void *arg;
};

struct links;

struct links *links_new(const struct links_config *c);
void links_free(struct links *k);

void links_send(struct links *k, const struct effect_send *send, kith_time now_us);
void links_subscribe(struct links *k, const struct effect_subscribe *e, kith_time now_us);
void links_redial(struct links *k); /* the keys changed: all connections are made again */

/* One turn, as in transport.h: sends what waits, opens what is due. */
void links_turn(struct links *k, kith_time now_us);
kith_time links_deadline(const struct links *k);
void links_expire(struct links *k, kith_time now_us); /* closes what is idle */

/* The next frame of this turn on a DEALER: of the membership lane or of the others. On a SUB. Borrowed until
 * the next frame is taken. */
bool links_receive(struct links *k, bool member, kith_time now_us, struct event_frame *ret);
bool links_receive_subs(struct links *k, struct event_frame *ret);

/* The next connection that came up or went down; borrowed until the next call. */
bool links_news(struct links *k, struct event_link *ret);

bool links_flush(struct links *k,
                 kith_time now_us);         /* true: nothing waits that could still leave */
void links_linger(struct links *k, int ms); /* what libzmq has may take so long to leave */

void links_depths(const struct links *k, struct links_depth ret[LINKS_LANES]);

#endif
