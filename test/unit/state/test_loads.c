#include "state/loads.h"

#include "test.h"

static struct ulid id_of(uint8_t n)
{
    return (struct ulid){{7, n}};
}

static struct load_value value_of(uint16_t value, kith_time taken_us)
{
    return (struct load_value){.value = value, .taken_us = taken_us};
}

static bool put(struct loads *l, uint8_t host, uint16_t value, kith_time taken_us, kith_time now_us)
{
    struct ulid id = id_of(host);
    struct load_value v = value_of(value, taken_us);
    return loads_put(l, loads_host_key(&id), &v, /* source= */ 1, now_us);
}

static uint16_t held(const struct loads *l, uint8_t host, kith_time now_us)
{
    struct ulid id = id_of(host);
    struct load_value v;
    return loads_host(l, &id, now_us, &v) ? v.value : 0;
}

/* By its age; a little later may be the same one by a way that was faster. */
static void the_latest_report_wins(void **unused)
{
    (void)unused;
    struct loads *l = loads_new();
    const kith_time now = KITH_MIN;
    assert_true(put(l, 1, 10, now - 9 * KITH_SEC, now));
    assert_false(put(l, 1, 11, now - 9 * KITH_SEC, now));
    assert_false(put(l, 1, 12, now - 12 * KITH_SEC, now));
    assert_false(put(l, 1, 13, now - 9 * KITH_SEC + LOADS_APART - LOADS_TENTH, now));
    assert_int_equal(held(l, 1, now), 10);
    assert_true(put(l, 1, 14, now - 9 * KITH_SEC + LOADS_APART, now));
    assert_true(put(l, 1, 15, now, now + KITH_SEC));
    assert_int_equal(held(l, 1, now), 15);
    loads_free(l);
}

static void what_is_old_is_not_known(void **unused)
{
    (void)unused;
    struct loads *l = loads_new();
    struct ulid id = id_of(1);
    struct load_value v;
    put(l, 1, 10, KITH_SEC, KITH_SEC);
    assert_true(loads_host(l, &id, 31 * KITH_SEC, &v));
    assert_int_equal(v.taken_us, KITH_SEC);
    assert_false(loads_host(l, &id, KITH_SEC + LOADS_FORGET, &v));
    loads_forget(l, KITH_SEC + LOADS_FORGET);
    assert_int_equal(loads_count(l), 0);
    assert_false(loads_host(NULL, &id, KITH_SEC, &v));
    loads_free(l);
}

static void news_is_told_once_and_a_host_before_its_endpoints(void **unused)
{
    (void)unused;
    struct loads *l = loads_new();
    struct ulid host = id_of(1), instance = id_of(2);
    struct load_value v = value_of(5, KITH_SEC);
    uint64_t key = loads_host_key(&host), end = key | loads_endpoint_key(&instance);
    loads_put(l, end, &v, 3, KITH_SEC);
    loads_put(l, key, &v, 3, KITH_SEC);
    put(l, 9, 1, KITH_SEC, KITH_SEC);

    struct load_news n;
    size_t at = 0, count = 0;
    uint64_t last = 0;
    while (loads_next_news(l, &at, KITH_SEC, &n)) {
        assert_true(n.key > last);
        assert_int_equal(n.source, n.load.value == 5 ? 3 : 1);
        last = n.key;
        count++;
    }
    assert_int_equal(count, 3);
    loads_told(l);
    at = 0;
    assert_false(loads_next_news(l, &at, KITH_SEC, &n));
    put(l, 9, 2, 4 * KITH_SEC, 4 * KITH_SEC);
    at = 0;
    assert_true(loads_next_news(l, &at, 4 * KITH_SEC, &n));
    assert_int_equal(n.load.value, 2);
    loads_free(l);
}

/* What is told to this peer directly is younger, and does not stop the other from being passed on. */
static void near_reports_are_seen_and_not_passed_on(void **unused)
{
    (void)unused;
    struct loads *l = loads_new();
    struct ulid id = id_of(1);
    struct load_value near = value_of(50, 9 * KITH_SEC), got;
    struct load_news n;
    size_t at = 0;
    loads_put_near(l, loads_host_key(&id), &near, 10 * KITH_SEC);
    assert_false(loads_next_news(l, &at, 10 * KITH_SEC, &n));
    near = value_of(40, 5 * KITH_SEC);
    assert_true(loads_put(l, loads_host_key(&id), &near, 1, 10 * KITH_SEC));
    assert_true(loads_host(l, &id, 10 * KITH_SEC, &got));
    assert_int_equal(got.value, 50);
    assert_int_equal(got.taken_us, 9 * KITH_SEC);
    loads_free(l);
}

static void it_does_not_grow_for_ever(void **unused)
{
    (void)unused;
    struct loads *l = loads_new();
    struct load_value v = value_of(1, KITH_SEC);
    for (uint64_t i = 0; i < LOADS_MAX; i++)
        assert_true(loads_put(l, (i + 101) << 16, &v, 0, KITH_SEC));
    for (uint64_t i = 0; i < 100; i++) /* before the others, and behind them */
        assert_false(loads_put(l, (i % 2 ? i + 1 : LOADS_MAX + 101 + i) << 16, &v, 0, KITH_SEC));
    assert_int_equal(loads_count(l), LOADS_MAX);
    loads_free(l);
}

static void values_stay_in_their_bounds(void **unused)
{
    (void)unused;
    assert_int_equal(loads_host_value(1000, 1000), 250 << 8 | 250);
    assert_int_equal(loads_host_value(99999, 0), 250 << 8);
    assert_int_equal(loads_host_value(500, 4), 125 << 8 | 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_latest_report_wins),
        cmocka_unit_test(what_is_old_is_not_known),
        cmocka_unit_test(news_is_told_once_and_a_host_before_its_endpoints),
        cmocka_unit_test(near_reports_are_seen_and_not_passed_on),
        cmocka_unit_test(it_does_not_grow_for_ever),
        cmocka_unit_test(values_stay_in_their_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
