#include "base/variables.h"

#include "test.h"

static void test_finds_one_after_the_other(void **state)
{
    (void)state;
    struct bytes text = bytes_str("$5 to ${addr}:${port.http.x}$");
    struct variable v;

    assert_true(variable_next(text, 0, &v));
    assert_int_equal(v.start, 6);
    assert_int_equal(v.end, 13);
    assert_true(v.closed);
    assert_true(bytes_equal_str(v.name, "addr"));
    assert_int_equal(v.arg.len, 0);

    assert_true(variable_next(text, v.end, &v));
    assert_true(bytes_equal_str(v.name, "port"));
    assert_true(bytes_equal_str(v.arg, "http.x"));
    assert_false(variable_next(text, v.end, &v));
}

static void test_a_missing_brace_shows(void **state)
{
    (void)state;
    struct bytes text = bytes_str("a${addr");
    struct variable v;

    assert_true(variable_next(text, 0, &v));
    assert_false(v.closed);
    assert_int_equal(v.end, text.len);
    assert_true(variable_next(bytes_str("${"), 0, &v));
    assert_int_equal(v.name.len, 0);
}

static void test_text_without_variables(void **state)
{
    (void)state;
    const char *none[] = {"", "$", "$$", "addr}", "$ {addr}", "{addr}"};
    struct variable v;

    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
        assert_false(variable_next(bytes_str(none[i]), 0, &v));
    assert_false(variable_next((struct bytes){0}, 0, &v));
    assert_true(variable_next(bytes_str("$${}"), 0, &v));
    assert_int_equal(v.start, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_one_after_the_other),
        cmocka_unit_test(test_a_missing_brace_shows),
        cmocka_unit_test(test_text_without_variables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
