#include "gossip/scout.h"
#include "test.h"
#include "view.h"

#define ONE 1

static const struct ulid *look(struct view *v, struct nearby *n, kith_time far_us)
{
    return scout_look(n, &v->core, &v->turn, &v->core.self, 1, far_us);
}

/* The further the higher the number, 100 ms each. */
static void init_on_a_line(struct view *v)
{
    view_init(v, ONE);
    view_place(v, ONE, 10000);
    for (unsigned i = 2; i <= VIEW_MEMBERS; i++)
        view_place(v, i, 100000 * (int64_t)i);
}

static void the_nearest_by_its_place_is_worth_a_ping(void **unused)
{
    (void)unused;
    struct view v;
    struct nearby n = {0};
    init_on_a_line(&v);
    const struct ulid *id = look(&v, &n, KITH_MIN);
    assert_non_null(id);
    assert_int_equal(id->b[15], 2);
    view_deinit(&v);
}

static void who_is_too_far_away_by_its_place_is_left_in_peace(void **unused)
{
    (void)unused;
    struct view v;
    struct nearby n = {0};
    init_on_a_line(&v);
    struct ulid heard_of = view_id(5);
    nearby_learn(&n, &heard_of, 0);
    assert_null(look(&v, &n, 50 * KITH_MS));
    assert_null(nearby_to_measure(&n, NULL, 0));
    view_deinit(&v);
}

static void without_places_whoever_was_heard_of_is_measured(void **unused)
{
    (void)unused;
    struct view v;
    struct nearby n = {0};
    struct ulid heard_of = view_id(5), dead = view_id(6);
    view_init(&v, ONE);
    assert_null(look(&v, &n, KITH_MIN));
    view_dies(&v, 6);
    nearby_learn(&n, &dead, 0);
    nearby_learn(&n, &heard_of, 0);
    const struct ulid *id = look(&v, &n, KITH_MIN);
    assert_non_null(id);
    assert_true(ulid_equal(id, &heard_of));
    view_deinit(&v);
}

static void what_the_detector_measured_costs_no_ping(void **unused)
{
    (void)unused;
    struct view v;
    struct nearby n = {0};
    struct ulid measured = view_id(3);
    view_init(&v, ONE);
    core_measured(&v.core, &measured, 7 * KITH_MS);
    assert_null(look(&v, &n, KITH_MIN));
    assert_true(nearby_knows(&n, &measured));
    assert_int_equal(nearby_best(&n, NULL, 0, 0)->rtt_us, 7 * KITH_MS);
    view_deinit(&v);
}

static void nearer_is_by_a_fifth_and_half_a_millisecond(void **unused)
{
    (void)unused;
    assert_true(scout_nearer(7900, 10000));
    assert_false(scout_nearer(8100, 10000));
    assert_false(scout_nearer(600, 1000));
    assert_false(scout_nearer(0, 10000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nearest_by_its_place_is_worth_a_ping),
        cmocka_unit_test(who_is_too_far_away_by_its_place_is_left_in_peace),
        cmocka_unit_test(without_places_whoever_was_heard_of_is_measured),
        cmocka_unit_test(what_the_detector_measured_costs_no_ping),
        cmocka_unit_test(nearer_is_by_a_fifth_and_half_a_millisecond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
