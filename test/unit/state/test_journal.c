#include "state/journal.h"

#include "test.h"

static void entries_are_read_in_order_from_any_position(void **unused)
{
    (void)unused;
    struct journal *j = journal_new();
    struct events events;
    struct arena mem = {0};

    journal_read(j, 0, 10, &events, &mem);
    assert_int_equal(events.events_n, 0);
    journal_add(j, 5, "member-dead", bytes_str("ann"), "missed by %d", 3);
    journal_add(j, 6, "placed", bytes_str("web"), "on %s", "bob");
    journal_add(j, 7, "odd", bytes_of("\xff", 1), "x");
    journal_read(j, 0, 10, &events, &mem);
    assert_int_equal(events.events_n, 3);
    assert_int_equal(events.events[0].position, 1);
    assert_int_equal(events.events[0].at_ms, 5);
    assert_true(bytes_equal_str(events.events[0].what, "member-dead"));
    assert_true(bytes_equal_str(events.events[0].subject, "ann"));
    assert_true(bytes_equal_str(events.events[0].text, "missed by 3"));
    assert_true(bytes_equal_str(events.events[2].subject, "\xef\xbf\xbd")); /* always text */

    journal_read(j, 1, 1, &events, &mem);
    assert_int_equal(events.events_n, 1);
    assert_int_equal(events.events[0].position, 2);
    assert_int_equal(events.dropped, 0);
    journal_read(j, 99, 10, &events, &mem); /* a position of an earlier life */
    assert_int_equal(events.events_n, 3);
    arena_deinit(&mem);
    journal_free(j);
    journal_free(NULL);
}

static void the_oldest_give_way_and_are_counted(void **unused)
{
    (void)unused;
    struct journal *j = journal_new();
    struct events events;
    struct arena mem = {0};

    for (int i = 1; i <= JOURNAL_MAX + 5; i++)
        journal_add(j, i, "tick", (struct bytes){0}, "%d", i);
    journal_read(j, 2, JOURNAL_MAX, &events, &mem);
    assert_int_equal(events.events_n, JOURNAL_MAX);
    assert_int_equal(events.events[0].position, 6);
    assert_true(bytes_equal_str(events.events[0].text, "6"));
    assert_int_equal(events.dropped, 3);
    arena_deinit(&mem);
    journal_free(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_read_in_order_from_any_position),
        cmocka_unit_test(the_oldest_give_way_and_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
