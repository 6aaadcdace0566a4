#ifndef KITH_HTTP_FEED_H
#define KITH_HTTP_FEED_H
/*
 * What the HTTP thread itself subscribes to, for as long as it runs: one topic, by a lease that it renews. The messages of it are
 * handed on as they come; the peer hears that they were taken. Those of clients are elsewhere (messages.h).
 */
#include "http/exchange.h"

#define FEED_NUMBER 1u /* of the one subscription, below those of messages.c */

struct ask;

typedef void feed_taken(struct hub *hub, struct bytes payload);

struct feed { /* with the first four filled in, it has not subscribed yet */
    struct hub *hub;
    struct ask *ask;
    const char *topic;
    feed_taken *taken_by;
    uint64_t taken, told; /* messages of this subscription, and those that the peer knows to be */
    kith_time next_us;    /* when the lease is asked for again */
};

/* Subscribes, or renews, if it is time. */
void feed_run(struct feed *f);
/* A message of the peer. False: none for this. */
bool feed_take(struct feed *f, enum wire_kind kind, struct bytes payload);

#endif
