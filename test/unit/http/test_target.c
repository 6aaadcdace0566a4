#include "http/target.h"

#include "test.h"

#include <string.h>

static struct arena mem;
static struct target t;

static int parse(const char *raw)
{
    size_t before = mem.used_bytes;
    int r = target_parse(&t, bytes_str(raw), &mem);

    assert_true(mem.used_bytes - before <= target_room(bytes_str(raw)));
    return r;
}

static void a_path_is_taken_apart_and_its_escapes_undone(void **state)
{
    (void)state;
    assert_int_equal(parse("/v1/health/service/a%20b%2Fc?passing&tag=x%26y&tag=z+1&index=7"), 0);
    assert_int_equal(t.segments_n, 4);
    assert_true(bytes_equal_str(t.segments[3], "a b/c"));
    assert_true(target_has(&t, "passing"));
    assert_true(target_flag(&t, "passing"));
    assert_true(bytes_equal_str(target_get(&t, "tag"), "x&y"));
    unsigned at = 0;
    struct bytes tag;
    assert_true(target_each(&t, "tag", &at, &tag) && target_each(&t, "tag", &at, &tag));
    assert_true(bytes_equal_str(tag, "z 1"));
    assert_false(target_each(&t, "tag", &at, &tag));
    uint64_t index;
    assert_int_equal(target_number(&t, "index", &index), 0);
    assert_int_equal(index, 7);
    assert_int_equal(target_number(&t, "wait", &index), TARGET_ABSENT);
}

static void what_stands_around_a_path_does_not_count(void **state)
{
    (void)state;
    assert_int_equal(parse("/metrics/"), 0);
    assert_int_equal(t.segments_n, 1);
    assert_int_equal(parse("/"), 0);
    assert_int_equal(t.segments_n, 0);
    assert_int_equal(parse("http://host:1/a?b=c#d"), 0);
    assert_true(bytes_equal_str(t.segments[0], "a"));
    assert_true(bytes_equal_str(target_get(&t, "b"), "c"));
    assert_int_equal(parse("/a?&&x=false&y=0"), 0);
    assert_int_equal(t.params_n, 2);
    assert_false(target_flag(&t, "x"));
    assert_false(target_flag(&t, "y"));
    assert_int_equal(parse("/a//b"), 0);
    assert_int_equal(t.segments_n, 3);
}

static void what_is_no_text_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "a",    "*",    "/%",      "/%4",
                                      "/%zz", "/%00", "/%ff", "/a?b=%c3"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(parse(bad[i]), TARGET_BAD);
}

static void too_much_is_refused(void **state)
{
    (void)state;
    char raw[TARGET_BYTES_MAX + 2];

    memset(raw, 'a', sizeof(raw) - 1);
    raw[0] = '/';
    raw[sizeof(raw) - 1] = '\0';
    assert_int_equal(parse(raw), TARGET_LONG);
    for (size_t i = 0; i < 200; i++)
        raw[i] = i % 2 ? 'a' : '/';
    raw[200] = '\0';
    assert_int_equal(parse(raw), 0); /* but no table of paths has one so long */
    assert_true(t.longer);
    memcpy(raw, "/?", 2);
    for (size_t i = 2; i < 200; i++)
        raw[i] = i % 2 ? '&' : 'a';
    assert_int_equal(parse(raw), TARGET_LONG);
}

static void the_rest_of_a_path_is_one_text(void **state)
{
    (void)state;
    assert_int_equal(parse("/v1/kv/a%2Fb//c%20d/"), 0);
    struct bytes rest = target_rest(&t, 2);

    assert_true(bytes_equal_str(rest, "a/b//c d/"));
    assert_true(bytes_equal_str(t.segments[2], "a/b"));
    assert_int_equal(parse("/v1/kv/"), 0);
    assert_int_equal(target_rest(&t, 2).len, 0);
    assert_int_equal(parse("/v1/kv"), 0);
    assert_int_equal(target_rest(&t, 2).len, 0);
    assert_int_equal(parse("/v1/kv/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16"), 0);
    assert_true(bytes_equal_str(target_rest(&t, 16), "15/16"));
}

static void numbers_and_spans_are_read_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        kith_time us;
    } good[] = {{"0", 0},
                {"10s", 10 * KITH_SEC},
                {"1m30s", 90 * KITH_SEC},
                {"0.5h", 30 * KITH_MIN},
                {"250ms", 250 * KITH_MS},
                {"1.5s", 1500 * KITH_MS},
                {"7us", 7},
                {"1500ns", 1},
                {".5s", 500 * KITH_MS},
                {"8784h", 366 * 24 * KITH_HOUR}};
    static const char *const bad[] = {"",   "s",    "10",    "-1s",   "1 s",
                                      "1d", "10s5", "8785h", "1.s.s", "99999999999999999999s",
                                      ".s", "1e3s"};
    uint64_t n;
    kith_time us;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(read_duration(bytes_str(good[i].text), &us), 0);
        assert_int_equal(us, good[i].us);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(read_duration(bytes_str(bad[i]), &us), TARGET_BAD);
    assert_int_equal(read_number(bytes_str("18446744073709551615"), &n), 0);
    assert_true(n == UINT64_MAX);
    assert_int_equal(read_number(bytes_str("18446744073709551616"), &n), TARGET_BAD);
    assert_int_equal(read_number(bytes_str("1x"), &n), TARGET_BAD);
    assert_int_equal(read_number(bytes_str("-1"), &n), TARGET_BAD);
}

static int end(void **state)
{
    (void)state;
    arena_deinit(&mem);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_is_taken_apart_and_its_escapes_undone),
        cmocka_unit_test(what_stands_around_a_path_does_not_count),
        cmocka_unit_test(what_is_no_text_is_refused),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(the_rest_of_a_path_is_one_text),
        cmocka_unit_test(numbers_and_spans_are_read_or_refused),
    };

    return cmocka_run_group_tests(tests, NULL, end);
}
