#include "test.h"

#include "shell/hourly.h"
#include <stdio.h>

static void the_same_complaint_is_said_once_an_hour_with_a_count(void **state)
{
    (void)state;
    struct hourly *h = hourly_new();
    uint64_t before = 7;
    assert_true(hourly_say(h, "10.0.0.1", "wrong key", 0, &before));
    assert_int_equal(before, 0);
    for (int i = 1; i <= 10; i++)
        assert_false(hourly_say(h, "10.0.0.1", "wrong key", i * KITH_MIN, &before));
    assert_true(hourly_say(h, "10.0.0.1", "wrong key", KITH_HOUR, &before));
    assert_int_equal(before, 10);
    hourly_free(h);
}

static void another_reason_or_address_is_its_own_complaint(void **state)
{
    (void)state;
    struct hourly *h = hourly_new();
    uint64_t before;
    assert_true(hourly_say(h, "10.0.0.1", "wrong key", 0, &before));
    assert_true(hourly_say(h, "10.0.0.1", "garbage", 0, &before));
    assert_true(hourly_say(h, "10.0.0.2", "wrong key", 0, &before));
    hourly_free(h);
}

static void a_flood_of_addresses_shares_one_entry(void **state)
{
    (void)state;
    struct hourly *h = hourly_new();
    uint64_t before;
    int said = 0;
    for (int i = 0; i < 10 * HOURLY_MAX; i++) {
        char address[32];
        snprintf(address, sizeof address, "a%d", i);
        said += hourly_say(h, address, "garbage", 0, &before);
    }
    assert_int_equal(said, HOURLY_MAX + 1);
    /* Two hours later the table has room again. */
    assert_true(hourly_say(h, "new", "garbage", 2 * KITH_HOUR, &before));
    hourly_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_complaint_is_said_once_an_hour_with_a_count),
        cmocka_unit_test(another_reason_or_address_is_its_own_complaint),
        cmocka_unit_test(a_flood_of_addresses_shares_one_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
