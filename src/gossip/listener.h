#ifndef KITH_GOSSIP_LISTENER_H
#define KITH_GOSSIP_LISTENER_H
/*
 * The subscribers at this peer: clients that asked for patterns. Each has a lease that it renews, so dead clients
 * vanish, and a window: no more than LISTENER_WINDOW messages or bytes are on their way to it unconfirmed.
 * What comes beyond waits in a bounded queue of its own; when that is full the oldest go, counted, and the
 * client is told how many. So a slow client costs others nothing.
 *
 * A subscription is named by the client's id and its own number for it.
 */
#include "gossip/pattern.h"
#include "state/turn.h"

#define LISTENERS_MAX          1024 /* subscriptions at one peer */
#define LISTENER_PATTERNS      SUBSCRIBE_PATTERNS_MAX_ITEMS
#define LISTENER_LEASE         (10 * KITH_SEC)
#define LISTENER_LEASE_MIN     KITH_SEC
#define LISTENER_LEASE_MAX     (60 * KITH_SEC)
#define LISTENER_WINDOW        1024 /* messages sent and not confirmed */
#define LISTENER_WINDOW_BYTES  (1u << 20)
#define LISTENER_WAITING       4096 /* messages that wait for the window */
#define LISTENER_WAITING_BYTES (4u << 20)
#define LISTENER_FRAME         128 /* messages in one delivery, */
#define LISTENER_FRAME_BYTES   (256u << 10)

struct listeners;

struct listeners *listeners_new(void);
void listeners_free(struct listeners *l);

enum listeners_result { LISTENERS_DONE, LISTENERS_FULL, LISTENERS_BAD_PATTERN };

/* A new one, or the same again: its lease begins anew and its patterns are these. *ret_lease_ms: as granted.
 * LISTENERS_BAD_PATTERN: *ret_why is static. */
enum listeners_result listeners_subscribe(struct listeners *l, struct turn *t,
                                          const struct incoming *in, const struct subscribe *s,
                                          uint32_t *ret_lease_ms, const char **ret_why);
void listeners_unsubscribe(struct listeners *l, const struct ulid *client, uint64_t number);
/* The client has taken so many: the window moves. */
void listeners_taken(struct listeners *l, struct turn *t, const struct ulid *client,
                     const struct taken *taken);

/* Messages subscribe, taken and unsubscribe of clients (listener_requests.c). False: another kind. */
bool listeners_request(struct listeners *l, struct turn *t, const struct incoming *in);

/* Queues the message for all whose patterns match. Returns for how many. */
uint32_t listeners_offer(struct listeners *l, const struct topic *topic,
                         const struct topic_delivery *message);
/* How many would get a message of this topic. */
uint32_t listeners_count(const struct listeners *l, const struct topic *topic);
/* Sends what the windows let through. At the end of each step. */
void listeners_flush(struct listeners *l, struct turn *t);

/* The patterns of all, with repetitions, in mem. */
size_t listeners_patterns(const struct listeners *l, struct arena *mem, const struct bytes **ret);
/* Whether patterns came or went since the last call. */
bool listeners_changed(struct listeners *l);
size_t listeners_number(const struct listeners *l);
uint64_t listeners_dropped(const struct listeners *l); /* messages, since start */

void listeners_time(struct listeners *l, struct turn *t); /* leases end */
kith_time listeners_deadline(const struct listeners *l);

#endif
