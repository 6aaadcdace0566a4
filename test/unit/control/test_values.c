#include "control/values.h"

#include "world.h"

#include "test.h"

#include <string.h>

static void test_variables_are_resolved_and_text_is_left(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct service_spec spec = world_spec("redis", 2, NULL);
    struct arena mem = {0};
    const struct bound_port port = {.name = bytes_str("http"), .port = 8080};
    struct values v = {.catalog = &w->nodes[0].control->catalog,
                       .addr = bytes_str("10.0.0.1"),
                       .ports = &port,
                       .ports_n = 1,
                       .slot = slot_ordinal(3)};

    world_apply(w, 0, &spec, 1);
    world_until(w, world_healthy(w, 0, "redis") == 2, 5 * KITH_SEC);
#define resolves(text, result)                                                                     \
    assert_string_equal(arena_str(&mem, values_resolve(&v, bytes_str(text), &mem)), result)
    resolves("", "");
    resolves("plain", "plain");
    resolves("${addr}:${port.http}", "10.0.0.1:8080");
    resolves("slot ${slot} of ${instance}.", "slot 3 of 00000000000000000000000000.");
    resolves("${data}/x ${other} $HOME ${open", "${data}/x ${other} $HOME ${open");
    resolves("[${port.none}${endpoint.none}]", "[]");
#undef resolves
    /* in order of slot, whichever host has which */
    const char *redis = arena_str(&mem, values_resolve(&v, bytes_str("${endpoint.redis}"), &mem));
    assert_true(strcmp(redis, "127.0.0.1:20000,127.0.0.2:20000") == 0 ||
                strcmp(redis, "127.0.0.2:20000,127.0.0.1:20000") == 0);
    arena_deinit(&mem);
    world_free(w);
}

static void test_the_hash_stands_for_the_endpoints_alone(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct service_spec redis = world_spec("redis", 1, NULL), api = world_spec("api", 1, "redis");
    struct catalog *a = &w->nodes[0].control->catalog, *b = &w->nodes[1].control->catalog;
    kith_time at_us = KITH_NEVER;
    uint64_t before;

    assert_int_equal(values_hash(a, &redis), 0);
    before = values_hash(a, &api);
    assert_false(values_settled(a, &api, w->now_us, &at_us));
    world_apply(w, 0, &redis, 1);
    world_until(w, world_healthy(w, 0, "redis") == 1 && world_healthy(w, 1, "redis") == 1,
                5 * KITH_SEC);
    assert_true(values_hash(a, &api) != before);
    assert_true(values_hash(a, &api) == values_hash(b, &api)); /* on every host */
    assert_true(values_settled(a, &api, w->now_us, &at_us));
    /* half of what is wanted is relied on only after a while */
    world_trait(w, "redis", TRAIT_BROKEN);
    world_change(w, 0, COMMAND_KIND_SCALE, "redis", 2, false);
    world_run(w, 10 * KITH_SEC);
    const struct service *s = catalog_find(a, bytes_str("redis"));

    at_us = KITH_NEVER;
    assert_false(values_settled(a, &api, s->healthy_changed_us + SERVICE_SETTLE - 1, &at_us));
    assert_true(at_us == s->healthy_changed_us + SERVICE_SETTLE);
    assert_true(values_settled(a, &api, at_us, &at_us));
    world_free(w);
}

static void test_what_is_only_wanted_does_not_hold_up_the_rest(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct service_spec specs[] = {world_spec("redis", 1, NULL), world_spec("cache", 1, NULL)};
    struct service_spec api = world_spec("api", 1, "redis");
    const struct bytes wants = bytes_str("cache");
    struct pair env[] = {api.env[0],
                         {.key = bytes_str("CACHE"), .value = bytes_str("${endpoint.cache}")}};
    struct catalog *c = &w->nodes[0].control->catalog;
    kith_time at_us = KITH_NEVER;

    api.wants = &wants;
    api.wants_n = 1;
    api.env = env;
    api.env_n = 2;
    world_apply(w, 0, specs, 1);
    world_until(w, world_healthy(w, 0, "redis") == 1, 5 * KITH_SEC);
    assert_true(values_settled(c, &api, w->now_us, &at_us)); /* there is no cache */
    world_trait(w, "cache", TRAIT_SICK);
    world_apply(w, 0, &specs[1], 1);
    world_run(w, 10 * KITH_SEC);
    const struct service *cache = catalog_find(c, bytes_str("cache"));

    at_us = KITH_NEVER;
    assert_true(values_settled(c, &api, cache->healthy_changed_us + VALUES_ABSENT, &at_us));
    assert_false(values_settled(c, &api, cache->healthy_changed_us + VALUES_ABSENT - 1, &at_us));
    assert_true(at_us == cache->healthy_changed_us + VALUES_ABSENT);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_variables_are_resolved_and_text_is_left),
        cmocka_unit_test(test_the_hash_stands_for_the_endpoints_alone),
        cmocka_unit_test(test_what_is_only_wanted_does_not_hold_up_the_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
