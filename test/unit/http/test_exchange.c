#include "http/exchange.h"

#include "stand.h"
#include "store/lookup_map.h"
#include "test.h"

#include <stdio.h>

static struct stand s;

static int begin(void **state)
{
    (void)state;
    stand_init(&s);
    return 0;
}

static int end(void **state)
{
    (void)state;
    stand_deinit(&s);
    return 0;
}

#define TOKEN "a-long-enough-secret"

static void errors_have_one_shape_and_consuls_theirs(void **state)
{
    (void)state;
    assert_int_equal(stand_get(&s, "/api/v1/nothing"), 404);
    assert_string_equal(stand_text(&s, "error/code"), "not_found");
    assert_int_equal(stand_get(&s, "/v1/nothing"), 404);
    assert_null(s.json);
    assert_string_equal(stand_body(&s), "there is nothing at this path");
    assert_int_equal(stand_get(&s, "/api/%zz"), 400);
    assert_string_equal(stand_text(&s, "error/code"), "bad_request");
    assert_int_equal(stand_ask(&s, "POST", "/api/v1/members", TOKEN, NULL), 405);
    assert_string_equal(s.x.answer.allow, "GET, HEAD");
}

static void a_client_that_knows_the_answer_waits_for_the_next(void **state)
{
    (void)state;
    struct lookup_endpoint e = stand_endpoint(1, &stand_a, ENDPOINT_HEALTH_PASSING);

    stand_tell(&s, "api", &e, 1);
    assert_int_equal(stand_get(&s, "/v1/health/service/api?index=0"), 200);
    assert_int_equal(stand_get(&s, "/v1/health/service/api?index=5"),
                     200); /* it knows another one */
    char target[100];

    snprintf(target, sizeof(target), "/v1/health/service/api?index=%llu&wait=30s",
             (unsigned long long)s.x.answer.index);
    assert_int_equal(stand_get(&s, target), 0);
    assert_int_equal(s.x.state, EXCHANGE_PARKED);
    assert_int_equal(s.x.until_us, s.hub.now_us + 30 * KITH_SEC);
    uint64_t before = s.x.answer.about->index;

    e.port = 9;
    stand_tell(&s, "api", &e, 1);
    assert_int_equal(s.woken, 1);
    assert_int_equal(stand_resume(&s), 200);
    assert_true(s.x.answer.index > before);
    assert_int_equal(stand_number(&s, "0/Service/Port"), 9);
}

static void waiting_has_an_end(void **state)
{
    (void)state;
    assert_int_equal(stand_get(&s, "/v1/health/service/none?index=1000"), 0);
    assert_int_equal(s.x.until_us, s.hub.now_us + EXCHANGE_WAIT_US);
    assert_int_equal(stand_resume(&s), 200); /* nothing has come */
    assert_int_equal(stand_count(&s), 0);
    assert_int_equal(s.x.answer.index, 1000);
    assert_int_equal(stand_get(&s, "/v1/health/service/none?index=1000&wait=9h"), 0);
    assert_int_equal(s.x.until_us, s.hub.now_us + EXCHANGE_WAIT_MAX_US);
    assert_int_equal(stand_get(&s, "/v1/health/service/none?index=x"), 400);
    assert_int_equal(stand_get(&s, "/v1/health/service/none?index=1000&wait=soon"), 400);
}

static void changes_need_the_token_and_this_host(void **state)
{
    (void)state;
    const char *path = "/v1/agent/service/deregister/api";

    assert_int_equal(stand_ask(&s, "PUT", path, NULL, NULL), 403);
    assert_int_equal(stand_ask(&s, "PUT", path, "a-long-enough-secre", NULL), 403);
    assert_int_equal(stand_ask(&s, "PUT", path, "a-long-enough-secreT", NULL), 403);
    assert_int_equal(stand_ask(&s, "PUT", path, TOKEN, NULL), 0);
    assert_int_equal(s.x.state, EXCHANGE_ASKING);
    assert_int_equal(s.x.ask, WIRE_DEREGISTER_ENDPOINT);
    assert_int_equal(
        stand_ask(&s, "PUT", "/v1/agent/service/deregister/api?token=" TOKEN, NULL, NULL), 0);
    s.hub.token = (struct bytes){0};
    assert_int_equal(stand_ask(&s, "PUT", path, NULL, NULL), 0);
}

