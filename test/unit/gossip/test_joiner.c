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
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(node_subscriptions(c, i), 19);
    cluster_run(c, 20 * KITH_SEC);
    assert_true(cluster_agrees(c, 0));
    assert_true(cluster_same_tables(c, 0));
    assert_int_equal(cluster_count(c, "suspicions"), 0);
    cluster_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_founder_is_a_cluster_of_one),
        cmocka_unit_test(others_join_by_any_seed_that_answers),
        cmocka_unit_test(twenty_started_at_once_see_each_other_within_two_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
