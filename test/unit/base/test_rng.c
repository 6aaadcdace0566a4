#include "base/rng.h"

#include "test.h"

/* splitmix64 from 0 starts with these (the published C code gives them); so does the state. */
static void test_seeding_is_splitmix64(void **state)
{
    (void)state;
    struct rng r;

    rng_seed(&r, 0);
    assert_true(r.s[0] == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(r.s[1] == UINT64_C(0x6e789e6aa1b965f4));
    assert_true(r.s[2] == UINT64_C(0x06c45d188009454f));
    assert_true(r.s[3] == UINT64_C(0xf88bb8a8724c81ec));
}

/* The first outputs from the state 1, 2, 3, 4: the vector that other implementations test with. */
static void test_stream_is_xoshiro256starstar(void **state)
{
    (void)state;
    struct rng r = {.s = {1, 2, 3, 4}};
    const uint64_t expected[] = {11520, 0, 1509978240, 1215971899390074240};

    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++)
        assert_true(rng_u64(&r) == expected[i]);
}

static void test_same_seed_same_stream(void **state)
{
    (void)state;
    struct rng a, b, other;

    rng_seed(&a, 7);
    rng_seed(&b, 7);
    rng_seed(&other, 8);
    for (int i = 0; i < 100; i++) {
        uint64_t x = rng_u64(&a);

        assert_true(x == rng_u64(&b));
        assert_true(x != rng_u64(&other));
    }
}

static void test_below_is_in_range_and_even(void **state)
{
    (void)state;
    struct rng r;
    int seen[6] = {0};

    rng_seed(&r, 1);
    for (int i = 0; i < 60000; i++) {
        uint64_t x = rng_below(&r, 6);

        assert_in_range(x, 0, 5);
        seen[x]++;
    }
    for (int i = 0; i < 6; i++)
        assert_in_range(seen[i], 9500, 10500);
    assert_int_equal(rng_below(&r, 1), 0);
    /* Nearly every second draw is refused here. */
    for (int i = 0; i < 1000; i++)
        assert_true(rng_below(&r, (UINT64_C(1) << 63) + 1) <= UINT64_C(1) << 63);
}

static void test_between_includes_both_ends(void **state)
{
    (void)state;
    struct rng r;
    int low = 0, high = 0;

    rng_seed(&r, 1);
    for (int i = 0; i < 1000; i++) {
        int64_t x = rng_between(&r, -2, 2);

        assert_true(x >= -2 && x <= 2);
        low += x == -2;
        high += x == 2;
    }
    assert_true(low > 0 && high > 0);
    assert_true(rng_between(&r, 5, 5) == 5);
    assert_true(rng_between(&r, INT64_MAX - 1, INT64_MAX) >= INT64_MAX - 1);
    rng_between(&r, INT64_MIN, INT64_MAX);
}

static void test_bytes_are_the_stream_low_byte_first(void **state)
{
    (void)state;
    struct rng a, b;
    uint8_t out[13];

    rng_seed(&a, 3);
    rng_seed(&b, 3);
    rng_bytes(&a, out, sizeof(out));

    uint64_t x = rng_u64(&b), y = rng_u64(&b);

    for (int i = 0; i < 8; i++)
        assert_int_equal(out[i], (uint8_t)(x >> 8 * i));
    for (int i = 8; i < 13; i++)
        assert_int_equal(out[i], (uint8_t)(y >> 8 * (i - 8)));
    rng_bytes(&a, out, 0);
    assert_true(rng_u64(&a) == rng_u64(&b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seeding_is_splitmix64),
        cmocka_unit_test(test_stream_is_xoshiro256starstar),
        cmocka_unit_test(test_same_seed_same_stream),
        cmocka_unit_test(test_below_is_in_range_and_even),
        cmocka_unit_test(test_between_includes_both_ends),
        cmocka_unit_test(test_bytes_are_the_stream_low_byte_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
