#include "test.h"
#include "view.h"

#define FIVE 5

static void while_no_root_is_known_all_links_are_eager(void **unused)
{
    (void)unused;
    struct view v;
    view_init(&v, FIVE);
    view_link(&v, 6, KITH_MS);
    view_link(&v, 7, KITH_MS);
    assert_int_equal(tree_eager(&v.tree), 3);
    view_deinit(&v);
}

static void the_parent_is_where_the_root_is_nearest(void **unused)
{
    (void)unused;
    struct view v;
    view_init(&v, FIVE);
    int near = view_link(&v, 6, 10 * KITH_MS), far = view_link(&v, 7, 100 * KITH_MS);
    view_beacon(&v, 7, 1, 1, 1000, 1);
    assert_int_equal(tree_eager(&v.tree), 1u << far);
    assert_int_equal(view_sent(&v, 0, WIRE_BEACON), 1);
    view_beacon(&v, 6, 1, 1, 2000, 1); /* a shorter way within the round, told after a moment */
    assert_int_equal(tree_eager(&v.tree), 1u << near);
    view_wait(&v, 60 * KITH_MS);
    assert_int_equal(view_sent(&v, 0, WIRE_BEACON), 2);
    view_deinit(&v);
}

static void a_hop_counts_beside_its_way(void **unused)
{
    (void)unused;
    struct view v;
    view_init(&v, FIVE);
    int one = view_link(&v, 6, 12 * KITH_MS);
    view_link(&v, 7, KITH_MS);
    view_beacon(&v, 7, 1, 1, 2 * TREE_HOP, 8); /* nearer, by two hops more */
    view_beacon(&v, 6, 1, 1, 0, 0);
    assert_int_equal(tree_eager(&v.tree), 1u << one);
    view_deinit(&v);
}

static void whoever_chose_this_peer_is_a_child(void **unused)
{
    (void)unused;
    struct view v;
    view_init(&v, FIVE);
    int up = view_link(&v, 6, KITH_MS), down = view_link(&v, 7, KITH_MS);
    int beside = view_link(&v, 8, KITH_MS);
    view_beacon(&v, 6, 1, 1, 1000, 1);
    view_beacon(&v, 7, 1, 1, 3000, FIVE);
    view_beacon(&v, 8, 1, 1, 3000, 9);
    assert_int_equal(tree_eager(&v.tree), 1u << up | 1u << down);
    view_beacon(&v, 8, 1, 1, 3000, FIVE);
    view_beacon(&v, 7, 1, 1, 3000, 8);
    assert_int_equal(tree_eager(&v.tree), 1u << up | 1u << beside);
    view_deinit(&v);
}

/* Within a round nobody moves to one that is farther from the root than this peer: it may be below. */
static void parents_form_no_ring(void **unused)
{
    (void)unused;
    struct view v;
    view_init(&v, FIVE);
    int up = view_link(&v, 6, KITH_MS);
    view_link(&v, 7, KITH_MS);
    view_beacon(&v, 6, 1, 1, 1000, 1);
    view_beacon(&v, 7, 1, 1, 30000, 8);
    view_unlink(&v, up);
    assert_int_equal(v.tree.distance_us, TREE_FAR);
    view_beacon(&v, 7, 1, 2, 30000, 8); /* a new round came another way than through this peer */
    assert_int_equal(v.tree.parent, 1);
    assert_in_range(v.tree.distance_us, 30000, 50000);
    view_deinit(&v);
}

/* What it said before the way became longer still counts: somebody may have believed it. */
static void nobody_forgets_within_a_round_how_near_it_was(void **unused)
{
    (void)unused;
    struct view v;
    view_init(&v, FIVE);
    int up = view_link(&v, 6, KITH_MS), second = view_link(&v, 7, 100 * KITH_MS);
    view_link(&v, 8, KITH_MS);
    view_beacon(&v, 6, 1, 1, 1000, 1); /* this peer is 11.5 ms away */
    view_beacon(&v, 7, 1, 1, 11000, 1);
    view_beacon(&v, 8, 1, 1, 30000, 9);
    view_unlink(&v, up);
    assert_int_equal(v.tree.parent, second);
    assert_in_range(v.tree.distance_us, 60000, 80000);
    view_unlink(&v, second); /* member 8 may be below this peer */
    assert_int_equal(v.tree.distance_us, TREE_FAR);
    view_deinit(&v);
}

