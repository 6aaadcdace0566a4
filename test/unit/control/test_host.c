#include "world.h"

#include <string.h>

#include "test.h"

static uint32_t pid_of(struct world *w, unsigned node, const char *service)
{
    for (struct process *p = w->nodes[node].processes; p; p = p->next) {
        if (p->running && strcmp(p->service, service) == 0)
            return p->pid;
    }
    return 0;
}

static void test_a_restarted_daemon_takes_up_what_it_left_running(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct service_spec specs[] = {world_spec("redis", 1, NULL), world_spec("api", 2, "redis")};

    world_apply(w, 0, specs, 2);
    world_until(w, world_healthy(w, 0, "api") == 2, 5 * KITH_SEC);
    uint32_t pid = pid_of(w, 0, "redis");
    size_t at = world_log_end(w);

    world_crash(w, 0);
    world_run(w, 20 * KITH_SEC);
    world_restart(w, 0);
    assert_int_equal(world_healthy(w, 0, "api"), 2); /* as it was, until checks say otherwise */
    world_run(w, 20 * KITH_SEC);
    assert_int_equal(world_healthy(w, 0, "api"), 2);
    assert_int_equal(pid_of(w, 0, "redis"), pid);
    assert_false(world_logged(w, "start", at));
    assert_false(world_logged(w, "end", at));
    world_free(w);
}

static void test_what_ended_meanwhile_is_started_again(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct service_spec spec = world_spec("redis", 1, NULL);
    struct instance *i;

    world_apply(w, 0, &spec, 1);
    world_until(w, world_healthy(w, 0, "redis") == 1, 5 * KITH_SEC);
    world_crash(w, 0);
    shell_exit(&w->nodes[0], w->nodes[0].processes, 3);
    world_run(w, KITH_SEC);
    world_restart(w, 0);
    i = service_instances(world_service(w, 0, "redis"));
    assert_int_equal(world_says(w, i)->exit_status, 3);
    assert_int_equal(world_says(w, i)->restarts, 1);
    world_until(w, world_healthy(w, 0, "redis") == 1, 5 * KITH_SEC);
    world_free(w);
}

static void test_a_host_that_boots_alone_runs_what_it_last_ran(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct service_spec specs[] = {world_spec("redis", 1, NULL), world_spec("api", 1, "redis")};

    world_apply(w, 0, specs, 2);
    world_until(w, world_healthy(w, 0, "api") == 1, 5 * KITH_SEC);
    world_crash(w, 0);
    world_run(w, KITH_SEC);
    size_t at = world_log_end(w);

    world_restart_empty(w, 0); /* the machine was rebooted */
    world_until(w, world_healthy(w, 0, "api") == 1, 10 * KITH_SEC);
    assert_true(world_logged(w, "start redis", at) < world_logged(w, "start api", at));
    /* which is no failure of theirs */
    assert_int_equal(world_says(w, service_instances(world_service(w, 0, "redis")))->restarts, 0);
    world_free(w);
}

static void test_what_needs_a_host_that_is_away_waits_and_says_so(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct service_spec specs[] = {world_spec("redis", 1, NULL), world_spec("api", 2, "redis")};

    world_apply(w, 0, specs, 2);
    world_until(w, world_healthy(w, 0, "api") == 2 && world_healthy(w, 1, "api") == 2,
                5 * KITH_SEC);
    unsigned redis = world_host_of(w, "redis");

    world_crash(w, redis);
    world_crash(w, 1 - redis);
    world_restart_empty(w,
                        1 - redis); /* its row of the other host still says that redis is healthy */
    world_dead(w, redis, 1 - redis);
    world_run(w, KITH_SEC);
    assert_int_equal(world_running_on(w, 1 - redis, "api"), 0);
    /* but it takes over, being alone */
    world_until(w, world_healthy(w, 1 - redis, "api") == 2, 10 * KITH_SEC);
    world_free(w);
}

