#include "gossip/notes.h"

#include "cluster.h"
#include "test.h"

static size_t lines(const struct cluster *c, size_t i, const char *what)
{
    return node_logged(c, i, what);
}

static struct cluster *running(size_t n)
{
    struct cluster *c = cluster_new(n);
    cluster_start_all(c);
    assert_true(cluster_agrees(c, 20 * KITH_SEC));
    cluster_run(c, 5 * KITH_SEC);
    return c;
}

static void one_death_is_told_at_once(void **unused)
{
    (void)unused;
    struct cluster *c = running(6);
    node_kill(c, 5);
    assert_true(cluster_sees(c, 5, MEMBER_STATE_DEAD, 10 * KITH_SEC) >= 0);
    assert_int_equal(lines(c, 0, " is dead"), 1);
    cluster_run(c, 3 * NOTES_QUIET);
    assert_int_equal(lines(c, 0, "members-lost"), 0);
    cluster_free(c);
}

static void several_that_vanish_together_are_one_change(void **unused)
{
    (void)unused;
    struct cluster *c = running(16);
    for (size_t i = 11; i < 16; i++)
        node_vanish(c, i);
    assert_true(cluster_agrees(c, 20 * KITH_SEC));
    cluster_run(c, 2 * NOTES_QUIET);
    for (size_t i = 0; i < 11; i++) {
        assert_int_equal(lines(c, i, "members-lost: 5 members of 16"), 1);
        assert_int_equal(lines(c, i, " is dead"), NOTES_ALONE);
        assert_int_equal(lines(c, i, "cluster-split"), 0);
    }
    cluster_free(c);
}

static void a_split_is_one_change_on_both_sides_and_so_is_its_end(void **unused)
{
    (void)unused;
    struct cluster *c = running(24);
    cluster_split(c, 12, true);
    cluster_run(c, 30 * KITH_SEC);
    for (size_t i = 0; i < 24; i++)
        assert_int_equal(lines(c, i, "cluster-split: 12 members of 24"), 1);
    cluster_split(c, 12, false);
    assert_true(cluster_agrees(c, 20 * KITH_SEC));
    cluster_run(c, 2 * NOTES_QUIET);
    for (size_t i = 0; i < 24; i++) {
        assert_int_equal(lines(c, i, "members-back: 12 members of 24"), 1);
        assert_int_equal(lines(c, i, "members-lost"), 0);
    }
    cluster_free(c);
}

/* One that dies and is back, a while apart, is told of each time, also the third. */
static void deaths_far_apart_are_told_at_once(void **unused)
{
    (void)unused;
    struct cluster *c = running(6);
    for (size_t n = 1; n <= 4; n++) {
        node_kill(c, 5);
        assert_true(cluster_sees(c, 5, MEMBER_STATE_DEAD, 10 * KITH_SEC) >= 0);
        assert_int_equal(lines(c, 0, " is dead"), n);
        node_start(c, 5);
        assert_true(cluster_agrees(c, 10 * KITH_SEC));
        cluster_run(c, 2 * NOTES_QUIET);
    }
    assert_int_equal(lines(c, 0, "members-lost"), 0);
    cluster_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_death_is_told_at_once),
        cmocka_unit_test(deaths_far_apart_are_told_at_once),
        cmocka_unit_test(several_that_vanish_together_are_one_change),
        cmocka_unit_test(a_split_is_one_change_on_both_sides_and_so_is_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
