#include "trust_world.h"

#include <assert.h>
#include <string.h>

struct key32 seed_of(uint8_t number)
{
    struct key32 seed;

    memset(seed.b, number, sizeof(seed.b));
    return seed;
}

struct ulid id_of(uint8_t number)
{
    struct ulid id = {0};

    id.b[15] = number;
    return id;
}

void world_init(struct world *w, uint8_t number)
{
    struct key32 issuer = seed_of(number), ring = seed_of((uint8_t)(number + 1));

    *w = (struct world){.cluster = id_of(number)};
    keys_sign_pair(&w->issuer, &issuer);
    keys_curve_pair_from_secret(&w->ring, &ring);
}

void world_deinit(struct world *w)
{
    arena_deinit(&w->mem);
}

static struct bytes keep(struct world *w, struct buf *b)
{
    struct bytes kept = arena_bytes(&w->mem, buf_bytes(b));

    buf_deinit(b);
    return kept;
}

struct bytes world_token(struct world *w, enum principal_kind kind)
{
    struct bytes role = bytes_str("blue"), seed = bytes_str("127.0.0.1:5484");
    struct buf out = {0};

    token_make(&out, &(struct token_request){
                         .issuer = &w->issuer,
                         .id = id_of(77),
                         .cluster = w->cluster,
                         .seed = seed_of(99),
                         .kind = kind,
                         .roles = &role,
                         .roles_n = 1,
                         .issued_ms = NOW_MS,
                         .expires_ms = EXPIRES_MS,
                         .ring_public = w->ring.public_key,
                         .seeds = &seed,
                         .seeds_n = 1,
                     });
    return keep(w, &out);
}

struct bytes world_certificate(struct world *w, enum principal_kind kind,
                               const struct sign_pair *pair)
{
    struct token token;
    struct grant grant;
    struct buf out = {0};
    int r = token_open(&token, &grant, world_token(w, kind), NOW_MS, &w->mem);

    assert(r == 0);
    certificate_make(
        &out, &token, &grant,
        &(struct certificate_subject){
            .id = id_of(5), .pair = pair, .name = bytes_str("alpha"), .issued_ms = NOW_MS});
    return keep(w, &out);
}

struct bytes world_chain(struct world *w, const struct sign_pair *grant_signer,
                         const struct grant *grant, const struct sign_pair *body_signer,
                         const struct certificate_body *body)
{
    struct buf g = {0}, b = {0}, out = {0};
    uint8_t grant_sig[KEYS_SIGNATURE_BYTES], body_sig[KEYS_SIGNATURE_BYTES];

    grant_encode(&g, grant);
    keys_sign(grant_sig, TOKEN_GRANT_CONTEXT, buf_bytes(&g), grant_signer);
    certificate_body_encode(&b, body);
    keys_sign(body_sig, CERTIFICATE_CONTEXT, buf_bytes(&b), body_signer);
    certificate_encode(&out, &(struct certificate){
                                 .subject = {buf_bytes(&b), bytes_of(body_sig, sizeof(body_sig))},
                                 .grant = {buf_bytes(&g), bytes_of(grant_sig, sizeof(grant_sig))},
                             });
    buf_deinit(&g);
    buf_deinit(&b);
    return keep(w, &out);
}

struct certificate_trust world_trust(const struct world *w)
{
    return (struct certificate_trust){
        .cluster = w->cluster, .issuers = {w->issuer.public_key}, .issuers_n = 1};
}
