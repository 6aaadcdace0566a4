#ifndef KITH_PEER_INFO_H
#define KITH_PEER_INFO_H
/*
 * What `kith info` shows: each part adds its counters, this adds what belongs to none of them. And the
 * answer to `kith probe`'s ping.
 */
#include "control/control.h"
#include "gossip/gossip.h"

struct info_about {
    struct bytes name, version;
    kith_time started_us;
    uint64_t steps;
    uint64_t store_failures;
    uint64_t outbox_count, outbox_dropped;
};

/* Answers get_info and ping. False: another kind of request. */
bool info_receive(const struct info_about *about, const struct gossip *gossip,
                  const struct control *control, const struct members *members, struct turn *t,
                  const struct incoming *in);

#endif
