#include "control/logs.h"

#include "world.h"

#include "test.h"

static void ask(struct world *w, unsigned node, const char *what)
{
    struct get_logs request = {.instance = bytes_str(what)};
    struct buf payload = {0};

    get_logs_encode(&payload, &request);
    world_request(w, node, WIRE_GET_LOGS, buf_bytes(&payload));
    buf_deinit(&payload);
}

static struct world *with_redis(void)
{
    struct world *w = world_new(2);
    struct service_spec spec = world_spec("redis", 1, NULL);

    world_apply(w, 0, &spec, 1);
    world_until(w, world_healthy(w, 0, "redis") == 1 && world_healthy(w, 1, "redis") == 1,
                5 * KITH_SEC);
    return w;
}

static void says_hello(struct world *w)
{
    struct logs logs;
    struct arena mem = {0};
    struct wire_error err;

    world_until(w, w->reply_kind, KITH_SEC);
    assert_int_equal(w->reply_kind, WIRE_LOGS);
    assert_int_equal(logs_decode(&logs, buf_bytes(&w->reply), &mem, &err), 0);
    assert_true(bytes_equal_str(logs.data, "hello"));
    assert_int_equal(logs.next, 5);
    arena_deinit(&mem);
}

static void test_any_peer_gets_them_from_the_host(void **state)
{
    (void)state;
    struct world *w = with_redis();

    for (unsigned k = 0; k < 2; k++) {
        ask(w, k, "redis");
        assert_int_equal(w->reply_kind, 0); /* not before they are read */
        says_hello(w);
        assert_int_equal(w->nodes[k].control->logs.count, 0);
    }
    world_free(w);
}

static void test_what_cannot_be_read_says_why(void **state)
{
    (void)state;
    struct world *w = with_redis();
    unsigned host = world_host_of(w, "redis");
    struct ulid id = w->nodes[host].processes->instance;

    ask(w, 0, "nothing");
    assert_true(world_refused(w, "no instance, or several"));
    w->nodes[host].processes->instance.b[3] ^= 1; /* its folder is gone */
    for (unsigned k = 0; k < 2; k++) {
        ask(w, k, ulid_text(&id).s);
        world_until(w, w->reply_kind, KITH_SEC);
        assert_true(world_refused(w, "no output is kept"));
    }
    world_free(w);
}

static void test_a_host_that_does_not_answer_is_given_up(void **state)
{
    (void)state;
    struct world *w = with_redis();
    unsigned host = world_host_of(w, "redis");

    w->nodes[1 - host].cut_from[host] = true;
    ask(w, 1 - host, "redis");
    world_run(w, LOGS_PATIENCE / 2);
    assert_int_equal(w->reply_kind, 0);
    world_until(w, w->reply_kind, LOGS_PATIENCE);
    assert_true(world_refused(w, "did not answer"));
    for (unsigned k = 0; k < LOGS_MAX; k++)
        ask(w, 1 - host, "redis");
    ask(w, 1 - host, "redis");
    assert_true(world_refused(w, "too many"));
    w->nodes[1 - host].cut_from[host] = false;
    world_free(w);
}

static void test_few_can_be_handed_on_and_only_by_nodes(void **state)
{
    (void)state;
    struct world *w = with_redis();
    unsigned host = world_host_of(w, "redis");
    struct get_logs logs = {.instance = bytes_str("redis")};
    struct buf inner = {0}, payload = {0};

    get_logs_encode(&inner, &logs);
    struct forward request = {.kind = WIRE_APPLY,
                              .payload = buf_bytes(&inner),
                              .principal_kind = PRINCIPAL_KIND_OPERATOR};

    forward_encode(&payload, &request);
    world_request_as(w, host, PRINCIPAL_KIND_NODE, WIRE_FORWARD, buf_bytes(&payload));
    assert_true(world_refused(w, "cannot be handed on"));
    request.kind = WIRE_GET_LOGS;
    request.principal_kind = PRINCIPAL_KIND_NOBODY;
    buf_reset(&payload);
    forward_encode(&payload, &request);
    world_request_as(w, host, PRINCIPAL_KIND_NODE, WIRE_FORWARD, buf_bytes(&payload));
    assert_true(world_refused(w, "may not"));
    request.principal_kind = PRINCIPAL_KIND_OPERATOR;
    buf_reset(&payload);
    forward_encode(&payload, &request);
    world_request_as(w, host, PRINCIPAL_KIND_CLIENT, WIRE_FORWARD, buf_bytes(&payload));
    assert_true(world_refused(w, "may not"));
    world_request_as(w, 1 - host, PRINCIPAL_KIND_NODE, WIRE_FORWARD, buf_bytes(&payload));
    assert_int_equal(w->reply_kind, WIRE_FORWARDED); /* it is not there: no second hop */
    world_request_as(w, host, PRINCIPAL_KIND_NODE, WIRE_FORWARDED, buf_bytes(&payload));
    assert_int_equal(w->reply_kind, 0); /* an answer to nothing */
    buf_deinit(&inner);
    buf_deinit(&payload);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_peer_gets_them_from_the_host),
        cmocka_unit_test(test_what_cannot_be_read_says_why),
        cmocka_unit_test(test_a_host_that_does_not_answer_is_given_up),
        cmocka_unit_test(test_few_can_be_handed_on_and_only_by_nodes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
