#include "gossip/jury.h"

#include "test.h"

static void seven_in_ten_must_agree_and_all_where_they_are_few(void **unused)
{
    (void)unused;
    static const size_t need[] = {0, 1, 2, 3, 4, 5, 6, 6, 6, 7, 7};
    for (size_t observers = 0; observers <= 10; observers++)
        assert_int_equal(jury_quorum(observers, observers), need[observers]);
}

static void where_some_of_many_are_silent_five_of_those_left_are_enough(void **unused)
{
    (void)unused;
    static const size_t need[] = {0, 1, 2, 3, 4, 5, 5, 5, 6, 7};
    for (size_t left = 0; left < 10; left++)
        assert_int_equal(jury_quorum(10, left), need[left]);
    /* Where there are few from the start all of them are. */
    assert_int_equal(jury_quorum(JURY_ALL, JURY_ALL - 1), JURY_ALL - 1);
    assert_int_equal(jury_quorum(JURY_ALL + 1, JURY_ALL + 1), JURY_ALL);
}

static void what_others_said_holds_for_a_while(void **unused)
{
    (void)unused;
    static const struct ulid observers[] = {{"ann"}, {"bob"}, {"eve"}}, self = {"self"};
    struct watch w = {.id = {"suspect"}};
    watch_seat(&w, observers, 3, &self, KITH_SEC);
    kith_time now_us = 100 * KITH_SEC;
    w.seats[0].says = w.seats[1].says = SAYS_MISSING;
    w.seats[2].says = SAYS_FINE;
    w.seats[0].said_us = w.seats[1].said_us = w.seats[2].said_us = now_us;
    assert_int_equal(jury_doubts(&w, now_us), 2);
    w.seats[1].said_us = now_us - KITH_MIN;
    assert_int_equal(jury_doubts(&w, now_us), 1);
}

/* What `from` tells of the suspect, and that another told it the same. */
static void told(struct jury *j, struct watch *w, kith_time now_us, const struct ulid *from,
                 bool missing, const struct ulid *other)
{
    struct turn t = {.now_us = now_us};
    struct incoming in = {.who = {.id = *from}};
    struct miss m = {
        .about = w->id, .missing = missing, .others = other, .others_n = other != NULL};
    jury_note(j, &t, &in, &m, w);
}

static void what_one_heard_from_another_counts_until_its_own_word_is_here(void **unused)
{
    (void)unused;
    static const struct ulid seats[] = {{"ann"}, {"bob"}, {"eve"}}, self = {"self"}, none = {"zoe"};
    struct core core = {0};
    struct jury j = {.core = &core};
    struct watch w = {.id = {"suspect"}};
    kith_time now_us = 100 * KITH_SEC;
    watch_seat(&w, seats, 3, &self, KITH_SEC);
    told(&j, &w, now_us, &seats[0], true, &seats[1]);
    assert_int_equal(jury_doubts(&w, now_us), 2);
    told(&j, &w, now_us, &seats[0], true, &none); /* no observer */
    assert_int_equal(jury_doubts(&w, now_us), 2);

    /* It takes it back itself: what others heard before that counts no more. */
    told(&j, &w, now_us, &seats[1], false, NULL);
    assert_int_equal(jury_doubts(&w, now_us), 1);
    told(&j, &w, now_us, &seats[2], true, &seats[1]);
    assert_int_equal(jury_doubts(&w, now_us), 2);

    /* Hearsay ends by itself; an own word holds for longer. */
    told(&j, &w, now_us + 3 * KITH_SEC, &seats[0], true, &seats[1]);
    assert_int_equal(jury_doubts(&w, now_us + 3 * KITH_SEC), 3);
    assert_int_equal(jury_doubts(&w, now_us + 5 * KITH_SEC), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seven_in_ten_must_agree_and_all_where_they_are_few),
        cmocka_unit_test(where_some_of_many_are_silent_five_of_those_left_are_enough),
        cmocka_unit_test(what_others_said_holds_for_a_while),
        cmocka_unit_test(what_one_heard_from_another_counts_until_its_own_word_is_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
