#include "gossip/storm.h"

static const struct budget_rate origin_messages = {STORM_ORIGIN_MESSAGES,
                                                   STORM_ORIGIN_MESSAGES * 2 / 5};
static const struct budget_rate origin_bytes = {STORM_ORIGIN_BYTES, STORM_ORIGIN_BYTES / 2};
static const struct budget_rate lane_half = {STORM_LANE_BYTES / 2, STORM_LANE_BYTES / 4};

const struct budget_rate storm_others = {STORM_ORIGIN_MESSAGES * 3 / 2, STORM_ORIGIN_MESSAGES};

uint32_t storm_cost(struct bytes topic, struct bytes payload)
{
    return (uint32_t)(topic.len + payload.len) + STORM_OVERHEAD_BYTES;
}

/* From the share's own half of the lane, or from what the other half has to spare. */
static bool take_lane(struct storm *s, kith_time now_us, enum storm_share share, uint32_t cost)
{
    enum storm_share other = share == STORM_OWN ? STORM_OTHERS : STORM_OWN;
    return budget_take(&s->lane[share], lane_half, now_us, cost, /* reserve_permille= */ 0) ||
           budget_take(&s->lane[other], lane_half, now_us, cost, /* reserve_permille= */ 500);
}

static uint32_t reserve_of(enum topic_priority priority)
{
    switch (priority) {
    case TOPIC_PRIORITY_LOW:
        return 500;
    case TOPIC_PRIORITY_HIGH:
        return 0;
    case TOPIC_PRIORITY_NORMAL:
        break;
    }
    return 200;
}

bool storm_publish(struct storm *s, kith_time now_us, enum topic_priority priority, uint32_t cost,
                   size_t copies)
{
    uint32_t reserve = reserve_of(priority);
    if (!budget_has(&s->messages, origin_messages, now_us, 1, reserve) ||
        !budget_has(&s->bytes, origin_bytes, now_us, cost, reserve))
        return false;
    if (copies > 0 && !take_lane(s, now_us, STORM_OWN, cost * (uint32_t)copies))
        return false;
    budget_take(&s->messages, origin_messages, now_us, 1, reserve);
    budget_take(&s->bytes, origin_bytes, now_us, cost, reserve);
    return true;
}

bool storm_pass_on(struct storm *s, kith_time now_us, uint32_t cost, size_t copies)
{
    return copies == 0 || take_lane(s, now_us, STORM_OTHERS, cost * (uint32_t)copies);
}
