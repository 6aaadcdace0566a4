#include "gossip/pattern.h"

#include "data.h"
#include "test.h"

#include <string.h>
#include <time.h>

static bool matches(const char *pattern, const char *topic)
{
    struct pattern p;
    struct topic t;

    assert_int_equal(pattern_parse(&p, bytes_str(pattern)), 0);
    assert_int_equal(topic_split(&t, bytes_str(topic)), 0);
    return pattern_match(&p, &t);
}

static void words_stand_for_themselves(void **unused)
{
    (void)unused;
    assert_true(matches("load.eu.db", "load.eu.db"));
    assert_false(matches("load.eu.db", "load.eu"));
    assert_false(matches("load.eu", "load.eu.db"));
    assert_false(matches("load", "loads"));
    assert_false(matches("loads", "load"));
    assert_true(matches("", ""));
    assert_false(matches("", "a"));
}

static void a_star_is_one_word_and_a_hash_any_number(void **unused)
{
    (void)unused;
    assert_true(matches("load.*.db", "load.eu.db"));
    assert_false(matches("load.*.db", "load.db"));
    assert_false(matches("load.*.db", "load.eu.west.db"));
    assert_true(matches("load.#.db", "load.db"));
    assert_true(matches("load.#.db", "load.eu.west.db"));
    assert_true(matches("load.#.db", "load.db.db"));
    assert_false(matches("load.#.db", "load.db.eu"));
    assert_true(matches("#", ""));
    assert_false(matches("*", ""));
    assert_true(matches("*.#", "a"));
    assert_false(matches("*.#", ""));
    /* Only a whole word is wild. */
    assert_true(matches("a*.b#", "a*.b#"));
    assert_false(matches("a*.b#", "ab.bc"));
}

static void dots_and_slashes_separate_alike(void **unused)
{
    (void)unused;
    assert_true(matches("load/*/db", "load.eu.db"));
    assert_true(matches("load.#", "load/eu/db"));
    assert_false(matches("load/*", "load/eu.west"));
}

static void empty_words_are_words(void **unused)
{
    (void)unused;
    assert_true(matches("a..b", "a..b"));
    assert_false(matches("a.b", "a..b"));
    assert_true(matches("a.*.b", "a..b"));
    assert_true(matches("a.*", "a."));
    assert_false(matches("a", "a."));
    assert_true(matches("*.*", "."));
}

static void what_is_out_of_bounds_is_refused(void **unused)
{
    (void)unused;
    char text[300];
    struct pattern p;
    struct topic t;

    memset(text, 'a', sizeof(text));
    assert_int_equal(pattern_parse(&p, bytes_of(text, 255)), 0);
    assert_int_equal(topic_split(&t, bytes_of(text, 255)), 0);
    assert_int_equal(pattern_parse(&p, bytes_of(text, 256)), PATTERN_TOO_LONG);
    assert_int_equal(topic_split(&t, bytes_of(text, 256)), PATTERN_TOO_LONG);
    memset(text, '.', sizeof(text));
    assert_int_equal(topic_split(&t, bytes_of(text, 62)), 0);
    assert_int_equal(topic_split(&t, bytes_of(text, 63)), PATTERN_TOO_MANY_WORDS);
    assert_int_equal(pattern_parse(&p, bytes_of(text, 63)), PATTERN_TOO_MANY_WORDS);
    assert_int_equal(topic_split(&t, bytes_str("a.*")), PATTERN_WILD);
    assert_int_equal(topic_split(&t, bytes_str("#")), PATTERN_WILD);
    assert_int_equal(topic_split(&t, bytes_str("a\nb")), PATTERN_BYTES);
    assert_int_equal(pattern_parse(&p, bytes_str("\x1b[2J")), PATTERN_BYTES);
    for (int i = 1; i <= 4; i++)
        assert_non_null(pattern_problem(i));
    assert_null(pattern_problem(0));
}

/* The longest: 63 words, all bits in use. */
static void the_last_bit_counts(void **unused)
{
    (void)unused;
    char topic[256] = "", pattern[256] = "";

    for (int i = 0; i < 63; i++) {
        strcat(topic, i ? ".a" : "a");
        strcat(pattern, i ? ".*" : "*");
    }
    assert_true(matches(pattern, topic));
    assert_true(matches(topic, topic));
    assert_true(matches("#.a", topic));
    topic[strlen(topic) - 1] = 'b';
    assert_true(matches(pattern, topic));
    assert_false(matches("#.a", topic));
}

/* What a backtracking matcher needs 63 over 15 steps for. */
static void fifteen_hashes_take_no_longer(void **unused)
{
    (void)unused;
    char topic[256] = "", pattern[256] = "#";
    struct timespec from, to;

    for (int i = 0; i < 62; i++)
        strcat(topic, i ? ".a" : "a");
    for (int i = 0; i < 15; i++)
        strcat(pattern, ".a.#");
    strcat(pattern, ".b");
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    for (int i = 0; i < 1000; i++)
        assert_false(matches(pattern, topic));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    strcat(topic, ".b");
    assert_true(matches(pattern, topic));
    /* About 3 ms; backtracking would take years. */
    assert_true(to.tv_sec - from.tv_sec < 5);
    assert_true(matches("#.#.#.#.#.#.#.#.#.#.#.#.#.#.#", topic));
    assert_true(matches("#.#.#.#.#.#.#.#.#.#.#.#.#.#.#", ""));
}

/* "KEY": "VALUE" in one line of the file, without escapes. */
static struct bytes field(const char *line, const char *key)
{
    char mark[32];
    snprintf(mark, sizeof(mark), "\"%s\": \"", key);
    const char *from = strstr(line, mark);
    assert_non_null(from);
    from += strlen(mark);
    return bytes_of(from, strcspn(from, "\""));
}

static void as_rabbitmq_does(void **unused)
{
    (void)unused;
    char *text = test_data("topic-match/amqp_topic_pairs.jsonl", NULL);
    int pairs = 0, right = 0;

    if (!text)
        skip();
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        struct pattern p;
        struct topic t;

        assert_int_equal(pattern_parse(&p, field(line, "pattern")), 0);
        assert_int_equal(topic_split(&t, field(line, "topic")), 0);
        bool wanted = strstr(line, "\"match\": true") != NULL;
        pairs++;
        right += pattern_match(&p, &t) == wanted;
    }
    free(text);
    assert_int_equal(pairs, 300);
    assert_int_equal(right, 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_stand_for_themselves),
        cmocka_unit_test(a_star_is_one_word_and_a_hash_any_number),
        cmocka_unit_test(dots_and_slashes_separate_alike),
        cmocka_unit_test(empty_words_are_words),
        cmocka_unit_test(what_is_out_of_bounds_is_refused),
        cmocka_unit_test(the_last_bit_counts),
        cmocka_unit_test(fifteen_hashes_take_no_longer),
        cmocka_unit_test(as_rabbitmq_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
