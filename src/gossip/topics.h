#ifndef KITH_GOSSIP_TOPICS_H
#define KITH_GOSSIP_TOPICS_H
/*
 * Topic channels: what is published here or comes from other peers goes to the subscribers here (listener.h) and on
 * to the peers that have some: whom (interest.h), by which way and in which frames (courier.h), and as much as may
 * leave (storm.h). What is beyond that is dropped at the origin, counted and told to the publisher. Whoever gets
 * messages holds each origin to somewhat more than its budget, whatever it sends (seen.h).
 *
 * At most once: a message that was lost with a connection, or with a peer that was passing it on, is not sent again.
 */
#include "gossip/courier.h"
#include "gossip/storm.h"

#define TOPICS_INBOX 256 /* load reports for this peer itself, until topics_take() */

struct topics;

/* As courier_new(). */
struct topics *topics_new(struct core *core, struct overlay *overlay, courier_suspect *suspect,
                          void *arg);
void topics_free(struct topics *tp);

/* The cluster is known: the own interests are written from now on. */
void topics_enter(struct topics *tp, struct turn *t);
void topics_row(struct topics *tp, const struct row *row); /* of table interest */
/* Some member's row or life changed. */
void topics_members_changed(struct topics *tp, kith_time now_us);

/* topic_batch and topic_express. False: another kind. */
bool topics_receive(struct topics *tp, struct turn *t, const struct incoming *in);
/* publish, subscribe, taken and unsubscribe, of clients. False: another kind. */
bool topics_request(struct topics *tp, struct turn *t, const struct incoming *in);

struct topics_sent {
    uint32_t accepted, dropped, peers, local; /* as in message `published` */
};

/* Publishes for a part of this peer; `topic` is well-formed. */
struct topics_sent topics_publish(struct topics *tp, struct turn *t, const struct publish *publish);
/* Patterns that this peer itself is interested in, beside its subscribers. Replaces what it wanted before. */
void topics_want(struct topics *tp, struct turn *t, const struct bytes *patterns, size_t n);
/* A message on load/NAME that came from another peer, whoever here wanted it. */
struct topics_note {
    struct ulid origin;
    struct bytes topic, payload;
};

/* The next one, borrowed until the next call. False: no more. Of a step TOPICS_INBOX are kept at most. */
bool topics_take(struct topics *tp, struct topics_note *ret);
/* Whether any live peer, or a subscriber here, wants the topic. */
bool topics_wanted(struct topics *tp, struct bytes topic);

void topics_time(struct topics *tp, struct turn *t);
kith_time topics_deadline(const struct topics *tp);

/* Adds its counters ("topic....") and what is known of each topic. */
void topics_info(const struct topics *tp, struct info *ret, struct arena *mem);

#endif
