#include "spec/units.h"

#include "test.h"

static void assert_duration(const char *text, int64_t us)
{
    int64_t got;

    assert_int_equal(units_duration_us(bytes_str(text), &got), 0);
    assert_true(got == us);
}

static int duration(const char *text)
{
    int64_t us;

    return units_duration_us(bytes_str(text), &us);
}

static int size(const char *text, uint64_t *ret)
{
    return units_size_bytes(bytes_str(text), ret);
}

static void test_durations(void **state)
{
    (void)state;
    assert_duration("1s", 1000000);
    assert_duration("500ms", 500000);
    assert_duration("10us", 10);
    assert_duration("1.5s", 1500000);
    assert_duration("0.001ms", 1);
    assert_duration("10m", 600000000);
    assert_duration("2h", INT64_C(7200000000));
    assert_duration("1d", INT64_C(86400000000));
    assert_duration("0", 0);
    assert_duration("1.5000s", 1500000);
}

static void test_durations_refused(void **state)
{
    (void)state;
    assert_int_equal(duration("5"), UNITS_NO_UNIT);
    assert_int_equal(duration(""), UNITS_BAD);
    assert_int_equal(duration("s"), UNITS_BAD);
    assert_int_equal(duration("-1s"), UNITS_BAD);
    assert_int_equal(duration("1.s"), UNITS_BAD);
    assert_int_equal(duration("5 s"), UNITS_UNKNOWN);
    assert_int_equal(duration("5S"), UNITS_UNKNOWN);
    assert_int_equal(duration("1.0001s"), UNITS_RANGE);
    assert_int_equal(duration("0.5us"), UNITS_RANGE);
    assert_int_equal(duration("99999999999d"), UNITS_RANGE);
    assert_int_equal(duration("100000000d"), UNITS_RANGE);
    assert_int_equal(duration("99999999999999999999999s"), UNITS_RANGE);
}

static void test_sizes(void **state)
{
    (void)state;
    uint64_t bytes;

    assert_int_equal(size("64MiB", &bytes), 0);
    assert_true(bytes == 64 << 20);
    assert_int_equal(size("1.5GiB", &bytes), 0);
    assert_true(bytes == UINT64_C(3) << 29);
    assert_int_equal(size("2kB", &bytes), 0);
    assert_true(bytes == 2000);
    assert_int_equal(size("64M", &bytes), UNITS_UNKNOWN);
    assert_int_equal(size("64", &bytes), UNITS_NO_UNIT);
    assert_int_equal(size("1.5B", &bytes), UNITS_RANGE);
    assert_int_equal(size("99999999999TiB", &bytes), UNITS_RANGE);
}

static void test_plain_numbers_and_shares(void **state)
{
    (void)state;
    uint64_t value;
    uint32_t ppm;

    assert_int_equal(units_whole(bytes_str("42"), &value), 0);
    assert_true(value == 42);
    assert_int_equal(units_whole(bytes_str("4.2"), &value), UNITS_BAD);
    assert_int_equal(units_whole(bytes_str("four"), &value), UNITS_BAD);
    assert_int_equal(units_millis(bytes_str("0.25"), &value), 0);
    assert_true(value == 250);
    assert_int_equal(units_millis(bytes_str("500m"), &value), UNITS_UNKNOWN);
    assert_int_equal(units_millis(bytes_str("x"), &value), UNITS_BAD);
    assert_int_equal(units_share_ppm(bytes_str("0.5%"), &ppm), 0);
    assert_int_equal(ppm, 5000);
    assert_int_equal(units_share_ppm(bytes_str("101%"), &ppm), UNITS_RANGE);
    assert_int_equal(units_share_ppm(bytes_str("x"), &ppm), UNITS_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_durations_refused),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_plain_numbers_and_shares),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