static void whoever_has_no_way_says_so_and_hangs_on_to_another(void **unused)
{
    (void)unused;
    struct view v;
    view_init(&v, FIVE);
    int up = view_link(&v, 6, KITH_MS), below = view_link(&v, 7, KITH_MS);
    int beside = view_link(&v, 8, KITH_MS);
    view_beacon(&v, 6, 1, 1, 1000, 1);
    view_beacon(&v, 7, 1, 1, 20000, FIVE);
    view_beacon(&v, 8, 1, 1, 30000, 9);
    view_forget(&v);
    view_unlink(&v, up);
    assert_int_equal(view_sent(&v, 0, WIRE_BEACON), 1);
    assert_int_equal(tree_eager(&v.tree), 1u << below | 1u << beside);
    assert_int_equal(v.core.counts.tree_cuts, 1);
    view_beacon(&v, 8, 1, 1, TREE_FAR, 0); /* it was below, and has none either */
    assert_int_equal(tree_eager(&v.tree), 1u << below);
    view_beacon(&v, 7, 1, 1, 20000, 9); /* which found another way, but is none in this round */
    assert_int_equal(v.tree.distance_us, TREE_FAR);
    view_beacon(&v, 7, 1, 2, 20000, 9);
    assert_int_equal(v.tree.parent, below);
    view_deinit(&v);
}

static void a_parent_without_a_way_is_left(void **unused)
{
    (void)unused;
    struct view v;
    view_init(&v, FIVE);
    view_link(&v, 6, KITH_MS);
    int other = view_link(&v, 7, 100 * KITH_MS);
    view_beacon(&v, 6, 1, 1, 9000, 1);
    view_beacon(&v, 7, 1, 1, 1000, 1);
    view_forget(&v);
    view_beacon(&v, 6, 1, 1, TREE_FAR, 0);
    assert_int_equal(v.tree.parent, other);
    assert_int_equal(view_sent(&v, 0, WIRE_BEACON), 1);
    assert_int_equal(v.core.counts.tree_cuts, 0);
    view_deinit(&v);
}

static void a_delayed_beacon_moves_nothing(void **unused)
{
    (void)unused;
    struct view v;
    view_init(&v, FIVE);
    int near = view_link(&v, 6, 10 * KITH_MS), far = view_link(&v, 7, 100 * KITH_MS);
    view_beacon(&v, 6, 1, 1, 1000, 1);
    view_beacon(&v, 7, 1, 2, 1000, 1);
    view_wait(&v, 100 * KITH_MS);
    assert_int_equal(v.tree.parent, near);
    view_beacon(&v, 6, 1, 2, 1000, 1);
    assert_int_equal(v.tree.parent, near);
    view_beacon(&v, 7, 1, 3, 1000, 1); /* but who stays silent is left */
    view_wait(&v, 2500 * KITH_MS);
    assert_int_equal(v.tree.parent, far);
    assert_int_equal(v.core.counts.tree_parents, 2);
    view_deinit(&v);
}

/* The round that waits for the parent's word came from one that went below this peer meanwhile. */
static void a_round_that_nobody_has_any_more_is_waited_for_no_longer(void **unused)
{
    (void)unused;
    struct view v;
    view_init(&v, FIVE);
    int up = view_link(&v, 6, 10 * KITH_MS);
    view_link(&v, 7, 10 * KITH_MS);
    view_beacon(&v, 6, 1, 1, 1000, 1);
    view_beacon(&v, 7, 1, 2, 30000, 8);
    view_beacon(&v, 7, 1, 2, 30000, FIVE);
    view_wait(&v, 2500 * KITH_MS);
    assert_int_equal(v.tree.parent, up);
    assert_true(tree_deadline(&v.tree) > v.turn.now_us);
    view_deinit(&v);
}

