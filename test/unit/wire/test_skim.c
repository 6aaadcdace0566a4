#include "wire/skim.h"

#include "test.h"

#include <string.h>

/* What skim() says about bytes: the first value's length, or -1. */
static long length_of(const void *data, size_t len)
{
    const char *why = NULL;
    size_t ret;

    if (skim(bytes_of(data, len), &ret, &why) == 0)
        return (long)ret;
    assert_non_null(why);
    return -1;
}

#define LENGTH_OF(text) length_of(text, sizeof(text) - 1)

static void one_value_is_found_before_others(void **state)
{
    (void)state;
    assert_int_equal(LENGTH_OF("\x01\x02"), 1);
    assert_int_equal(LENGTH_OF("\x92\x01\x02\x03"), 3);
    assert_int_equal(LENGTH_OF("\x82\x01\xa1x\x02\xc4\x01y!"), 8);
    assert_int_equal(LENGTH_OF("\x90\x90"), 1);
}

static void a_claim_larger_than_the_bytes_is_refused(void **state)
{
    (void)state;
    assert_int_equal(LENGTH_OF("\xdd\xff\xff\xff\xff\x01\x01"), -1); /* array32 of 4 G */
    assert_int_equal(LENGTH_OF("\xdf\xff\xff\xff\xff\x01\x01"), -1); /* map32 */
    assert_int_equal(LENGTH_OF("\xdf\x80\x00\x00\x00\x01\x01"),
                     -1);                                        /* twice 2 G overflows 32 bits */
    assert_int_equal(LENGTH_OF("\xc6\xff\xff\xff\xff\x01"), -1); /* bin32 */
    assert_int_equal(LENGTH_OF("\xdb\xff\xff\xff\xff\x01"), -1); /* str32 */
    assert_int_equal(LENGTH_OF("\xc9\xff\xff\xff\xff\x01\x01"), -1); /* ext32 */
    assert_int_equal(LENGTH_OF("\x82\x01\x02\x03"), -1);
    assert_int_equal(LENGTH_OF("\xa2x"), -1);
}

static void bytes_that_are_no_format_are_refused(void **state)
{
    (void)state;
    assert_int_equal(LENGTH_OF(""), -1);
    assert_int_equal(LENGTH_OF("\xc1"), -1);
    assert_int_equal(LENGTH_OF("\x91\xc1"), -1);
    assert_int_equal(LENGTH_OF("\xcf\x01\x02"), -1);
    assert_int_equal(LENGTH_OF("\xdc\x00"), -1);
}

static void depth_is_bounded(void **state)
{
    (void)state;
    uint8_t nest[100000];

    memset(nest, 0x91, sizeof(nest));
    assert_int_equal(length_of(nest, sizeof(nest)), -1);
    nest[WIRE_MAX_DEPTH] = 0x01;
    assert_int_equal(length_of(nest, sizeof(nest)), WIRE_MAX_DEPTH + 1);
    nest[WIRE_MAX_DEPTH] = 0x90;
    assert_int_equal(length_of(nest, sizeof(nest)), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_value_is_found_before_others),
        cmocka_unit_test(a_claim_larger_than_the_bytes_is_refused),
        cmocka_unit_test(bytes_that_are_no_format_are_refused),
        cmocka_unit_test(depth_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
