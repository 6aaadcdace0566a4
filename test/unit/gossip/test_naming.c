#include "gossip/naming.h"

#include "test.h"

#include <stdio.h>
#include <string.h>

struct log {
    struct naming naming;
    struct effects effects;
    struct turn turn;
};

static struct log *log_new(void)
{
    static struct log log;
    log = (struct log){.turn = {.now_us = KITH_SEC}};
    log.turn.out = &log.effects;
    return &log;
}

static const char *last(struct log *l)
{
    static char text[1024];
    const struct effect *e = &l->effects.items[l->effects.count - 1];
    assert_int_equal(e->kind, EFFECT_LOG);
    snprintf(text, sizeof(text), BYTES_FMT, BYTES_ARG(e->log.text));
    return text;
}

static void a_source_is_named_once_an_hour_with_how_often_it_came(void **unused)
{
    (void)unused;
    struct log *l = log_new();
    for (int i = 0; i < 1000; i++)
        naming_refuse(&l->naming, &l->turn, REFUSAL_KEY, bytes_str("10.0.0.9"), "no key");
    assert_int_equal(l->effects.count, 1);
    assert_string_equal(last(l), "10.0.0.9: no key");

    naming_refuse(&l->naming, &l->turn, REFUSAL_GARBAGE, bytes_str("10.0.0.9"), "garbage");
    naming_refuse(&l->naming, &l->turn, REFUSAL_KEY, bytes_str("10.0.0.8"), "no key");
    assert_int_equal(l->effects.count, 3);

    l->turn.now_us += NAMING_AGAIN;
    naming_refuse(&l->naming, &l->turn, REFUSAL_KEY, bytes_str("10.0.0.9"), "no key");
    assert_int_equal(l->effects.count, 4);
    assert_non_null(strstr(last(l), "999 more"));
    assert_int_equal(l->naming.refused[REFUSAL_KEY], 1002);
    effects_deinit(&l->effects);
}

static void a_flood_of_sources_is_counted_and_not_kept(void **unused)
{
    (void)unused;
    struct log *l = log_new();
    char from[32];
    for (int i = 0; i < 10 * NAMING_MAX; i++) {
        snprintf(from, sizeof(from), "10.0.%d.%d", i / 256, i % 256);
        naming_refuse(&l->naming, &l->turn, REFUSAL_GARBAGE, bytes_str(from), "garbage");
    }
    assert_int_equal(l->effects.count, NAMING_MAX);
    assert_int_equal(l->naming.unnamed, 9 * NAMING_MAX);

    l->turn.now_us += NAMING_AGAIN;
    naming_refuse(&l->naming, &l->turn, REFUSAL_GARBAGE, bytes_str("fresh"), "garbage");
    assert_string_equal(last(l), "fresh: garbage");
    effects_deinit(&l->effects);
}

static void a_long_text_is_cut_and_nobody_is_somebody(void **unused)
{
    (void)unused;
    struct log *l = log_new();
    char text[3000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    naming_refuse(&l->naming, &l->turn, REFUSAL_ROW, (struct bytes){0}, "%s", text);
    assert_true(strlen(last(l)) < 500);
    assert_memory_equal(last(l), "somebody: xxx", 13);
    for (int i = 0; i < REFUSALS; i++)
        assert_true(strlen(refusal_name((enum refusal)i)) > 0);
    effects_deinit(&l->effects);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_is_named_once_an_hour_with_how_often_it_came),
        cmocka_unit_test(a_flood_of_sources_is_counted_and_not_kept),
        cmocka_unit_test(a_long_text_is_cut_and_nobody_is_somebody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
