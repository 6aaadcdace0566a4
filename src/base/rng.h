#ifndef KITH_BASE_RNG_H
#define KITH_BASE_RNG_H
/*
 * The random stream of one peer: xoshiro256** (Blackman and Vigna, 2018) seeded by splitmix64.
 * Good for jitter, choice and ULIDs; not for keys, which come from libsodium outside the machine.
 */
#include <stddef.h>
#include <stdint.h>

struct rng {
    uint64_t s[4];
};

void rng_seed(struct rng *r, uint64_t seed);
uint64_t rng_u64(struct rng *r);
uint64_t rng_below(struct rng *r, uint64_t bound); /* 0 .. bound-1 without bias; bound > 0 */
int64_t rng_between(struct rng *r, int64_t low, int64_t high); /* both ends included */
void rng_bytes(struct rng *r, void *out, size_t len);

#endif
