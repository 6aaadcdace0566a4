#include "control/health.h"

#include "test.h"

static const struct check_spec check = {
    .kind = CHECK_KIND_HTTP, .every_ms = 1000, .timeout_ms = 500, .fail = 3, .pass = 2};

static bool answer(struct health *h, bool ok, bool starting, kith_time *now_us)
{
    uint64_t number;

    *now_us = health_deadline(h);
    number = health_ask(h, &check, *now_us);
    assert_int_not_equal(number, 0);
    return health_result(h, &check, number, ok, starting, *now_us);
}

static void test_while_starting_checks_run_quickly(void **state)
{
    (void)state;
    struct health h = {0};
    kith_time now_us;

    assert_true(health_deadline(&h) == KITH_NEVER);
    health_begin(&h, 100);
    assert_false(answer(&h, false, true, &now_us));
    assert_true(now_us == 100);
    assert_false(answer(&h, true, true, &now_us));
    assert_true(now_us == 100 + HEALTH_QUICK);
    assert_true(answer(&h, true, true, &now_us));
    assert_true(h.healthy && now_us == 100 + 2 * HEALTH_QUICK);
    assert_true(health_deadline(&h) == now_us + KITH_SEC);
}

static void test_three_failures_make_it_unhealthy_and_two_passes_healthy(void **state)
{
    (void)state;
    struct health h = {0};
    kith_time now_us;

    health_begin(&h, 0);
    h.healthy = true;
    assert_false(answer(&h, false, false, &now_us));
    assert_false(answer(&h, false, false, &now_us));
    assert_false(answer(&h, true, false, &now_us)); /* in a row only */
    assert_false(answer(&h, false, false, &now_us));
    assert_false(answer(&h, false, false, &now_us));
    assert_true(answer(&h, false, false, &now_us));
    assert_false(h.healthy);
    assert_false(answer(&h, true, false, &now_us));
    assert_true(answer(&h, true, false, &now_us));
    assert_true(h.healthy);
}

static void test_the_next_check_can_be_brought_forward(void **state)
{
    (void)state;
    struct health h = {0};

    health_soon(&h, 50);
    assert_true(health_deadline(&h) == KITH_NEVER); /* no process */
    health_begin(&h, 100);
    assert_int_equal(health_ask(&h, &check, 100), 1);
    health_soon(&h, 200); /* one is under way */
    assert_int_equal(health_ask(&h, &check, 200), 0);
    health_result(&h, &check, 1, true, false, 300);
    assert_int_equal(health_ask(&h, &check, 400), 0);
    health_soon(&h, 400);
    assert_int_equal(health_ask(&h, &check, 400), 2);
    health_result(&h, &check, 2, true, false, 500);
    assert_true(health_deadline(&h) == 500 + KITH_SEC);
    health_soon(&h, 500 + KITH_MIN); /* it is due already */
    assert_true(health_deadline(&h) == 500 + KITH_SEC);
}

static void test_a_stale_answer_is_ignored_and_a_lost_one_asked_again(void **state)
{
    (void)state;
    struct health h = {0};
    uint64_t number;

    health_begin(&h, 0);
    number = health_ask(&h, &check, 0);
    assert_int_equal(health_ask(&h, &check, 1), 0); /* one at a time */
    assert_false(health_result(&h, &check, number + 1, true, true, 2));
    assert_true(h.asked);
    kith_time lost_us = health_deadline(&h);

    assert_int_equal(health_ask(&h, &check, lost_us), number + 1);
    health_end(&h);
    assert_false(health_result(&h, &check, number + 1, true, true, lost_us));
}

static void test_what_a_specification_leaves_out_has_a_default(void **state)
{
    (void)state;
    static const struct check_spec bare = {.kind = CHECK_KIND_TCP};
    struct health h = {0};
    uint64_t number;

    assert_int_equal(health_timeout_ms(&bare), HEALTH_TIMEOUT / KITH_MS);
    health_begin(&h, 0);
    number = health_ask(&h, &bare, 0);
    assert_true(health_result(&h, &bare, number, true, false, 0));
    assert_true(health_deadline(&h) == HEALTH_EVERY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_while_starting_checks_run_quickly),
        cmocka_unit_test(test_three_failures_make_it_unhealthy_and_two_passes_healthy),
        cmocka_unit_test(test_the_next_check_can_be_brought_forward),
        cmocka_unit_test(test_a_stale_answer_is_ignored_and_a_lost_one_asked_again),
        cmocka_unit_test(test_what_a_specification_leaves_out_has_a_default),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
