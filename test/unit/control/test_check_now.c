#include "control/check_now.h"

#include "world.h"

#include "test.h"

/* Checks of these are an hour apart, and one result is enough. */
static struct service_spec rarely(const char *name, uint32_t count)
{
    struct service_spec spec = world_spec(name, count, NULL);

    spec.check.every_ms = 3600 * 1000;
    spec.check.fail = spec.check.pass = 1;
    return spec;
}

static void ask(struct world *w, unsigned node, const char *what)
{
    struct check_now request = {.what = bytes_str(what)};
    struct buf payload = {0};

    check_now_encode(&payload, &request);
    world_request(w, node, WIRE_CHECK_NOW, buf_bytes(&payload));
    buf_deinit(&payload);
}

static struct world *with_redis(unsigned nodes, uint32_t count)
{
    struct world *w = world_new(nodes);
    struct service_spec spec = rarely("redis", count);

    world_apply(w, 0, &spec, 1);
    for (unsigned k = 0; k < nodes; k++)
        world_until(w, world_healthy(w, k, "redis") == count, 5 * KITH_SEC);
    return w;
}

/* The answer to the last request, of so many checks; texts in `mem`. */
static struct check_results results(struct world *w, uint32_t count, struct arena *mem)
{
    struct check_results ret;
    struct wire_error err;

    assert_int_equal(w->reply_kind, WIRE_CHECK_RESULTS);
    assert_int_equal(check_results_decode(&ret, buf_bytes(&w->reply), mem, &err), 0);
    assert_int_equal(ret.results_n, count);
    return ret;
}

static size_t waiting(const struct world *w)
{
    size_t count = 0;

    for (unsigned k = 0; k < w->nodes_n; k++)
        count += w->nodes[k].up ? w->nodes[k].control->check_asks.count : 0;
    return count;
}

static void test_what_is_found_is_told_at_once_and_everywhere(void **state)
{
    (void)state;
    struct world *w = with_redis(2, 1);
    struct arena mem = {0};

    for (unsigned asked = 0; asked < 2; asked++) { /* its host, and the other one */
        world_trait(w, "redis", TRAIT_SICK);
        world_pass(w, 10 * KITH_SEC);
        assert_int_equal(world_healthy(w, 0, "redis"), 1); /* nobody has looked */
        ask(w, asked, "redis");
        assert_int_equal(w->reply_kind, 0); /* not before the check has run */
        world_until(w, w->reply_kind, KITH_SEC);
        struct check_result r = results(w, 1, &mem).results[0];

        assert_false(r.ok);
        assert_false(r.shared);
        assert_int_equal(r.state, INSTANCE_STATE_UNHEALTHY);
        assert_true(bytes_equal_str(r.output, "GET / -> 503"));
        assert_true(bytes_equal_str(r.service, "redis"));
        assert_true(bytes_equal_str(r.node_name, w->nodes[world_host_of(w, "redis")].name));
        world_run(w, 3 * LATENCY);
        assert_int_equal(world_healthy(w, 0, "redis"), 0);
        assert_int_equal(world_healthy(w, 1, "redis"), 0);

        world_trait(w, "redis", 0);
        ask(w, asked, "redis");
        world_until(w, w->reply_kind, KITH_SEC);
        assert_true(results(w, 1, &mem).results[0].ok);
        world_run(w, 3 * LATENCY);
        assert_int_equal(world_healthy(w, 0, "redis"), 1);
        assert_int_equal(world_healthy(w, 1, "redis"), 1);
    }
    assert_int_equal(waiting(w), 0);
    arena_deinit(&mem);
    world_free(w);
}

