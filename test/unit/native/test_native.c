#include "native/native.h"

#include "../http/stand.h"
#include "test.h"

#include <string.h>

#define TOKEN "a-long-enough-secret"

static struct stand s;

static int begin(void **state)
{
    (void)state;
    stand_init(&s);
    struct lookup_endpoint e[] = {
        stand_endpoint(1, &stand_b, ENDPOINT_HEALTH_PASSING),
        stand_endpoint(2, &stand_a, ENDPOINT_HEALTH_CRITICAL),
        stand_endpoint(3, &stand_a, ENDPOINT_HEALTH_WARNING),
    };

    e[0].distance_us = 300;
    stand_tell(&s, "api", e, 3);
    return 0;
}

static int end(void **state)
{
    (void)state;
    stand_deinit(&s);
    return 0;
}

static void members_are_as_kith_lists_them(void **state)
{
    (void)state;
    assert_int_equal(stand_get(&s, "/api/v1/members"), 200);
    assert_int_equal(stand_count(&s), 2);
    assert_string_equal(stand_text(&s, "0/name"), "a");
    assert_string_equal(stand_text(&s, "0/state"), "alive");
    assert_string_equal(stand_text(&s, "0/tags/zone"), "eu");
    assert_int_equal(stand_number(&s, "0/incarnation"), 1);
    assert_string_equal(stand_text(&s, "1/id"), ulid_text(&stand_b).s);
}

/* What Kith runs, as the peer says, and what is only registered: each as look-ups know it. */
static void services_are_those_of_kith_and_others(void **state)
{
    (void)state;
    struct service_info ours[] = {{.id = stand_a, .name = bytes_str("db"), .count = 2},
                                  {.id = stand_b, .name = bytes_str("web"), .count = 3}};
    struct services answer = {.services = ours, .services_n = 2};
    struct buf payload = {0};

    stand_tell(&s, "web", (struct lookup_endpoint[]){stand_endpoint(9, &stand_a, 0)}, 1);
    services_encode(&payload, &answer);
    assert_int_equal(stand_get(&s, "/api/v1/services"), 0);
    assert_int_equal(s.x.ask, WIRE_GET_SERVICES);
    assert_int_equal(stand_reply(&s, WIRE_SERVICES, buf_bytes(&payload)), 200);
    buf_deinit(&payload);
    assert_int_equal(stand_count(&s), 3);
    assert_string_equal(stand_text(&s, "0/name"), "db");
    assert_int_equal(stand_number(&s, "0/count"), 2);
    assert_string_equal(stand_text(&s, "1/name"), "web");
    assert_int_equal(stand_number(&s, "1/count"), 3);
    assert_int_equal(stand_number(&s, "1/endpoints"), 1);
    assert_string_equal(stand_text(&s, "2/name"), "api");
    assert_int_equal(stand_number(&s, "2/endpoints"), 2);
    assert_int_equal(stand_number(&s, "2/failing"), 1);
    assert_string_equal(stand_text(&s, "2/tags/0"), "v1");
}

static unsigned reply_service(struct service_info *info)
{
    struct services answer = {.services = info, .services_n = 1};
    struct buf payload = {0};

    services_encode(&payload, &answer);
    unsigned status = stand_reply(&s, WIRE_SERVICES, buf_bytes(&payload));

    buf_deinit(&payload);
    return status;
}

