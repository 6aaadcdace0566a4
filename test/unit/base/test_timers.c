#include "base/rng.h"
#include "base/timers.h"

#include "test.h"

static void test_fires_in_the_order_of_time(void **state)
{
    (void)state;
    struct timers t = {0};
    struct timer due;
    struct rng rng;
    kith_time last = 0;

    rng_seed(&rng, 1);
    for (int i = 0; i < 1000; i++)
        timers_add(&t, (struct timer){.at_us = rng_between(&rng, 0, 500)});
    for (int i = 0; i < 1000; i++) {
        assert_true(timers_pop(&t, 500, &due));
        assert_true(due.at_us >= last);
        last = due.at_us;
    }
    assert_false(timers_pop(&t, KITH_NEVER, &due));
    timers_deinit(&t);
}

static void test_ties_fire_in_the_order_they_were_set(void **state)
{
    (void)state;
    struct timers t = {0};
    struct timer due;

    for (uint32_t i = 0; i < 100; i++)
        timers_add(&t, (struct timer){.at_us = 10, .kind = i});
    for (uint32_t i = 0; i < 100; i++) {
        assert_true(timers_pop(&t, 10, &due));
        assert_int_equal(due.kind, i);
    }
    timers_deinit(&t);
}

static void test_nothing_fires_before_its_time(void **state)
{
    (void)state;
    struct timers t = {0};
    struct timer due;
    struct ulid key = {.b = {1}};

    assert_true(timers_next(&t) == KITH_NEVER);
    timers_add(&t, (struct timer){.at_us = 20, .kind = 2});
    timers_add(&t, (struct timer){.at_us = 10, .kind = 1, .generation = 9, .key = key});
    assert_true(timers_next(&t) == 10);
    assert_false(timers_pop(&t, 9, &due));

    assert_true(timers_pop(&t, 15, &due));
    assert_int_equal(due.kind, 1);
    assert_int_equal(due.generation, 9);
    assert_true(ulid_equal(&due.key, &key));
    assert_true(timers_next(&t) == 20);
    assert_false(timers_pop(&t, 15, &due));
    timers_deinit(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fires_in_the_order_of_time),
        cmocka_unit_test(test_ties_fire_in_the_order_they_were_set),
        cmocka_unit_test(test_nothing_fires_before_its_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