static void test_a_service_is_checked_wherever_it_runs(void **state)
{
    (void)state;
    struct world *w = with_redis(3, 3);
    struct arena mem = {0};

    ask(w, 0, "redis");
    world_until(w, w->reply_kind, KITH_SEC);
    struct check_results all = results(w, 3, &mem);

    for (uint32_t k = 0; k < 3; k++) {
        assert_true(all.results[k].ok);
        for (uint32_t j = 0; j < k; j++)
            assert_false(ulid_equal(&all.results[j].node, &all.results[k].node));
    }

    /* what one host cannot say does not keep back what the others found */
    struct ulid_text id = ulid_text(&all.results[0].instance);

    w->nodes[0].cut_from[2] = w->nodes[2].cut_from[0] = true;
    ask(w, 0, "redis");
    world_until(w, w->reply_kind, 500 * KITH_MS + HEALTH_LOST + CHECK_NOW_WAY + KITH_SEC);
    all = results(w, 3, &mem);
    for (uint32_t k = 0; k < 3; k++) {
        bool cut = ulid_equal(&all.results[k].node, &w->nodes[2].id);

        assert_true(all.results[k].ok == !cut);
        assert_true((all.results[k].problem.len > 0) == cut);
    }
    w->nodes[0].cut_from[2] = w->nodes[2].cut_from[0] = false;

    /* and one of them is found by its id */
    ask(w, 1, id.s);
    world_until(w, w->reply_kind, KITH_SEC);
    assert_string_equal(ulid_text(&results(w, 1, &mem).results[0].instance).s, id.s);
    arena_deinit(&mem);
    world_free(w);
}

static void test_who_asks_meanwhile_shares_the_check(void **state)
{
    (void)state;
    struct world *w = with_redis(1, 1);
    struct arena mem = {0};
    uint64_t before = w->nodes[0].control->counts.checks_passed;

    ask(w, 0, "redis");
    ask(w, 0, "redis");
    assert_int_equal(waiting(w), 2);
    world_until(w, waiting(w) == 0, KITH_SEC);
    assert_true(results(w, 1, &mem).results[0].shared);
    assert_int_equal(w->nodes[0].control->counts.checks_passed, before + 1);
    for (unsigned k = 0; k < CHECK_ASKS_MAX; k++)
        ask(w, 0, "redis");
    assert_int_equal(w->reply_kind, 0);
    ask(w, 0, "redis");
    assert_true(world_refused(w, "too many checks"));
    world_until(w, waiting(w) == 0, KITH_SEC);
    arena_deinit(&mem);
    world_free(w);
}

static void test_the_interval_begins_anew(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct service_spec spec = rarely("redis", 1);
    struct control *c = w->nodes[0].control;

    spec.check.every_ms = 10000;
    world_apply(w, 0, &spec, 1);
    world_until(w, world_healthy(w, 0, "redis") == 1, KITH_SEC);
    world_pass(w, 9 * KITH_SEC);
    ask(w, 0, "redis");
    world_until(w, w->reply_kind, KITH_SEC);
    uint64_t passed = c->counts.checks_passed;

    world_pass(w, 9 * KITH_SEC);
    assert_int_equal(c->counts.checks_passed, passed);
    world_pass(w, 2 * KITH_SEC);
    assert_int_equal(c->counts.checks_passed, passed + 1);
    world_free(w);
}

static void test_what_cannot_be_checked_says_why(void **state)
{
    (void)state;
    struct world *w = with_redis(2, 1);
    struct service_spec plain = world_spec("plain", 1, NULL);
    struct register_endpoint foreign = {.service = bytes_str("db"), .name = bytes_str("db-1")};
    struct buf payload = {0};

    plain.check = (struct check_spec){0};
    world_apply(w, 0, &plain, 1);
    world_until(w, world_healthy(w, 0, "plain") == 1 && world_healthy(w, 1, "plain") == 1,
                5 * KITH_SEC);
    for (unsigned k = 0; k < 2; k++) { /* its host, and the other one */
        ask(w, k, "plain");
        world_until(w, w->reply_kind, KITH_SEC);
        assert_true(world_refused(w, "has no check"));
    }
    ask(w, 0, "nothing");
    assert_true(world_refused(w, "there is no service nothing"));
    register_endpoint_encode(&payload, &foreign);
    world_request(w, 0, WIRE_REGISTER_ENDPOINT, buf_bytes(&payload));
    ask(w, 0, "db");
    assert_true(world_refused(w, "db is registered, Kith does not run it"));
    ask(w, 0, "db-1");
    assert_true(world_refused(w, "is registered"));
    world_change(w, 0, COMMAND_KIND_STOP, "redis", 0, false);
    world_until(w, world_running(w, "redis") == 0, 15 * KITH_SEC);
    ask(w, 0, "redis");
    world_until(w, w->reply_kind, KITH_SEC);
    assert_int_equal(w->reply_kind, WIRE_FAILED);
    buf_deinit(&payload);
    world_free(w);
}

