#include "wire/token.h"

#include "test.h"

#include <string.h>

static struct tokens of(const char *text, size_t len)
{
    return (struct tokens){.left = bytes_of(text, len)};
}

#define OF(text) of(text, sizeof(text) - 1)

static void numbers_are_read_in_every_format(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        enum token_type type;
        int64_t value;
    } cases[] = {
        {"\x00", 1, TOKEN_UNSIGNED, 0},
        {"\x7f", 1, TOKEN_UNSIGNED, 127},
        {"\xcc\xff", 2, TOKEN_UNSIGNED, 255},
        {"\xcd\x01\x02", 3, TOKEN_UNSIGNED, 258},
        {"\xce\x01\x00\x00\x00", 5, TOKEN_UNSIGNED, 1 << 24},
        {"\xcf\x01\x00\x00\x00\x00\x00\x00\x00", 9, TOKEN_UNSIGNED, INT64_C(1) << 56},
        {"\xd0\x7f", 2, TOKEN_UNSIGNED, 127},
        {"\xd1\x00\x80", 3, TOKEN_UNSIGNED, 128},
        {"\xff", 1, TOKEN_NEGATIVE, -1},
        {"\xe0", 1, TOKEN_NEGATIVE, -32},
        {"\xd0\x80", 2, TOKEN_NEGATIVE, -128},
        {"\xd1\xff\x00", 3, TOKEN_NEGATIVE, -256},
        {"\xd2\x80\x00\x00\x00", 5, TOKEN_NEGATIVE, INT32_MIN},
        {"\xd3\x80\x00\x00\x00\x00\x00\x00\x00", 9, TOKEN_NEGATIVE, INT64_MIN},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tokens in = of(cases[i].bytes, cases[i].len);
        struct token t = token_next(&in);
        assert_int_equal(t.type, cases[i].type);
        assert_true((t.type == TOKEN_NEGATIVE ? t.negative : (int64_t)t.number) == cases[i].value);
        assert_int_equal(in.left.len, 0);
    }
}

static void texts_point_into_what_is_read(void **state)
{
    (void)state;
    static const char bytes[] = "\xa2no\xd9\x03yes\xc4\x01!";
    struct tokens in = of(bytes, sizeof(bytes) - 1);
    struct token a = token_next(&in), b = token_next(&in), c = token_next(&in);
    assert_int_equal(a.type, TOKEN_STR);
    assert_ptr_equal(a.bytes.data, bytes + 1);
    assert_true(bytes_equal_str(b.bytes, "yes"));
    assert_int_equal(c.type, TOKEN_BIN);
    assert_true(bytes_equal_str(c.bytes, "!"));
}

static void a_container_gives_its_head_and_then_what_is_in_it(void **state)
{
    (void)state;
    struct tokens in = OF("\x82\x01\x92\xc3\xc0\x02\xdc\x00\x01\x05");
    struct token map = token_next(&in);
    assert_int_equal(map.type, TOKEN_MAP);
    assert_int_equal(map.count, 2);
    assert_int_equal(token_next(&in).number, 1);
    struct token array = token_next(&in);
    assert_int_equal(array.type, TOKEN_ARRAY);
    assert_int_equal(array.count, 2);
    assert_true(token_next(&in).boolean);
    assert_true(token_is_nil(&in));
    assert_int_equal(token_next(&in).type, TOKEN_NIL);
    assert_false(token_is_nil(&in));
    assert_int_equal(token_next(&in).number, 2);
    assert_int_equal(token_next(&in).count, 1);
    assert_int_equal(token_next(&in).number, 5);
    assert_false(token_is_nil(&in)); /* nothing is left */
}

static void what_is_not_wanted_is_passed_over_whole(void **state)
{
    (void)state;
    struct tokens in = OF("\x92\x81\x01\xa1x\x90\x2a");
    token_skip(&in);
    assert_int_equal(token_next(&in).number, 42);
    in = OF("\xca\x00\x00\x00\x00\xd6\x01\x01\x02\x03\x04\xc7\x01\x05!\x2a");
    for (int i = 0; i < 3; i++) /* float, fixext, ext */
        assert_int_equal(token_next(&in).type, TOKEN_OTHER);
    assert_int_equal(token_next(&in).number, 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_in_every_format),
        cmocka_unit_test(texts_point_into_what_is_read),
        cmocka_unit_test(a_container_gives_its_head_and_then_what_is_in_it),
        cmocka_unit_test(what_is_not_wanted_is_passed_over_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
