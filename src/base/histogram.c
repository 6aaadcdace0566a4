#include "base/histogram.h"

/* The first values have a bucket each; above, a bucket is a doubling and the two bits below its highest. */
static uint32_t bucket_of(uint64_t value)
{
    if (value < HISTOGRAM_STEPS)
        return (uint32_t)value;
    uint32_t top = 63 - (uint32_t)__builtin_clzll(value);
    uint32_t bucket = (top - 1) * HISTOGRAM_STEPS + (uint32_t)(value >> (top - 2) & 3);
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

/* The largest value of a bucket. */
static kith_time bound_of(uint32_t bucket)
{
    if (bucket < HISTOGRAM_STEPS)
        return bucket;
    uint32_t top = bucket / HISTOGRAM_STEPS + 1;
    uint64_t step = (uint64_t)1 << (top - 2);
    return (kith_time)((4 + bucket % HISTOGRAM_STEPS + 1) * step - 1);
}

void histogram_add(struct histogram *h, kith_time value_us)
{
    uint32_t *bucket = &h->bucket[bucket_of(value_us > 0 ? (uint64_t)value_us : 0)];
    h->count++;
    if (*bucket < UINT32_MAX)
        (*bucket)++;
}

kith_time histogram_quantile(const struct histogram *h, uint32_t permille)
{
    uint64_t sum = 0, reached = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        sum += h->bucket[i];
    if (sum == 0)
        return 0;
    uint64_t wanted = (sum * permille + 999) / 1000;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        reached += h->bucket[i];
        if (reached >= wanted && reached > 0)
            return bound_of(i);
    }
    return bound_of(HISTOGRAM_BUCKETS - 1);
}
