#include "view/safe.h"

#include "test.h"

#include <jansson.h>
#include <string.h>

#define LINE(text) made(safe_line, bytes_of(text, sizeof(text) - 1))

static const char *made(void (*safe)(struct buf *, struct bytes), struct bytes text)
{
    static struct buf out;

    buf_reset(&out);
    safe(&out, text);
    return buf_cstr(&out);
}

static void text_stays_as_it_is(void **state)
{
    (void)state;
    assert_string_equal(LINE("redis-1.2_x"), "redis-1.2_x");
    assert_string_equal(LINE("Zürich 漢字 🍺"), "Zürich 漢字 🍺");
    assert_string_equal(LINE(""), "");
}

static void what_moves_the_cursor_is_shown(void **state)
{
    (void)state;
    assert_string_equal(LINE("\x1b[2J\x1b]0;title\x07"), "\\x1b[2J\\x1b]0;title\\x07");
    assert_string_equal(LINE("a\r\nb\tc\x7f"), "a\\x0d\\x0ab\\x09c\\x7f");
    assert_string_equal(LINE("a\0b"), "a\\x00b");
    assert_string_equal(LINE("\xc2\x9b"
                             "31m"),
                        "\\u009b31m"); /* CSI in one character */
}

static void what_turns_the_reading_direction_is_shown(void **state)
{
    (void)state;
    assert_string_equal(LINE("a\xe2\x80\xae"
                             "b"),
                        "a\\u202eb");
    assert_string_equal(LINE("\xe2\x81\xa6"), "\\u2066");
    assert_string_equal(LINE("\xd8\x9c"), "\\u061c");
    assert_string_equal(LINE("\xe2\x80\xa8"), "\\u2028");
}

static void bytes_that_are_no_text_are_shown(void **state)
{
    (void)state;
    assert_string_equal(LINE("\xff ok \xc3"), "\\xff ok \\xc3");
    assert_string_equal(LINE("\xed\xa0\x80"), "\\xed\\xa0\\x80");
    assert_string_equal(LINE("\x80\x80\x80\x80\x80\x80"), "\\x80\\x80\\x80\\x80\\x80\\x80");
}

static void lines_keep_their_ends(void **state)
{
    (void)state;
    assert_string_equal(made(safe_lines, bytes_str("a\n\tb\x1b")), "a\n\tb\\x1b");
}

static void json_means_the_same_afterwards(void **state)
{
    (void)state;
    const char *raw = "{\"a\": \"x\xc2\x9b\x7f\xe2\x80\xaey\"}\n";
    const char *safe = made(safe_json, bytes_str(raw));

    assert_string_equal(safe, "{\"a\": \"x\\u009B\\u007F\\u202Ey\"}\n");
    json_t *before = json_loads(raw, 0, NULL);
    json_t *after = json_loads(safe, 0, NULL);
    assert_true(json_equal(before, after));
    json_decref(before);
    json_decref(after);
}

static void width_counts_characters(void **state)
{
    (void)state;
    assert_int_equal(safe_width(bytes_str("abc")), 3);
    assert_int_equal(safe_width(bytes_str("Zürich")), 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_stays_as_it_is),
        cmocka_unit_test(what_moves_the_cursor_is_shown),
        cmocka_unit_test(what_turns_the_reading_direction_is_shown),
        cmocka_unit_test(bytes_that_are_no_text_are_shown),
        cmocka_unit_test(lines_keep_their_ends),
        cmocka_unit_test(json_means_the_same_afterwards),
        cmocka_unit_test(width_counts_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
