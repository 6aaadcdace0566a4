#include "trust/keys.h"

#include "test.h"
#include "trust_world.h"

#include <string.h>

/* RFC 8032, section 7.1, test 1: seed, public key. */
static const uint8_t rfc_seed[32] = {
    0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4,
    0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60};
static const uint8_t rfc_public[32] = {
    0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a,
    0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a};

static void an_identity_comes_from_its_seed(void **state)
{
    (void)state;
    struct key32 seed;
    struct sign_pair pair;

    memcpy(seed.b, rfc_seed, sizeof(seed.b));
    keys_sign_pair(&pair, &seed);
    assert_memory_equal(pair.public_key.b, rfc_public, 32);
}

static void both_ways_to_a_curve_key_agree(void **state)
{
    (void)state;
    struct key32 seed = seed_of(3), public_key;
    struct sign_pair pair;
    struct curve_pair curve, again;

    keys_sign_pair(&pair, &seed);
    keys_curve_pair(&curve, &pair);
    assert_int_equal(keys_curve_public(&public_key, &pair.public_key), 0);
    assert_true(keys_equal(&public_key, &curve.public_key));
    keys_curve_pair_from_secret(&again, &curve.secret);
    assert_true(keys_equal(&again.public_key, &curve.public_key));
    assert_false(keys_equal(&curve.public_key, &pair.public_key));
}

static void what_is_no_point_has_no_curve_key(void **state)
{
    (void)state;
    struct key32 out = seed_of(1), zero = {0}, junk = seed_of(0xff);

    assert_int_equal(keys_curve_public(&out, &zero), KEYS_BAD);
    assert_true(key32_is_zero(&out));
    assert_int_equal(keys_curve_public(&out, &junk), KEYS_BAD);
}

static void a_signature_holds_for_one_context_body_and_key(void **state)
{
    (void)state;
    struct key32 a_seed = seed_of(1), b_seed = seed_of(2);
    struct sign_pair a, b;
    uint8_t sig[KEYS_SIGNATURE_BYTES];
    struct bytes body = bytes_str("hello"), signature = bytes_of(sig, sizeof(sig));

    keys_sign_pair(&a, &a_seed);
    keys_sign_pair(&b, &b_seed);
    keys_sign(sig, "kith grant", body, &a);
    assert_true(keys_verify(signature, "kith grant", body, &a.public_key));
    assert_false(keys_verify(signature, "kith certificate", body, &a.public_key));
    assert_false(keys_verify(signature, "kith grant", bytes_str("hellO"), &a.public_key));
    assert_false(keys_verify(signature, "kith grant", body, &b.public_key));
    assert_false(keys_verify(bytes_of(sig, 63), "kith grant", body, &a.public_key));
    sig[10] ^= 1;
    assert_false(keys_verify(signature, "kith grant", body, &a.public_key));
}

static void a_wiped_key_is_gone(void **state)
{
    (void)state;
    struct key32 key = seed_of(7);

    keys_wipe(&key, sizeof(key));
    assert_true(key32_is_zero(&key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_identity_comes_from_its_seed),
        cmocka_unit_test(both_ways_to_a_curve_key_agree),
        cmocka_unit_test(what_is_no_point_has_no_curve_key),
        cmocka_unit_test(a_signature_holds_for_one_context_body_and_key),
        cmocka_unit_test(a_wiped_key_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
