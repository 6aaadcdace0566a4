#ifndef KITH_TRUST_KEYS_H
#define KITH_TRUST_KEYS_H
/*
 * Keys as values. An identity is an Ed25519 pair (RFC 8032), made from a 32-byte seed; the pair
 * that CURVE needs (X25519) is derived from it by the birational map of RFC 7748, so one seed
 * proves who somebody is both in certificates and on connections.
 *
 * Nothing here draws random bytes or reads a file: seeds are passed in by whoever may.
 */
#include "wire/codec.h"

#define KEYS_SECRET_BYTES    64
#define KEYS_SIGNATURE_BYTES 64

struct sign_pair {
    struct key32 public_key;
    uint8_t secret[KEYS_SECRET_BYTES]; /* as libsodium keeps it: seed, then public key */
};

struct curve_pair {
    struct key32 public_key;
    struct key32 secret;
};

enum { KEYS_BAD = 1 };

void keys_sign_pair(struct sign_pair *ret, const struct key32 *seed);

/* The CURVE pair of an identity. */
void keys_curve_pair(struct curve_pair *ret, const struct sign_pair *pair);

/* A CURVE pair that belongs to no identity, such as the ring's, from 32 random bytes. */
void keys_curve_pair_from_secret(struct curve_pair *ret, const struct key32 *secret);

/* The CURVE public key of the holder of an Ed25519 key. KEYS_BAD: that is no point of the curve, or
 * one of the few of small order; *ret is zeroed. */
int keys_curve_public(struct key32 *ret, const struct key32 *sign_public);

/* Signs context and body. The context names what kind of statement it is ("kith grant"), so that a
 * signature under one kind never passes for another. */
void keys_sign(uint8_t ret[KEYS_SIGNATURE_BYTES], const char *context, struct bytes body,
               const struct sign_pair *pair);
bool keys_verify(struct bytes signature, const char *context, struct bytes body,
                 const struct key32 *public_key);

/* In a time that does not depend on the content. */
bool keys_equal(const struct key32 *a, const struct key32 *b);

/* Overwrites a secret; the compiler does not take it out. Size 0 is fine. */
void keys_wipe(void *p, size_t size);

#endif
