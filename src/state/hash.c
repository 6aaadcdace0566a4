#include "state/hash.h"

#include <sodium.h>
#include <string.h>

static const unsigned char hash_key[crypto_shorthash_KEYBYTES] = "kith hash no. 1";

/* The bytes that SipHash gives are its number in little-endian order, on every machine. */
static uint64_t little_endian(const unsigned char *p)
{
    uint64_t v = 0;

    for (size_t i = 8; i-- > 0;)
        v = v << 8 | p[i];
    return v;
}

uint64_t hash64(struct bytes b)
{
    unsigned char out[crypto_shorthash_BYTES];

    crypto_shorthash(out, b.data, b.len, hash_key);
    return little_endian(out);
}

uint64_t hash64_pair(struct bytes a, struct bytes b)
{
    unsigned char both[2 * crypto_shorthash_BYTES];

    crypto_shorthash(both, a.data, a.len, hash_key);
    crypto_shorthash(both + crypto_shorthash_BYTES, b.data, b.len, hash_key);
    return hash64(bytes_of(both, sizeof(both)));
}