static void test_a_host_that_does_not_answer_is_given_up(void **state)
{
    (void)state;
    struct world *w = with_redis(2, 1);
    unsigned host = world_host_of(w, "redis"), other = 1 - host;

    w->nodes[other].cut_from[host] = true;
    ask(w, other, "redis");
    world_pass(w, HEALTH_LOST);
    assert_int_equal(w->reply_kind, 0);
    world_until(w, w->reply_kind, CHECK_NOW_WAY + KITH_SEC);
    assert_true(world_refused(w, "did not answer in time"));
    w->nodes[other].cut_from[host] = false;

    /* and one that is found dead at once */
    ask(w, other, "redis");
    world_kill(w, host);
    world_until(w, w->reply_kind, KITH_SEC);
    assert_true(world_refused(w, "is gone"));
    assert_int_equal(waiting(w), 0);
    world_free(w);
}

static void test_an_end_of_the_process_ends_the_wait(void **state)
{
    (void)state;
    struct world *w = with_redis(1, 1);

    ask(w, 0, "redis");
    world_change(w, 0, COMMAND_KIND_STOP, "redis", 0, false);
    world_until(w, waiting(w) == 0, KITH_SEC);
    world_free(w);
}

static void test_a_check_that_is_lost_ends_the_wait(void **state)
{
    (void)state;
    struct world *w = with_redis(2, 1);

    world_trait(w, "redis", TRAIT_MUTE);
    for (unsigned k = 0; k < 2; k++) { /* its host, and the other one, whose patience is longer */
        ask(w, k, "redis");
        world_until(w, w->reply_kind, 500 * KITH_MS + HEALTH_LOST + KITH_SEC);
        assert_true(world_refused(w, "not heard of any more"));
    }
    assert_int_equal(waiting(w), 0);
    world_free(w);
}

static void test_only_who_may_change_things(void **state)
{
    (void)state;
    struct world *w = with_redis(1, 1);
    struct check_now request = {.what = bytes_str("redis")};
    struct buf inner = {0}, payload = {0};

    check_now_encode(&inner, &request);
    world_request_as(w, 0, PRINCIPAL_KIND_CLIENT, WIRE_CHECK_NOW, buf_bytes(&inner));
    assert_true(world_refused(w, "may not"));
    struct forward handed = {.kind = WIRE_CHECK_NOW,
                             .payload = buf_bytes(&inner),
                             .principal_kind = PRINCIPAL_KIND_CLIENT};

    forward_encode(&payload, &handed);
    world_request_as(w, 0, PRINCIPAL_KIND_NODE, WIRE_FORWARD, buf_bytes(&payload));
    assert_true(world_refused(w, "may not"));
    world_request(w, 0, WIRE_CHECK_NOW, bytes_str("\xc1 garbage"));
    assert_int_equal(w->reply_kind, WIRE_FAILED);
    assert_int_equal(waiting(w), 0);
    buf_deinit(&inner);
    buf_deinit(&payload);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_found_is_told_at_once_and_everywhere),
        cmocka_unit_test(test_a_service_is_checked_wherever_it_runs),
        cmocka_unit_test(test_who_asks_meanwhile_shares_the_check),
        cmocka_unit_test(test_the_interval_begins_anew),
        cmocka_unit_test(test_what_cannot_be_checked_says_why),
        cmocka_unit_test(test_a_host_that_does_not_answer_is_given_up),
        cmocka_unit_test(test_an_end_of_the_process_ends_the_wait),
        cmocka_unit_test(test_a_check_that_is_lost_ends_the_wait),
        cmocka_unit_test(test_only_who_may_change_things),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
