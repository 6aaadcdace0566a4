#include "gossip/budget.h"

#include "test.h"

static const struct budget_rate rate = {.per_second = 1000, .burst = 200};

static uint32_t take_all(struct budget *b, kith_time now_us, uint32_t reserve_permille)
{
    uint32_t n = 0;
    while (budget_take(b, rate, now_us, 1, reserve_permille))
        n++;
    return n;
}

static void it_gives_a_burst_and_then_its_rate(void **unused)
{
    (void)unused;
    struct budget b = {0};
    assert_int_equal(take_all(&b, 5 * KITH_SEC, 0), 200);
    assert_int_equal(take_all(&b, 5 * KITH_SEC + 50 * KITH_MS, 0), 50);
    /* Nothing is lost to rounding, however often it is asked. */
    uint32_t n = 0;
    for (kith_time us = 0; us < KITH_SEC; us += 7)
        n += take_all(&b, 6 * KITH_SEC + us, 0);
    assert_in_range(n, 1199, 1200); /* the second, and the burst that had come back before */
    assert_int_equal(take_all(&b, 3600 * KITH_SEC, 0), 200);
}

static void a_reserve_stays_for_those_who_may_use_it(void **unused)
{
    (void)unused;
    struct budget b = {0};
    assert_int_equal(take_all(&b, 0, 500), 100);
    assert_int_equal(take_all(&b, 0, 200), 60);
    assert_int_equal(take_all(&b, 0, 0), 40);
    assert_false(budget_has(&b, rate, 0, 1, 0));
}

static void what_costs_more_than_all_is_never_given(void **unused)
{
    (void)unused;
    struct budget b = {0};
    assert_false(budget_take(&b, rate, 0, 201, 0));
    assert_true(budget_take(&b, rate, 0, 200, 0));
    assert_false(budget_take(&b, rate, 100 * KITH_MS, 101, 0));
    assert_true(budget_take(&b, rate, 100 * KITH_MS, 100, 0));
}

/* A clock that stands still or goes back takes nothing away. */
static void time_only_gives(void **unused)
{
    (void)unused;
    struct budget b = {0};
    assert_true(budget_take(&b, rate, KITH_SEC, 100, 0));
    assert_int_equal(take_all(&b, KITH_SEC - 1, 0), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_gives_a_burst_and_then_its_rate),
        cmocka_unit_test(a_reserve_stays_for_those_who_may_use_it),
        cmocka_unit_test(what_costs_more_than_all_is_never_given),
        cmocka_unit_test(time_only_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
