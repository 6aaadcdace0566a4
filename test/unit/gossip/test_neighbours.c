#include "gossip/neighbours_inside.h"
#include "test.h"
#include "view.h"

static int link_all(struct view *v)
{
    for (unsigned i = 0; i < NEIGHBOURS_MAX; i++)
        view_link(v, 2 + i, KITH_MS);
    return NEIGHBOURS_MAX;
}

/* It took on more than it wants because they were in need. */
static void of_a_surplus_those_end_that_the_tree_does_not_take(void **unused)
{
    (void)unused;
    struct view v;
    view_init(&v, 1);
    link_all(&v);
    v.links.in_use = 0xffu & ~(1u << 2 | 1u << 5);
    neighbours_settle(&v.links, &v.turn);
    assert_int_equal(neighbours_count(&v.links), NEIGHBOURS_WANTED + 1);
    assert_false(neighbours_has(&v.links, 2));
    assert_false(neighbours_has(&v.links, 5));
    view_deinit(&v);
}

static void when_all_are_in_use_the_surplus_ends_all_the_same(void **unused)
{
    (void)unused;
    struct view v;
    view_init(&v, 1);
    link_all(&v);
    v.links.in_use = 0xff;
    neighbours_settle(&v.links, &v.turn);
    assert_int_equal(neighbours_count(&v.links), NEIGHBOURS_WANTED + 1);
    view_deinit(&v);
}

static void a_near_one_in_use_becomes_a_random_one(void **unused)
{
    (void)unused;
    struct view v;
    view_init(&v, 1);
    link_all(&v);
    for (int i = 0; i < NEIGHBOURS_NEAR + 2; i++)
        v.links.slots[i].near = true;
    neighbours_measured(&v.links.slots[3], 90 * KITH_MS);
    v.links.slots[3].trips_us[0] = 90 * KITH_MS; /* the farthest */
    v.links.in_use = 1u << 3;
    neighbours_settle(&v.links, &v.turn);
    assert_true(neighbours_has(&v.links, 3));
    assert_false(v.links.slots[3].near);
    assert_int_equal(neighbours_near(&v.links), NEIGHBOURS_NEAR);
    assert_int_equal(neighbours_count(&v.links), NEIGHBOURS_WANTED + 1);
    view_deinit(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_surplus_those_end_that_the_tree_does_not_take),
        cmocka_unit_test(when_all_are_in_use_the_surplus_ends_all_the_same),
        cmocka_unit_test(a_near_one_in_use_becomes_a_random_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
