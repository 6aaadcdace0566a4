#include "world.h"

#include "test.h"

static void test_a_crashing_process_backs_off_and_fails(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct service_spec spec = world_spec("redis", 1, NULL);
    const struct instance *i;

    world_trait(w, "redis", TRAIT_CRASHES);
    world_apply(w, 0, &spec, 1);
    world_run(w, 3 * KITH_SEC);
    /* once, and three restarts after 100, 200 and 200 ms */
    size_t at = 0;

    for (unsigned k = 0; k < 4; k++) {
        at = world_logged(w, "end redis", at);
        assert_int_not_equal(at, 0);
    }
    assert_false(world_logged(w, "end redis", at));
    i = service_instances(world_service(w, 0, "redis"));
    assert_int_equal(i->state, INSTANCE_STATE_FAILED);
    assert_int_equal(world_says(w, i)->exit_status, 7);
    assert_int_equal(world_says(w, i)->restarts, 3);
    assert_null(w->nodes[0].processes); /* cleaned up after */

    /* a person's restart gives it another chance */
    world_trait(w, "redis", 0);
    world_change(w, 0, COMMAND_KIND_RESTART, "redis", 0, false);
    world_until(w, world_healthy(w, 0, "redis") == 1, 2 * KITH_SEC);
    world_free(w);
}

static void test_a_failed_one_is_tried_on_another_host(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct service_spec spec = world_spec("redis", 1, NULL);

    world_trait(w, "redis", TRAIT_CRASHES);
    world_apply(w, 0, &spec, 1);
    world_run(w, 5 * KITH_SEC);
    assert_true(world_logged(w, "start redis 0@a", 0));
    assert_true(world_logged(w, "start redis 0@b", 0));
    size_t at = world_log_end(w);

    world_trait(w, "redis", 0);
    world_run(w, 30 * KITH_SEC); /* both are avoided for a while, no storm */
    assert_false(world_logged(w, "start", at));
    world_until(w, world_healthy(w, 0, "redis") == 1, 60 * KITH_SEC);
    world_free(w);
}

static void test_what_cannot_be_started_says_why(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct service_spec spec = world_spec("redis", 1, NULL);
    const struct instance *i;

    world_trait(w, "redis", TRAIT_BROKEN);
    world_apply(w, 0, &spec, 1);
    world_run(w, 50 * KITH_MS);
    i = service_instances(world_service(w, 0, "redis"));
    assert_int_equal(i->state, INSTANCE_STATE_PENDING);
    assert_true(bytes_equal_str(world_says(w, i)->reason,
                                "could not be started: no such program; starts again in 100 ms"));
    world_free(w);
}

static void test_a_deaf_process_is_killed_after_its_grace(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct service_spec spec = world_spec("redis", 1, NULL);

    world_trait(w, "redis", TRAIT_DEAF);
    world_apply(w, 0, &spec, 1);
    world_until(w, world_healthy(w, 0, "redis") == 1, 2 * KITH_SEC);
    world_change(w, 0, COMMAND_KIND_STOP, "redis", 0, false);
    kith_time told_us = w->now_us;

    world_until(w, world_running(w, "redis") == 0, 10 * KITH_SEC);
    assert_true(w->now_us >= told_us + 2 * KITH_SEC && w->now_us < told_us + 3 * KITH_SEC);
    assert_true(world_logged(w, "signal 15 redis", 0) < world_logged(w, "signal 9 redis", 0));
    world_free(w);
}

static void test_failing_checks_take_it_out_and_passing_ones_bring_it_back(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct service_spec spec = world_spec("redis", 1, NULL);

    world_apply(w, 0, &spec, 1);
    world_until(w, world_healthy(w, 0, "redis") == 1, 2 * KITH_SEC);
    world_trait(w, "redis", TRAIT_SICK);
    world_until(w, world_healthy(w, 0, "redis") == 0, 5 * KITH_SEC);
    assert_int_equal(world_running(w, "redis"), 1); /* it is left running */
    world_trait(w, "redis", 0);
    world_until(w, world_healthy(w, 0, "redis") == 1, 5 * KITH_SEC);
    world_free(w);
}

static void test_a_port_that_others_have_is_not_given(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct service_spec spec = world_spec("redis", 1, NULL);

    w->taken_port = 20000;
    world_apply(w, 0, &spec, 1);
    world_until(w, world_healthy(w, 0, "redis") == 1, 2 * KITH_SEC);
    assert_int_equal(w->nodes[0].processes->ports[0].port, 20001);
    world_free(w);
}

static void test_a_fixed_port_that_others_have_is_a_refusal(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct port_spec fixed = {.name = bytes_str("p"), .port = 6379};
    struct service_spec spec = world_spec("redis", 1, NULL);
    struct service_spec second = world_spec("cache", 1, NULL);

    spec.ports = second.ports = &fixed;
    w->taken_port = 6379;
    world_apply(w, 0, &spec, 1);
    world_run(w, KITH_SEC);
    assert_int_equal(world_running(w, "redis"), 0);
    w->taken_port = 0;
    world_until(w, world_healthy(w, 0, "redis") == 1, 30 * KITH_SEC);
    assert_int_equal(w->nodes[0].processes->ports[0].port, 6379);
    /* nor do two services share it */
    world_apply(w, 0, &second, 1);
    world_run(w, 5 * KITH_SEC);
    assert_int_equal(world_running(w, "cache"), 0);
    world_free(w);
}

static void test_without_a_check_it_is_healthy_while_it_runs(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct service_spec spec = world_spec("batch", 1, NULL);

    spec.check = (struct check_spec){0};
    spec.ports_n = 0;
    spec.argv_n = 1;
    world_apply(w, 0, &spec, 1);
    world_until(w, world_healthy(w, 0, "batch") == 1, KITH_SEC);
    assert_int_equal(w->nodes[0].processes->ports_n, 0);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_crashing_process_backs_off_and_fails),
        cmocka_unit_test(test_a_failed_one_is_tried_on_another_host),
        cmocka_unit_test(test_what_cannot_be_started_says_why),
        cmocka_unit_test(test_a_deaf_process_is_killed_after_its_grace),
        cmocka_unit_test(test_failing_checks_take_it_out_and_passing_ones_bring_it_back),
        cmocka_unit_test(test_a_port_that_others_have_is_not_given),
        cmocka_unit_test(test_a_fixed_port_that_others_have_is_a_refusal),
        cmocka_unit_test(test_without_a_check_it_is_healthy_while_it_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
