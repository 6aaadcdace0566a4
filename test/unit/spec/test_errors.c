#include "spec/errors.h"

#include "reading.h"

static void assert_printed(const struct reading *r, const char *expected)
{
    struct buf out = {0};

    spec_errors_print(&r->errors, &out);
    assert_string_equal(buf_cstr(&out), expected);
    buf_deinit(&out);
}

static void test_shows_the_place(void **state)
{
    (void)state;
    struct reading r;

    reading_begin(&r, "a: 1\r\nb:\tx\xc3\xa4y z\n");
    spec_error(&r.errors, (struct spec_at){2, 7}, "%s is wrong", "z");
    assert_printed(&r, "f:2:7: z is wrong\n    | b:\tx\xc3\xa4y z\n    |   \t   ^\n");
    reading_end(&r);
}

static void test_are_kept_by_position(void **state)
{
    (void)state;
    struct reading r;

    reading_begin(&r, "");
    spec_error(&r.errors, (struct spec_at){2, 1}, "third");
    spec_error(&r.errors, (struct spec_at){1, 5}, "second");
    spec_error(&r.errors, (struct spec_at){0, 0}, "first");
    spec_error(&r.errors, (struct spec_at){2, 1}, "fourth");
    assert_printed(&r, "f: first\nf:1:5: second\nf:2:1: third\nf:2:1: fourth\n");
    reading_end(&r);
}

static void test_are_bounded(void **state)
{
    (void)state;
    struct reading r;
    struct buf out = {0};

    reading_begin(&r, "x");
    for (int i = 0; i < SPEC_MAX_ERRORS + 3; i++)
        spec_error(&r.errors, (struct spec_at){0}, "%d", i);
    assert_int_equal(r.errors.count, SPEC_MAX_ERRORS);
    spec_errors_print(&r.errors, &out);
    assert_non_null(strstr(buf_cstr(&out), "f: and 3 more\n"));
    buf_deinit(&out);
    reading_end(&r);
}

static void test_long_or_odd_lines(void **state)
{
    (void)state;
    struct reading r;
    char text[300];

    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    reading_begin(&r, text);
    spec_error(&r.errors, (struct spec_at){1, 2}, "long");
    spec_error(&r.errors, (struct spec_at){9, 1}, "after the end");
    assert_printed(&r, "f:1:2: long\nf:9:1: after the end\n");
    reading_end(&r);

    reading_begin(&r, "a\033[31m");
    spec_error(&r.errors, (struct spec_at){1, 2}, "escape");
    assert_printed(&r, "f:1:2: escape\n    | a?[31m\n    |  ^\n");
    reading_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shows_the_place),
        cmocka_unit_test(test_are_kept_by_position),
        cmocka_unit_test(test_are_bounded),
        cmocka_unit_test(test_long_or_odd_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
