#ifndef KITH_GOSSIP_REQUEST_H
#define KITH_GOSSIP_REQUEST_H
/*
 * What people ask about membership: get_members, get_rtt (distance.h), join, forget. Whether they may was asked
 * before.
 */
#include "gossip/admit.h"
#include "gossip/core.h"
#include "gossip/detect.h"
#include "gossip/joiner.h"

/* A command that others are to have as well before it is answered: src/peer has control see to that. */
struct request_done {
    struct ack ack;
    struct buf changed; /* the answer's payload, a `changed`; empty: there is none */
};

struct request {
    struct core *core;
    struct admit *admit;
    struct joiner *joiner;
    const struct detect *detect;
    struct request_done *done; /* the caller's */
};

/* False: another kind. */
bool gossip_request(const struct request *r, struct turn *t, const struct incoming *in);

#endif
