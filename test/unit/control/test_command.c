#include "world.h"

#include "control/vet.h"

#include "test.h"

static void test_a_command_is_answered_when_it_is_stored(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct service_spec spec = world_spec("redis", 1, NULL);
    uint64_t token = state_token(w->nodes[0].state);

    world_apply(w, 0, &spec, 1);
    assert_true(world_done(w));
    assert_true(w->reply_wait >= token); /* the batch that holds it */
    world_free(w);
}

static void test_the_same_command_twice_takes_effect_once(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct service_spec spec = world_spec("redis", 1, NULL);
    struct ulid id = {.b = {0, 0, 9, 9}};
    uint64_t token;

    world_apply_id(w, 0, &spec, 1, &id);
    assert_true(world_done(w));
    world_until(w, world_healthy(w, 1, "redis") == 1, 5 * KITH_SEC);
    world_run(w, KITH_SEC);
    uint64_t digest = state_digest(w->nodes[0].state);

    token = state_token(w->nodes[0].state);
    world_apply_id(w, 0, &spec, 1, &id);
    assert_true(world_done(w));
    assert_true(w->reply_wait >= token);
    world_apply_id(w, 1, &spec, 1, &id); /* by another peer, too */
    assert_true(world_done(w));
    assert_true(state_digest(w->nodes[0].state) == digest);
    world_run(w, KITH_SEC);
    assert_int_equal(world_running(w, "redis"), 1);
    world_free(w);
}

static void test_one_id_is_for_one_command(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct service_spec spec = world_spec("redis", 1, NULL);
    struct ulid id = {.b = {0, 0, 9, 9}};
    struct change request = {
        .id = id, .kind = COMMAND_KIND_SCALE, .service = bytes_str("redis"), .count = 2};
    struct buf payload = {0};

    world_apply_id(w, 0, &spec, 1, &id);
    change_encode(&payload, &request);
    world_request(w, 0, WIRE_CHANGE, buf_bytes(&payload));
    assert_true(world_refused(w, "used for something else"));
    buf_deinit(&payload);
    world_free(w);
}

static void test_two_peers_that_get_one_command_make_one_service(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct service_spec spec = world_spec("redis", 1, NULL);
    struct ulid id = {.b = {0, 0, 9, 9}};

    world_cut(w, 0, 1);
    world_apply_id(w, 0, &spec, 1, &id);
    world_apply_id(w, 1, &spec, 1, &id);
    world_revive(w, 0);
    world_revive(w, 1);
    world_heal(w, 0, 1);
    world_run(w, 10 * KITH_SEC);
    assert_int_equal(world_running(w, "redis"), 1);
    assert_true(world_agree(w));
    world_free(w);
}

static void test_two_creations_of_one_name_settle_to_one(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct service_spec spec = world_spec("redis", 1, NULL);

    world_cut(w, 0, 1);
    world_apply(w, 0, &spec, 1);
    world_run(w, KITH_SEC);
    world_apply(w, 1, &spec, 1);
    world_run(w, KITH_SEC);
    assert_int_equal(world_running(w, "redis"), 2);
    world_revive(w, 0);
    world_revive(w, 1);
    world_heal(w, 0, 1);
    world_run(w, 10 * KITH_SEC);
    assert_int_equal(world_running(w, "redis"), 1);
    assert_true(ulid_equal(&world_service(w, 0, "redis")->id, &world_service(w, 1, "redis")->id));
    /* the other one is shown */
    struct get_services request = {.service = bytes_str("redis")};
    struct buf payload = {0};
    struct arena mem = {0};
    struct services services;
    struct wire_error err;

    get_services_encode(&payload, &request);
    world_request(w, 1, WIRE_GET_SERVICES, buf_bytes(&payload));
    assert_int_equal(services_decode(&services, buf_bytes(&w->reply), &mem, &err), 0);
    assert_int_equal(services.services_n, 1);
    assert_int_equal(services.services[0].aliases_n, 1);
    arena_deinit(&mem);
    buf_deinit(&payload);
    world_free(w);
}

static void test_scaling_up_and_down_keeps_the_lower_slots(void **state)
{
    (void)state;
    struct world *w = world_new(3);
    struct service_spec spec = world_spec("api", 2, NULL);

    world_apply(w, 0, &spec, 1);
    world_until(w, world_healthy(w, 0, "api") == 2, 5 * KITH_SEC);
    world_change(w, 1, COMMAND_KIND_SCALE, "api", 5, false);
    assert_true(world_done(w));
    world_until(w, world_healthy(w, 0, "api") == 5, 5 * KITH_SEC);
    assert_true(world_running_on(w, 0, "api") >= 1 && world_running_on(w, 1, "api") >= 1);

    size_t at = world_log_end(w);

    world_change(w, 2, COMMAND_KIND_SCALE, "api", 1, false);
    world_until(w, world_running(w, "api") == 1, 5 * KITH_SEC);
    assert_false(world_logged(w, "end api 0", at));
    world_change(w, 2, COMMAND_KIND_SCALE, "api", 0, false);
    world_until(w, world_running(w, "api") == 0, 5 * KITH_SEC);
    world_change(w, 2, COMMAND_KIND_SCALE, "api", 2, false);
    world_until(w, world_healthy(w, 0, "api") == 2, 5 * KITH_SEC);
    world_change(w, 2, COMMAND_KIND_SCALE, "api", VET_COUNT_MAX + 1, false);
    assert_true(world_refused(w, "at most"));
    world_free(w);
}

