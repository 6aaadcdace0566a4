#include "world.h"

#include <string.h>

#include "test.h"

static struct world *shop(unsigned nodes)
{
    struct world *w = world_new(nodes);
    struct service_spec specs[] = {world_spec("redis", 1, NULL), world_spec("api", 3, "redis")};

    world_apply(w, 0, specs, 2);
    world_until(w, world_healthy(w, 0, "api") == 3, 5 * KITH_SEC);
    world_run(w, 5 * KITH_SEC);
    return w;
}

/* Never fewer than this many run healthy while the condition comes true. */
#define until_with_at_least(w, least, service, condition)                                          \
    do {                                                                                           \
        kith_time until_us = (w)->now_us + 60 * KITH_SEC;                                          \
        while (!(condition) && (w)->now_us < until_us) {                                           \
            world_step(w);                                                                         \
            assert_true(world_running(w, service) >= (least));                                     \
        }                                                                                          \
        assert_true(condition);                                                                    \
    } while (0)

static bool all_have(struct world *w, const char *service, const char *env)
{
    for (unsigned k = 0; k < w->nodes_n; k++) {
        for (struct process *p = w->nodes[k].processes; p; p = p->next) {
            if (p->running && strcmp(p->service, service) == 0 && !strstr(p->env, env))
                return false;
        }
    }
    return true;
}

static struct service_spec api_with(const char *mode)
{
    static struct pair env[2];
    struct service_spec spec = world_spec("api", 3, "redis");

    env[0] = spec.env[0];
    env[1] = (struct pair){.key = bytes_str("MODE"), .value = bytes_str(mode)};
    spec.env = env;
    spec.env_n = 2;
    return spec;
}

static void test_a_new_specification_is_rolled_out_one_at_a_time(void **state)
{
    (void)state;
    struct world *w = shop(3);
    struct service_spec spec = api_with("fast");

    world_apply(w, 1, &spec, 1);
    assert_true(world_done(w));
    until_with_at_least(w, 2, "api",
                        all_have(w, "api", "MODE=fast") && world_healthy(w, 0, "api") == 3);
    world_free(w);
}

static void test_what_does_not_change_the_process_does_not_restart_it(void **state)
{
    (void)state;
    struct world *w = shop(2);
    struct service_spec spec = world_spec("api", 3, "redis");
    size_t at = world_log_end(w);
    struct instance *i;

    spec.check.every_ms = 500;
    spec.stop.grace_ms = 1000;
    spec.count = 4;
    world_apply(w, 0, &spec, 1);
    world_until(w, world_healthy(w, 0, "api") == 4, 5 * KITH_SEC);
    assert_false(world_logged(w, "end", at));
    i = service_instances(world_service(w, 0, "api"));
    assert_true(ulid_equal(instance_spec(i), &world_service(w, 0, "api")->row.spec));
    world_free(w);
}

static void test_a_restart_goes_one_at_a_time(void **state)
{
    (void)state;
    struct world *w = shop(3);
    size_t at = world_log_end(w);

    world_change(w, 2, COMMAND_KIND_RESTART, "api", 0, false);
    until_with_at_least(w, 2, "api", world_logged(w, "start api 2", at));
    assert_true(world_logged(w, "start api 0", at) < world_logged(w, "end api 1", at));
    assert_true(world_logged(w, "start api 1", at) < world_logged(w, "end api 2", at));
    world_run(w, 5 * KITH_SEC);
    assert_int_equal(world_healthy(w, 0, "api"), 3);
    world_free(w);
}

static void test_a_slot_that_is_stuck_is_waited_for_and_passed(void **state)
{
    (void)state;
    struct world *w = shop(3);
    size_t at = world_log_end(w);

    world_trait(w, "api", TRAIT_SICK);
    world_change(w, 2, COMMAND_KIND_RESTART, "api", 0, false);
    world_run(w, 20 * KITH_SEC);
    assert_true(world_logged(w, "start api 0", at));
    assert_false(world_logged(w, "end api 1", at)); /* slot 0 does not get healthy */
    world_until(w, world_logged(w, "start api 2", at), 120 * KITH_SEC);
    world_free(w);
}

static void test_endpoints_that_are_absent_for_a_moment_change_nothing(void **state)
{
    (void)state;
    struct world *w = shop(2);
    size_t at;

    at = world_log_end(w);
    world_trait(w, "redis", TRAIT_SICK);
    world_until(w, world_healthy(w, 0, "redis") == 0, 10 * KITH_SEC);
    world_run(w, 10 * KITH_SEC);
    world_trait(w, "redis", 0);
    world_until(w, world_healthy(w, 0, "redis") == 1, 10 * KITH_SEC);
    world_run(w, 10 * KITH_SEC);
    assert_false(world_logged(w, "end", at));
    world_free(w);
}

static void with_on_change(enum on_change on_change, bool signalled)
{
    struct world *w = world_new(3);
    struct service_spec specs[] = {world_spec("redis", 1, NULL), world_spec("api", 3, "redis")};

    specs[1].on_change = on_change;
    world_apply(w, 0, specs, 2);
    world_until(w, world_healthy(w, 0, "api") == 3, 5 * KITH_SEC);
    world_run(w, 5 * KITH_SEC);
    unsigned victim = world_host_of(w, "redis");
    size_t at = world_log_end(w);

    world_kill(w, victim);
    world_until(w, world_healthy(w, (victim + 1) % 3, "redis") == 1, 5 * KITH_SEC);
    world_run(w, 10 * KITH_SEC);
    assert_false(world_logged(w, "end api", at));
    assert_int_equal(world_logged(w, "signal 1 api", at) != 0, signalled);
    world_free(w);
}

static void test_a_service_may_want_a_signal_instead_or_nothing(void **state)
{
    (void)state;
    with_on_change(ON_CHANGE_SIGNAL, true);
    with_on_change(ON_CHANGE_IGNORE, false);
}

static void test_users_of_many_start_once(void **state)
{
    (void)state;
    struct world *w = world_new(3);
    struct service_spec specs[] = {world_spec("db", 3, NULL), world_spec("api", 1, "db")};

    world_apply(w, 0, specs, 2);
    world_until(w, world_healthy(w, 0, "api") == 1, 5 * KITH_SEC);
    world_run(w, 10 * KITH_SEC);
    assert_false(world_logged(w, "end api", 0));
    /* one of three goes: its users follow when that has lasted */
    world_change(w, 0, COMMAND_KIND_SCALE, "db", 2, false);
    world_until(w, world_logged(w, "end api", 0), 10 * KITH_SEC);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_specification_is_rolled_out_one_at_a_time),
        cmocka_unit_test(test_what_does_not_change_the_process_does_not_restart_it),
        cmocka_unit_test(test_a_restart_goes_one_at_a_time),
        cmocka_unit_test(test_a_slot_that_is_stuck_is_waited_for_and_passed),
        cmocka_unit_test(test_endpoints_that_are_absent_for_a_moment_change_nothing),
        cmocka_unit_test(test_a_service_may_want_a_signal_instead_or_nothing),
        cmocka_unit_test(test_users_of_many_start_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
