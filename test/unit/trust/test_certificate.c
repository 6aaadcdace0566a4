#include "trust/certificate.h"

#include "test.h"
#include "trust_world.h"

#include <string.h>

static struct sign_pair pair_of(uint8_t number)
{
    struct key32 seed = seed_of(number);
    struct sign_pair pair;

    keys_sign_pair(&pair, &seed);
    return pair;
}

/* What a peer of this world says to a certificate. */
static int verify(struct world *w, struct bytes encoded, int64_t wall_ms)
{
    struct certificate_trust trust = world_trust(w);
    struct certificate_facts facts;
    int problem = certificate_verify(&facts, encoded, &trust, wall_ms, &w->mem);

    if (problem)
        assert_true(ulid_is_zero(&facts.body.id) && key32_is_zero(&facts.curve));
    return problem;
}

/* A grant and a body that fit together, for tests to spoil one thing in. */
static void honest(const struct world *w, struct grant *grant, struct certificate_body *body)
{
    static struct bytes role;

    role = bytes_str("blue");
    *grant = (struct grant){.id = id_of(77),
                            .cluster = w->cluster,
                            .issuer = w->issuer.public_key,
                            .key = pair_of(99).public_key,
                            .kind = PRINCIPAL_KIND_NODE,
                            .roles = &role,
                            .roles_n = 1,
                            .expires_ms = EXPIRES_MS};
    *body = (struct certificate_body){.id = id_of(5),
                                      .cluster = w->cluster,
                                      .kind = PRINCIPAL_KIND_NODE,
                                      .key = pair_of(42).public_key,
                                      .roles = &role,
                                      .roles_n = 1};
}

static void any_peer_can_check_a_chain(void **state)
{
    (void)state;
    struct world w;
    struct sign_pair alpha = pair_of(42);
    struct curve_pair curve;
    struct certificate_facts facts;

    world_init(&w, 1);
    struct certificate_trust trust = world_trust(&w);
    struct bytes encoded = world_certificate(&w, PRINCIPAL_KIND_NODE, &alpha);

    assert_int_equal(certificate_verify(&facts, encoded, &trust, NOW_MS, &w.mem), 0);
    assert_true(bytes_equal_str(facts.body.name, "alpha"));
    assert_int_equal(facts.body.kind, PRINCIPAL_KIND_NODE);
    keys_curve_pair(&curve, &alpha);
    assert_true(keys_equal(&facts.curve, &curve.public_key));
    assert_true(facts.expires_ms == EXPIRES_MS);
    struct ulid grant = id_of(77);

    assert_true(ulid_equal(&facts.grant, &grant));
    world_deinit(&w);
}

static void expiry_counts_by_the_clock_given(void **state)
{
    (void)state;
    struct world w;
    struct sign_pair alpha = pair_of(42);

    world_init(&w, 1);
    struct bytes encoded = world_certificate(&w, PRINCIPAL_KIND_OPERATOR, &alpha);

    assert_int_equal(verify(&w, encoded, EXPIRES_MS), 0);
    assert_int_equal(verify(&w, encoded, EXPIRES_MS + 1), CERTIFICATE_EXPIRED);
    assert_int_equal(verify(&w, encoded, CERTIFICATE_ANY_TIME), 0);
    world_deinit(&w);
}

static void another_clusters_certificate_is_refused(void **state)
{
    (void)state;
    struct world w, other;
    struct sign_pair alpha = pair_of(42);

    world_init(&w, 1);
    world_init(&other, 11);
    assert_int_equal(verify(&w, world_certificate(&other, PRINCIPAL_KIND_NODE, &alpha), NOW_MS),
                     CERTIFICATE_ISSUER);
    /* an issuer key that two clusters share does not make them one */
    other.issuer = w.issuer;
    assert_int_equal(verify(&w, world_certificate(&other, PRINCIPAL_KIND_NODE, &alpha), NOW_MS),
                     CERTIFICATE_CLUSTER);
    world_deinit(&w);
    world_deinit(&other);
}

static void two_issuers_may_be_valid_at_once(void **state)
{
    (void)state;
    struct world old, rotated;
    struct sign_pair alpha = pair_of(42);
    struct certificate_facts facts;

    world_init(&old, 1);
    world_init(&rotated, 11);
    rotated.cluster = old.cluster;
    struct certificate_trust trust = world_trust(&old);

    trust.issuers[trust.issuers_n++] = rotated.issuer.public_key;
    struct bytes encoded = world_certificate(&rotated, PRINCIPAL_KIND_NODE, &alpha);

    assert_int_equal(certificate_verify(&facts, encoded, &trust, NOW_MS, &rotated.mem), 0);
    world_deinit(&old);
    world_deinit(&rotated);
}

