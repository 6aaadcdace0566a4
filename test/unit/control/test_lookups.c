#include "control/lookups.h"

#include "world.h"

#include "test.h"

#include <stdio.h>

/* Every peer tells its own host, of each change, and the endpoint on the own host first. */
static void changes_are_told_on_every_host(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct service_spec specs[] = {world_spec("api", 2, NULL)};

    assert_true(world_logged(w, "all told@a", 0) > 0);
    world_apply(w, 0, specs, 1);
    world_until(w, world_healthy(w, 0, "api") == 2 && world_healthy(w, 1, "api") == 2,
                5 * KITH_SEC);
    world_pass(w, LOOKUPS_GATHER);
    assert_true(world_logged(w, "told api 0@a", 0) > 0);
    assert_true(world_logged(w, "told api 2@a", 0) > 0);
    assert_true(world_logged(w, "told api 2@b", 0) > 0);
    size_t end = world_logged(w, "told api 2@b", 0);

    assert_true(world_logged(w, "nearest api b@b", end) > 0);
    assert_true(world_logged(w, "nearest api a@a", 0) > 0);
    world_free(w);
}

/* One change in a quiet time is told at once, many are told together. */
static void changes_that_follow_on_one_another_are_told_together(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct service_spec specs[] = {world_spec("api", 1, NULL)};

    world_apply(w, 0, specs, 1);
    world_until(w, world_healthy(w, 0, "api") == 1, 5 * KITH_SEC);
    world_pass(w, 2 * LOOKUPS_GATHER);
    size_t before = world_log_end(w);

    world_change(w, 0, COMMAND_KIND_SCALE, "api", 4, false);
    world_until(w, world_healthy(w, 0, "api") == 4, 5 * KITH_SEC);
    world_pass(w, LOOKUPS_GATHER);
    size_t told = world_logged(w, "told api 4@a", before);

    assert_true(told > 0);
    assert_int_equal(world_logged(w, "told api 4@a", told), 0);
    world_free(w);
}

static void endpoints_of_a_dead_host_go_at_once(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct service_spec specs[] = {world_spec("api", 2, NULL)};

    world_apply(w, 0, specs, 1);
    world_until(w, world_healthy(w, 0, "api") == 2, 5 * KITH_SEC);
    size_t before = world_log_end(w);

    world_kill(w, 1);
    world_until(w, world_logged(w, "told api 1@a", before) > 0, 1 * KITH_SEC);
    world_free(w);
}

static void a_removed_service_is_told_gone(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct service_spec specs[] = {world_spec("api", 1, NULL)};

    world_apply(w, 0, specs, 1);
    world_until(w, world_healthy(w, 0, "api") == 1, 5 * KITH_SEC);
    world_change(w, 0, COMMAND_KIND_RM, "api", 0, false);
    world_until(w, world_logged(w, "told api gone@a", 0) > 0, 30 * KITH_SEC);
    world_free(w);
}

static void a_restart_tells_all_from_what_was_stored(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct service_spec specs[] = {world_spec("api", 1, NULL), world_spec("web", 1, NULL)};

    world_apply(w, 0, specs, 2);
    world_until(w, world_healthy(w, 0, "web") == 1 && world_healthy(w, 0, "api") == 1,
                5 * KITH_SEC);
    world_crash(w, 0);
    size_t before = world_log_end(w);

    world_restart(w, 0);
    world_run(w, 10 * KITH_MS);
    assert_true(world_logged(w, "telling anew@a", before) > 0);
    assert_true(world_logged(w, "told api 1@a", before) > 0);
    assert_true(world_logged(w, "told web 1@a", before) > 0);
    assert_true(world_logged(w, "all told@a", before) > 0);
    world_free(w);
}

/* The host could not write: after a while everything is told again, from the start. */
static void what_failed_is_told_anew(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct service_spec specs[] = {world_spec("api", 1, NULL)};

    world_apply(w, 0, specs, 1);
    world_until(w, world_healthy(w, 0, "api") == 1, 5 * KITH_SEC);
    world_run(w, 100 * KITH_MS);
    size_t before = world_log_end(w);
    struct turn t = {.now_us = w->now_us};

    control_lookup_failed(w->nodes[0].control, &t);
    world_until(w, world_logged(w, "telling anew@a", before) > 0, 2 * LOOKUPS_RETRY);
    assert_true(w->now_us >= t.now_us + LOOKUPS_RETRY);
    assert_true(world_logged(w, "told api 1@a", before) > 0);
    assert_true(world_logged(w, "all told@a", before) > 0);
    world_free(w);
}

/* A large registry is told in several steps, and shown when the last is done. */
static void many_names_are_told_in_batches(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct control *c = w->nodes[0].control;
    struct effects out = {0};
    struct turn t = {.now_us = w->now_us, .out = &out};
    char name[16];

    control_lookup_failed(c, &t);
    t.now_us += LOOKUPS_RETRY;
    for (unsigned k = 0; k < LOOKUPS_BATCH + 5; k++) {
        snprintf(name, sizeof(name), "s%u", k);
        lookups_touch(&c->lookups, bytes_str(name));
    }
    control_tell(c, &t);
    assert_int_equal(out.count, 1);
    assert_int_equal(out.items[0].lookup.services_n, LOOKUPS_BATCH);
    assert_true(out.items[0].lookup.anew);
    assert_false(out.items[0].lookup.whole);
    assert_true(lookups_deadline(&c->lookups) <= t.now_us);
    control_tell(c, &t);
    assert_int_equal(out.items[1].lookup.services_n, 5);
    assert_false(out.items[1].lookup.anew);
    assert_true(out.items[1].lookup.whole);
    assert_true(lookups_deadline(&c->lookups) == KITH_NEVER);
    control_tell(c, &t);
    assert_int_equal(out.count, 2);
    effects_deinit(&out);
    world_free(w);
}

static void members_are_told_of_as_they_come_and_go(void **state)
{
    (void)state;
    struct world *w = world_new(2);

    world_pass(w, 2 * LOOKUPS_GATHER);
    assert_true(world_logged(w, "member a alive@a", 0) > 0);
    assert_true(world_logged(w, "member b alive@a", 0) > 0);
    size_t before = world_log_end(w);

    world_kill(w, 1);
    world_until(w, world_logged(w, "member b dead@a", before) > 0, 1 * KITH_SEC);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_are_told_on_every_host),
        cmocka_unit_test(changes_that_follow_on_one_another_are_told_together),
        cmocka_unit_test(endpoints_of_a_dead_host_go_at_once),
        cmocka_unit_test(a_removed_service_is_told_gone),
        cmocka_unit_test(a_restart_tells_all_from_what_was_stored),
        cmocka_unit_test(what_failed_is_told_anew),
        cmocka_unit_test(many_names_are_told_in_batches),
        cmocka_unit_test(members_are_told_of_as_they_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
