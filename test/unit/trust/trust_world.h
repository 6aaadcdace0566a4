#ifndef KITH_TEST_TRUST_WORLD_H
#define KITH_TEST_TRUST_WORLD_H
/* A cluster's keys out of nothing, for tests: one issuer, one ring, tokens and certificates on
 * demand. */
#include "trust/certificate.h"

#define NOW_MS     INT64_C(1790000000000)
#define EXPIRES_MS (NOW_MS + 3600000)

struct world {
    struct ulid cluster;
    struct sign_pair issuer;
    struct curve_pair ring;
    struct arena mem;
};

void world_init(struct world *w, uint8_t number);
void world_deinit(struct world *w);

struct key32 seed_of(uint8_t number);
struct ulid id_of(uint8_t number);

/* An encoded token with one role and one seed; lives in w->mem. */
struct bytes world_token(struct world *w, enum principal_kind kind);

/* An encoded certificate of `pair`, from such a token. */
struct bytes world_certificate(struct world *w, enum principal_kind kind,
                               const struct sign_pair *pair);

/* Any grant and body one likes, properly signed: for certificates that no honest holder would make.
 */
struct bytes world_chain(struct world *w, const struct sign_pair *grant_signer,
                         const struct grant *grant, const struct sign_pair *body_signer,
                         const struct certificate_body *body);

struct certificate_trust world_trust(const struct world *w);

#endif
