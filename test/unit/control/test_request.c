#include "world.h"

#include <stdio.h>
#include <string.h>

#include "test.h"

static struct world *shop(void)
{
    struct world *w = world_new(2);
    struct service_spec specs[] = {world_spec("redis", 1, NULL), world_spec("api", 2, "redis")};
    static const struct bytes tags[] = {{(const uint8_t *)"v1", 2}};
    static const struct bytes wants[] = {{(const uint8_t *)"cache", 5}};

    specs[1].tags = tags;
    specs[1].tags_n = 1;
    specs[1].wants = wants;
    specs[1].wants_n = 1;
    world_apply(w, 0, specs, 2);
    world_until(w, world_healthy(w, 0, "api") == 2 && world_healthy(w, 1, "api") == 2,
                5 * KITH_SEC);
    return w;
}

#define ask(w, node, kind, type, ...)                                                              \
    do {                                                                                           \
        struct type request_ = __VA_ARGS__;                                                        \
        struct buf payload_ = {0};                                                                 \
        type##_encode(&payload_, &request_);                                                       \
        world_request(w, node, kind, buf_bytes(&payload_));                                        \
        buf_deinit(&payload_);                                                                     \
    } while (0)

#define read_answer(w, type, ret, mem)                                                             \
    do {                                                                                           \
        struct wire_error err_;                                                                    \
        assert_int_equal(type##_decode(ret, buf_bytes(&(w)->reply), mem, &err_), 0);               \
    } while (0)

static void test_services_and_instances(void **state)
{
    (void)state;
    struct world *w = shop();
    struct arena mem = {0};
    struct services services;
    struct instances instances;

    ask(w, 1, WIRE_GET_SERVICES, get_services, {0});
    read_answer(w, services, &services, &mem);
    assert_int_equal(services.services_n, 2); /* by name */
    assert_true(bytes_equal_str(services.services[0].name, "api"));
    assert_int_equal(services.services[0].healthy, 2);
    assert_int_equal(services.services[0].problem.len, 0);
    assert_null(services.services[0].spec);
    assert_int_equal(services.services[0].coordinator_name.len, 1);
    ask(w, 1, WIRE_GET_SERVICES, get_services, {.service = bytes_str("redis")});
    read_answer(w, services, &services, &mem);
    assert_non_null(services.services[0].spec);
    assert_int_equal(services.services[0].registered, 0);
    ask(w, 1, WIRE_REGISTER_ENDPOINT, register_endpoint, {.service = bytes_str("mail")});
    ask(w, 1, WIRE_GET_SERVICES, get_services, {.service = bytes_str("mail")});
    read_answer(w, services, &services, &mem);
    assert_int_equal(services.services_n, 1);
    assert_true(bytes_equal_str(services.services[0].name, "mail"));
    assert_true(ulid_is_zero(&services.services[0].id));
    assert_int_equal(services.services[0].registered, 1);
    ask(w, 1, WIRE_GET_SERVICES, get_services, {.service = bytes_str("none")});
    assert_true(world_refused(w, "no service none"));

    ask(w, 1, WIRE_GET_INSTANCES, get_instances, {0});
    read_answer(w, instances, &instances, &mem);
    assert_int_equal(instances.instances_n, 3);
    ask(w, 1, WIRE_GET_INSTANCES, get_instances, {.service = bytes_str("api")});
    read_answer(w, instances, &instances, &mem);
    assert_int_equal(instances.instances_n, 2);
    assert_true(bytes_equal_str(instances.instances[0].slot, "0"));
    assert_true(instances.instances[0].healthy && instances.instances[0].pid);
    assert_int_equal(instances.instances[0].node_state, MEMBER_STATE_ALIVE);
    ask(w, 1, WIRE_GET_INSTANCES, get_instances, {.service = bytes_str("none")});
    assert_true(world_refused(w, "no service none"));

    /* those of a dead host only when asked for */
    unsigned gone = world_host_of(w, "redis");

    world_crash(w, gone);
    world_dead(w, gone, 1 - gone);
    ask(w, 1 - gone, WIRE_GET_INSTANCES, get_instances, {0});
    read_answer(w, instances, &instances, &mem);
    uint32_t few = instances.instances_n;

    ask(w, 1 - gone, WIRE_GET_INSTANCES, get_instances, {.all = true});
    read_answer(w, instances, &instances, &mem);
    assert_true(instances.instances_n > few);
    arena_deinit(&mem);
    world_free(w);
}

static void test_endpoints_are_the_healthy_ones(void **state)
{
    (void)state;
    struct world *w = shop();
    struct arena mem = {0};
    struct endpoints endpoints;

    ask(w, 0, WIRE_GET_ENDPOINTS, get_endpoints, {.service = bytes_str("api")});
    read_answer(w, endpoints, &endpoints, &mem);
    assert_int_equal(endpoints.endpoints_n, 2);
    assert_int_equal(endpoints.endpoints[0].tags_n, 1);
    assert_true(bytes_equal_str(endpoints.endpoints[0].port_name, "p"));
    assert_in_range(endpoints.endpoints[0].port, 20000, 20009);
    world_trait(w, "api", TRAIT_SICK);
    world_run(w, 10 * KITH_SEC);
    ask(w, 0, WIRE_GET_ENDPOINTS, get_endpoints, {.service = bytes_str("api")});
    read_answer(w, endpoints, &endpoints, &mem);
    assert_int_equal(endpoints.endpoints_n, 0);
    ask(w, 0, WIRE_GET_ENDPOINTS, get_endpoints, {.service = bytes_str("none")});
    assert_true(world_refused(w, "no service none"));
    arena_deinit(&mem);
    world_free(w);
}

static void test_the_graph_has_layers_and_marks(void **state)
{
    (void)state;
    struct world *w = shop();
    struct arena mem = {0};
    struct service_graph graph;

    ask(w, 0, WIRE_GET_GRAPH, get_graph, {0});
    read_answer(w, service_graph, &graph, &mem);
    assert_int_equal(graph.nodes_n, 2);
    assert_int_equal(graph.nodes[0].layer, 1);
    assert_int_equal(graph.nodes[1].layer, 0);
    assert_int_equal(graph.edges_n, 2);
    assert_true(!graph.edges[0].wants && !graph.edges[0].missing && !graph.edges[0].held);
    assert_true(graph.edges[1].wants && graph.edges[1].missing);
    arena_deinit(&mem);
    world_free(w);
}

static bool tells(struct world *w, unsigned node, const char *what, const char *part)
{
    struct arena mem = {0};
    struct why why;
    bool found = false;

    ask(w, node, WIRE_GET_WHY, get_why, {.what = bytes_str(what)});
    if (w->reply_kind == WIRE_WHY) {
        read_answer(w, why, &why, &mem);
        for (uint32_t k = 0; k < why.lines_n && !found; k++)
            found = strstr(arena_str(&mem, why.lines[k]), part) != NULL;
    }
    arena_deinit(&mem);
    return found;
}

static void test_why_tells_reasons(void **state)
{
    (void)state;
    struct world *w = shop();
    struct instance *i = service_instances(world_service(w, 0, "redis"));
    struct ulid_text id = ulid_text(instance_id(i));
    struct service_spec big = world_spec("big", 1, NULL);

    assert_true(tells(w, 0, "api", "needs redis: 1 of 1 healthy"));
    assert_true(tells(w, 0, "api", "because: the slot is new"));
    assert_true(tells(w, 1, id.s, "of redis on"));
    for (char *ch = id.s; *ch; ch++)
        *ch = (char)(*ch >= 'A' ? *ch - 'A' + 'a' : *ch);
    assert_true(tells(w, 1, id.s, "caused by command")); /* in either case */
    assert_false(tells(w, 1, "0", "of"));                /* several begin so */
    assert_true(world_refused(w, "several"));
    world_change(w, 0, COMMAND_KIND_STOP, "redis", 0, true);
    world_run(w, KITH_SEC);
    world_change(w, 0, COMMAND_KIND_START, "api", 0, true);
    world_run(w, KITH_SEC);
    assert_true(tells(w, 0, "api", "waits for redis"));
    i = service_instances(world_service(w, 0, "api"));
    id = ulid_text(instance_id(i));
    assert_true(tells(w, 0, id.s, "it waits for redis"));
    big.resources.memory_bytes = 5000;
    world_apply(w, 0, &big, 1);
    assert_true(tells(w, 0, "big", "a slot has no host"));
    world_change(w, 0, COMMAND_KIND_SCALE, "api", 0, false);
    world_run(w, 20 * KITH_MS);
    assert_true(tells(w, 0, id.s, "is withdrawn"));
    world_free(w);
}

static void test_events_tell_the_same_story_everywhere(void **state)
{
    (void)state;
    struct world *w = shop();
    struct arena mem = {0};
    struct events events;

    for (unsigned k = 0; k < 2; k++) {
        unsigned placed = 0, running = 0, created = 0;

        ask(w, k, WIRE_GET_EVENTS, get_events, {0});
        read_answer(w, events, &events, &mem);
        for (uint32_t j = 0; j < events.events_n; j++) {
            placed += bytes_equal_str(events.events[j].what, "placed");
            running += bytes_equal_str(events.events[j].what, "instance-running");
            created += bytes_equal_str(events.events[j].what, "service-created");
        }
        assert_int_equal(placed, 3);
        assert_int_equal(running, 3);
        assert_int_equal(created, 2);
    }
    ask(w, 0, WIRE_GET_EVENTS, get_events, {.limit = 5});
    arena_deinit(&mem);
    world_free(w);
}

static void test_one_command_can_be_asked_for(void **state)
{
    (void)state;
    struct world *w = shop();
    struct arena mem = {0};
    struct commands commands;
    struct ulid id;

    for (unsigned k = 0; k < 5; k++) {
        world_run(w, 10 * KITH_MS);
        world_change(w, 0, COMMAND_KIND_SCALE, "api", k, false);
    }
    ask(w, 0, WIRE_GET_COMMANDS, get_commands, {.limit = 3});
    read_answer(w, commands, &commands, &mem);
    assert_int_equal(commands.commands_n, 3);
    assert_true(commands.commands[0].at_ms >= commands.commands[2].at_ms); /* newest first */
    assert_true(bytes_equal_str(commands.commands[0].author, "tester"));
    assert_int_equal(commands.commands[0].args_n, 2);
    id = commands.commands[1].id;
    ask(w, 0, WIRE_GET_COMMANDS, get_commands, {.id = id});
    read_answer(w, commands, &commands, &mem);
    assert_int_equal(commands.commands_n, 1);
    assert_int_equal(commands.commands[0].history[0].state, COMMAND_STATE_PROPOSED);
    id.b[15] ^= 1;
    ask(w, 0, WIRE_GET_COMMANDS, get_commands, {.id = id});
    assert_true(world_refused(w, "no command"));
    arena_deinit(&mem);
    world_free(w);
}

static void test_garbage_is_answered(void **state)
{
    (void)state;
    static const enum wire_kind kinds[] = {
        WIRE_GET_SERVICES, WIRE_GET_INSTANCES, WIRE_GET_ENDPOINTS, WIRE_GET_COMMANDS,
        WIRE_GET_WHY,      WIRE_GET_EVENTS,    WIRE_GET_LOGS,      WIRE_FORWARD};
    struct world *w = world_new(1);

    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        world_request(w, 0, kinds[k], bytes_str("\xc1 garbage"));
        assert_int_equal(w->reply_kind, WIRE_FAILED);
    }
    world_request_as(w, 0, PRINCIPAL_KIND_NOBODY, WIRE_GET_GRAPH, bytes_str("\x80"));
    assert_true(world_refused(w, "may not"));
    world_free(w);
}

