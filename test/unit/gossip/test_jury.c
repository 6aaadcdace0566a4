#include "gossip/jury.h"

#include "test.h"

static void the_quorum_is_seven_in_ten_rounded_up(void **unused)
{
    (void)unused;
    static const size_t need[] = {0, 1, 2, 3, 3, 4, 5, 5, 6, 7, 7};
    for (size_t observers = 0; observers <= 10; observers++)
        assert_int_equal(jury_quorum(observers), need[observers]);
}

static void a_wide_network_is_given_more_time(void **unused)
{
    (void)unused;
    struct core core = {0};
    struct jury jury = {.core = &core};
    kith_time lan = jury_patience(&jury);
    core.wan = true;
    assert_true(jury_patience(&jury) > lan);
    assert_false(jury_is_alone(&jury));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_quorum_is_seven_in_ten_rounded_up),
        cmocka_unit_test(a_wide_network_is_given_more_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