static void each_forgery_has_its_name(void **state)
{
    (void)state;
    struct world w;
    struct grant grant;
    struct certificate_body body;
    struct sign_pair token = pair_of(99), thief = pair_of(66);

    world_init(&w, 1);
    honest(&w, &grant, &body);
    assert_int_equal(verify(&w, world_chain(&w, &w.issuer, &grant, &token, &body), NOW_MS), 0);
    assert_int_equal(verify(&w, world_chain(&w, &thief, &grant, &token, &body), NOW_MS),
                     CERTIFICATE_GRANT_SIGNATURE);
    assert_int_equal(verify(&w, world_chain(&w, &w.issuer, &grant, &thief, &body), NOW_MS),
                     CERTIFICATE_SUBJECT_SIGNATURE);
    grant.issuer = thief.public_key;
    assert_int_equal(verify(&w, world_chain(&w, &thief, &grant, &token, &body), NOW_MS),
                     CERTIFICATE_ISSUER);
    world_deinit(&w);
}

static void a_holder_cannot_take_more_than_was_granted(void **state)
{
    (void)state;
    struct world w;
    struct grant grant;
    struct certificate_body body;
    struct sign_pair token = pair_of(99);
    struct bytes red = bytes_str("red");

    world_init(&w, 1);
    honest(&w, &grant, &body);
    body.kind = PRINCIPAL_KIND_OPERATOR;
    assert_int_equal(verify(&w, world_chain(&w, &w.issuer, &grant, &token, &body), NOW_MS),
                     CERTIFICATE_KIND);
    body.kind = grant.kind = PRINCIPAL_KIND_LOCAL;
    assert_int_equal(verify(&w, world_chain(&w, &w.issuer, &grant, &token, &body), NOW_MS),
                     CERTIFICATE_KIND);
    honest(&w, &grant, &body);
    body.roles = &red;
    assert_int_equal(verify(&w, world_chain(&w, &w.issuer, &grant, &token, &body), NOW_MS),
                     CERTIFICATE_ROLES);
    body.roles_n = 0; /* less is fine */
    assert_int_equal(verify(&w, world_chain(&w, &w.issuer, &grant, &token, &body), NOW_MS), 0);
    body.cluster = id_of(200);
    assert_int_equal(verify(&w, world_chain(&w, &w.issuer, &grant, &token, &body), NOW_MS),
                     CERTIFICATE_CLUSTER);
    honest(&w, &grant, &body);
    body.key = seed_of(0xff); /* no point of the curve */
    assert_int_equal(verify(&w, world_chain(&w, &w.issuer, &grant, &token, &body), NOW_MS),
                     CERTIFICATE_KEY);
    world_deinit(&w);
}

static void no_changed_byte_goes_unnoticed(void **state)
{
    (void)state;
    struct world w;
    struct sign_pair alpha = pair_of(42);

    world_init(&w, 1);
    struct bytes encoded = world_certificate(&w, PRINCIPAL_KIND_NODE, &alpha);
    uint8_t *copy = arena_alloc(&w.mem, encoded.len);

    for (size_t i = 0; i < encoded.len; i++) {
        memcpy(copy, encoded.data, encoded.len);
        copy[i] ^= 1;
        assert_int_not_equal(verify(&w, bytes_of(copy, encoded.len), NOW_MS), 0);
    }
    for (size_t len = 0; len < encoded.len; len++)
        assert_int_equal(verify(&w, bytes_of(encoded.data, len), NOW_MS), CERTIFICATE_MALFORMED);
    world_deinit(&w);
}

static void every_problem_has_a_text(void **state)
{
    (void)state;
    for (int problem = CERTIFICATE_MALFORMED; problem <= CERTIFICATE_EXPIRED; problem++)
        assert_true(strlen(certificate_problem_text(problem)) > 20);
    assert_string_equal(certificate_problem_text(0), "?");
    assert_string_equal(certificate_problem_text(CERTIFICATE_EXPIRED + 1), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_peer_can_check_a_chain),
        cmocka_unit_test(expiry_counts_by_the_clock_given),
        cmocka_unit_test(another_clusters_certificate_is_refused),
        cmocka_unit_test(two_issuers_may_be_valid_at_once),
        cmocka_unit_test(each_forgery_has_its_name),
        cmocka_unit_test(a_holder_cannot_take_more_than_was_granted),
        cmocka_unit_test(no_changed_byte_goes_unnoticed),
        cmocka_unit_test(every_problem_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
