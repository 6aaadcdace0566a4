#include "trust/token.h"

#include "trust/armor.h"

const char *token_problem_text(int problem)
{
    switch ((enum token_problem)problem) {
    case TOKEN_TEXT:
        return "this is not a token file: it needs the lines from BEGIN KITH TOKEN to END KITH "
               "TOKEN, as "
               "`kith token new` printed them";
    case TOKEN_MALFORMED:
        return "the token is damaged: copy it again, or make a new one with `kith token new`";
    case TOKEN_KEY:
        return "the token's secret and its grant do not belong together: copy it again, or make a "
               "new one "
               "with `kith token new`";
    case TOKEN_SIGNATURE:
        return "the token's signature is wrong: it was altered or damaged; make a new one with "
               "`kith token "
               "new`";
    case TOKEN_KIND:
        return "the token grants a kind that this version does not know: make a new one with `kith "
               "token "
               "new`";
    case TOKEN_EXPIRED:
        return "the token has expired: make a new one with `kith token new`, and check this host's "
               "clock";
    }
    return "?";
}

void token_make(struct buf *out, const struct token_request *r)
{
    struct sign_pair own;
    struct buf body = {0};
    uint8_t signature[KEYS_SIGNATURE_BYTES];

    keys_sign_pair(&own, &r->seed);
    grant_encode(&body, &(struct grant){
                            .id = r->id,
                            .cluster = r->cluster,
                            .issuer = r->issuer->public_key,
                            .key = own.public_key,
                            .kind = r->kind,
                            .roles = r->roles,
                            .roles_n = r->roles_n,
                            .issued_ms = r->issued_ms,
                            .expires_ms = r->expires_ms,
                        });
    keys_sign(signature, TOKEN_GRANT_CONTEXT, buf_bytes(&body), r->issuer);
    token_encode(out, &(struct token){
                          .grant = {buf_bytes(&body), bytes_of(signature, sizeof(signature))},
                          .secret = r->seed,
                          .ring_public = r->ring_public,
                          .ring_secret = r->ring_secret,
                          .seeds = r->seeds,
                          .seeds_n = r->seeds_n,
                      });
    keys_wipe(&own, sizeof(own));
    buf_deinit(&body);
}

void token_to_text(struct buf *out, struct bytes encoded)
{
    armor_write(out, TOKEN_LABEL, encoded);
}

int token_from_text(struct buf *ret, struct bytes text)
{
    return armor_read(ret, TOKEN_LABEL, text) ? TOKEN_TEXT : 0;
}

static bool kind_ok(enum principal_kind kind)
{
    return kind == PRINCIPAL_KIND_NODE || kind == PRINCIPAL_KIND_OPERATOR ||
           kind == PRINCIPAL_KIND_CLIENT;
}

static int check(const struct token *t, const struct grant *g, int64_t wall_ms)
{
    struct sign_pair own;

    keys_sign_pair(&own, &t->secret);
    bool mine = keys_equal(&own.public_key, &g->key);

    keys_wipe(&own, sizeof(own));
    if (!mine)
        return TOKEN_KEY;
    if (!keys_verify(t->grant.signature, TOKEN_GRANT_CONTEXT, t->grant.body, &g->issuer))
        return TOKEN_SIGNATURE;
    if (!kind_ok(g->kind))
        return TOKEN_KIND;
    return wall_ms > g->expires_ms ? TOKEN_EXPIRED : 0;
}

int token_open(struct token *ret, struct grant *ret_grant, struct bytes encoded, int64_t wall_ms,
               struct arena *mem)
{
    struct wire_error err;
    int problem = TOKEN_MALFORMED;

    *ret_grant = (struct grant){0};
    if (token_decode(ret, encoded, mem, &err) == 0 &&
        grant_decode(ret_grant, ret->grant.body, mem, &err) == 0)
        problem = check(ret, ret_grant, wall_ms);
    if (problem) {
        *ret = (struct token){0};
        *ret_grant = (struct grant){0};
    }
    return problem;
}
