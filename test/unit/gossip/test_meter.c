#include "gossip/meter.h"

#include "test.h"

#include <stdio.h>

static void quantiles_are_at_most_a_fifth_too_high(void **unused)
{
    (void)unused;
    struct meter *m = meter_new();
    struct meter_topic *t = meter_get(m, bytes_str("load/eu"));
    struct arena mem = {0};
    const struct topic_info *infos;

    for (int i = 1; i <= 1000; i++)
        meter_latency(t, i * 10);
    t->received = 1000;
    assert_int_equal(meter_read(m, &mem, &infos), 1);
    assert_true(bytes_equal_str(infos[0].topic, "load/eu"));
    assert_in_range(infos[0].p50_us, 5000, 6250);
    assert_in_range(infos[0].p99_us, 9900, 10000);
    assert_int_equal(infos[0].max_us, 10000);
    arena_deinit(&mem);
    meter_free(m);
}

static void odd_latencies_count_too(void **unused)
{
    (void)unused;
    struct meter *m = meter_new();
    struct arena mem = {0};
    const struct topic_info *infos;
    struct meter_topic *t = meter_get(m, bytes_str("a"));

    meter_latency(t, -5 * 1000000); /* the other's clock is ahead */
    meter_latency(t, INT64_MAX);
    assert_int_equal(meter_read(m, &mem, &infos), 1);
    assert_true(infos[0].p50_us <= 1);
    assert_int_equal(infos[0].max_us, INT64_MAX);
    arena_deinit(&mem);
    meter_free(m);
}

static void topics_beyond_the_bound_share_one_place(void **unused)
{
    (void)unused;
    struct meter *m = meter_new();
    struct arena mem = {0};
    const struct topic_info *infos;
    char name[16];

    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "t.%d", i);
        meter_get(m, bytes_str(name))->published++;
    }
    assert_int_equal(meter_read(m, &mem, &infos), METER_TOPICS + 1);
    assert_int_equal(infos[METER_TOPICS].topic.len, 0);
    assert_int_equal(infos[METER_TOPICS].published, 1000 - METER_TOPICS);
    arena_deinit(&mem);
    meter_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_at_most_a_fifth_too_high),
        cmocka_unit_test(odd_latencies_count_too),
        cmocka_unit_test(topics_beyond_the_bound_share_one_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
