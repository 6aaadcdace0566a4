#include "base/histogram.h"

#include "test.h"

static void nothing_was_added(void **state)
{
    struct histogram h = {0};
    (void)state;
    assert_int_equal(histogram_quantile(&h, 500), 0);
    assert_int_equal(histogram_quantile(&h, 1000), 0);
}

/* Whatever goes in comes out at its own size or a fifth above, never below. */
static void one_value_comes_out_nearly_as_it_is(void **state)
{
    (void)state;
    for (kith_time v = 0; v < 2 * KITH_MIN; v += 1 + v / 37) {
        struct histogram h = {0};
        histogram_add(&h, v);
        kith_time got = histogram_quantile(&h, 500);
        assert_true(got >= v);
        assert_true(got <= v + v / 4 + 1);
        assert_true(histogram_quantile(&h, 990) == got);
    }
}

static void quantiles_divide_what_was_added(void **state)
{
    struct histogram h = {0};
    (void)state;
    for (int i = 1; i <= 1000; i++)
        histogram_add(&h, i * KITH_MS);
    assert_int_equal(h.count, 1000);
    kith_time p50 = histogram_quantile(&h, 500), p99 = histogram_quantile(&h, 990);
    assert_true(p50 >= 500 * KITH_MS && p50 <= 626 * KITH_MS);
    assert_true(p99 >= 990 * KITH_MS && p99 <= 1239 * KITH_MS);
    assert_true(histogram_quantile(&h, 1) <= 2 * KITH_MS);
}

/* A clock that is behind, and one that is years off, break nothing. */
static void what_cannot_be_is_the_nearest(void **state)
{
    struct histogram h = {0};
    (void)state;
    histogram_add(&h, -5 * KITH_SEC);
    assert_int_equal(histogram_quantile(&h, 1000), 0);
    histogram_add(&h, KITH_NEVER);
    assert_true(histogram_quantile(&h, 1000) >= 60 * KITH_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_was_added),
        cmocka_unit_test(one_value_comes_out_nearly_as_it_is),
        cmocka_unit_test(quantiles_divide_what_was_added),
        cmocka_unit_test(what_cannot_be_is_the_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
