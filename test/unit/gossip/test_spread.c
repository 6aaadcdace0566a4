#include "test.h"
#include "view.h"

#define FIVE 5
/* A broadcast's number: the incarnation above, a count below. */
#define SEQ(incarnation, count) (((uint64_t)(incarnation) << 32) + (count))

/* Parent 6, child 7, and 8, to which the link is lazy. */
static void in_the_tree(struct view *v)
{
    view_init(v, FIVE);
    view_link(v, 6, 20 * KITH_MS);
    view_link(v, 7, 20 * KITH_MS);
    view_link(v, 8, 10 * KITH_MS);
    view_beacon(v, 6, 1, 1, 1000, 1);
    view_beacon(v, 7, 1, 1, 30000, FIVE);
    view_beacon(v, 8, 1, 1, 30000, 9);
    view_forget(v);
}

static void what_is_new_goes_on_once_and_is_announced(void **unused)
{
    (void)unused;
    struct view v;
    in_the_tree(&v);
    assert_true(view_cast(&v, 6, 2, SEQ(1, 1), 3));
    assert_int_equal(view_sent(&v, 6, WIRE_CAST), 0); /* where it came from */
    assert_int_equal(view_sent(&v, 7, WIRE_CAST), 1);
    assert_int_equal(view_sent(&v, 8, WIRE_CAST), 0);
    assert_int_equal(view_sent(&v, 0, WIRE_HAVE), 1);
    view_forget(&v);
    assert_false(view_cast(&v, 7, 2, SEQ(1, 1), 5));
    assert_int_equal(view_sent(&v, 7, WIRE_CAST), 0);
    assert_int_equal(view_sent(&v, 7, WIRE_PRUNE), 0); /* the child may have had it by a pull */
    assert_false(view_cast(&v, 8, 2, SEQ(1, 1), 5));
    assert_int_equal(view_sent(&v, 8, WIRE_PRUNE), 1); /* but 8 is neither parent nor child */
    assert_int_equal(view_sent(&v, 0, WIRE_HAVE), 0);
    assert_int_equal(v.core.counts.payloads_received, 3);
    assert_int_equal(v.core.counts.payloads_new, 1);
    view_deinit(&v);
}

static void own_ones_go_to_parent_and_children(void **unused)
{
    (void)unused;
    struct view v;
    struct bytes record = bytes_str("mine");
    in_the_tree(&v);
    spread_say(v.spread, &v.turn, &record, 1);
    assert_int_equal(view_sent(&v, 6, WIRE_CAST) + view_sent(&v, 7, WIRE_CAST), 2);
    assert_int_equal(view_sent(&v, 8, WIRE_CAST), 0);
    assert_false(view_cast(&v, 6, FIVE, SEQ(1, 1), 2)); /* and do not come back */
    view_deinit(&v);
}

/* In a large cluster the first hops go to all neighbours: more of them where packets are lost. */
static void the_first_hops_go_to_all_neighbours(void **unused)
{
    (void)unused;
    struct view v;
    struct bytes record = bytes_str("mine");
    in_the_tree(&v);
    view_crowd(&v, 250);
    spread_say(v.spread, &v.turn, &record, 1);
    assert_int_equal(view_sent(&v, 8, WIRE_CAST), 1);
    view_forget(&v);
    assert_true(view_cast(&v, 6, 2, SEQ(1, 1), 1));
    assert_int_equal(view_sent(&v, 7, WIRE_CAST), 1);
    assert_int_equal(view_sent(&v, 8, WIRE_CAST), 0);
    for (int i = 0; i < 100; i++)
        core_saw_delay(&v.core, i % 2 == 0); /* as under 30 % loss */
    assert_true(view_cast(&v, 6, 2, SEQ(1, 2), 1));
    assert_int_equal(view_sent(&v, 8, WIRE_CAST), 1);
    assert_true(view_cast(&v, 6, 2, SEQ(1, 3), 2));
    assert_int_equal(view_sent(&v, 8, WIRE_CAST), 1);
    view_forget(&v);
    assert_false(view_cast(&v, 8, 2, SEQ(1, 3), 2)); /* it was meant so: no prune */
    assert_int_equal(view_sent(&v, 8, WIRE_PRUNE), 0);
    view_deinit(&v);
}