static void test_what_others_need_is_stopped_only_with_them(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct service_spec specs[] = {world_spec("redis", 1, NULL), world_spec("api", 2, "redis"),
                                   world_spec("web", 1, "api")};

    world_apply(w, 0, specs, 3);
    world_until(w, world_healthy(w, 0, "web") == 1, 5 * KITH_SEC);
    world_change(w, 0, COMMAND_KIND_STOP, "redis", 0, false);
    assert_true(world_refused(w, "needed by"));

    size_t at = world_log_end(w);

    world_change(w, 0, COMMAND_KIND_STOP, "redis", 0, true);
    assert_true(world_done(w));
    world_until(w, world_running(w, NULL) == 0, 10 * KITH_SEC);
    assert_true(world_logged(w, "end web", at) < world_logged(w, "signal 15 api", at));
    size_t last_api = world_logged(w, "end api", world_logged(w, "end api", at));

    assert_true(last_api && last_api < world_logged(w, "signal 15 redis", at));
    world_run(w, 5 * KITH_SEC);
    assert_int_equal(world_running(w, NULL), 0); /* it stays stopped */

    world_change(w, 1, COMMAND_KIND_START, "api", 0, false);
    world_run(w, 2 * KITH_SEC);
    assert_int_equal(world_running(w, "api"), 0); /* it waits for redis */
    world_change(w, 1, COMMAND_KIND_RESTART, "redis", 0, false);
    assert_true(world_refused(w, "is stopped"));
    world_change(w, 1, COMMAND_KIND_START, "redis", 0, false);
    world_until(w, world_healthy(w, 0, "api") == 2, 5 * KITH_SEC);
    world_free(w);
}

static void test_a_removed_service_leaves_no_rows(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct service_spec specs[] = {world_spec("redis", 1, NULL), world_spec("api", 2, "redis")};
    struct bytes all = {0};

    world_apply(w, 0, specs, 2);
    world_until(w, world_healthy(w, 0, "api") == 2, 5 * KITH_SEC);
    world_change(w, 1, COMMAND_KIND_RM, "redis", 0, false);
    assert_true(world_refused(w, "needed by api"));
    world_change(w, 1, COMMAND_KIND_RM, "redis", 0, true);
    world_change(w, 1, COMMAND_KIND_SCALE, "redis", 2, true);
    assert_true(world_refused(w, "being removed"));
    world_apply(w, 1, specs, 2);
    assert_true(world_refused(w, "just being removed"));
    world_until(w, !world_service(w, 0, "redis") && !world_service(w, 1, "api"), 10 * KITH_SEC);
    world_run(w, 5 * KITH_SEC);
    for (unsigned k = 0; k < 2; k++) {
        assert_int_equal(world_running_on(w, k, NULL), 0);
        assert_null(state_first(w->nodes[k].state, TABLE_ID_PLACEMENT, all));
        assert_null(state_first(w->nodes[k].state, TABLE_ID_INSTANCE, all));
        assert_null(state_first(w->nodes[k].state, TABLE_ID_SPEC, all));
        assert_null(state_first(w->nodes[k].state, TABLE_ID_NAME, all));
        assert_null(state_first(w->nodes[k].state, TABLE_ID_COUNT, all));
    }
    world_change(w, 1, COMMAND_KIND_STOP, "redis", 0, true);
    assert_true(world_refused(w, "no service redis"));
    /* and its name is free again */
    world_apply(w, 1, specs, 2);
    assert_true(world_done(w));
    world_until(w, world_healthy(w, 0, "api") == 2, 5 * KITH_SEC);
    world_free(w);
}

static void test_the_whole_cluster_stops_with_its_daemons(void **state)
{
    (void)state;
    struct world *w = world_new(3);
    struct service_spec specs[] = {world_spec("redis", 1, NULL), world_spec("api", 2, "redis")};
    struct service_spec late = world_spec("late", 1, NULL);

    world_apply(w, 0, specs, 2);
    world_until(w, world_healthy(w, 0, "api") == 2, 5 * KITH_SEC);
    size_t at = world_log_end(w);

    world_change(w, 2, COMMAND_KIND_STOP_ALL, "", 0, /* daemons: */ true);
    assert_true(world_done(w));
    assert_true(control_halted(w->nodes[2].control));
    assert_false(control_idle(w->nodes[2].control));
    world_until(w,
                control_idle(w->nodes[0].control) && control_idle(w->nodes[1].control) &&
                    control_idle(w->nodes[2].control),
                10 * KITH_SEC);
    assert_true(control_halted(w->nodes[0].control));
    size_t last = world_logged(w, "end api", world_logged(w, "end api", at));

    assert_true(last < world_logged(w, "signal 15 redis", at));
    world_apply(w, 0, &late, 1);
    assert_true(world_refused(w, "stopping"));
    /* the daemons that are started again run what was there */
    for (unsigned k = 0; k < 3; k++)
        world_crash(w, k);
    for (unsigned k = 0; k < 3; k++)
        world_restart(w, k);
    assert_false(control_halted(w->nodes[0].control));
    world_until(w, world_healthy(w, 0, "api") == 2, 10 * KITH_SEC);
    world_free(w);
}

