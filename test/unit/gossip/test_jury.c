#include "gossip/jury.h"

#include "test.h"

static void the_quorum_is_seven_in_ten_rounded_up(void **unused)
{
    (void)unused;
    static const size_t need[] = {0, 1, 2, 3, 3, 4, 5, 5, 6, 7, 7};
    for (size_t observers = 0; observers <= 10; observers++)
        assert_int_equal(jury_quorum(observers), need[observers]);
}

static void what_others_said_holds_for_a_while(void **unused)
{
    (void)unused;
    static const struct ulid observers[] = {{"ann"}, {"bob"}, {"eve"}}, self = {"self"};
    struct watch w = {.id = {"suspect"}};
    watch_seat(&w, observers, 3, &self);
    kith_time now_us = 100 * KITH_SEC;
    w.seats[0].says = w.seats[1].says = SAYS_MISSING;
    w.seats[2].says = SAYS_FINE;
    w.seats[0].said_us = w.seats[1].said_us = w.seats[2].said_us = now_us;
    assert_int_equal(jury_doubts(&w, now_us), 2);
    w.seats[1].said_us = now_us - KITH_MIN;
    assert_int_equal(jury_doubts(&w, now_us), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_quorum_is_seven_in_ten_rounded_up),
        cmocka_unit_test(what_others_said_holds_for_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
