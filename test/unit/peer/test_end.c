/* The three ways a peer's run ends, and what each waits for. */
#include "peer/end.h"

#include "test.h"

static void told_to_stop_it_ends_at_once(void **state)
{
    struct end e = {0};
    (void)state;
    assert_int_equal(end_next(&e, 5, true), END_NONE);
    assert_true(end_deadline(&e) == KITH_NEVER);
    end_stop(&e);
    assert_int_equal(end_next(&e, 5, false), END_EXIT);
    assert_int_equal(end_next(&e, 6, true), END_NONE);
    assert_true(end_deadline(&e) == KITH_NEVER);
    end_stop(&e);
    assert_int_equal(end_next(&e, 7, true), END_NONE);
}

static void leaving_waits_for_services_then_says_goodbye(void **state)
{
    struct end e = {0};
    (void)state;
    end_leave(&e, 1000);
    assert_int_equal(end_next(&e, 2000, false), END_NONE);
    assert_int_equal(end_next(&e, 3000, true), END_GOODBYE);
    assert_int_equal(end_next(&e, 3001, true), END_NONE);
    assert_true(end_deadline(&e) == 3000 + PEER_END_LINGER);
    end_leave(&e, 4000);
    assert_int_equal(end_next(&e, 3000 + PEER_END_LINGER, true), END_EXIT);
    assert_int_equal(end_next(&e, KITH_NEVER, true), END_NONE);
}

static void patience_ends(void **state)
{
    struct end e = {0};
    (void)state;
    end_leave(&e, 0);
    assert_int_equal(end_next(&e, PEER_END_PATIENCE - 1, false), END_NONE);
    assert_int_equal(end_next(&e, PEER_END_PATIENCE, false), END_GOODBYE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(told_to_stop_it_ends_at_once),
        cmocka_unit_test(leaving_waits_for_services_then_says_goodbye),
        cmocka_unit_test(patience_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