static void what_programs_print_needs_it_to_be_read(void **state)
{
    (void)state;
    const char *path = "/api/v1/instances/web/logs";

    assert_int_equal(stand_ask(&s, "GET", path, NULL, NULL), 403);
    assert_int_equal(stand_ask(&s, "GET", path, TOKEN, NULL), 0);
    assert_int_equal(s.x.ask, WIRE_GET_LOGS);
    assert_int_equal(stand_ask(&s, "GET", "/api/v1/members", NULL, NULL), 200);
}

/* By GET as well, as python3-consul deregisters. */
static void what_changes_something_needs_it_by_any_method(void **state)
{
    (void)state;
    const char *path = "/v1/agent/check/pass/service:api";

    assert_int_equal(stand_ask(&s, "GET", path, NULL, NULL), 403);
    assert_int_equal(stand_ask(&s, "GET", path, TOKEN, NULL), 0);
    s.hub.token = (struct bytes){0};
    struct exchange x = {.hub = &s.hub, .method = METHOD_GET, .from_here = true, .from_page = true};

    exchange_begin(&x, stand_routes, bytes_str(path));
    assert_int_equal(x.answer.status, 403);
    exchange_deinit(&x);
}

static unsigned from_afar(const char *method, const char *target, const char *token, bool secure)
{
    struct exchange x = {.hub = &s.hub, .secure = secure, .method = route_method(method)};

    if (token)
        x.token = bytes_str(token);
    exchange_begin(&x, stand_routes, bytes_str(target));
    unsigned status = x.answer.status;

    exchange_deinit(&x);
    return status;
}

static void from_other_hosts_the_token_reads_and_by_tls_it_changes(void **state)
{
    (void)state;
    assert_int_equal(from_afar("GET", "/v1/catalog/nodes", NULL, false), 403);
    assert_int_equal(from_afar("GET", "/v1/catalog/nodes", TOKEN, false), 200);
    assert_int_equal(from_afar("PUT", "/v1/agent/service/deregister/api", TOKEN, false), 403);
    assert_int_equal(from_afar("PUT", "/v1/agent/service/deregister/api", NULL, /* secure= */ true),
                     403);
    assert_int_equal(
        from_afar("PUT", "/v1/agent/service/deregister/api", TOKEN, /* secure= */ true), 0);
}

static void the_peers_refusal_becomes_a_status(void **state)
{
    (void)state;
    static const struct {
        enum fail_code code;
        unsigned status;
    } cases[] = {{FAIL_CODE_NOT_FOUND, 404}, {FAIL_CODE_NOT_ALLOWED, 403}, {FAIL_CODE_BUSY, 503}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct failed failed = {.code = cases[i].code, .text = bytes_str("because")};
        struct buf payload = {0};

        failed_encode(&payload, &failed);
        assert_int_equal(stand_ask(&s, "PUT", "/v1/agent/service/deregister/api", TOKEN, NULL), 0);
        assert_int_equal(stand_reply(&s, WIRE_FAILED, buf_bytes(&payload)), cases[i].status);
        assert_string_equal(stand_body(&s), "because");
        buf_deinit(&payload);
    }
    assert_int_equal(stand_ask(&s, "PUT", "/v1/agent/service/deregister/api", TOKEN, NULL), 0);
    assert_int_equal(stand_reply(&s, (enum wire_kind)0, (struct bytes){0}), 504);
    assert_int_equal(stand_ask(&s, "PUT", "/v1/agent/service/deregister/api", TOKEN, NULL), 0);
    assert_int_equal(stand_reply(&s, WIRE_FAILED, bytes_str("junk")), 500);
}

static void a_peer_that_is_starting_says_so(void **state)
{
    (void)state;
    s.hub.directory.ready = false;
    assert_int_equal(stand_get(&s, "/api/v1/members"), 503);
    assert_string_equal(stand_text(&s, "error/code"), "not_ready");
}

/* ---- long answers ---- */

#define MANY   300u
#define SLICES (MANY / EXCHANGE_SLICE_SERVICES + 1)
#define OWN    "/v1/agent/services"

static void tell_one(unsigned number)
{
    struct lookup_endpoint e = stand_endpoint(1, &stand_a, ENDPOINT_HEALTH_PASSING);
    char name[16];

    e.instance.b[14] = (uint8_t)(number >> 8);
    e.instance.b[15] = (uint8_t)number;
    snprintf(name, sizeof(name), "s%03u", number);
    stand_tell(&s, name, &e, 1);
}

