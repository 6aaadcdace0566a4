#include "base/hlc.h"

#include "test.h"

#include <stdbool.h>

#define NOON (INT64_C(1700000000) * KITH_SEC)

static void test_follows_the_wall_clock(void **state)
{
    (void)state;
    struct hlc h = {0};
    uint64_t stamp = hlc_now(&h, NOON + 123456);

    assert_true(hlc_wall_us(stamp) == NOON + 123000);
    assert_true(stamp == hlc_from_wall(NOON + 123456));
    assert_true(hlc_now(&h, NOON + KITH_SEC) == hlc_from_wall(NOON + KITH_SEC));
}

static void test_strictly_grows_even_when_the_clock_goes_back(void **state)
{
    (void)state;
    struct hlc h = {0};
    uint64_t last = hlc_now(&h, NOON);

    for (int i = 0; i < 70000; i++) { /* more than the counter holds */
        uint64_t stamp = hlc_now(&h, i % 2 ? NOON : NOON - KITH_HOUR);

        assert_true(stamp > last);
        last = stamp;
    }
    assert_true(hlc_wall_us(last) == NOON + KITH_MS);
}

static void test_is_later_than_what_it_saw(void **state)
{
    (void)state;
    struct hlc mine = {0}, other = {0};
    uint64_t theirs = hlc_now(&other, NOON + 5 * KITH_SEC);

    assert_int_equal(hlc_observe(&mine, theirs, NOON), 0);
    assert_true(hlc_now(&mine, NOON) > theirs);
    /* an older one changes nothing */
    uint64_t before = mine.last;

    assert_int_equal(hlc_observe(&mine, theirs - 1, NOON), 0);
    assert_true(mine.last == before);
}

static void test_refuses_the_far_future(void **state)
{
    (void)state;
    struct hlc h = {0};
    uint64_t last = hlc_now(&h, NOON);

    assert_int_equal(hlc_observe(&h, hlc_from_wall(NOON + HLC_MAX_AHEAD), NOON), 0);
    h.last = last;
    assert_int_equal(hlc_observe(&h, hlc_from_wall(NOON + HLC_MAX_AHEAD + KITH_MS), NOON),
                     HLC_AHEAD);
    assert_int_equal(hlc_observe(&h, UINT64_MAX, NOON), HLC_AHEAD);
    assert_true(h.last == last);
}

static void test_clocks_outside_of_48_bits_are_clamped(void **state)
{
    (void)state;
    assert_true(hlc_from_wall(-1) == 0);
    assert_true(hlc_from_wall(INT64_MAX) == UINT64_MAX << 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_follows_the_wall_clock),
        cmocka_unit_test(test_strictly_grows_even_when_the_clock_goes_back),
        cmocka_unit_test(test_is_later_than_what_it_saw),
        cmocka_unit_test(test_refuses_the_far_future),
        cmocka_unit_test(test_clocks_outside_of_48_bits_are_clamped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
