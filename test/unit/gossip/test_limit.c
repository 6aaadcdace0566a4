#include "gossip/limit.h"

#include "test.h"

static void a_burst_is_let_through_then_the_rate(void **unused)
{
    (void)unused;
    struct limit l = {0};
    kith_time now = 100 * KITH_SEC;
    int taken = 0;
    for (int i = 0; i < 50; i++)
        taken += limit_take(&l, now, 10, 5);
    assert_int_equal(taken, 5);
    for (int i = 0; i < 100; i++)
        taken += limit_take(&l, now + i * 100 * KITH_MS / 10, 10, 5);
    assert_in_range(taken, 5 + 9, 5 + 10);
}

static void a_quiet_time_fills_it_up_and_no_more(void **unused)
{
    (void)unused;
    struct limit l = {0};
    int taken = 0;
    while (limit_take(&l, KITH_SEC, 2, 3))
        taken++;
    assert_int_equal(taken, 3);
    for (int i = 0; i < 10; i++)
        taken += limit_take(&l, KITH_HOUR, 2, 3);
    assert_int_equal(taken, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_is_let_through_then_the_rate),
        cmocka_unit_test(a_quiet_time_fills_it_up_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