static int64_t counted(const struct info *info, const char *name)
{
    for (uint32_t i = 0; i < info->counters_n; i++) {
        if (bytes_equal_str(info->counters[i].name, name))
            return info->counters[i].value;
    }
    fail_msg("no counter %s", name);
    return -1;
}

static void test_counters_say_how_much_there_is(void **state)
{
    (void)state;
    struct world *w = shop();
    struct arena mem = {0};
    struct info info = {0};

    control_counters(w->nodes[0].control, &info, &mem);
    assert_int_equal(counted(&info, "services"), 2);
    assert_int_equal(counted(&info, "commands.accepted"), 1);
    assert_int_equal(counted(&info, "commands.rejected"), 0);
    assert_int_equal(counted(&info, "checks.failed"), 0);
    arena_deinit(&mem);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_services_and_instances),
        cmocka_unit_test(test_endpoints_are_the_healthy_ones),
        cmocka_unit_test(test_the_graph_has_layers_and_marks),
        cmocka_unit_test(test_why_tells_reasons),
        cmocka_unit_test(test_events_tell_the_same_story_everywhere),
        cmocka_unit_test(test_one_command_can_be_asked_for),
        cmocka_unit_test(test_garbage_is_answered),
        cmocka_unit_test(test_counters_say_how_much_there_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
