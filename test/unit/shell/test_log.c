#include "test.h"

#include "shell/log.h"
#include <string.h>

static void a_line_has_time_and_level_and_stays_a_line(void **state)
{
    (void)state;
    char out[LOG_LINE_MAX];
    size_t len = log_format(out, sizeof out, LOG_WARN_, 1234567890123456, bytes_str("a\nb\x1b[m"));
    out[len] = '\0';
    assert_string_equal(out, "2009-02-13T23:31:30.123Z warn  a?b?[m\n");
}

static void a_long_text_is_cut(void **state)
{
    (void)state;
    char out[100], text[500];
    memset(text, 'x', sizeof text);
    size_t len = log_format(out, sizeof out, LOG_INFO_, 0, bytes_of(text, sizeof text));
    assert_int_equal(len, sizeof out);
    assert_int_equal(out[len - 1], '\n');
}

static void levels_have_names(void **state)
{
    (void)state;
    enum log_level level;
    assert_int_equal(log_parse_level(&level, "error"), 0);
    assert_int_equal(level, LOG_ERROR_);
    assert_int_equal(log_parse_level(&level, "loud"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_time_and_level_and_stays_a_line),
        cmocka_unit_test(a_long_text_is_cut),
        cmocka_unit_test(levels_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
