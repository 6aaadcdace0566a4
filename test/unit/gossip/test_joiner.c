#include "cluster.h"
#include "test.h"

static void a_founder_is_a_cluster_of_one(void **unused)
{
    (void)unused;
    struct cluster *c = cluster_new(1);
    node_start(c, 0);
    assert_int_equal(node_sees(c, 0, 0), MEMBER_STATE_ALIVE);
    cluster_run(c, 10 * KITH_SEC);
    assert_true(cluster_agrees(c, 0));
    assert_int_equal(node_incarnation(c, 0), 1);
    cluster_free(c);
}

static void others_join_by_any_seed_that_answers(void **unused)
{
    (void)unused;
    for (size_t seed = 0; seed < 3; seed++) {
        struct cluster *c = cluster_new(4);
        static const char *const only[] = {"0", "1", "2"};
        for (size_t i = 0; i < 3; i++) {
            node_start(c, i);
            assert_true(cluster_agrees(c, 5 * KITH_SEC));
        }
        node_seeds(c, 3, only[seed]);
        node_start(c, 3);
        assert_true(cluster_agrees(c, 2 * KITH_SEC));
        assert_true(cluster_same_tables(c, 5 * KITH_SEC));
        cluster_free(c);
    }
}

static void twenty_started_at_once_see_each_other_within_two_seconds(void **unused)
{
    (void)unused;
    struct cluster *c = cluster_new(20);
    cluster_start_all(c);
    assert_true(cluster_agrees(c, 2 * KITH_SEC));
    cluster_run(c, 20 * KITH_SEC);
    for (size_t i = 0; i < 20; i++)
        assert_in_range(node_count(c, i, "neighbours"), 3, 8);
    assert_true(cluster_agrees(c, 0));
    assert_true(cluster_same_tables(c, 0));
    assert_int_equal(cluster_count(c, "suspicions"), 0);
    cluster_free(c);
}

static void two_founders_that_start_at_the_same_moment_are_one_cluster(void **unused)
{
    (void)unused;
    struct cluster *c = cluster_new(3);
    for (size_t i = 0; i < 3; i++)
        node_token(c, i, /* founder= */ true, cluster_wall(c) + KITH_HOUR);
    cluster_start_all(c);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(node_sees(c, i, i), MEMBER_STATE_ALIVE);
    assert_true(cluster_agrees(c, 2 * KITH_SEC));
    assert_true(cluster_same_tables(c, 5 * KITH_SEC));
    cluster_free(c);
}

static void those_who_start_first_wait_for_the_founder(void **unused)
{
    (void)unused;
    struct cluster *c = cluster_new(5);
    for (size_t i = 1; i < 5; i++)
        node_start(c, i);
    cluster_run(c, KITH_MIN);
    assert_int_equal(node_sees(c, 1, 1), MEMBER_STATE_UNKNOWN);
    node_start(c, 0);
    assert_true(cluster_agrees(c, 8 * KITH_SEC));
    cluster_free(c);
}

static void a_restart_needs_no_token_and_no_seed(void **unused)
{
    (void)unused;
    struct cluster *c = cluster_new(4);
    cluster_start_all(c);
    assert_true(cluster_agrees(c, 5 * KITH_SEC));
    cluster_run(c, 2 * KITH_SEC);
    node_kill(c, 3);
    cluster_run(c, KITH_MIN);
    node_no_token(c, 3);
    node_seeds(c, 3, "");
    node_start(c, 3);
    assert_true(cluster_agrees(c, 5 * KITH_SEC));
    cluster_free(c);
}

static void all_restarted_at_once_are_one_cluster_again(void **unused)
{
    (void)unused;
    struct cluster *c = cluster_new(10);
    cluster_start_all(c);
    assert_true(cluster_agrees(c, 5 * KITH_SEC));
    cluster_run(c, 2 * KITH_SEC);
    for (size_t i = 0; i < 10; i++)
        node_kill(c, i);
    cluster_run(c, KITH_SEC);
    cluster_start_all(c);
    cluster_run(c, KITH_SEC);
    assert_true(cluster_agrees(c, 20 * KITH_SEC));
    assert_true(cluster_same_tables(c, 5 * KITH_SEC));
    cluster_free(c);
}

static void seeds_may_all_be_down_and_come_back(void **unused)
{
    (void)unused;
    struct cluster *c = cluster_new(7);
    for (size_t i = 0; i < 6; i++)
        node_start(c, i);
    assert_true(cluster_agrees(c, 5 * KITH_SEC));
    for (size_t i = 0; i < 3; i++)
        node_kill(c, i);
    cluster_run(c, KITH_MIN);
    assert_true(cluster_agrees(c, 0));
    node_start(c, 6); /* knows nobody else */
    cluster_run(c, KITH_MIN);
    assert_int_equal(node_sees(c, 4, 6), MEMBER_STATE_UNKNOWN);
    for (size_t i = 0; i < 3; i++)
        node_start(c, i);
    assert_true(cluster_agrees(c, 10 * KITH_SEC));
    cluster_free(c);
}

static void joining_gets_through_loss(void **unused)
{
    (void)unused;
    struct cluster *c = cluster_new(10);
    c->loss_permille = 200;
    c->delay_us = 20 * KITH_MS;
    c->wan = true;
    cluster_start_all(c);
    assert_true(cluster_agrees(c, 20 * KITH_SEC));
    cluster_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_founder_is_a_cluster_of_one),
        cmocka_unit_test(others_join_by_any_seed_that_answers),
        cmocka_unit_test(twenty_started_at_once_see_each_other_within_two_seconds),
        cmocka_unit_test(two_founders_that_start_at_the_same_moment_are_one_cluster),
        cmocka_unit_test(those_who_start_first_wait_for_the_founder),
        cmocka_unit_test(a_restart_needs_no_token_and_no_seed),
        cmocka_unit_test(all_restarted_at_once_are_one_cluster_again),
        cmocka_unit_test(seeds_may_all_be_down_and_come_back),
        cmocka_unit_test(joining_gets_through_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
