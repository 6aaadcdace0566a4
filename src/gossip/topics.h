#ifndef KITH_GOSSIP_TOPICS_H
#define KITH_GOSSIP_TOPICS_H
/*
 * Topic channels: what is published here or comes from other peers goes to the subscribers here (listener.h) and
 * on to the peers that have some (interest.h, fanout.h), in batches (parcel.h). At most once: a message that was
 * lost with a connection, or with a peer that was passing it on, is not sent again.
 *
 * Storm control. An origin may send TOPICS_ORIGIN_MESSAGES and TOPICS_ORIGIN_BYTES a second; what is published
 * beyond is dropped at the origin, counted and told to the publisher. Normal messages leave a fifth of that,
 * low ones half, to those of higher priority. Whoever gets messages holds each origin to somewhat more than that
 * (their clocks differ), whatever it sends. What leaves a peer on this lane is TOPICS_LANE_BYTES a second, half
 * of it guaranteed to what was published here and half to what is passed on; either may use what the other leaves.
 * Membership has connections, queues and turns of its own and is not slowed by any of this.
 */
#include "gossip/core.h"
#include "gossip/interest.h"

#define TOPICS_HOPS            8
#define TOPICS_ORIGIN_MESSAGES 10000u
#define TOPICS_ORIGIN_BYTES    (4u << 20)
#define TOPICS_LANE_BYTES      (16u << 20)
#define TOPICS_INBOX           256 /* load reports for this peer itself, until topics_take() */

struct topics;

/* Whether a peer is suspected: such a one is not relied on to pass messages on. */
typedef bool topics_suspect(void *arg, const struct ulid *id);

struct topics *topics_new(struct core *core, topics_suspect *suspect, void *arg);
void topics_free(struct topics *tp);

/* The cluster is known: the own interests are written from now on. */
void topics_enter(struct topics *tp, struct turn *t);
void topics_row(struct topics *tp, const struct row *row); /* of table interest */
void topics_members_changed(struct topics *tp);

/* topic_batch. False: another kind. */
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
/* Messages on load/NAME that came from others, whoever here wanted them: topic and payload of the next, borrowed
 * until the next call. False: no more. Of a step TOPICS_INBOX are kept at most. */
bool topics_take(struct topics *tp, struct bytes *ret_topic, struct bytes *ret_payload);
/* Whether any live peer, or a subscriber here, wants the topic. */
bool topics_wanted(struct topics *tp, struct bytes topic);

void topics_time(struct topics *tp, struct turn *t);
kith_time topics_deadline(const struct topics *tp);

/* Adds its counters ("topic....") and what is known of each topic. */
void topics_info(const struct topics *tp, struct info *ret, struct arena *mem);

#endif
