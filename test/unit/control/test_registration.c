#include "control/registration.h"

#include "world.h"

#include "test.h"

#include <string.h>

static void ask_register(struct world *w, unsigned node, const struct register_endpoint *request)
{
    struct buf payload = {0};

    register_endpoint_encode(&payload, request);
    world_request(w, node, WIRE_REGISTER_ENDPOINT, buf_bytes(&payload));
    buf_deinit(&payload);
}

static void ask_deregister(struct world *w, unsigned node, const char *name)
{
    struct deregister_endpoint request = {.name = bytes_str(name)};
    struct buf payload = {0};

    deregister_endpoint_encode(&payload, &request);
    world_request(w, node, WIRE_DEREGISTER_ENDPOINT, buf_bytes(&payload));
    buf_deinit(&payload);
}

static const struct bound_port ports[] = {{.name = {(const uint8_t *)"sql", 3}, .port = 5432}};
static const struct bytes tags[] = {{(const uint8_t *)"main", 4}};

/* db at 10.0.0.7:5432 with the tag main; a TTL of 0: it stays. */
static struct register_endpoint db(uint32_t ttl_ms)
{
    return (struct register_endpoint){
        .service = bytes_str("db"),
        .addr = bytes_str("10.0.0.7"),
        .ports = ports,
        .ports_n = 1,
        .tags = tags,
        .tags_n = 1,
        .ttl_ms = ttl_ms,
    };
}

#define DB_NAME "db@10.0.0.7:5432"

static bool registered(struct world *w)
{
    return w->reply_kind == WIRE_REGISTERED;
}

/* How many endpoints of the service this node lists; UINT32_MAX: it knows no such service. */
static uint32_t endpoints(struct world *w, unsigned node, const char *service,
                          struct endpoints *ret, struct arena *mem)
{
    struct get_endpoints request = {.service = bytes_str(service)};
    struct buf payload = {0};
    struct wire_error err;

    get_endpoints_encode(&payload, &request);
    world_request(w, node, WIRE_GET_ENDPOINTS, buf_bytes(&payload));
    buf_deinit(&payload);
    if (w->reply_kind != WIRE_ENDPOINTS)
        return UINT32_MAX;
    assert_int_equal(endpoints_decode(ret, buf_bytes(&w->reply), mem, &err), 0);
    return ret->endpoints_n;
}

static uint32_t endpoints_n(struct world *w, unsigned node, const char *service)
{
    struct endpoints e;
    struct arena mem = {0};
    uint32_t n = endpoints(w, node, service, &e, &mem);

    arena_deinit(&mem);
    return n;
}

static void every_host_finds_what_was_registered_with_one(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct register_endpoint request = db(0);
    struct arena mem = {0};
    struct endpoints e;

    ask_register(w, 0, &request);
    assert_true(registered(w));
    assert_true(w->reply_wait > 0); /* not before it is on disk */
    world_until(w, endpoints_n(w, 1, "db") == 1, 1 * KITH_SEC);
    endpoints(w, 1, "db", &e, &mem);
    assert_true(bytes_equal_str(e.endpoints[0].addr, "10.0.0.7"));
    assert_true(bytes_equal_str(e.endpoints[0].port_name, "sql"));
    assert_int_equal(e.endpoints[0].port, 5432);
    assert_true(bytes_equal_str(e.endpoints[0].tags[0], "main"));
    assert_true(bytes_equal_str(e.endpoints[0].registration, DB_NAME));
    assert_true(world_logged(w, "told db 1@b", 0) > 0);
    arena_deinit(&mem);
    world_free(w);
}

/* Of a TTL each, in ms. */
static void ask_register_all(struct world *w, const uint32_t *ttls_ms, uint32_t n)
{
    struct bytes encoded[8];
    struct register_endpoints request = {.endpoints = encoded, .endpoints_n = n};
    struct arena mem = {0};
    struct buf payload = {0};

    for (uint32_t i = 0; i < n; i++) {
        struct register_endpoint one = db(ttls_ms[i]);
        struct buf out = {0};

        one.name = bytes_str(arena_printf(&mem, "db-%u", i));
        register_endpoint_encode(&out, &one);
        encoded[i] = arena_bytes(&mem, buf_bytes(&out));
        buf_deinit(&out);
    }
    register_endpoints_encode(&payload, &request);
    world_request(w, 0, WIRE_REGISTER_ENDPOINTS, buf_bytes(&payload));
    buf_deinit(&payload);
    arena_deinit(&mem);
}

