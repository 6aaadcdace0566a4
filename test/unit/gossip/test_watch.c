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
    watch_seat(&w, two, 2, &bob);
    assert_int_equal(w.seats_n, 1); /* oneself has no seat */
    watch_seat_of(&w, &eve)->says = SAYS_MISSING;
    watch_seat(&w, later, 2, &bob);
    assert_int_equal(w.seats_n, 2);
    assert_int_equal(watch_seat_of(&w, &eve)->says, SAYS_MISSING);
    assert_null(watch_seat_of(&w, &bob));
    w.misses = 2;
    watch_calm(&w);
    assert_int_equal(watch_seat_of(&w, &eve)->says, SAYS_NOTHING);
    assert_int_equal(w.misses, 0);
}

static void patience_follows_the_round_trips(void **unused)
{
    (void)unused;
    struct watch w = {0};
    assert_int_equal(watch_patience(&w, 500 * KITH_MS), 500 * KITH_MS);
    for (int i = 0; i < 100; i++)
        watch_round_trip(&w, 800 * KITH_MS);
    assert_in_range(watch_patience(&w, 500 * KITH_MS), 790 * KITH_MS, 830 * KITH_MS);
    watch_round_trip(&w, 1600 * KITH_MS);
    assert_true(watch_patience(&w, 500 * KITH_MS) > 1500 * KITH_MS);
    for (int i = 0; i < 200; i++)
        watch_round_trip(&w, KITH_MS);
    assert_int_equal(watch_patience(&w, 500 * KITH_MS), 500 * KITH_MS);
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
        cmocka_unit_test(patience_follows_the_round_trips),
        cmocka_unit_test(late_answers_count_for_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
