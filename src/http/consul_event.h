#ifndef KITH_HTTP_CONSUL_EVENT_H
#define KITH_HTTP_CONSUL_EVENT_H
/*
 * Events as Consul's HTTP API has them, on a topic of Kith's (events.h). What is fired goes to all peers that answer HTTP; each
 * lists what it saw and what is meant for it. This peer's HTTP thread is a subscriber like others, with a lease that it renews.
 */
#include "http/exchange.h"

struct ask;

struct event_feed { /* a zeroed one has not subscribed yet */
    struct hub *hub;
    struct ask *ask;
    uint64_t taken, told; /* messages of this subscription, and those that the peer knows to be */
    kith_time next_us;    /* when the lease is asked for again */
};

/* Subscribes, or renews, if it is time. */
void event_feed_run(struct event_feed *f);
/* A message of the peer. False: none for this. */
bool event_feed_take(struct event_feed *f, enum wire_kind kind, struct bytes payload);

/* For the feed, and for tests: lists it if it is meant for this peer. */
void consul_event_seen(struct hub *hub, const struct user_event *e);

#endif