static void test_a_stranger_is_killed_and_cleaned_away(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct service_spec spec = world_spec("redis", 1, NULL);

    world_apply(w, 0, &spec, 1);
    world_until(w, world_healthy(w, 0, "redis") == 1, 5 * KITH_SEC);
    world_crash(w, 0);
    w->nodes[0].processes->instance.b[15] ^= 1;
    world_restart(w, 0);
    world_run(w, 10 * KITH_MS);
    assert_true(world_logged(w, "signal 9 redis", 0));
    assert_null(w->nodes[0].processes);
    world_until(w, world_healthy(w, 0, "redis") == 1, 5 * KITH_SEC);

    world_crash(w, 0);
    w->nodes[0].processes->instance.b[15] ^= 1;
    w->nodes[0].processes->running = false;
    world_restart(w, 0);
    assert_null(w->nodes[0].processes);
    world_free(w);
}

static void test_the_host_has_the_last_word(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct service_spec small = world_spec("small", 1, NULL);
    struct service_spec big = world_spec("big", 2, NULL);

    small.resources.memory_bytes = 300;
    big.resources.memory_bytes = 800;
    world_apply(w, 0, &small, 1);
    world_until(w, world_healthy(w, 0, "small") == 1, 5 * KITH_SEC);
    world_apply(w, 0, &big, 1);
    world_run(w, 5 * KITH_SEC);
    /* only one host has 800 left, and none has twice */
    assert_int_equal(world_running(w, "big"), 1);
    assert_int_not_equal(world_host_of(w, "big"), world_host_of(w, "small"));
    world_change(w, 0, COMMAND_KIND_STOP, "small", 0, false);
    world_until(w, world_healthy(w, 0, "big") == 2, 10 * KITH_SEC);
    world_free(w);
}

static void test_a_host_with_less_than_it_said_refuses_and_is_avoided(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct service_spec spec = world_spec("big", 1, NULL);

    spec.resources.memory_bytes = 800;
    w->nodes[0].control->capacity.memory_bytes = 100;
    world_apply(w, 0, &spec, 1);
    world_until(w, world_healthy(w, 0, "big") == 1, 10 * KITH_SEC);
    assert_int_equal(world_host_of(w, "big"), 1);
    world_change(w, 0, COMMAND_KIND_STOP, "big", 0, false);
    world_until(w, world_running(w, "big") == 0, 10 * KITH_SEC);
    world_run(w, 100 * KITH_MS);
    w->nodes[1].control->capacity.memory_bytes = 100; /* it has not when it is started again */
    w->nodes[0].control->capacity.memory_bytes = 1000;
    world_change(w, 0, COMMAND_KIND_START, "big", 0, false);
    world_until(w, world_healthy(w, 0, "big") == 1, 10 * KITH_SEC);
    assert_int_equal(world_host_of(w, "big"), 0);
    spec.resources.memory_bytes = 0;
    spec.resources.cpu_millis = 1500;
    spec.name = bytes_str("busy");
    spec.count = 2;
    w->nodes[0].control->capacity.cpu_millis = 1000;
    world_apply(w, 0, &spec, 1);
    world_run(w, 5 * KITH_SEC);
    assert_int_equal(world_running(w, "busy"), 1);
    world_free(w);
}

static uint32_t local_count(struct world *w)
{
    struct local *i;
    uint32_t count = 0;

    TREE_FOREACH_FROM(i, local_tree, locals_first(&w->nodes[0].control->locals))
    count++;
    return count;
}

static void test_ended_instances_are_shown_for_a_while(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct service_spec spec = world_spec("redis", 2, NULL);

    world_apply(w, 0, &spec, 1);
    world_until(w, world_healthy(w, 0, "redis") == 2, 5 * KITH_SEC);
    world_change(w, 0, COMMAND_KIND_SCALE, "redis", 1, false);
    world_run(w, 5 * KITH_SEC);
    assert_int_equal(local_count(w), 2);
    world_run(w, 60 * KITH_SEC);
    assert_int_equal(local_count(w), 1);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_restarted_daemon_takes_up_what_it_left_running),
        cmocka_unit_test(test_what_ended_meanwhile_is_started_again),
        cmocka_unit_test(test_a_host_that_boots_alone_runs_what_it_last_ran),
        cmocka_unit_test(test_what_needs_a_host_that_is_away_waits_and_says_so),
        cmocka_unit_test(test_a_stranger_is_killed_and_cleaned_away),
        cmocka_unit_test(test_the_host_has_the_last_word),
        cmocka_unit_test(test_a_host_with_less_than_it_said_refuses_and_is_avoided),
        cmocka_unit_test(test_ended_instances_are_shown_for_a_while),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
