#ifndef KITH_STATE_HASH_H
#define KITH_STATE_HASH_H
/*
 * The one hash of the cluster: SipHash-2-4 (Aumasson and Bernstein, 2012) under a fixed, public key,
 * so that every peer computes the same digests, rings and rankings. It spreads evenly and tells
 * accidents apart; it proves nothing against somebody who chooses the bytes.
 */
#include "base/bytes.h"

uint64_t hash64(struct bytes b);
/* Of two values in this order; (ab, c) and (a, bc) differ. For rankings: (service, node). */
uint64_t hash64_pair(struct bytes a, struct bytes b);

#endif