static void many_are_registered_at_once_or_none(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct registered_endpoints done;
    struct arena mem = {0};
    struct wire_error err;

    ask_register_all(w, (uint32_t[]){0, 0, 100}, 3); /* the last one cannot be kept */
    assert_true(world_refused(w, "db-2: a TTL below 500 ms"));
    assert_int_equal(endpoints_n(w, 0, "db"), UINT32_MAX);
    ask_register_all(w, (uint32_t[]){0, 0, 9000}, 3);
    assert_int_equal(w->reply_kind, WIRE_REGISTERED_ENDPOINTS);
    assert_true(w->reply_wait > 0); /* not before all are on disk */
    assert_int_equal(registered_endpoints_decode(&done, buf_bytes(&w->reply), &mem, &err), 0);
    assert_int_equal(done.registered_n, 3);
    assert_true(bytes_equal_str(done.registered[2].name, "db-2"));
    world_until(w, endpoints_n(w, 1, "db") == 3, 1 * KITH_SEC);
    arena_deinit(&mem);
    world_free(w);
}

static void it_stands_beside_the_instances_of_a_service_of_that_name(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct service_spec specs[] = {world_spec("db", 1, NULL)};
    struct register_endpoint request = db(0);

    world_apply(w, 0, specs, 1);
    world_until(w, world_healthy(w, 0, "db") == 1, 5 * KITH_SEC);
    ask_register(w, 0, &request);
    assert_int_equal(endpoints_n(w, 0, "db"), 2);
    world_pass(w, LOOKUPS_GATHER);
    assert_true(world_logged(w, "told db 2@a", 0) > 0);
    world_free(w);
}

static void deregistered_it_is_gone_everywhere(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct register_endpoint request = db(0);

    ask_register(w, 0, &request);
    world_until(w, endpoints_n(w, 1, "db") == 1, 1 * KITH_SEC);
    ask_deregister(w, 1, DB_NAME); /* the wrong peer */
    assert_true(world_refused(w, "ask the peer that it was registered with"));
    ask_deregister(w, 0, DB_NAME);
    assert_true(registered(w));
    assert_true(w->reply_wait > 0);
    world_until(w, endpoints_n(w, 1, "db") == UINT32_MAX, 1 * KITH_SEC);
    world_pass(w, LOOKUPS_GATHER);
    assert_true(world_logged(w, "told db gone@b", 0) > 0);
    ask_deregister(w, 0, DB_NAME);
    assert_int_equal(w->reply_kind, WIRE_FAILED);
    world_free(w);
}

static void by_the_same_name_it_is_changed(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct register_endpoint request = db(0);

    request.name = bytes_str("primary");
    ask_register(w, 0, &request);
    request.addr = bytes_str("10.0.0.8");
    ask_register(w, 0, &request);
    assert_int_equal(endpoints_n(w, 0, "db"), 1);
    request.service = bytes_str("sql"); /* another service, even */
    ask_register(w, 0, &request);
    assert_int_equal(endpoints_n(w, 0, "db"), UINT32_MAX);
    assert_int_equal(endpoints_n(w, 0, "sql"), 1);
    world_free(w);
}

static void a_ttl_that_is_not_renewed_ends_it(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct register_endpoint request = db(2000);

    ask_register(w, 0, &request);
    for (unsigned k = 0; k < 4; k++) {
        world_pass(w, 1500 * KITH_MS);
        assert_int_equal(endpoints_n(w, 1, "db"), 1);
        ask_register(w, 0, &request);
        assert_true(registered(w));
    }
    world_pass(w, 1900 * KITH_MS);
    assert_int_equal(endpoints_n(w, 1, "db"), 1);
    world_pass(w, 200 * KITH_MS);
    assert_int_equal(endpoints_n(w, 1, "db"), UINT32_MAX);
    world_free(w);
}

