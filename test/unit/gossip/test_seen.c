#include "gossip/seen.h"

#include "test.h"

static const struct budget_rate rate = {.per_second = 1000000, .burst = 1000000};

static struct ulid id_of(uint32_t n)
{
    return (struct ulid){{(uint8_t)(n >> 8), (uint8_t)n, 1}};
}

static enum seen_result take(struct seen *s, uint32_t origin, uint32_t boot, uint64_t seq)
{
    struct ulid o = id_of(origin), b = id_of(boot);
    return seen_take(s, &o, &b, seq, rate, KITH_SEC);
}

static void a_message_is_new_once(void **unused)
{
    (void)unused;
    struct seen *s = seen_new();
    for (uint64_t seq = 1; seq < 3 * SEEN_WINDOW; seq += 3)
        assert_int_equal(take(s, 1, 1, seq), SEEN_NEW);
    for (uint64_t seq = 1; seq < 3 * SEEN_WINDOW; seq += 3)
        assert_int_equal(take(s, 1, 1, seq), SEEN_AGAIN);
    /* In between, what came late is still new as far back as the window goes. */
    assert_int_equal(take(s, 1, 1, 3 * SEEN_WINDOW - 4), SEEN_NEW);
    assert_int_equal(take(s, 1, 1, 3 * SEEN_WINDOW - 4), SEEN_AGAIN);
    assert_int_equal(take(s, 1, 1, SEEN_WINDOW), SEEN_AGAIN);
    /* Far ahead: all before is out of the window. */
    assert_int_equal(take(s, 1, 1, UINT64_MAX), SEEN_NEW);
    assert_int_equal(take(s, 1, 1, UINT64_MAX), SEEN_AGAIN);
    assert_int_equal(take(s, 1, 1, UINT64_MAX - 5), SEEN_NEW);
    assert_int_equal(take(s, 1, 1, 2), SEEN_AGAIN);
    seen_free(s);
}

static void origins_do_not_share(void **unused)
{
    (void)unused;
    struct seen *s = seen_new();
    for (uint32_t origin = 1; origin <= 50; origin++)
        assert_int_equal(take(s, origin, 1, 7), SEEN_NEW);
    for (uint32_t origin = 1; origin <= 50; origin++)
        assert_int_equal(take(s, origin, 1, 7), SEEN_AGAIN);
    seen_free(s);
}

static void a_restart_begins_anew_and_its_past_is_stale(void **unused)
{
    (void)unused;
    struct seen *s = seen_new();
    assert_int_equal(take(s, 1, 1, 1), SEEN_NEW);
    assert_int_equal(take(s, 1, 2, 1), SEEN_NEW);
    assert_int_equal(take(s, 1, 1, 2), SEEN_STALE);
    assert_int_equal(take(s, 1, 2, 1), SEEN_AGAIN);
    seen_free(s);
}

static void an_origin_gets_no_more_than_its_budget(void **unused)
{
    (void)unused;
    struct seen *s = seen_new();
    const struct budget_rate small = {.per_second = 10, .burst = 5};
    struct ulid one = id_of(1), two = id_of(2);
    uint32_t taken = 0;
    for (uint64_t seq = 1; seq <= 100; seq++)
        taken += seen_take(s, &one, &one, seq, small, KITH_SEC) == SEEN_NEW;
    assert_int_equal(taken, 5);
    assert_int_equal(seen_take(s, &two, &two, 1, small, KITH_SEC), SEEN_NEW);
    assert_int_equal(seen_take(s, &one, &one, 101, small, 2 * KITH_SEC), SEEN_NEW);
    seen_free(s);
}

/* More origins than are kept: the one heard longest ago goes, memory does not grow. */
static void the_quietest_origin_is_forgotten_first(void **unused)
{
    (void)unused;
    struct seen *s = seen_new();
    for (uint32_t origin = 0; origin < SEEN_ORIGINS; origin++)
        take(s, origin, 1, 1);
    assert_int_equal(take(s, 0, 1, 1), SEEN_AGAIN);
    assert_int_equal(take(s, SEEN_ORIGINS, 1, 1), SEEN_NEW);
    assert_int_equal(take(s, 0, 1, 1), SEEN_AGAIN);
    assert_int_equal(take(s, 1, 1, 1), SEEN_NEW); /* was forgotten */
    seen_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_new_once),
        cmocka_unit_test(origins_do_not_share),
        cmocka_unit_test(a_restart_begins_anew_and_its_past_is_stale),
        cmocka_unit_test(an_origin_gets_no_more_than_its_budget),
        cmocka_unit_test(the_quietest_origin_is_forgotten_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