static void test_stopping_all_services_leaves_the_daemons(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct service_spec specs[] = {world_spec("redis", 1, NULL), world_spec("api", 2, "redis")};

    world_apply(w, 0, specs, 2);
    world_until(w, world_healthy(w, 0, "api") == 2, 5 * KITH_SEC);
    world_change(w, 1, COMMAND_KIND_STOP_ALL, "", 0, false);
    world_until(w, world_running(w, NULL) == 0, 10 * KITH_SEC);
    assert_false(control_halted(w->nodes[0].control));
    world_free(w);
}

static void test_who_may_not_is_told_so(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct service_spec spec = world_spec("redis", 1, NULL);
    struct apply apply = {.specs = &spec, .specs_n = 1};
    struct change change = {.kind = COMMAND_KIND_STOP_ALL};
    struct buf payload = {0};

    apply_encode(&payload, &apply);
    world_request_as(w, 0, PRINCIPAL_KIND_CLIENT, WIRE_APPLY, buf_bytes(&payload));
    assert_true(world_refused(w, "may not"));
    buf_reset(&payload);
    change_encode(&payload, &change);
    world_request_as(w, 0, PRINCIPAL_KIND_CLIENT, WIRE_CHANGE, buf_bytes(&payload));
    assert_true(world_refused(w, "may not"));
    world_request(w, 0, WIRE_CHANGE, bytes_str("garbage"));
    assert_true(w->reply_kind == WIRE_FAILED);
    world_request(w, 0, WIRE_APPLY, bytes_str("garbage"));
    assert_true(w->reply_kind == WIRE_FAILED);
    assert_false(world_service(w, 0, "redis"));
    buf_deinit(&payload);
    world_free(w);
}

static bool has_state(struct world *w, unsigned node, enum command_kind kind,
                      enum command_state state)
{
    struct arena mem = {0};
    struct commands commands;
    struct wire_error err;
    struct buf payload = {0};
    struct get_commands request = {0};
    bool found = false;

    get_commands_encode(&payload, &request);
    world_request(w, node, WIRE_GET_COMMANDS, buf_bytes(&payload));
    assert_int_equal(commands_decode(&commands, buf_bytes(&w->reply), &mem, &err), 0);
    for (uint32_t k = 0; k < commands.commands_n && !found; k++)
        found = commands.commands[k].kind == kind && commands.commands[k].state == state &&
                commands.commands[k].history_n >= 2;
    arena_deinit(&mem);
    buf_deinit(&payload);
    return found;
}

static void test_the_history_is_readable_everywhere(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct service_spec spec = world_spec("redis", 1, NULL);
    struct service_spec bad = world_spec("api", 1, "nothing");

    world_apply(w, 0, &spec, 1);
    assert_true(has_state(w, 0, COMMAND_KIND_APPLY, COMMAND_STATE_ACCEPTED));
    world_until(w, has_state(w, 1, COMMAND_KIND_APPLY, COMMAND_STATE_DONE), 5 * KITH_SEC);
    world_apply(w, 0, &bad, 1);
    world_run(w, 10 * LATENCY);
    assert_true(has_state(w, 1, COMMAND_KIND_APPLY, COMMAND_STATE_REJECTED));
    world_change(w, 0, COMMAND_KIND_STOP, "redis", 0, false);
    world_until(w, has_state(w, 1, COMMAND_KIND_STOP, COMMAND_STATE_DONE), 5 * KITH_SEC);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_command_is_answered_when_it_is_stored),
        cmocka_unit_test(test_the_same_command_twice_takes_effect_once),
        cmocka_unit_test(test_one_id_is_for_one_command),
        cmocka_unit_test(test_two_peers_that_get_one_command_make_one_service),
        cmocka_unit_test(test_two_creations_of_one_name_settle_to_one),
        cmocka_unit_test(test_scaling_up_and_down_keeps_the_lower_slots),
        cmocka_unit_test(test_what_others_need_is_stopped_only_with_them),
        cmocka_unit_test(test_a_removed_service_leaves_no_rows),
        cmocka_unit_test(test_the_whole_cluster_stops_with_its_daemons),
        cmocka_unit_test(test_stopping_all_services_leaves_the_daemons),
        cmocka_unit_test(test_who_may_not_is_told_so),
        cmocka_unit_test(test_the_history_is_readable_everywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
