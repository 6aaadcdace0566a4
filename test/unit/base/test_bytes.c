#include "base/bytes.h"
#include "base/mem.h"

#include "test.h"

#include <stdio.h>

static void test_compare_as_memcmp_the_shorter_first(void **state)
{
    (void)state;
    struct bytes none = {0};

    assert_true(bytes_compare(bytes_str("a"), bytes_str("b")) < 0);
    assert_true(bytes_compare(bytes_str("b"), bytes_str("ab")) > 0);
    assert_true(bytes_compare(bytes_str("a"), bytes_str("ab")) < 0);
    assert_true(bytes_compare(bytes_str("ab"), bytes_str("a")) > 0);
    assert_true(bytes_compare(bytes_of("\xff", 1), bytes_of("\x01", 1)) > 0);
    assert_int_equal(bytes_compare(none, none), 0);
    assert_true(bytes_compare(none, bytes_str("a")) < 0);
}

static void test_equal(void **state)
{
    (void)state;
    assert_true(bytes_equal(bytes_str("ab"), bytes_of("abc", 2)));
    assert_false(bytes_equal(bytes_str("ab"), bytes_str("abc")));
    assert_true(bytes_equal_str(bytes_of("ab\0", 2), "ab"));
    assert_false(bytes_equal_str(bytes_of("ab\0", 3), "ab"));
    assert_true(bytes_equal((struct bytes){0}, bytes_str("")));
}

static void test_starts(void **state)
{
    (void)state;
    assert_true(bytes_starts(bytes_str("kith"), bytes_str("ki")));
    assert_true(bytes_starts(bytes_str("kith"), bytes_str("kith")));
    assert_false(bytes_starts(bytes_str("ki"), bytes_str("kith")));
    assert_false(bytes_starts(bytes_str("kith"), bytes_str("it")));
    assert_true(bytes_starts(bytes_str("kith"), (struct bytes){0}));
    assert_true(bytes_starts((struct bytes){0}, (struct bytes){0}));
}

static void test_text(void **state)
{
    (void)state;
    char *s = bytes_to_str(bytes_of("kith and kin", 4));
    char *empty = bytes_to_str((struct bytes){0});
    char printed[16];

    assert_string_equal(s, "kith");
    assert_string_equal(empty, "");
    snprintf(printed, sizeof(printed), "<" BYTES_FMT ">", BYTES_ARG(bytes_of("kith and", 4)));
    assert_string_equal(printed, "<kith>");
    mem_free(s);
    mem_free(empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare_as_memcmp_the_shorter_first),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_starts),
        cmocka_unit_test(test_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
