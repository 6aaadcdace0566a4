#include "gossip/ways.h"

#include "cluster.h"
#include "test.h"

#include <stdio.h>

static struct cluster *running(size_t n, size_t ways)
{
    struct cluster *c = cluster_new(n);
    c->ways = ways;
    cluster_start_all(c);
    assert_true(cluster_agrees(c, 10 * KITH_SEC));
    cluster_run(c, 5 * KITH_SEC);
    return c;
}

/* All others talk to node i by this way. */
static bool all_use(struct cluster *c, size_t i, size_t way)
{
    for (size_t by = 0; by < c->n; by++) {
        if (by != i && node_uses(c, by, i) != way)
            return false;
    }
    return true;
}

/* How long until all do; -1: not in time. */
static kith_time until_all_use(struct cluster *c, size_t i, size_t way, kith_time within_us)
{
    kith_time start_us = c->now_us;
    while (!all_use(c, i, way)) {
        if (c->now_us - start_us > within_us)
            return -1;
        cluster_run(c, 10 * KITH_MS);
    }
    return c->now_us - start_us;
}

static void the_most_wanted_way_is_used_while_it_answers(void **unused)
{
    (void)unused;
    struct cluster *c = running(4, 3);
    cluster_run(c, 60 * KITH_SEC);
    for (size_t i = 0; i < c->n; i++) {
        assert_true(all_use(c, i, 0));
        assert_int_equal(node_logged(c, i, "is talked to by"), 0);
    }
    cluster_free(c);
}

static void a_way_that_is_cut_is_left_within_two_probe_periods_and_taken_again(void **unused)
{
    (void)unused;
    struct cluster *c = running(5, 2);
    uint64_t verdicts = cluster_count(c, "verdicts_written");
    node_way(c, 2, 0, /* open= */ false);
    kith_time took_us = until_all_use(c, 2, 1, 10 * KITH_SEC);
    assert_in_range(took_us, 1, 2 * KITH_SEC);
    cluster_run(c, 30 * KITH_SEC);
    assert_true(all_use(c, 2, 1));
    assert_true(cluster_agrees(c, KITH_SEC));
    assert_int_equal(cluster_count(c, "verdicts_written"), verdicts);
    assert_int_equal(node_incarnation(c, 2), 1);

    node_way(c, 2, 0, /* open= */ true);
    took_us = until_all_use(c, 2, 0, 20 * KITH_SEC);
    assert_in_range(took_us, 1, WAYS_PAUSE + KITH_SEC);
    cluster_free(c);
}

/* What is published is heard by the new way: a row of node 2 reaches all. */
static void subscriptions_follow(void **unused)
{
    (void)unused;
    struct cluster *c = running(4, 2);
    node_way(c, 2, 0, /* open= */ false);
    assert_true(until_all_use(c, 2, 1, 3 * KITH_SEC) >= 0);
    cluster_run(c, KITH_SEC);
    for (size_t i = 0; i < c->n; i++)
        assert_int_equal(node_subscriptions(c, i), 3);
    node_leave(c, 2);
    kith_time took_us = cluster_sees(c, 2, MEMBER_STATE_LEFT, 2 * KITH_SEC);
    assert_in_range(took_us, 0, 100 * KITH_MS); /* published, not repaired */
    cluster_free(c);
}

static void two_of_three_ways_may_be_gone(void **unused)
{
    (void)unused;
    struct cluster *c = running(4, 3);
    node_way(c, 1, 0, false);
    node_way(c, 1, 1, false);
    assert_true(until_all_use(c, 1, 2, 2 * KITH_SEC) >= 0);
    node_way(c, 1, 1, true); /* better than nothing, and then the best again */
    assert_true(until_all_use(c, 1, 1, 10 * KITH_SEC) >= 0);
    node_way(c, 1, 0, true);
    assert_true(until_all_use(c, 1, 0, 10 * KITH_SEC) >= 0);
    cluster_free(c);
}

static void one_that_answers_by_no_way_is_dead_as_soon_as_ever(void **unused)
{
    (void)unused;
    struct cluster *c = running(5, 2);
    node_vanish(c, 3);
    assert_true(cluster_sees(c, 3, MEMBER_STATE_DEAD, 4 * KITH_SEC) >= 0);
    cluster_free(c);
}

/* When the halves can hear each other again, it is by the less wanted way only. */
static void the_dead_are_tried_by_all_their_ways(void **unused)
{
    (void)unused;
    struct cluster *c = running(4, 2);
    cluster_split(c, 2, true);
    cluster_run(c, 30 * KITH_SEC);
    assert_int_equal(node_sees(c, 0, 3), MEMBER_STATE_DEAD);
    for (size_t i = 0; i < c->n; i++)
        node_way(c, i, 0, false);
    cluster_split(c, 2, false);
    assert_true(cluster_agrees(c, 60 * KITH_SEC));
    cluster_free(c);
}

/* A way that fails again and again is tried again at growing distances. */
static void a_way_that_keeps_failing_is_tried_less_and_less(void **unused)
{
    (void)unused;
    struct cluster *c = running(3, 2);
    for (int i = 0; i < 4; i++) {
        node_way(c, 0, 0, false);
        assert_true(until_all_use(c, 0, 1, 3 * KITH_SEC) >= 0);
        node_way(c, 0, 0, true);
        kith_time took_us = until_all_use(c, 0, 0, 120 * KITH_SEC);
        assert_in_range(took_us, 0, (WAYS_PAUSE << i) + KITH_SEC);
        if (i == 3)
            assert_true(took_us > (WAYS_PAUSE << i) / 2);
    }
    cluster_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_most_wanted_way_is_used_while_it_answers),
        cmocka_unit_test(a_way_that_is_cut_is_left_within_two_probe_periods_and_taken_again),
        cmocka_unit_test(subscriptions_follow),
        cmocka_unit_test(two_of_three_ways_may_be_gone),
        cmocka_unit_test(one_that_answers_by_no_way_is_dead_as_soon_as_ever),
        cmocka_unit_test(the_dead_are_tried_by_all_their_ways),
        cmocka_unit_test(a_way_that_keeps_failing_is_tried_less_and_less),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
