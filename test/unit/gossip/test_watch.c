#include "gossip/watch.h"

#include "test.h"

static const struct ulid ann = {"ann"}, bob = {"bob"}, eve = {"eve"};

static void watches_are_made_kept_in_order_and_dropped(void **unused)
{
    (void)unused;
    struct watch_tree tree = {0};
    assert_null(watch_find(&tree, &bob));
    struct watch *b = watch_get(&tree, &bob);
    struct watch *a = watch_get(&tree, &ann);
    assert_ptr_equal(watch_get(&tree, &bob), b);
    assert_ptr_equal(watch_first(&tree), a);
    assert_ptr_equal(watch_next(a), b);
    watch_drop(&tree, a);
    assert_null(watch_find(&tree, &ann));
    watch_clear(&tree);
    assert_null(watch_first(&tree));
}

static void who_was_seated_keeps_what_it_said(void **unused)
{
    (void)unused;
    struct watch w = {.id = ann};
    const struct ulid two[] = {bob, eve};
    const struct ulid later[] = {eve, ann};
    watch_seat(&w, two, 2, &bob, KITH_SEC);
    assert_int_equal(w.seats_n, 1); /* oneself has no seat */
    watch_seat_of(&w, &eve)->says = SAYS_MISSING;
    watch_seat(&w, later, 2, &bob, 2 * KITH_SEC);
    assert_int_equal(w.seats_n, 2);
    assert_int_equal(watch_seat_of(&w, &eve)->says, SAYS_MISSING);
    assert_null(watch_seat_of(&w, &bob));
    w.missed = true;
    w.owed_us = KITH_SEC;
    watch_calm(&w); /* it answers this peer, and eve may miss it all the same */
    assert_false(w.missed);
    assert_int_equal(w.owed_us, 0);
    assert_int_equal(watch_seat_of(&w, &eve)->says, SAYS_MISSING);
    watch_hush(&w);
    assert_int_equal(watch_seat_of(&w, &eve)->says, SAYS_NOTHING);
}

static void patience_follows_the_shortest_round_trips(void **unused)
{
    (void)unused;
    struct watch w = {0};
    assert_int_equal(watch_patience(&w, KITH_SEC), WATCH_PATIENCE_FIRST * KITH_SEC);
    for (int i = 0; i < 100; i++)
        watch_round_trip(&w,
                         i % 2 ? 100 * KITH_MS : 900 * KITH_MS); /* half of them were repeated */
    assert_in_range(watch_patience(&w, KITH_SEC), 1400 * KITH_MS, 1460 * KITH_MS);
    for (int i = 0; i < 1000; i++)
        watch_round_trip(&w, 900 * KITH_MS); /* it moved far away */
    assert_in_range(watch_patience(&w, KITH_SEC), 2700 * KITH_MS, 2800 * KITH_MS);
    watch_round_trip(&w, KITH_MS);
    assert_int_equal(watch_patience(&w, KITH_SEC), 1004 * KITH_MS);
}

static void late_answers_count_for_a_while(void **unused)
{
    (void)unused;
    struct watch w = {0};
    assert_false(watch_nonce_is_recent(&w, 0));
    for (uint64_t n = 1; n <= 20; n++)
        w.nonces[w.probes++ % WATCH_NONCES] = n;
    assert_true(watch_nonce_is_recent(&w, 20));
    assert_true(watch_nonce_is_recent(&w, 5));
    assert_false(watch_nonce_is_recent(&w, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(watches_are_made_kept_in_order_and_dropped),
        cmocka_unit_test(who_was_seated_keeps_what_it_said),
        cmocka_unit_test(patience_follows_the_shortest_round_trips),
        cmocka_unit_test(late_answers_count_for_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
