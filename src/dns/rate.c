#include "dns/rate.h"

#include "base/mem.h"

#include <netinet/in.h>
#include <string.h>

#define IPV6_BYTES 7 /* of the prefix */
#define IPV4_BYTES 3

struct bucket {
    uint64_t network; /* 0: nobody's */
    kith_time at_us;  /* when `left` was so much */
    uint32_t left;    /* in thousandths of an answer */
    uint32_t over;    /* answers beyond, since it had some */
};

struct rate {
    uint64_t per_second, seed;
    struct bucket buckets[RATE_PLACES];
};

struct rate *rate_new(uint32_t per_second, uint64_t seed)
{
    struct rate *r = mem_alloc(sizeof(*r));

    r->per_second = per_second < RATE_MOST ? per_second : RATE_MOST;
    r->seed = seed;
    return r;
}

void rate_free(struct rate *r)
{
    mem_free(r);
}

/* Its prefix, never 0. */
static uint64_t network_of(const struct sockaddr *client)
{
    uint64_t network = 0;

    if (client->sa_family == AF_INET6) {
        memcpy(&network, &((const struct sockaddr_in6 *)(const void *)client)->sin6_addr,
               IPV6_BYTES);
        return network ^ UINT64_C(1) << 63;
    }
    memcpy(&network, &((const struct sockaddr_in *)(const void *)client)->sin_addr, IPV4_BYTES);
    return network | UINT64_C(1) << 62;
}

static uint64_t mix(uint64_t h)
{
    h ^= h >> 33;
    h *= UINT64_C(0xff51afd7ed558ccd);
    h ^= h >> 33;
    h *= UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ h >> 33;
}

#define WHOLE 1000 /* thousandths */

static void refill(struct rate *r, struct bucket *b, kith_time now_us)
{
    uint64_t most = r->per_second * WHOLE;
    uint64_t passed_us = now_us > b->at_us ? (uint64_t)(now_us - b->at_us) : 0;
    uint64_t more = passed_us >= (uint64_t)KITH_SEC ? most : passed_us * r->per_second / WHOLE;

    if (more == 0)
        return; /* and the time goes on to count */
    b->left = (uint32_t)(b->left + more < most ? b->left + more : most);
    b->at_us = now_us;
}

enum rate_verdict rate_take(struct rate *r, const struct sockaddr *client, kith_time now_us)
{
    uint64_t network = network_of(client);
    struct bucket *b = &r->buckets[mix(network ^ r->seed) % RATE_PLACES];

    if (b->network != network)
        *b = (struct bucket){
            .network = network, .at_us = now_us, .left = (uint32_t)(r->per_second * WHOLE)};
    refill(r, b, now_us);
    if (b->left >= WHOLE) {
        b->left -= WHOLE;
        b->over = 0;
        return RATE_PASS;
    }
    return ++b->over % RATE_SLIP == 0 ? RATE_SLIPS : RATE_DROP;
}