static void renewing_writes_nothing(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct register_endpoint request = db(2000);

    ask_register(w, 0, &request);
    world_pass(w, 100 * KITH_MS);
    uint64_t digest = state_digest(w->nodes[0].state);

    ask_register(w, 0, &request);
    assert_true(registered(w));
    assert_int_equal(w->reply_wait, 0); /* it is on disk already */
    assert_int_equal(state_digest(w->nodes[0].state), digest);
    world_free(w);
}

/* The peer that answers for it is gone: not shown at once. With the peer it is back, and its TTL anew. */
static void it_goes_and_comes_with_its_peer(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct register_endpoint request = db(2000);

    ask_register(w, 0, &request);
    world_until(w, endpoints_n(w, 1, "db") == 1, 1 * KITH_SEC);
    world_kill(w, 0);
    world_until(w, endpoints_n(w, 1, "db") == UINT32_MAX, 1 * KITH_SEC);
    world_pass(w, LOOKUPS_GATHER);
    assert_true(world_logged(w, "told db gone@b", 0) > 0);
    world_pass(w, 10 * KITH_SEC);
    world_restart(w, 0);
    world_until(w, endpoints_n(w, 1, "db") == 1, 5 * KITH_SEC);
    world_pass(w, 1500 * KITH_MS);
    assert_int_equal(endpoints_n(w, 0, "db"), 1);
    world_pass(w, 1 * KITH_SEC);
    assert_int_equal(endpoints_n(w, 1, "db"), UINT32_MAX);
    world_free(w);
}

static void what_cannot_be_kept_is_refused(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct register_endpoint request = db(100);
    struct buf payload = {0};

    ask_register(w, 0, &request);
    assert_true(world_refused(w, "TTL"));
    request = db(0);
    request.service = (struct bytes){0};
    ask_register(w, 0, &request);
    assert_int_equal(w->reply_kind, WIRE_FAILED);
    world_request(w, 0, WIRE_REGISTER_ENDPOINT, bytes_str("garbage"));
    assert_int_equal(w->reply_kind, WIRE_FAILED);
    request = db(0);
    register_endpoint_encode(&payload, &request);
    world_request_as(w, 0, PRINCIPAL_KIND_CLIENT, WIRE_REGISTER_ENDPOINT, buf_bytes(&payload));
    assert_true(world_refused(w, "may not"));
    buf_deinit(&payload);
    assert_int_equal(endpoints_n(w, 0, "db"), UINT32_MAX);
    world_free(w);
}

static void report(struct world *w, unsigned node, const char *name, enum endpoint_health health,
                   const char *output)
{
    struct report_endpoint request = {
        .name = bytes_str(name), .health = health, .output = bytes_str(output)};
    struct buf payload = {0};

    report_endpoint_encode(&payload, &request);
    world_request(w, node, WIRE_REPORT_ENDPOINT, buf_bytes(&payload));
    buf_deinit(&payload);
}

/* A registrant that says how it does: critical it is not found, and is there all the same. */
static void what_is_reported_critical_is_not_found(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct register_endpoint request = db(0);

    ask_register(w, 0, &request);
    world_until(w, endpoints_n(w, 1, "db") == 1, 1 * KITH_SEC);
    report(w, 0, DB_NAME, ENDPOINT_HEALTH_CRITICAL, "disk full");
    assert_true(registered(w));
    assert_true(w->reply_wait > 0);
    world_until(w, endpoints_n(w, 1, "db") == 0, 1 * KITH_SEC);
    world_pass(w, 2 * LOOKUPS_GATHER);
    assert_true(world_logged(w, "failing db 1: disk full@b", 0) > 0);
    report(w, 0, DB_NAME, ENDPOINT_HEALTH_WARNING, "");
    world_until(w, endpoints_n(w, 1, "db") == 1, 1 * KITH_SEC);
    report(w, 1, DB_NAME, ENDPOINT_HEALTH_PASSING, ""); /* the wrong peer */
    assert_true(world_refused(w, "ask the peer that it was registered with"));
    world_free(w);
}

