/*
 * xoshiro256** 1.0 and splitmix64 as published by David Blackman and Sebastiano Vigna, "Scrambled
 * Linear Pseudorandom Number Generators" (2018). The seeding by splitmix64 is their recommendation:
 * it never yields the all-zero state in which the generator would stay for ever.
 */
#include "base/rng.h"

#include <assert.h>

static uint64_t splitmix64(uint64_t *x)
{
    uint64_t z = (*x += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t rotate_left(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

void rng_seed(struct rng *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        r->s[i] = splitmix64(&seed);
}

uint64_t rng_u64(struct rng *r)
{
    uint64_t *s = r->s;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t rng_below(struct rng *r, uint64_t bound)
{
    assert(bound > 0);
    /* 2^64 mod bound: draws below it would favour the small results. */
    uint64_t biased = (UINT64_MAX - bound + 1) % bound;
    uint64_t x;

    do {
        x = rng_u64(r);
    } while (x < biased);
    return x % bound;
}

int64_t rng_between(struct rng *r, int64_t low, int64_t high)
{
    assert(low <= high);
    uint64_t span = (uint64_t)high - (uint64_t)low;
    uint64_t x = span == UINT64_MAX ? rng_u64(r) : rng_below(r, span + 1);

    return (int64_t)((uint64_t)low + x);
}

void rng_bytes(struct rng *r, void *out, size_t len)
{
    uint8_t *p = out;

    /* Byte by byte from the low end: the same stream on every byte order. */
    while (len) {
        uint64_t x = rng_u64(r);

        for (int i = 0; i < 8 && len; i++, len--, x >>= 8)
            *p++ = (uint8_t)x;
    }
}
