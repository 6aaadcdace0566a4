#include "control/maintenance.h"

#include "control/lookups.h"
#include "world.h"

#include "test.h"

static void ask_register(struct world *w, const char *name, uint32_t ttl_ms)
{
    struct register_endpoint request = {
        .service = bytes_str("db"), .name = bytes_str(name), .ttl_ms = ttl_ms, .add = true};
    struct buf payload = {0};

    register_endpoint_encode(&payload, &request);
    world_request(w, 0, WIRE_REGISTER_ENDPOINT, buf_bytes(&payload));
    assert_int_equal(w->reply_kind, WIRE_REGISTERED);
    buf_deinit(&payload);
}

static void ask_maintain(struct world *w, unsigned node, const char *name, bool on)
{
    struct maintain request = {.name = bytes_str(name), .on = on, .reason = bytes_str("new disk")};
    struct buf payload = {0};

    maintain_encode(&payload, &request);
    world_request(w, node, WIRE_MAINTAIN, buf_bytes(&payload));
    buf_deinit(&payload);
}

static void ask_check(struct world *w, const char *name, const char *check, uint32_t ttl_ms)
{
    struct check_endpoint request = {.name = bytes_str(name),
                                     .check = bytes_str(check),
                                     .ttl_ms = ttl_ms,
                                     .health = ENDPOINT_HEALTH_CRITICAL};
    struct buf payload = {0};

    check_endpoint_encode(&payload, &request);
    world_request(w, 0, WIRE_CHECK_ENDPOINT, buf_bytes(&payload));
    buf_deinit(&payload);
}

static void ask_deregister(struct world *w, const char *name)
{
    struct deregister_endpoint request = {.name = bytes_str(name)};
    struct buf payload = {0};

    deregister_endpoint_encode(&payload, &request);
    world_request(w, 0, WIRE_DEREGISTER_ENDPOINT, buf_bytes(&payload));
    buf_deinit(&payload);
}

/* How many endpoints of a service this node lists; those that are not to be used are none. */
static uint32_t found(struct world *w, unsigned node, const char *service)
{
    struct get_endpoints request = {.service = bytes_str(service)};
    struct buf payload = {0};
    struct arena mem = {0};
    struct endpoints e;
    struct wire_error err;
    uint32_t n = 0;

    get_endpoints_encode(&payload, &request);
    world_request(w, node, WIRE_GET_ENDPOINTS, buf_bytes(&payload));
    buf_deinit(&payload);
    if (w->reply_kind == WIRE_ENDPOINTS &&
        endpoints_decode(&e, buf_bytes(&w->reply), &mem, &err) == 0)
        n = e.endpoints_n;
    arena_deinit(&mem);
    return n;
}

static void what_is_marked_is_not_found_anywhere(void **state)
{
    (void)state;
    struct world *w = world_new(2);

    ask_register(w, "one", 0);
    ask_register(w, "two", 0);
    world_until(w, found(w, 1, "db") == 2, 1 * KITH_SEC);
    ask_maintain(w, 0, "one", true);
    assert_int_equal(w->reply_kind, WIRE_REGISTERED);
    assert_true(w->reply_wait > 0); /* not before it is on disk */
    world_until(w, found(w, 1, "db") == 1 && found(w, 0, "db") == 1, 1 * KITH_SEC);
    size_t end = world_log_end(w);

    ask_maintain(w, 0, "one", false);
    world_until(w, found(w, 1, "db") == 2, 1 * KITH_SEC);
    world_pass(w, LOOKUPS_GATHER);
    assert_true(world_logged(w, "told db 2@b", end) > 0);
    ask_maintain(w, 1, "one", true); /* the wrong peer */
    assert_true(world_refused(w, "ask the peer that answers for it"));
    world_free(w);
}

static void all_of_a_host_can_be_marked(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct service_spec specs[] = {world_spec("api", 2, NULL)};

    ask_register(w, "one", 0);
    world_apply(w, 0, specs, 1);
    world_until(w, found(w, 1, "api") == 2, 5 * KITH_SEC);
    ask_maintain(w, 0, "", true);
    world_until(w, found(w, 1, "api") == 1 && found(w, 1, "db") == 0, 1 * KITH_SEC);
    world_pass(w, 10 * KITH_SEC);
    assert_int_equal(world_healthy(w, 1, "api"), 2); /* nothing was stopped */
    ask_register(w, "two", 0);
    assert_int_equal(found(w, 1, "db"), 0); /* what comes to it later, too */
    ask_maintain(w, 0, "", false);
    world_until(w, found(w, 1, "api") == 2 && found(w, 1, "db") == 2, 1 * KITH_SEC);
    world_free(w);
}

/* What is registered later under that name is another. */
static void a_mark_goes_with_what_it_is_on(void **state)
{
    (void)state;
    struct world *w = world_new(1);

    ask_register(w, "one", 0);
    ask_maintain(w, 0, "one", true);
    assert_int_equal(found(w, 0, "db"), 0);
    ask_register(w, "one", 60000); /* changed, it is marked still */
    assert_int_equal(found(w, 0, "db"), 0);
    ask_deregister(w, "one");
    world_pass(w, KITH_SEC);
    assert_null(state_first(w->nodes[0].state, TABLE_ID_MAINTENANCE, (struct bytes){0}));
    ask_register(w, "one", 0);
    assert_int_equal(found(w, 0, "db"), 1);
    world_free(w);
}

static void a_check_can_be_given_and_taken(void **state)
{
    (void)state;
    struct world *w = world_new(1);

    ask_check(w, "one", "memory", 1000);
    assert_true(world_refused(w, "nothing is registered"));
    ask_register(w, "one", 0);
    ask_check(w, "one", "memory", 1);
    assert_true(world_refused(w, "below 500 ms"));
    ask_check(w, "one", "memory", 1000);
    assert_int_equal(found(w, 0, "db"), 0); /* until it is reported */
    ask_register(w, "one", 0);
    assert_int_equal(found(w, 0, "db"), 0); /* it has its check still */
    ask_check(w, "one", "memory", 0);
    assert_int_equal(found(w, 0, "db"), 1);
    world_pass(w, 5 * KITH_SEC);
    assert_int_equal(found(w, 0, "db"), 1);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_marked_is_not_found_anywhere),
        cmocka_unit_test(all_of_a_host_can_be_marked),
        cmocka_unit_test(a_mark_goes_with_what_it_is_on),
        cmocka_unit_test(a_check_can_be_given_and_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
