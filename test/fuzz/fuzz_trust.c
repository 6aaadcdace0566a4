/*
 * What people hand over as files (tokens, keys) and what strangers send with a hello (certificates). The first
 * byte says which; a certificate is checked against the issuer it names itself, so that the chain is followed.
 */
#include "trust/armor.h"
#include "trust/certificate.h"
#include "trust/keyfile.h"

#include <assert.h>

#define NOW_MS INT64_C(1790000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void files(struct bytes text, struct arena *mem)
{
    struct buf encoded = {0}, again = {0}, back = {0};
    struct token token;
    struct grant grant;
    struct identity identity;
    struct cluster_keys keys;

    if (token_from_text(&encoded, text) == 0) {
        (void)token_open(&token, &grant, buf_bytes(&encoded), NOW_MS, mem);
        token_to_text(&again, buf_bytes(&encoded));
        int r = token_from_text(&back, buf_bytes(&again));
        assert(r == 0 && bytes_equal(buf_bytes(&encoded), buf_bytes(&back)));
    }
    (void)keyfile_read_identity(&identity, text, mem);
    (void)keyfile_read_cluster(&keys, text, mem);
    buf_deinit(&encoded);
    buf_deinit(&again);
    buf_deinit(&back);
}

static void certificates(struct bytes encoded, struct arena *mem)
{
    struct certificate c;
    struct grant grant = {0};
    struct wire_error err;
    struct certificate_facts facts;

    if (certificate_decode(&c, encoded, mem, &err) == 0)
        (void)grant_decode(&grant, c.grant.body, mem, &err);
    struct certificate_trust trust = {
        .cluster = grant.cluster, .issuers = {grant.issuer}, .issuers_n = 1};

    if (certificate_verify(&facts, encoded, &trust, NOW_MS, mem) != 0)
        assert(ulid_is_zero(&facts.body.id) && key32_is_zero(&facts.curve));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena mem = {0};
    struct token token;
    struct grant grant;

    if (size == 0)
        return 0;
    struct bytes in = bytes_of(data + 1, size - 1);

    if (data[0] == 'f')
        files(in, &mem);
    else if (data[0] == 'c')
        certificates(in, &mem);
    else
        (void)token_open(&token, &grant, in, NOW_MS, &mem);
    arena_deinit(&mem);
    return 0;
}
