#include "view/rfc3339.h"

#include "test.h"

static void times_are_utc_with_milliseconds(void **state)
{
    (void)state;
    assert_string_equal(rfc3339_text(0).s, "1970-01-01T00:00:00.000Z");
    assert_string_equal(rfc3339_text(1795255445678).s, "2026-11-21T10:04:05.678Z");
    assert_string_equal(rfc3339_text(-1).s, "1969-12-31T23:59:59.999Z");
    assert_string_equal(rfc3339_text(-1000).s, "1969-12-31T23:59:59.000Z");
}

static void a_time_from_a_broken_peer_is_no_trouble(void **state)
{
    (void)state;
    assert_string_equal(rfc3339_text(INT64_MAX).s, "292278994-08-17T07:12:55.807Z");
    assert_true(rfc3339_text(INT64_MIN).s[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_utc_with_milliseconds),
        cmocka_unit_test(a_time_from_a_broken_peer_is_no_trouble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
