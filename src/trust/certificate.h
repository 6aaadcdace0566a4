#ifndef KITH_TRUST_CERTIFICATE_H
#define KITH_TRUST_CERTIFICATE_H
/*
 * Certificates: a key and who it is, provable to any peer without asking anyone.
 *
 * The chain is: the issuer's key signed the grant, the grant's key signed the certificate's body.
 * The holder of a token makes its own (certificate_make); a peer checks it (certificate_verify)
 * and, while the token is valid by the peer's clock, writes an admission record that outlives it.
 * Whether the frame really comes from the holder is not decided here: the caller compares the key
 * of the connection with certificate_facts.curve.
 *
 * struct certificate and its codec are generated from proto/trust.toml.
 */
#include "trust/token.h"

#define CERTIFICATE_CONTEXT "kith certificate"

/* Cluster keys are rotated one at a time, so an old and a new one may both be in use. */
#define CERTIFICATE_ISSUERS_MAX 2

/* As wall_ms: the token's expiry is not looked at, as for a certificate that was admitted before.
 */
#define CERTIFICATE_ANY_TIME INT64_MIN

enum certificate_problem {
    CERTIFICATE_MALFORMED = 1,     /* not a certificate, a field is missing or out of bounds */
    CERTIFICATE_ISSUER,            /* issued by a key that is not this cluster's */
    CERTIFICATE_GRANT_SIGNATURE,   /* the grant was not signed by the issuer it names */
    CERTIFICATE_CLUSTER,           /* for another cluster */
    CERTIFICATE_KIND,              /* not the kind that the token grants, or none one can be */
    CERTIFICATE_ROLES,             /* a role that the token does not grant */
    CERTIFICATE_SUBJECT_SIGNATURE, /* not signed by the token's key */
    CERTIFICATE_KEY,               /* its key is no usable Ed25519 key */
    CERTIFICATE_EXPIRED,           /* the token's time was over at wall_ms */
};

/* For people, such as the answer to a hello: what is wrong and what to do. "?" for no problem's
 * number. */
const char *certificate_problem_text(int problem);

struct certificate_subject {
    struct ulid id;
    const struct sign_pair *pair; /* its own; only the public half goes in */
    struct bytes name;            /* for people, up to 64 bytes */
    int64_t issued_ms;
};

/* Appends an encoded certificate of the token's kind and roles. The token was opened by
 * token_open(). */
void certificate_make(struct buf *out, const struct token *token, const struct grant *grant,
                      const struct certificate_subject *subject);

struct certificate_trust {
    struct ulid cluster;
    struct key32 issuers[CERTIFICATE_ISSUERS_MAX];
    uint32_t issuers_n;
};

struct certificate_facts {
    struct certificate_body body;
    struct key32 curve; /* the CURVE public key that its holder connects with */
    struct ulid grant;  /* id of the token's grant */
    int64_t expires_ms; /* of the grant */
};

/* Checks the whole chain. 0, or the first enum certificate_problem in the order above; then *ret is
 * zeroed. *ret points into `encoded` and `mem`. Costs two signature checks, about 0.1 ms. */
int certificate_verify(struct certificate_facts *ret, struct bytes encoded,
                       const struct certificate_trust *trust, int64_t wall_ms, struct arena *mem);

#endif
