#include "gossip/senses.h"

#include "test.h"

static void one_that_is_run_late_has_been_paused_once(void **unused)
{
    (void)unused;
    struct senses s = {0};
    assert_false(senses_wake(&s, 10 * KITH_SEC, 10 * KITH_SEC));
    assert_false(senses_wake(&s, 10 * KITH_SEC, KITH_NEVER));
    assert_false(senses_wake(&s, 10 * KITH_SEC, 10 * KITH_SEC - 100 * KITH_MS));
    assert_false(senses_in_grace(&s, 10 * KITH_SEC));

    assert_true(senses_wake(&s, 40 * KITH_SEC, 11 * KITH_SEC));
    assert_false(senses_wake(&s, 40 * KITH_SEC, 11 * KITH_SEC)); /* the next frame of its backlog */
    assert_true(senses_in_grace(&s, 40 * KITH_SEC));
    assert_false(senses_in_grace(&s, 40 * KITH_SEC + SENSES_GRACE));
}

static void one_that_misses_most_doubts_itself_up_to_a_bound(void **unused)
{
    (void)unused;
    struct senses s = {0};
    for (int i = 0; i < 10; i++)
        senses_round(&s, 10, 9);
    assert_int_equal(senses_stretch(&s, KITH_SEC), (1 + SENSES_DOUBT_MAX) * KITH_SEC);
    senses_round(&s, 10, 5);
    assert_int_equal(s.doubt, SENSES_DOUBT_MAX - 1);
    for (int i = 0; i < 10; i++)
        senses_round(&s, 10, 0);
    assert_int_equal(senses_stretch(&s, KITH_SEC), KITH_SEC);
    senses_round(&s, 2, 2); /* of two, both may well be dead */
    assert_int_equal(s.doubt, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_is_run_late_has_been_paused_once),
        cmocka_unit_test(one_that_misses_most_doubts_itself_up_to_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
