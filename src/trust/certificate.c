#include "trust/certificate.h"

static const char *const problem_texts[] = {
    [CERTIFICATE_MALFORMED] = "the certificate is damaged or no certificate",
    [CERTIFICATE_ISSUER] =
        "the certificate comes from another cluster's issuer key: use a token that was made for "
        "this cluster",
    [CERTIFICATE_GRANT_SIGNATURE] =
        "the certificate's grant was altered: its issuer's signature is wrong",
    [CERTIFICATE_CLUSTER] =
        "the certificate is for another cluster: use a token that was made for this one",
    [CERTIFICATE_KIND] = "the certificate is of a kind that its token does not grant",
    [CERTIFICATE_ROLES] = "the certificate has a role that its token does not grant",
    [CERTIFICATE_SUBJECT_SIGNATURE] =
        "the certificate was altered: it is not signed by its token's key",
    [CERTIFICATE_KEY] = "the certificate's key is not usable",
    [CERTIFICATE_EXPIRED] =
        "the token has expired: make a new one with `kith token new`, and compare the clocks",
};

const char *certificate_problem_text(int problem)
{
    if (problem < CERTIFICATE_MALFORMED || problem > CERTIFICATE_EXPIRED)
        return "?";
    return problem_texts[problem];
}

void certificate_make(struct buf *out, const struct token *token, const struct grant *grant,
                      const struct certificate_subject *subject)
{
    struct sign_pair token_pair;
    struct buf body = {0};
    uint8_t signature[KEYS_SIGNATURE_BYTES];

    certificate_body_encode(&body, &(struct certificate_body){
                                       .id = subject->id,
                                       .cluster = grant->cluster,
                                       .kind = grant->kind,
                                       .key = subject->pair->public_key,
                                       .name = subject->name,
                                       .roles = grant->roles,
                                       .roles_n = grant->roles_n,
                                       .issued_ms = subject->issued_ms,
                                   });
    keys_sign_pair(&token_pair, &token->secret);
    keys_sign(signature, CERTIFICATE_CONTEXT, buf_bytes(&body), &token_pair);
    keys_wipe(&token_pair, sizeof(token_pair));
    certificate_encode(out,
                       &(struct certificate){
                           .subject = {buf_bytes(&body), bytes_of(signature, sizeof(signature))},
                           .grant = token->grant,
                       });
    buf_deinit(&body);
}

static bool issuer_ok(const struct certificate_trust *trust, const struct key32 *issuer)
{
    for (uint32_t i = 0; i < trust->issuers_n; i++)
        if (keys_equal(&trust->issuers[i], issuer))
            return true;
    return false;
}

static bool kind_ok(const struct certificate_body *body, const struct grant *grant)
{
    return body->kind == grant->kind &&
           (body->kind == PRINCIPAL_KIND_NODE || body->kind == PRINCIPAL_KIND_OPERATOR ||
            body->kind == PRINCIPAL_KIND_CLIENT);
}

static bool has_role(const struct grant *grant, struct bytes role)
{
    for (uint32_t i = 0; i < grant->roles_n; i++)
        if (bytes_equal(grant->roles[i], role))
            return true;
    return false;
}

static bool roles_ok(const struct certificate_body *body, const struct grant *grant)
{
    for (uint32_t i = 0; i < body->roles_n; i++)
        if (!has_role(grant, body->roles[i]))
            return false;
    return true;
}

/* What can be said without a signature comes before what a signature costs, except that nothing of
 * a grant is believed before its own. */
static int check(struct certificate_facts *ret, const struct certificate *c,
                 const struct grant *grant, const struct certificate_trust *trust, int64_t wall_ms)
{
    const struct certificate_body *body = &ret->body;

    if (!issuer_ok(trust, &grant->issuer))
        return CERTIFICATE_ISSUER;
    if (!keys_verify(c->grant.signature, TOKEN_GRANT_CONTEXT, c->grant.body, &grant->issuer))
        return CERTIFICATE_GRANT_SIGNATURE;
    if (!ulid_equal(&grant->cluster, &trust->cluster) ||
        !ulid_equal(&body->cluster, &trust->cluster))
        return CERTIFICATE_CLUSTER;
    if (!kind_ok(body, grant))
        return CERTIFICATE_KIND;
    if (!roles_ok(body, grant))
        return CERTIFICATE_ROLES;
    if (!keys_verify(c->subject.signature, CERTIFICATE_CONTEXT, c->subject.body, &grant->key))
        return CERTIFICATE_SUBJECT_SIGNATURE;
    if (keys_curve_public(&ret->curve, &body->key))
        return CERTIFICATE_KEY;
    return wall_ms > grant->expires_ms && wall_ms != CERTIFICATE_ANY_TIME ? CERTIFICATE_EXPIRED : 0;
}

int certificate_verify(struct certificate_facts *ret, struct bytes encoded,
                       const struct certificate_trust *trust, int64_t wall_ms, struct arena *mem)
{
    struct certificate c;
    struct grant grant;
    struct wire_error err;
    int problem = CERTIFICATE_MALFORMED;

    *ret = (struct certificate_facts){0};
    if (certificate_decode(&c, encoded, mem, &err) == 0 &&
        grant_decode(&grant, c.grant.body, mem, &err) == 0 &&
        certificate_body_decode(&ret->body, c.subject.body, mem, &err) == 0)
        problem = check(ret, &c, &grant, trust, wall_ms);
    if (problem) {
        *ret = (struct certificate_facts){0};
        return problem;
    }
    ret->grant = grant.id;
    ret->expires_ms = grant.expires_ms;
    return 0;
}