static void kept_it_is_critical_when_it_is_not_renewed_and_ends_later(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct register_endpoint request = db(2000);

    request.keep = true;
    request.reap_ms = 5000;
    ask_register(w, 0, &request);
    for (unsigned k = 0; k < 3; k++) {
        world_pass(w, 1500 * KITH_MS);
        report(w, 0, DB_NAME, ENDPOINT_HEALTH_PASSING, "");
        assert_int_equal(endpoints_n(w, 1, "db"), 1);
    }
    world_pass(w, 2200 * KITH_MS);
    assert_int_equal(endpoints_n(w, 1, "db"), 0);
    assert_true(world_logged(w, "failing db 1: TTL expired@b", 0) > 0);
    ask_register(w, 0, &request); /* says nothing of its health */
    assert_int_equal(endpoints_n(w, 0, "db"), 0);
    world_pass(w, 1 * KITH_SEC);
    report(w, 0, DB_NAME, ENDPOINT_HEALTH_PASSING, "");
    assert_int_equal(endpoints_n(w, 0, "db"), 1);
    world_pass(w, 2200 * KITH_MS);
    assert_int_equal(endpoints_n(w, 0, "db"), 0);
    world_pass(w, 4 * KITH_SEC);
    report(w, 0, DB_NAME, ENDPOINT_HEALTH_CRITICAL, "still"); /* no reason to wait longer */
    world_pass(w, 1 * KITH_SEC);
    assert_int_equal(endpoints_n(w, 1, "db"), UINT32_MAX);
    world_free(w);
}

/* A host that is no member: known by every peer as long as one that took it lives; nothing answers there. */
static void a_host_can_be_registered_without_a_service(void **state)
{
    static const struct pair meta[] = {
        {{(const uint8_t *)"kith-host", 9}, {(const uint8_t *)"attic", 5}},
        {{(const uint8_t *)"kith-host-address", 17}, {(const uint8_t *)"192.0.2.7", 9}}};
    struct register_endpoint request = {.name = bytes_str("attic/"), .meta = meta, .meta_n = 2};

    (void)state;
    struct world *w = world_new(3);

    ask_register(w, 0, &request);
    assert_true(registered(w));
    assert_true(w->reply_wait > 0);
    world_pass(w, 1 * KITH_SEC);
    size_t at = world_logged(w, "member attic alive@c", 0);

    assert_true(at > 0);
    assert_int_equal(endpoints_n(w, 1, ""), UINT32_MAX);
    world_kill(w, 0);
    world_pass(w, 1 * KITH_SEC);
    at = world_logged(w, "member  unknown@c", at);
    assert_true(at > 0);
    world_restart(w, 0);
    world_pass(w, 5 * KITH_SEC);
    at = world_logged(w, "member attic alive@c", at);
    assert_true(at > 0);
    ask_deregister(w, 0, "attic/");
    assert_true(registered(w));
    world_pass(w, 1 * KITH_SEC);
    assert_true(world_logged(w, "member  unknown@c", at) > 0);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_host_finds_what_was_registered_with_one),
        cmocka_unit_test(many_are_registered_at_once_or_none),
        cmocka_unit_test(it_stands_beside_the_instances_of_a_service_of_that_name),
        cmocka_unit_test(deregistered_it_is_gone_everywhere),
        cmocka_unit_test(by_the_same_name_it_is_changed),
        cmocka_unit_test(a_ttl_that_is_not_renewed_ends_it),
        cmocka_unit_test(renewing_writes_nothing),
        cmocka_unit_test(it_goes_and_comes_with_its_peer),
        cmocka_unit_test(what_cannot_be_kept_is_refused),
        cmocka_unit_test(what_is_reported_critical_is_not_found),
        cmocka_unit_test(kept_it_is_critical_when_it_is_not_renewed_and_ends_later),
        cmocka_unit_test(a_host_can_be_registered_without_a_service),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