static void a_service_may_be_registered_only(void **state)
{
    (void)state;
    struct service_info ours = {.id = stand_a, .name = bytes_str("api"), .count = 3};
    struct service_info others = {.name = bytes_str("mail"), .registered = 2};
    struct lookup_endpoint mail[] = {stand_endpoint(7, &stand_a, ENDPOINT_HEALTH_PASSING),
                                     stand_endpoint(8, &stand_b, ENDPOINT_HEALTH_CRITICAL)};

    mail[0].registration = mail[1].registration = bytes_str("mail-1");
    stand_tell(&s, "mail", mail, 2);
    assert_int_equal(stand_ask(&s, "GET", "/api/v1/services/mail", TOKEN, NULL), 0);
    assert_int_equal(reply_service(&others), 200);
    assert_string_equal(stand_text(&s, "name"), "mail");
    assert_int_equal(stand_number(&s, "registered"), 2);
    assert_int_equal(stand_number(&s, "endpoints"), 1);
    assert_int_equal(stand_number(&s, "failing"), 1);
    assert_null(strstr(buf_cstr(&s.x.answer.body), "\"count\"")); /* Kith wants none of it */
    assert_int_equal(stand_ask(&s, "GET", "/api/v1/services/api", TOKEN, NULL), 0);
    assert_int_equal(reply_service(&ours), 200);
    assert_int_equal(stand_number(&s, "count"), 3);
    assert_int_equal(stand_number(&s, "endpoints"), 2);
}

static void endpoints_are_chosen_and_ordered(void **state)
{
    (void)state;
    assert_int_equal(stand_get(&s, "/api/v1/services/api/endpoints"), 200);
    assert_int_equal(stand_count(&s), 3);
    assert_string_equal(stand_text(&s, "0/health"), "critical");
    assert_string_equal(stand_text(&s, "2/node_name"), "b");
    stand_get(&s, "/api/v1/services/api/endpoints?passing&near");
    assert_int_equal(stand_count(&s), 2);
    assert_int_equal(stand_number(&s, "0/port"), 8003);
    stand_get(&s, "/api/v1/services/api/endpoints?tag=v1");
    assert_int_equal(stand_count(&s), 3);
    stand_get(&s, "/api/v1/services/api/endpoints?tag=v2");
    assert_int_equal(stand_count(&s), 0);
}

/* It can be waited for: its absence has an index. */
static void a_service_that_is_not_there_is_not_found(void **state)
{
    (void)state;
    assert_int_equal(stand_get(&s, "/api/v1/services/none/endpoints"), 404);
    assert_string_equal(stand_text(&s, "error/code"), "not_found");
    assert_int_equal(s.x.answer.index, 1000);
    assert_int_equal(stand_get(&s, "/api/v1/services/none/endpoints?index=1000"), 0);
    stand_tell(&s, "none", NULL, 0);
    assert_int_equal(s.woken, 1);
    assert_int_equal(stand_resume(&s), 200);
}

static void prometheus_is_told_its_targets(void **state)
{
    (void)state;
    static const struct pair meta = {{(const uint8_t *)"my-team", 7}, {(const uint8_t *)"x", 1}};
    struct lookup_endpoint e = stand_endpoint(7, &stand_b, ENDPOINT_HEALTH_PASSING);

    e.addr = bytes_str("fd00::1");
    e.own_tags = true;
    e.meta = &meta;
    e.meta_n = 1;
    stand_tell(&s, "six", &e, 1);
    assert_int_equal(stand_get(&s, "/api/v1/prometheus"), 200);
    assert_int_equal(stand_count(&s), 4);
    assert_string_equal(stand_text(&s, "0/targets/0"), "10.0.0.1:8002");
    assert_string_equal(stand_text(&s, "0/labels/__meta_kith_service"), "api");
    assert_string_equal(stand_text(&s, "0/labels/__meta_kith_health"), "critical");
    assert_string_equal(stand_text(&s, "0/labels/__meta_kith_tags"), ",v1,");
    assert_string_equal(stand_text(&s, "3/targets/0"), "[fd00::1]:8007");
    assert_string_equal(stand_text(&s, "3/labels/__meta_kith_meta_my_team"), "x");
    stand_get(&s, "/api/v1/prometheus?service=six&service=none");
    assert_int_equal(stand_count(&s), 1);
    stand_get(&s, "/api/v1/prometheus?port=admin");
    assert_int_equal(stand_count(&s), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(members_are_as_kith_lists_them),           CASE(services_are_those_of_kith_and_others),
        CASE(a_service_may_be_registered_only),         CASE(endpoints_are_chosen_and_ordered),
        CASE(a_service_that_is_not_there_is_not_found), CASE(prometheus_is_told_its_targets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