static void the_lowest_that_lives_is_the_root(void **unused)
{
    (void)unused;
    struct view v;
    view_init(&v, 2);
    view_link(&v, 6, KITH_MS);
    view_beacon(&v, 6, 3, 1, 1000, 3);
    assert_int_equal(v.tree.root.b[15], 3);
    view_beacon(&v, 6, 1, 1, 1000, 1);
    assert_int_equal(v.tree.root.b[15], 1);
    view_beacon(&v, 6, 3, 2, 1000, 3); /* of a higher one nothing is taken while the lower lives */
    assert_int_equal(v.tree.root.b[15], 1);
    view_forget(&v);
    view_wait(&v, 10 * KITH_SEC);
    assert_int_equal(view_sent(&v, 0, WIRE_BEACON), 0);
    view_dies(&v, 1); /* now this peer is the lowest */
    view_wait(&v, 10 * KITH_SEC);
    assert_int_equal(view_sent(&v, 0, WIRE_BEACON), 2);
    assert_int_equal(v.tree.root.b[15], 2);
    view_deinit(&v);
}

#define ROUND(n) ((UINT64_C(1) << 32) + (n))

static void the_heir_takes_over_with_the_next_term(void **unused)
{
    (void)unused;
    struct view v;
    view_init(&v, FIVE);
    int up = view_link(&v, 6, KITH_MS);
    view_beacon(&v, 6, 1, 1, 1000, 1);
    struct beacon b = {.root = view_id(1), .round = ROUND(2), .heir = view_id(FIVE), .term = 3};
    view_forget(&v);
    view_tell(&v, 6, &b);
    assert_int_equal(v.tree.root.b[15], FIVE);
    assert_int_equal(v.tree.term, 4);
    assert_int_equal(view_sent(&v, 0, WIRE_BEACON), 1);
    b.round = ROUND(3); /* the former root has not heard of it yet */
    b.heir = view_id(0);
    view_tell(&v, 6, &b);
    assert_int_equal(v.tree.root.b[15], FIVE);
    view_wait(&v, 2 * TREE_ROUND + KITH_SEC);
    assert_int_equal(view_sent(&v, 0, WIRE_BEACON), 3);
    /* Another was named, too, before this one was heard of: the lower id counts. */
    b = (struct beacon){.root = view_id(2), .round = ROUND(1), .term = 4};
    view_tell(&v, 6, &b);
    assert_int_equal(v.tree.root.b[15], 2);
    assert_int_equal(v.tree.parent, up);
    view_deinit(&v);
}

static void a_higher_term_counts_more_than_a_lower_id(void **unused)
{
    (void)unused;
    struct view v;
    view_init(&v, FIVE);
    view_link(&v, 6, KITH_MS);
    struct beacon b = {.root = view_id(7), .round = ROUND(1), .term = 1, .heir = view_id(8)};
    view_tell(&v, 6, &b);
    assert_true(ulid_equal(&v.tree.heir, &b.heir)); /* passed on to those below */
    view_beacon(&v, 6, 1, 9, 1000, 1);
    assert_int_equal(v.tree.root.b[15], 7);
    b = (struct beacon){.root = view_id(8), .round = ROUND(1), .term = 2};
    view_tell(&v, 6, &b);
    assert_int_equal(v.tree.root.b[15], 8);
    view_deinit(&v);
}

/* It was an heir once, with a term above another root's, and has started anew since: three that each outrank the next
 * would take turns as fast as beacons travel. */
static void a_former_life_of_a_root_is_over(void **unused)
{
    (void)unused;
    struct view v;
    view_init(&v, FIVE);
    view_link(&v, 6, KITH_MS);
    view_link(&v, 7, KITH_MS);
    struct beacon former = {.root = view_id(8), .round = ROUND(9), .term = 3};
    struct beacon other = {.root = view_id(9), .round = ROUND(1), .term = 2};
    struct beacon present = {.root = view_id(8), .round = 2 * ROUND(0) + 1, .term = 1};
    view_tell(&v, 7, &former);
    view_tell(&v, 7, &present);
    assert_int_equal(v.tree.term, 1);
    view_tell(&v, 6, &other);
    assert_true(ulid_equal(&v.tree.root, &other.root));
    view_forget(&v);
    for (int i = 0; i < 3; i++) {
        view_tell(&v, 6, &former);
        view_tell(&v, 7, &present);
        view_tell(&v, 6, &other);
    }
    assert_true(ulid_equal(&v.tree.root, &other.root));
    assert_int_equal(view_sent(&v, 0, WIRE_BEACON), 0);
    view_deinit(&v);
}