/* What is sent aside goes where the neighbour's pings come from, and never waits for one. */
static void what_is_sent_aside_does_not_hold_up_payloads(void **unused)
{
    (void)unused;
    struct view v;
    struct bytes load = bytes_str("load");
    in_the_tree(&v);
    int slot = neighbours_slot(&v.links, &(struct ulid){.b[15] = 6});
    neighbours_send_aside(&v.links, &v.turn, slot, WIRE_LOAD_BATCH, load);
    assert_int_equal(view_sent(&v, 6, WIRE_LOAD_BATCH), 1); /* it has not pinged yet */
    view_forget(&v);
    view_ping(&v, 6);
    neighbours_send_aside(&v.links, &v.turn, slot, WIRE_LOAD_BATCH, load);
    assert_int_equal(view_sent(&v, 6, WIRE_LOAD_BATCH), 0);
    assert_int_equal(view_replied(&v, WIRE_LOAD_BATCH), 1);
    view_deinit(&v);
}

/* An eager neighbour sends what it announces: if that is not there when TCP has sent it again, it is lost twice. */
static void what_an_eager_neighbour_announced_is_pulled_soon(void **unused)
{
    (void)unused;
    struct view v;
    in_the_tree(&v);
    view_have(&v, 6, 2, SEQ(1, 1));
    view_wait(&v, 250 * KITH_MS);
    assert_int_equal(view_sent(&v, 6, WIRE_GRAFT), 0);
    view_have(&v, 8, 2, SEQ(1, 1));
    view_wait(&v, 10 * KITH_MS);
    assert_int_equal(view_sent(&v, 6, WIRE_GRAFT), 0);
    assert_int_equal(view_sent(&v, 8, WIRE_GRAFT), 1); /* from the nearest that has it */
    view_wait(&v, 320 * KITH_MS);
    assert_int_equal(view_sent(&v, 6, WIRE_GRAFT), 1); /* then from the other */
    view_forget(&v);
    assert_true(view_cast(&v, 6, 2, SEQ(1, 1), 3));
    assert_int_equal(view_sent(&v, 7, WIRE_CAST), 1);
    view_wait(&v, 2 * KITH_SEC);
    assert_int_equal(view_sent(&v, 6, WIRE_GRAFT) + view_sent(&v, 8, WIRE_GRAFT), 0);
    view_deinit(&v);
}

static void what_only_others_announced_is_pulled_late(void **unused)
{
    (void)unused;
    struct view v;
    in_the_tree(&v);
    view_have(&v, 8, 2, SEQ(1, 1));
    view_wait(&v, SPREAD_LATE - 1);
    assert_int_equal(view_sent(&v, 8, WIRE_GRAFT), 0);
    view_wait(&v, SPREAD_LATE_MAX - SPREAD_LATE + 1);
    assert_in_range(view_sent(&v, 8, WIRE_GRAFT), 1,
                    2);      /* drawn early it was asked for once more */
    view_wait(&v, KITH_MIN); /* it never comes: left to repair */
    assert_int_equal(view_sent(&v, 8, WIRE_GRAFT), 6);
    assert_int_equal(v.core.counts.payloads_missed, 1);
    view_deinit(&v);
}

static void nobody_gets_what_it_announced(void **unused)
{
    (void)unused;
    struct view v;
    in_the_tree(&v);
    view_have(&v, 7, 2, SEQ(1, 1));
    assert_true(view_cast(&v, 6, 2, SEQ(1, 1), 3));
    assert_int_equal(view_sent(&v, 7, WIRE_CAST), 0);
    view_deinit(&v);
}

