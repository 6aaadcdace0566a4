#ifndef KITH_TRUST_TOKEN_H
#define KITH_TRUST_TOKEN_H
/*
 * Join tokens: what the operator hands to a new host, a person or an application.
 *
 * A token carries a grant, signed by the cluster's issuer key: this cluster, this kind, these
 * roles, until then. It also carries the secret of a key made for this token only, with which its
 * holder signs a certificate for itself (certificate.h), the ring's CURVE public key and seeds to
 * connect to. A founder's token carries the ring's secret half too: its holder needs nobody to let
 * it in. A token is a secret. Whoever holds it can become what it grants until it expires.
 *
 * struct token, struct grant and their codecs are generated from proto/trust.toml.
 */
#include "trust/keys.h"
#include "wire/gen/trust.h"

#define TOKEN_LABEL         "KITH TOKEN"
#define TOKEN_GRANT_CONTEXT "kith grant"

enum token_problem {
    TOKEN_TEXT = 1,  /* no BEGIN and END line of a token, or no base64 between them */
    TOKEN_MALFORMED, /* not a token, a field is missing or out of bounds */
    TOKEN_KEY,       /* the secret in it does not belong to the grant's key */
    TOKEN_SIGNATURE, /* the grant was not signed by the issuer it names: altered, or damaged */
    TOKEN_KIND,      /* grants something other than node, operator or client */
    TOKEN_EXPIRED,   /* no longer valid by the clock given */
};

/* For people: what is wrong and what to do. "?" for a number that is none. */
const char *token_problem_text(int problem);

struct token_request {
    const struct sign_pair *issuer;
    struct ulid id; /* of the grant: fresh */
    struct ulid cluster;
    struct key32 seed; /* of the token's own key: 32 fresh random bytes */
    enum principal_kind kind;
    const struct bytes *roles;
    uint32_t roles_n;
    int64_t issued_ms, expires_ms;
    struct key32 ring_public;
    struct key32 ring_secret; /* a founder's; else zero */
    const struct bytes *seeds;
    uint32_t seeds_n;
};

/* Appends the encoded token. The request is the operator's own: its bounds are asserted. */
void token_make(struct buf *out, const struct token_request *request);

/* The text form of an encoded token, and back: 0, or TOKEN_TEXT and *ret is as before. */
void token_to_text(struct buf *out, struct bytes encoded);
int token_from_text(struct buf *ret, struct bytes text);

/*
 * Decodes and checks a token: whole, signed by the issuer it names, a kind one can become, not
 * expired at wall_ms. Which issuer is the right one only who knows the cluster can say; a joiner
 * trusts its own token. *ret_grant and *ret point into `encoded` and `mem`; on a problem both are
 * zeroed.
 */
int token_open(struct token *ret, struct grant *ret_grant, struct bytes encoded, int64_t wall_ms,
               struct arena *mem);

#endif
