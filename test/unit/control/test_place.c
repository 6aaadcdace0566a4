#include "control/place.h"

#include "control/rank.h"
#include "world.h"

#include "test.h"

static void test_everybody_names_the_same_coordinator(void **state)
{
    (void)state;
    struct world *w = world_new(5);
    unsigned decides[5] = {0};

    for (unsigned k = 0; k < 50; k++) {
        struct ulid service = {.b = {(uint8_t)k, 7}}, first, other;

        assert_true(place_coordinator(&w->nodes[0].control->catalog, &service, &first));
        for (unsigned n = 1; n < 5; n++) {
            assert_true(place_coordinator(&w->nodes[n].control->catalog, &service, &other));
            assert_true(ulid_equal(&first, &other));
        }
        for (unsigned n = 0; n < 5; n++)
            assert_int_equal(place_coordinates(&w->nodes[n].control->catalog, &service),
                             ulid_equal(&first, &w->nodes[n].id));
        decides[first.b[2]]++;
    }
    for (unsigned n = 0; n < 5; n++)
        assert_int_not_equal(decides[n], 0);
    world_free(w);
}

static void test_who_knows_that_it_is_held_for_dead_decides_nothing(void **state)
{
    (void)state;
    struct world *w = world_new(3);
    unsigned decides = 0;

    world_dead(w, 1, 0);
    world_run(w, KITH_SEC);
    for (unsigned k = 0; k < 50; k++) {
        struct ulid service = {.b = {(uint8_t)k, 7}}, ret;

        for (unsigned n = 0; n < 3; n++) {
            assert_true(place_coordinator(&w->nodes[n].control->catalog, &service, &ret));
            assert_false(ulid_equal(&ret, &w->nodes[1].id));
        }
        assert_false(place_coordinates(&w->nodes[1].control->catalog, &service));
    }
    world_revive(w, 1);
    world_run(w, KITH_SEC);
    for (unsigned k = 0; k < 50; k++) {
        struct ulid service = {.b = {(uint8_t)k, 7}}, ret;

        assert_true(place_coordinator(&w->nodes[1].control->catalog, &service, &ret));
        decides += ulid_equal(&ret, &w->nodes[1].id);
    }
    assert_int_not_equal(decides, 0);
    world_free(w);
}

static void test_who_is_held_for_dead_and_alone_decides_all_the_same(void **state)
{
    (void)state;
    struct world *w = world_new(3);
    struct ulid service = {.b = {7}}, ret;

    world_dead(w, 1, 0);
    world_dead(w, 0, 1);
    world_dead(w, 2, 1);
    world_run(w, KITH_SEC);
    assert_int_equal(members_alive(w->nodes[1].members), 0);
    for (unsigned n = 0; n < 3; n++) {
        assert_true(place_coordinator(&w->nodes[n].control->catalog, &service, &ret));
        assert_true(ulid_equal(&ret, &w->nodes[n].id));
        assert_true(place_coordinates(&w->nodes[n].control->catalog, &service));
    }
    world_free(w);
}

static void test_more_weight_decides_more(void **state)
{
    (void)state;
    struct ulid light = {.b = {1}}, heavy = {.b = {2}};
    unsigned won = 0;

    for (unsigned k = 0; k < 1000; k++) {
        struct ulid service = {.b = {(uint8_t)k, (uint8_t)(k >> 8), 3}};

        won += rank_score(&service, &heavy, 4) > rank_score(&service, &light, 1);
    }
    assert_in_range(won, 750, 850); /* four of five */
}

static void test_pack_fills_one_host_first(void **state)
{
    (void)state;
    struct world *w = world_new(3);
    struct service_spec spec = world_spec("small", 4, NULL);

    spec.strategy = STRATEGY_PACK;
    spec.resources = (struct resources){.cpu_millis = 100, .memory_bytes = 300};
    world_apply(w, 0, &spec, 1);
    world_until(w, world_healthy(w, 0, "small") == 4, 5 * KITH_SEC);
    unsigned hosts = 0;

    for (unsigned k = 0; k < 3; k++)
        hosts += world_running_on(w, k, "small") != 0;
    assert_int_equal(hosts, 2); /* three fit on the first */
    world_free(w);
}

static void test_spread_takes_the_host_with_most_room(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct service_spec big = world_spec("big", 1, NULL), small = world_spec("small", 1, NULL);

    big.resources.memory_bytes = small.resources.memory_bytes = 200;
    world_apply(w, 0, &big, 1);
    world_until(w, world_healthy(w, 0, "big") == 1, 5 * KITH_SEC);
    world_apply(w, 0, &small, 1);
    world_until(w, world_healthy(w, 0, "small") == 1, 5 * KITH_SEC);
    assert_int_not_equal(world_host_of(w, "big"), world_host_of(w, "small"));
    world_free(w);
}

static void test_one_on_every_host_follows_the_hosts(void **state)
{
    (void)state;
    struct world *w = world_new(3);
    struct service_spec spec = world_spec("agent", 0, NULL);

    spec.every_host = true;
    world_crash(w, 2);
    world_dead(w, 2, 0);
    world_apply(w, 0, &spec, 1);
    world_until(w, world_healthy(w, 0, "agent") == 2, 5 * KITH_SEC);
    world_restart_empty(w, 2);
    world_until(w, world_healthy(w, 0, "agent") == 3, 10 * KITH_SEC);
    world_change(w, 0, COMMAND_KIND_SCALE, "agent", 2, false);
    assert_true(world_refused(w, "every host"));
    /* and comes back with one */
    world_kill(w, 1);
    world_until(w, world_healthy(w, 0, "agent") == 2, 5 * KITH_SEC);
    world_restart(w, 1);
    world_until(w, world_healthy(w, 0, "agent") == 3, 10 * KITH_SEC);
    world_free(w);
}