static void a_pull_is_answered_on_its_connection(void **unused)
{
    (void)unused;
    struct view v;
    in_the_tree(&v);
    view_cast(&v, 6, 2, SEQ(1, 1), 3);
    view_graft(&v, 8, 2, SEQ(1, 1));
    view_graft(&v, 8, 2, SEQ(1, 2)); /* not here */
    assert_int_equal(view_replied(&v, WIRE_CAST), 1);
    view_deinit(&v);
}

/* Nothing else came meanwhile that would have pushed it out. */
static void what_is_old_cannot_be_pulled(void **unused)
{
    (void)unused;
    struct view v;
    in_the_tree(&v);
    view_cast(&v, 6, 2, SEQ(1, 1), 3);
    view_wait(&v, SPREAD_KEEP_US + KITH_SEC);
    view_graft(&v, 8, 2, SEQ(1, 1));
    assert_int_equal(view_replied(&v, WIRE_CAST), 0);
    view_deinit(&v);
}

static void gaps_are_pulled_and_numbers_start_anew_with_an_incarnation(void **unused)
{
    (void)unused;
    struct view v;
    in_the_tree(&v);
    assert_true(view_cast(&v, 6, 2, SEQ(1, 5), 3)); /* the first that is heard of 2 */
    view_wait(&v, 2 * KITH_SEC);
    assert_int_equal(view_sent(&v, 6, WIRE_GRAFT), 0);
    assert_true(view_cast(&v, 6, 2, SEQ(1, 7), 3));
    view_wait(&v, 2 * KITH_SEC);
    assert_true(view_sent(&v, 6, WIRE_GRAFT) > 0);
    assert_true(view_cast(&v, 6, 2, SEQ(1, 6), 3));
    assert_false(view_cast(&v, 8, 2, SEQ(1, 7), 3));
    assert_true(view_cast(&v, 6, 2, SEQ(2, 1), 3));
    assert_false(view_cast(&v, 6, 2, SEQ(1, 8), 3)); /* of its earlier life */
    assert_false(view_cast(&v, 6, 2, SEQ(2, 1), 3));
    view_deinit(&v);
}

static void loops_replays_and_absurd_numbers_end_here(void **unused)
{
    (void)unused;
    struct view v;
    in_the_tree(&v);
    assert_false(view_cast(&v, 6, 2, SEQ(1, 1), SPREAD_HOPS_MAX + 1));
    assert_false(view_cast(&v, 6, 2, UINT64_MAX, 3)); /* would make all others old */
    assert_int_equal(v.core.naming.refused[REFUSAL_PAYLOAD], 2);
    assert_true(view_cast(&v, 6, 2, SEQ(1, 1), SPREAD_HOPS_MAX));
    assert_int_equal(view_sent(&v, 7, WIRE_CAST), 0); /* taken, and goes no further */
    for (uint64_t i = 2; i < 300; i++)
        assert_true(view_cast(&v, 6, 2, SEQ(1, i), 3));
    for (uint64_t i = 1; i < 300; i++)
        assert_false(view_cast(&v, 8, 2, SEQ(1, i), 3));
    view_deinit(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_new_goes_on_once_and_is_announced),
        cmocka_unit_test(own_ones_go_to_parent_and_children),
        cmocka_unit_test(the_first_hops_go_to_all_neighbours),
        cmocka_unit_test(what_is_sent_aside_does_not_hold_up_payloads),
        cmocka_unit_test(what_an_eager_neighbour_announced_is_pulled_soon),
        cmocka_unit_test(what_only_others_announced_is_pulled_late),
        cmocka_unit_test(nobody_gets_what_it_announced),
        cmocka_unit_test(a_pull_is_answered_on_its_connection),
        cmocka_unit_test(what_is_old_cannot_be_pulled),
        cmocka_unit_test(gaps_are_pulled_and_numbers_start_anew_with_an_incarnation),
        cmocka_unit_test(loops_replays_and_absurd_numbers_end_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
