#ifndef KITH_PEER_INFO_H
#define KITH_PEER_INFO_H
/*
 * What `kith info` shows: each part adds its counters, this adds what belongs to none of them, and what only
 * the world outside the machine can count (connections, queues) is asked for first: the answer to get_info
 * goes out when EVENT_COUNTED comes. Nothing is gathered while nobody asks. And the answer to
 * `kith probe`'s ping.
 */
#include "control/control.h"
#include "gossip/gossip.h"

#define INFO_ASKS_MAX 16 /* that wait for one sample; more are refused as busy */

struct info_ask {
    uint64_t route, correlation;
};

struct info_about {
    struct bytes name, version;
    kith_time started_us;
    uint64_t steps;
    uint64_t store_failures;
    uint64_t outbox_count, outbox_dropped;
    struct post_count
        received[POST_LANES]; /* by the lane that the frame says, if it is one of ours */
    struct info_ask asks[INFO_ASKS_MAX];
    size_t asks_n;
};

void info_count(struct info_about *about, enum wire_lane lane, size_t bytes); /* a frame came in */

/* Takes get_info and ping. False: another kind of request. */
bool info_receive(struct info_about *about, struct turn *t, const struct incoming *in);

/* Answers all who asked. */
void info_counted(struct info_about *about, const struct gossip *gossip,
                  const struct control *control, const struct members *members, struct turn *t,
                  const struct event_counted *counted);

#endif
