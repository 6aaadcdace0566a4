#ifndef KITH_GOSSIP_STORM_H
#define KITH_GOSSIP_STORM_H
/*
 * Storm control of topic channels: how many messages may leave this peer. Counts and decides; what becomes of a
 * message that may not is its caller's business.
 *
 * An origin may publish STORM_ORIGIN_MESSAGES and STORM_ORIGIN_BYTES a second. Normal messages leave a fifth of the
 * burst, low ones half, to those of higher priority. What leaves a peer on this lane, its own and what it passes
 * on, is STORM_LANE_BYTES a second, half of it guaranteed to each of the two; either may use what the other leaves.
 * Membership has connections, queues and turns of its own and is not slowed by any of this.
 */
#include "gossip/budget.h"
#include "wire/gen/topic.h"

#include <stddef.h>

#define STORM_ORIGIN_MESSAGES 10000u
#define STORM_ORIGIN_BYTES    (4u << 20)
#define STORM_LANE_BYTES      (16u << 20)
/* What a message costs beyond its topic and payload: ids, its share of an envelope. */
#define STORM_OVERHEAD_BYTES 128u

enum storm_share { STORM_OWN, STORM_OTHERS, STORM_SHARES };

struct storm { /* a zeroed one has everything left */
    struct budget messages, bytes, lane[STORM_SHARES];
};

/* What a peer lets through of each other origin a second: somewhat more than that may send, for their seconds do
 * not begin together. */
extern const struct budget_rate storm_others;

/* Bytes that a message counts, per copy. */
uint32_t storm_cost(struct bytes topic, struct bytes payload);

/* A message published here, `copies` of it leaving: takes all that it costs, or nothing and false. */
bool storm_publish(struct storm *s, kith_time now_us, enum topic_priority priority, uint32_t cost,
                   size_t copies);
/* One of another origin that is passed on. */
bool storm_pass_on(struct storm *s, kith_time now_us, uint32_t cost, size_t copies);

#endif
