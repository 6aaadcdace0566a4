#include "gossip/budget.h"

#define UNIT INT64_C(1000000)

static void fill(struct budget *b, struct budget_rate rate, kith_time now_us)
{
    int64_t full = (int64_t)rate.burst * UNIT;
    kith_time passed_us = now_us - b->at_us;
    kith_time enough_us = full / (int64_t)rate.per_second + 1;

    if (!b->used || passed_us >= enough_us)
        b->left_millionths = full;
    else if (passed_us > 0)
        b->left_millionths += passed_us * (int64_t)rate.per_second;
    if (b->left_millionths > full)
        b->left_millionths = full;
    b->used = true;
    b->at_us = now_us;
}

bool budget_has(struct budget *b, struct budget_rate rate, kith_time now_us, uint32_t cost,
                uint32_t reserve_permille)
{
    int64_t keep = (int64_t)rate.burst * UNIT / 1000 * (int64_t)reserve_permille;

    fill(b, rate, now_us);
    return b->left_millionths - (int64_t)cost * UNIT >= keep;
}

bool budget_take(struct budget *b, struct budget_rate rate, kith_time now_us, uint32_t cost,
                 uint32_t reserve_permille)
{
    if (!budget_has(b, rate, now_us, cost, reserve_permille))
        return false;
    b->left_millionths -= (int64_t)cost * UNIT;
    return true;
}
