#ifndef KITH_GOSSIP_METER_H
#define KITH_GOSSIP_METER_H
/*
 * What is measured per topic, for `kith info`: counts, and how long messages took from their publisher to
 * this peer (histogram.h), whoever it was for here. By the wall clocks of both, so it is off by what these differ.
 * Of more than METER_TOPICS topics the rest is counted together under the empty name.
 */
#include "base/arena.h"
#include "base/histogram.h"
#include "wire/gen/topic.h"

#define METER_TOPICS 64

struct meter_topic {
    struct bytes name;
    uint64_t published, dropped, received, delivered;
    uint64_t max_us;
    struct histogram latency;
};

struct meter;

struct meter *meter_new(void);
void meter_free(struct meter *m);

/* Where to count for a topic; never NULL, stays as long as the meter. */
struct meter_topic *meter_get(struct meter *m, struct bytes topic);
void meter_latency(struct meter_topic *t, int64_t latency_us); /* a negative one counts as none */

/* All topics that something was counted for, the rest last, in mem. */
uint32_t meter_read(const struct meter *m, struct arena *mem, const struct topic_info **ret);

#endif
