#include "world.h"

#include "base/mem.h"

#include <string.h>

#include "test.h"

static void apply_shop(struct world *w)
{
    struct service_spec specs[] = {
        world_spec("redis", 1, NULL),
        world_spec("api", 3, "redis"),
        world_spec("web", 1, "api"),
    };

    world_apply(w, 0, specs, 3);
    assert_true(world_done(w));
}

static bool shop_is_up(struct world *w, unsigned seen_by)
{
    return world_healthy(w, seen_by, "redis") == 1 && world_healthy(w, seen_by, "api") == 3 &&
           world_healthy(w, seen_by, "web") == 1;
}

static void test_a_shop_starts_in_the_order_of_its_needs(void **state)
{
    (void)state;
    struct world *w = world_new(3);

    apply_shop(w);
    world_until(w, shop_is_up(w, 2), 5 * KITH_SEC);
    /* redis first, then the api on three hosts, then the web */
    assert_true(world_logged(w, "start redis", 0) < world_logged(w, "start api 0", 0));
    for (unsigned k = 0; k < 3; k++)
        assert_int_equal(world_running_on(w, k, "api"), 1);
    assert_true(world_logged(w, "start api 2", 0) < world_logged(w, "start web", 0));
    /* nobody was started twice because not all of the api was there at once */
    assert_false(world_logged(w, "end", 0));
    assert_true(strstr(world_env(w, "api"), "NEED=127.0.0.") != NULL);
    assert_non_null(strchr(world_env(w, "web"), ','));
    world_run(w, KITH_SEC);
    assert_true(world_agree(w));
    world_free(w);
}

static void test_a_dead_host_is_replaced_within_two_seconds(void **state)
{
    (void)state;
    struct world *w = world_new(3);

    apply_shop(w);
    world_until(w, shop_is_up(w, 0), 5 * KITH_SEC);
    world_run(w, 10 * KITH_SEC);

    unsigned victim = world_host_of(w, "redis");
    unsigned survivor = (victim + 1) % 3;
    char *old_env = mem_str(world_env(w, "api"));
    kith_time killed_us = w->now_us;
    size_t at = world_log_end(w);

    world_kill(w, victim);
    world_until(w, shop_is_up(w, survivor) && strcmp(world_env(w, "api"), old_env) != 0,
                2 * KITH_SEC);
    assert_true(w->now_us - killed_us < 2 * KITH_SEC);
    /* the survivors' api instances were restarted one after the other */
    size_t end1 = world_logged(w, "end api", at);
    size_t end2 = world_logged(w, "end api", end1);

    assert_true(end1 && end2);
    assert_true(world_logged(w, "start api", end1) < end2);
    world_until(w, strstr(world_env(w, "api"), old_env) == NULL, KITH_SEC);
    mem_free(old_env);
    world_free(w);
}

static void test_nothing_moves_when_a_dead_host_comes_back(void **state)
{
    (void)state;
    struct world *w = world_new(3);

    apply_shop(w);
    world_until(w, shop_is_up(w, 0), 5 * KITH_SEC);
    world_run(w, 5 * KITH_SEC);
    unsigned victim = world_host_of(w, "redis");
    unsigned survivor = (victim + 1) % 3;

    world_kill(w, victim);
    world_until(w, shop_is_up(w, survivor), 5 * KITH_SEC);
    world_run(w, 15 * KITH_SEC); /* all values have settled */
    size_t at = world_log_end(w);

    world_restart(w, victim);
    world_run(w, 20 * KITH_SEC);
    assert_true(shop_is_up(w, victim));
    assert_false(world_logged(w, "start", at));
    assert_false(world_logged(w, "end", at));
    assert_int_equal(world_running_on(w, victim, NULL), 0);
    world_free(w);
}

/* Three hosts, and as many instances of redis on them, all healthy. */
static struct world *three_with_redis(uint32_t instances)
{
    struct world *w = world_new(3);
    struct service_spec spec = world_spec("redis", instances, NULL);

    world_apply(w, 0, &spec, 1);
    world_until(w, world_healthy(w, 0, "redis") == instances, 5 * KITH_SEC);
    return w;
}

static bool has_rows(struct world *w, enum table_id table)
{
    struct bytes all = {0};
    bool has = false;

    for (unsigned k = 0; k < 3; k++)
        has = has || state_first(w->nodes[k].state, table, all);
    return has;
}

static void test_a_partition_runs_both_sides_and_heals_to_one(void **state)
{
    (void)state;
    struct world *w = three_with_redis(2);

    world_run(w, 5 * KITH_SEC);
    world_isolate(w, 0);
    world_until(w, world_healthy(w, 0, "redis") == 2 && world_healthy(w, 1, "redis") == 2,
                10 * KITH_SEC);
    assert_true(world_running(w, "redis") > 2);

    for (unsigned k = 0; k < 3; k++)
        world_revive(w, k);
    world_heal(w, 0, 1);
    world_heal(w, 0, 2);
    world_until(w, world_running(w, "redis") == 2, 10 * KITH_SEC);
    world_run(w, 10 * KITH_SEC);
    assert_int_equal(world_running(w, "redis"), 2);
    assert_true(world_agree(w));
    world_free(w);
}

