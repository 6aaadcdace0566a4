#ifndef KITH_CONSUL_EVENT_H
#define KITH_CONSUL_EVENT_H
/*
 * Events as Consul's HTTP API has them, on a topic of Kith's (CONSUL_EVENTS, which the HTTP thread follows: feed.h). What is fired goes
 * to all peers that answer HTTP; each lists what it saw and what is meant for it.
 */
#include "http/exchange.h"

#define CONSUL_EVENTS "consul/event"

/* A message of that topic. */
void consul_event_taken(struct hub *hub, struct bytes payload);

/* Lists it if it is meant for this peer. */
void consul_event_seen(struct hub *hub, const struct user_event *e);

#endif