static void test_a_decision_keeps_its_reasons(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct service_spec spec = world_spec("redis", 1, NULL);
    const struct placement *p;

    world_apply(w, 0, &spec, 1);
    world_until(w, world_healthy(w, 0, "redis") == 1, 5 * KITH_SEC);
    p = service_placements(world_service(w, 1, "redis"));
    assert_int_equal(p->epoch, 1);
    assert_true(p->row.reasons_n >= 3);
    assert_true(bytes_equal_str(p->row.reasons[0], "the slot is new"));
    assert_true(bytes_equal_str(p->row.reasons[2], "2 of 2 live hosts could take it"));
    assert_true(ulid_equal(&p->row.cause, &world_service(w, 1, "redis")->row.command));
    world_free(w);
}

/* Both write the next epoch of one slot before they hear of each other. */
static void test_two_coordinators_collapse_to_one_instance(void **state)
{
    (void)state;
    struct world *w = world_new(3);
    struct service_spec spec = world_spec("redis", 1, NULL);

    world_apply(w, 0, &spec, 1);
    world_until(w, world_healthy(w, 0, "redis") == 1, 5 * KITH_SEC);
    world_run(w, 5 * KITH_SEC);
    unsigned host = world_host_of(w, "redis");
    unsigned one = (host + 1) % 3, two = (host + 2) % 3;

    world_crash(w, host);
    shell_free(&w->nodes[host]);
    world_cut(w, one, two);
    world_dead(w, host, one);
    world_dead(w, host, two);
    world_until(w, world_running(w, "redis") == 2, 5 * KITH_SEC);
    world_revive(w, one);
    world_revive(w, two);
    world_heal(w, one, two);
    world_until(w, world_running(w, "redis") == 1, 5 * KITH_SEC);
    world_run(w, 10 * KITH_SEC);
    assert_int_equal(world_running(w, "redis"), 1);
    assert_int_equal(world_healthy(w, one, "redis"), 1);
    world_free(w);
}

/* The last one of three sees a slot's host and the one that decided so die right after it was filled. For all it
 * knows they live and it is itself cut off: were both sides to answer at once, there would be no end of it. */
static void test_what_another_has_just_decided_is_let_be(void **state)
{
    (void)state;
    struct world *w = NULL;
    const struct placement *p = NULL;
    char name[] = "s0";

    for (; name[1] < '9'; name[1]++) { /* one that is not decided where it runs */
        struct service_spec spec = world_spec(name, 1, NULL);

        w = world_new(3);
        world_apply(w, 0, &spec, 1);
        world_until(w, world_running(w, name) == 1, KITH_SEC);
        p = service_placements(world_service(w, 0, name));
        if (!ulid_equal(&p->row.coordinator, &p->row.node))
            break;
        world_free(w);
    }
    unsigned host = p->row.node.b[2], decided = p->row.coordinator.b[2];
    kith_time placed_us = w->now_us;

    assert_true(host < 3 && decided < 3 && host != decided);
    world_kill(w, decided); /* first: else it decides once more before it goes */
    world_kill(w, host);
    world_run(w, PLACE_CONTEST / 2);
    assert_int_equal(world_running(w, name), 0);
    world_until(w, world_running(w, name) == 1, PLACE_CONTEST);
    assert_true(w->now_us - placed_us >= PLACE_CONTEST - 100 * KITH_MS);
    assert_int_equal(world_running_on(w, 3 - host - decided, name), 1);
    world_free(w);
}

/* One that comes to others may be the coordinator at once; it must not place what they have placed. */
static void test_a_newcomer_moves_nothing(void **state)
{
    (void)state;
    struct world *w = world_new(6);
    struct service_spec specs[6];
    static const char *const names[] = {"s1", "s2", "s3", "s4", "s5", "s6"};

    world_isolate(w, 0);
    world_run(w, 2 * KITH_SEC);
    for (unsigned k = 0; k < 6; k++)
        specs[k] = world_spec(names[k], 2, NULL);
    world_apply(w, 1, specs, 6);
    world_until(w, world_healthy(w, 1, "s6") == 2, 5 * KITH_SEC);
    world_run(w, 10 * KITH_SEC);
    size_t at = world_log_end(w);

    for (unsigned k = 0; k < 6; k++)
        world_revive(w, k);
    for (unsigned k = 1; k < 6; k++)
        world_heal(w, 0, k);
    world_run(w, 10 * KITH_SEC);
    if (world_logged(w, "start", at))
        world_complain(w, "nothing is started");
    assert_false(world_logged(w, "start", at));
    assert_false(world_logged(w, "end", at));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everybody_names_the_same_coordinator),
        cmocka_unit_test(test_who_knows_that_it_is_held_for_dead_decides_nothing),
        cmocka_unit_test(test_who_is_held_for_dead_and_alone_decides_all_the_same),
        cmocka_unit_test(test_more_weight_decides_more),
        cmocka_unit_test(test_pack_fills_one_host_first),
        cmocka_unit_test(test_spread_takes_the_host_with_most_room),
        cmocka_unit_test(test_one_on_every_host_follows_the_hosts),
        cmocka_unit_test(test_a_decision_keeps_its_reasons),
        cmocka_unit_test(test_two_coordinators_collapse_to_one_instance),
        cmocka_unit_test(test_what_another_has_just_decided_is_let_be),
        cmocka_unit_test(test_a_newcomer_moves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
