#include "spec/nearest.h"

#include "test.h"

static const char *const words[] = {"count", "run", "needs", "partition", "on_change"};

static const char *pick(const char *word)
{
    return nearest(bytes_str(word), words, sizeof(words) / sizeof(*words));
}

static void test_typing_mistakes(void **state)
{
    (void)state;
    assert_string_equal(pick("cuont"), "count"); /* swapped */
    assert_string_equal(pick("coun"), "count");
    assert_string_equal(pick("counts"), "count");
    assert_string_equal(pick("need"), "needs");
    assert_string_equal(pick("ruN"), "run");
    assert_string_equal(pick("patritions"), "partition");
    assert_string_equal(pick("on-change"), "on_change");
}

static void test_other_words(void **state)
{
    (void)state;
    assert_null(pick("replicas"));
    assert_null(pick(""));
    assert_null(pick("a word that is longer than any key could be"));
    assert_null(nearest(bytes_str("run"), words, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_typing_mistakes),
        cmocka_unit_test(test_other_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