/* Members 2 to 9 told where they are, 100 ms after each other on a line. */
static void on_a_line(struct view *v, int64_t first_us)
{
    for (unsigned i = 2; i <= VIEW_MEMBERS; i++) {
        struct ulid id = view_id(i);
        struct probe p = {
            .coord = {.x = first_us + 100000 * (int64_t)i, .height = 100, .error = 100}};
        struct probe_ack ack;
        atlas_probed(v->core.atlas, &v->turn, &id, &p, &ack);
    }
}

static void a_root_at_the_edge_names_one_in_the_middle(void **unused)
{
    (void)unused;
    struct view v;
    view_init(&v, 1);
    view_link(&v, 6, KITH_MS);
    on_a_line(&v, 2000000);
    view_wait(&v, 2 * TREE_ROUND);
    assert_true(ulid_is_zero(&v.tree.heir)); /* where it is itself is not known yet */
    view_place(&v, 1, 1000);
    view_wait(&v, TREE_ROUND);
    assert_in_range(v.tree.heir.b[15], 5, 6);
    assert_int_equal(v.core.counts.tree_heirs, 1);
    view_dies(&v, 5);
    view_dies(&v, 6); /* the next in the middle, then */
    view_wait(&v, TREE_ROUND);
    assert_int_equal(v.tree.heir.b[15] == 4 || v.tree.heir.b[15] == 7, 1);
    view_deinit(&v);
}

static void a_root_in_the_middle_stays(void **unused)
{
    (void)unused;
    struct view v;
    view_init(&v, 1);
    view_link(&v, 6, KITH_MS);
    on_a_line(&v, -550000);
    view_place(&v, 1, 1000);
    view_wait(&v, 6 * TREE_ROUND);
    assert_true(ulid_equal(&v.tree.root, &v.core.self));
    assert_int_equal(v.core.counts.tree_heirs, 0);
    view_deinit(&v);
}

static void beacons_that_cannot_be_are_ignored(void **unused)
{
    (void)unused;
    struct view v;
    view_init(&v, FIVE);
    view_link(&v, 6, KITH_MS);
    view_beacon(&v, 6, 99, 1, 1000, 0);                   /* of nobody */
    view_beacon(&v, 6, 1, UINT64_C(5000) << 32, 1000, 0); /* a round of a far incarnation */
    view_beacon(&v, 6, 1, 1, UINT64_C(1) << 60, 0);       /* from beyond the moon */
    view_beacon(&v, 9, 1, 1, 1000, 0);                    /* of no neighbour */
    assert_true(ulid_is_zero(&v.tree.root));
    view_deinit(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(while_no_root_is_known_all_links_are_eager),
        cmocka_unit_test(the_parent_is_where_the_root_is_nearest),
        cmocka_unit_test(a_hop_counts_beside_its_way),
        cmocka_unit_test(whoever_chose_this_peer_is_a_child),
        cmocka_unit_test(parents_form_no_ring),
        cmocka_unit_test(nobody_forgets_within_a_round_how_near_it_was),
        cmocka_unit_test(whoever_has_no_way_says_so_and_hangs_on_to_another),
        cmocka_unit_test(a_parent_without_a_way_is_left),
        cmocka_unit_test(a_delayed_beacon_moves_nothing),
        cmocka_unit_test(a_round_that_nobody_has_any_more_is_waited_for_no_longer),
        cmocka_unit_test(the_lowest_that_lives_is_the_root),
        cmocka_unit_test(the_heir_takes_over_with_the_next_term),
        cmocka_unit_test(a_higher_term_counts_more_than_a_lower_id),
        cmocka_unit_test(a_former_life_of_a_root_is_over),
        cmocka_unit_test(a_root_at_the_edge_names_one_in_the_middle),
        cmocka_unit_test(a_root_in_the_middle_stays),
        cmocka_unit_test(beacons_that_cannot_be_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