/* Cuts the last of three off, until each side has taken the other for dead. */
static void cut_last(struct world *w)
{
    world_cut(w, 2, 0);
    world_cut(w, 2, 1);
    world_run(w, 15 * KITH_SEC);
}

static void heal_last(struct world *w)
{
    for (unsigned k = 0; k < 3; k++)
        world_revive(w, k);
    world_heal(w, 2, 0);
    world_heal(w, 2, 1);
    world_run(w, 30 * KITH_SEC);
    assert_true(world_agree(w));
}

static void test_what_was_removed_meanwhile_stops_where_it_was_placed_anew(void **state)
{
    (void)state;
    struct world *w = three_with_redis(3);

    cut_last(w);
    assert_int_equal(world_running_on(w, 2, "redis"), 3); /* with higher epochs */
    world_change(w, 0, COMMAND_KIND_RM, "redis", 0, false);
    world_until(w, !world_service(w, 0, "redis"), 20 * KITH_SEC);
    heal_last(w);

    assert_int_equal(world_running(w, "redis"), 0);
    assert_false(has_rows(w, TABLE_ID_PLACEMENT));
    assert_false(has_rows(w, TABLE_ID_INSTANCE));
    world_free(w);
}

static void test_a_new_specification_outlives_a_removal_that_did_not_know_it(void **state)
{
    (void)state;
    struct world *w = three_with_redis(1);
    struct service_spec again = world_spec("redis", 1, NULL);

    cut_last(w);
    world_change(w, 0, COMMAND_KIND_RM, "redis", 0, false);
    world_until(w, !world_service(w, 0, "redis"), 20 * KITH_SEC);
    again.stop.grace_ms = 777;
    world_apply(w, 2, &again, 1);
    heal_last(w);

    for (unsigned k = 0; k < 3; k++) {
        assert_int_equal(world_healthy(w, k, "redis"), 1); /* found by its name */
        const struct service_spec *spec =
            service_spec(&w->nodes[k].control->catalog, world_service(w, k, "redis"));

        assert_int_equal(spec->stop.grace_ms, 777);
    }
    assert_int_equal(world_running(w, "redis"), 1);
    world_free(w);
}

static void test_a_restart_does_not_bring_back_what_was_removed(void **state)
{
    (void)state;
    struct world *w = three_with_redis(1);

    cut_last(w);
    world_change(w, 0, COMMAND_KIND_RM, "redis", 0, false);
    world_until(w, !world_service(w, 0, "redis"), 20 * KITH_SEC);
    world_change(w, 2, COMMAND_KIND_RESTART, "redis", 0, false);
    world_change(w, 2, COMMAND_KIND_SCALE, "redis", 2, false);
    heal_last(w);

    assert_int_equal(world_running(w, "redis"), 0);
    assert_false(has_rows(w, TABLE_ID_SERVICE));
    assert_false(has_rows(w, TABLE_ID_COUNT));
    assert_false(has_rows(w, TABLE_ID_PLACEMENT));
    world_free(w);
}

/* A removal on one side deleted the specification; a later restart on the other side, and placements of a
 * higher epoch, survived it. */
static void test_what_has_lost_its_specification_stops_and_goes(void **state)
{
    (void)state;
    struct world *w = three_with_redis(3);
    struct bytes all = {0};

    const struct row *row = state_first(w->nodes[0].state, TABLE_ID_SPEC, all);
    assert_int_equal(state_delete(w->nodes[0].state, TABLE_ID_SPEC, row->key, /* major= */ 0),
                     STATE_DONE);
    world_run(w, 20 * KITH_SEC);

    assert_int_equal(world_running(w, "redis"), 0);
    assert_false(has_rows(w, TABLE_ID_SERVICE));
    assert_false(has_rows(w, TABLE_ID_PLACEMENT));
    assert_false(has_rows(w, TABLE_ID_INSTANCE));
    world_free(w);
}

static void test_leaving_hands_over_and_stops_in_order(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct service_spec specs[] = {world_spec("redis", 1, NULL), world_spec("api", 1, "redis")};

    world_apply(w, 0, specs, 2);
    world_until(w, world_healthy(w, 0, "api") == 1, 5 * KITH_SEC);
    world_run(w, 5 * KITH_SEC);
    unsigned leaver = world_host_of(w, "redis");

    world_leave(w, leaver);
    world_until(
        w, world_healthy(w, 1 - leaver, "api") == 1 && world_healthy(w, 1 - leaver, "redis") == 1,
        10 * KITH_SEC);
    assert_int_equal(world_running_on(w, leaver, NULL), 0);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_shop_starts_in_the_order_of_its_needs),
        cmocka_unit_test(test_a_dead_host_is_replaced_within_two_seconds),
        cmocka_unit_test(test_nothing_moves_when_a_dead_host_comes_back),
        cmocka_unit_test(test_a_partition_runs_both_sides_and_heals_to_one),
        cmocka_unit_test(test_what_was_removed_meanwhile_stops_where_it_was_placed_anew),
        cmocka_unit_test(test_a_new_specification_outlives_a_removal_that_did_not_know_it),
        cmocka_unit_test(test_a_restart_does_not_bring_back_what_was_removed),
        cmocka_unit_test(test_what_has_lost_its_specification_stops_and_goes),
        cmocka_unit_test(test_leaving_hands_over_and_stops_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