static void tell_many(void)
{
    for (unsigned i = 0; i < MANY; i++)
        tell_one(i);
}

static void ask_beside(struct exchange *x, const char *target)
{
    *x = (struct exchange){.hub = &s.hub, .method = METHOD_GET, .from_here = true};
    exchange_begin(x, stand_routes, bytes_str(target));
}

static void a_long_answer_lets_others_be_served_in_between(void **state)
{
    (void)state;
    unsigned turns = 1;

    tell_many();
    assert_int_equal(stand_get(&s, OWN), 0);
    do {
        struct exchange other;

        assert_int_equal(s.x.state, EXCHANGE_WRITING);
        assert_true(s.x.until_us <= s.hub.now_us);
        ask_beside(&other, "/api/v1/members");
        assert_int_equal(other.answer.status, 200);
        exchange_deinit(&other);
        turns++;
    } while (stand_resume(&s) == 0);
    assert_int_equal(turns, SLICES);
    assert_int_equal(s.x.answer.status, 200);
    assert_int_equal(json_object_size(s.json), MANY);
    assert_int_equal(s.hub.writing, 0);
}

/* What comes and goes meanwhile may be in it or not; all others are, once. It has the index of its begin, so that who waits from there on misses
 * nothing, and is not kept. */
static void a_long_answer_is_no_older_than_its_index(void **state)
{
    (void)state;
    char target[64];

    tell_many();
    uint64_t index = s.hub.directory.all_checks.index;

    assert_int_equal(stand_get(&s, "/v1/health/state/any"), 0);
    stand_tell_gone(&s, "s100");
    stand_tell_gone(&s, "s127"); /* the one at which it goes on */
    stand_tell_gone(&s, "s200");
    tell_one(MANY);
    while (stand_resume(&s) == 0)
        ;
    assert_int_equal(s.x.answer.index, index);
    assert_false(s.x.answer.lasting);
    uint64_t later = s.hub.directory.all_checks.index;

    assert_true(later > index);
    snprintf(target, sizeof(target), "/v1/health/state/any?index=%llu", (unsigned long long)index);
    assert_int_equal(stand_get(&s, target), 0);
    while (stand_resume(&s) == 0)
        ;
    assert_int_equal(s.x.answer.index, later);
    assert_true(s.x.answer.lasting);
    assert_int_equal(stand_get(&s, target), 200); /* kept, and so at once */
}

static void one_long_answer_is_written_at_a_time(void **state)
{
    (void)state;
    struct exchange second, third;

    tell_many();
    assert_int_equal(stand_get(&s, OWN), 0);
    ask_beside(&second, OWN);
    ask_beside(&third, OWN);
    exchange_resume(&second);
    assert_int_equal(second.state, EXCHANGE_WRITING);
    assert_int_equal(second.answer.body.len, 1); /* its begin */
    assert_true(second.until_us > s.hub.now_us);
    while (stand_resume(&s) == 0)
        ;
    exchange_resume(&second);
    assert_true(second.answer.body.len > 1);
    exchange_deinit(&second); /* its client has gone */
    while (third.state != EXCHANGE_READY)
        exchange_resume(&third);
    assert_int_equal(third.answer.status, 200);
    assert_int_equal(third.answer.body.len, s.x.answer.body.len);
    exchange_deinit(&third);
    assert_int_equal(s.hub.writing, 0);
}

static void a_file_that_cannot_be_read_ends_a_long_answer(void **state)
{
    (void)state;
    tell_many();
    assert_int_equal(stand_get(&s, OWN), 0);
    s.problem = LOOKUP_TORN;
    assert_int_equal(stand_resume(&s), 503);
    assert_int_equal(s.hub.writing, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(errors_have_one_shape_and_consuls_theirs),
        CASE(a_client_that_knows_the_answer_waits_for_the_next),
        CASE(waiting_has_an_end),
        CASE(changes_need_the_token_and_this_host),
        CASE(what_programs_print_needs_it_to_be_read),
        CASE(what_changes_something_needs_it_by_any_method),
        CASE(from_other_hosts_the_token_reads_and_by_tls_it_changes),
        CASE(the_peers_refusal_becomes_a_status),
        CASE(a_peer_that_is_starting_says_so),
        CASE(a_long_answer_lets_others_be_served_in_between),
        CASE(a_long_answer_is_no_older_than_its_index),
        CASE(one_long_answer_is_written_at_a_time),
        CASE(a_file_that_cannot_be_read_ends_a_long_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
