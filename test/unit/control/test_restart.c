#include "control/restart.h"

#include "test.h"

static const uint32_t waits[] = {2000, 4000, 8000};
static const struct restart_policy policy = {
    .backoff_ms = waits, .backoff_ms_n = 3, .max = 4, .per_ms = 600000};

static void test_the_waits_grow_as_listed_and_the_last_repeats(void **state)
{
    (void)state;
    static const int64_t expected[] = {2000, 4000, 8000, 8000};
    struct restarts r = {0};
    kith_time wait_us;

    for (unsigned k = 0; k < 4; k++) {
        assert_true(restart_again(&r, &policy, k * KITH_SEC, &wait_us));
        assert_int_equal(wait_us, expected[k] * KITH_MS);
    }
    assert_false(restart_again(&r, &policy, 5 * KITH_SEC, &wait_us));
}

static void test_running_well_for_the_window_begins_anew(void **state)
{
    (void)state;
    struct restarts r = {0};
    kith_time wait_us;

    for (unsigned k = 0; k < 4; k++)
        assert_true(restart_again(&r, &policy, 0, &wait_us));
    assert_false(restart_again(&r, &policy, 1, &wait_us));
    assert_true(restart_again(&r, &policy, 600 * KITH_SEC, &wait_us));
    assert_int_equal(wait_us, 2 * KITH_SEC);
    restart_forget(&r);
    assert_int_equal(r.count, 0);
}

static void test_without_a_limit_it_goes_on_for_ever(void **state)
{
    (void)state;
    static const struct restart_policy endless = {0};
    struct restarts r = {0};
    kith_time wait_us;

    for (unsigned k = 0; k < 3 * RESTARTS_KEPT; k++) {
        assert_true(restart_again(&r, &endless, k, &wait_us));
        assert_int_equal(wait_us, RESTART_WAIT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_waits_grow_as_listed_and_the_last_repeats),
        cmocka_unit_test(test_running_well_for_the_window_begins_anew),
        cmocka_unit_test(test_without_a_limit_it_goes_on_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
