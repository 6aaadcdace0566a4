#include "cmd/kith_args.h"

#include "test.h"

#include <string.h>

static struct args parse_ok(int argc, const char **argv)
{
    struct args a;
    struct buf why = {0};

    if (args_parse(&a, argc, (char **)(uintptr_t)argv, &why))
        fail_msg("%s", buf_cstr(&why));
    return a;
}

/* What args_parse() says about `kith ARG [VALUE]`. */
static void refused(const char *arg, const char *value, const char *words)
{
    const char *argv[] = {"kith", arg, value};
    struct args a;
    struct buf why = {0};

    assert_int_equal(args_parse(&a, value ? 3 : 2, (char **)(uintptr_t)argv, &why), ARGS_BAD);
    if (!strstr(buf_cstr(&why), words))
        fail_msg("'%s' is not in: %s", words, buf_cstr(&why));
    buf_deinit(&why);
}

static void flags_may_stand_anywhere(void **state)
{
    (void)state;
    const char *argv[] = {"kith", "-o",        "json", "scale", "--addr=10.0.0.1",
                          "api",  "--timeout", "1.5s", "3",     "-fxyz"};
    struct args a = parse_ok(9, argv);

    assert_int_equal(a.format, VIEW_JSON);
    assert_string_equal(a.text[FLAG_ADDR], "10.0.0.1");
    assert_int_equal(a.number[FLAG_TIMEOUT], 1500);
    assert_int_equal(a.words_n, 3);
    assert_string_equal(a.words[0], "scale");
    assert_string_equal(a.words[2], "3");
    assert_true(args_has(&a, FLAG_TIMEOUT));
    assert_false(args_has(&a, FLAG_ALL));
}

static void short_flags_take_their_value_attached(void **state)
{
    (void)state;
    const char *argv[] = {"kith", "-a127.0.0.1", "-oyaml", "-n5", "-f"};
    struct args a = parse_ok(5, argv);

    assert_string_equal(a.text[FLAG_ADDR], "127.0.0.1");
    assert_int_equal(a.format, VIEW_YAML);
    assert_int_equal(a.number[FLAG_LIMIT], 5);
    assert_true(args_has(&a, FLAG_FOLLOW));
}

static void lists_gather_and_a_dash_is_a_word(void **state)
{
    (void)state;
    const char *argv[] = {"kith", "--seed", "a", "apply", "-", "--seed=b", "--", "--all"};
    struct args a = parse_ok(8, argv);

    assert_int_equal(a.list_n[FLAG_SEED], 2);
    assert_string_equal(a.list[FLAG_SEED][1], "b");
    assert_int_equal(a.words_n, 3);
    assert_string_equal(a.words[1], "-");
    assert_string_equal(a.words[2], "--all");
    assert_false(args_has(&a, FLAG_ALL));
}

static void what_is_mistyped_is_said(void **state)
{
    (void)state;
    refused("--folow", NULL, "did you mean --follow?");
    refused("--zzzzzz", NULL, "there is no flag --zzzzzz");
    refused("-x", NULL, "there is no flag -x");
    refused("--addr", NULL, "--addr wants ADDR after it");
    refused("--addr=", NULL, "it wants a value");
    refused("--all=yes", NULL, "--all takes no value");
    refused("-o", "xml", "table, wide, json or yaml");
    refused("--timeout", "5", "a time with its unit");
    refused("--timeout", "10us", "a time with its unit");
    refused("--limit", "many", "a whole number");
    refused("--limit", "99999999999", "a whole number");
}

static void too_much_is_refused(void **state)
{
    (void)state;
    const char *words[ARGS_WORDS_MAX + 2] = {"kith"}, *seeds[ARGS_LIST_MAX + 2] = {"kith"};
    struct args a;
    struct buf why = {0};

    for (int i = 1; i < ARGS_WORDS_MAX + 2; i++)
        words[i] = "word";
    assert_int_equal(args_parse(&a, ARGS_WORDS_MAX + 2, (char **)(uintptr_t)words, &why), ARGS_BAD);
    for (int i = 1; i < ARGS_LIST_MAX + 2; i++)
        seeds[i] = "--seed=x";
    assert_int_equal(args_parse(&a, ARGS_LIST_MAX + 2, (char **)(uintptr_t)seeds, &why), ARGS_BAD);
    buf_deinit(&why);
}

static void a_flag_shows_as_it_is_written(void **state)
{
    (void)state;
    struct buf out = {0};

    args_flag_text(&out, FLAG_ADDR);
    assert_string_equal(buf_cstr(&out), "-a, --addr ADDR");
    buf_reset(&out);
    args_flag_text(&out, FLAG_ALL);
    assert_string_equal(buf_cstr(&out), "--all");
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_may_stand_anywhere),
        cmocka_unit_test(short_flags_take_their_value_attached),
        cmocka_unit_test(lists_gather_and_a_dash_is_a_word),
        cmocka_unit_test(what_is_mistyped_is_said),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(a_flag_shows_as_it_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
