#include "trust/keys.h"

#include <assert.h>
#include <sodium.h>

static_assert(KEYS_SECRET_BYTES == crypto_sign_ed25519_SECRETKEYBYTES, "");
static_assert(KEYS_SIGNATURE_BYTES == crypto_sign_ed25519_BYTES, "");

void keys_sign_pair(struct sign_pair *ret, const struct key32 *seed)
{
    int r = crypto_sign_ed25519_seed_keypair(ret->public_key.b, ret->secret, seed->b);

    assert(r == 0);
}

void keys_curve_pair(struct curve_pair *ret, const struct sign_pair *pair)
{
    int r = crypto_sign_ed25519_sk_to_curve25519(ret->secret.b, pair->secret);

    assert(r == 0);
    keys_curve_pair_from_secret(ret, &ret->secret);
}

void keys_curve_pair_from_secret(struct curve_pair *ret, const struct key32 *secret)
{
    ret->secret = *secret;
    int r = crypto_scalarmult_curve25519_base(ret->public_key.b, ret->secret.b);

    assert(r == 0);
}

int keys_curve_public(struct key32 *ret, const struct key32 *sign_public)
{
    if (crypto_sign_ed25519_pk_to_curve25519(ret->b, sign_public->b) == 0)
        return 0;
    *ret = (struct key32){0};
    return KEYS_BAD;
}

/* What is signed: the context with its NUL, then the body. */
static void statement(struct buf *out, const char *context, struct bytes body)
{
    buf_str(out, context);
    buf_byte(out, '\0');
    buf_append(out, body.data, body.len);
}

void keys_sign(uint8_t ret[KEYS_SIGNATURE_BYTES], const char *context, struct bytes body,
               const struct sign_pair *pair)
{
    struct buf text = {0};

    statement(&text, context, body);
    int r = crypto_sign_ed25519_detached(ret, NULL, text.data, text.len, pair->secret);

    assert(r == 0);
    buf_deinit(&text);
}

bool keys_verify(struct bytes signature, const char *context, struct bytes body,
                 const struct key32 *public_key)
{
    struct buf text = {0};

    if (signature.len != KEYS_SIGNATURE_BYTES)
        return false;
    statement(&text, context, body);
    int r = crypto_sign_ed25519_verify_detached(signature.data, text.data, text.len, public_key->b);

    buf_deinit(&text);
    return r == 0;
}

bool keys_equal(const struct key32 *a, const struct key32 *b)
{
    return sodium_memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

void keys_wipe(void *p, size_t size)
{
    if (size)
        sodium_memzero(p, size);
}
