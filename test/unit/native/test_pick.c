#include "native/pick.h"

#include "../http/stand.h"
#include "test.h"

/* What can be chosen of the members "a", in zone eu, and "b", and of the endpoints of a service on both. */

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

    stand_tell(&s, "api", e, 3);
    return 0;
}

static int end(void **state)
{
    (void)state;
    stand_deinit(&s);
    return 0;
}

static size_t count(const char *target)
{
    assert_int_equal(stand_get(&s, target), 200);
    return stand_count(&s);
}

static void by_state_and_label(void **state)
{
    (void)state;
    assert_int_equal(count("/api/v1/members?state=alive"), 2);
    assert_int_equal(count("/api/v1/members?state=dead&state=left"), 0);
    assert_int_equal(count("/api/v1/members?zone=eu"), 1);
    assert_string_equal(stand_text(&s, "0/name"), "a");
    assert_int_equal(count("/api/v1/members?zone=us"), 0);
    assert_int_equal(count("/api/v1/members?label=zone"), 1);
    assert_int_equal(count("/api/v1/members?label=zone=eu&state=dead"), 0);
    assert_int_equal(count("/api/v1/services/api/endpoints?state=critical&state=warning"), 2);
}

/* An endpoint is where its host is, and has the tags of its service. */
static void labels_are_those_of_host_and_service_too(void **state)
{
    (void)state;
    assert_int_equal(count("/api/v1/services/api/endpoints?zone=eu"), 2);
    assert_string_equal(stand_text(&s, "0/node_name"), "a");
    assert_int_equal(count("/api/v1/services/api/endpoints?label=v1"), 3);
    assert_int_equal(count("/api/v1/services/api/endpoints?label=v1&label=v2"), 0);
    assert_int_equal(count("/api/v1/services/api/endpoints?version=1"), 0);
}

static void pages_follow_each_other(void **state)
{
    (void)state;
    char target[256];

    assert_int_equal(count("/api/v1/services/api/endpoints?limit=2"), 2);
    assert_int_equal(stand_number(&s, "0/port"), 8001);
    assert_int_equal(stand_number(&s, "1/port"), 8002);
    assert_non_null(s.x.answer.next);
    snprintf(target, sizeof(target), "/api/v1/services/api/endpoints?limit=2&cursor=%s",
             s.x.answer.next);
    assert_int_equal(count(target), 1);
    assert_int_equal(stand_number(&s, "0/port"), 8003);
    assert_null(s.x.answer.next);
    assert_int_equal(count("/api/v1/services/api/endpoints?limit=3"), 3);
    assert_null(s.x.answer.next);
}

/* What stands at the cursor may have gone: the page begins behind its place all the same. */
static void a_page_goes_on_where_its_last_item_was(void **state)
{
    (void)state;
    char target[256];

    count("/api/v1/services/api/endpoints?limit=1");
    snprintf(target, sizeof(target), "/api/v1/services/api/endpoints?limit=1&cursor=%s",
             s.x.answer.next);
    struct lookup_endpoint left = stand_endpoint(3, &stand_a, ENDPOINT_HEALTH_PASSING);

    stand_tell(&s, "api", &left, 1);
    assert_int_equal(count(target), 1);
    assert_int_equal(stand_number(&s, "0/port"), 8003);
}

static void the_nearest_come_first_also_on_a_page(void **state)
{
    (void)state;
    assert_int_equal(count("/api/v1/services/api/endpoints?near&limit=2"), 2);
    assert_string_equal(stand_text(&s, "0/node_name"), "a");
    assert_string_equal(stand_text(&s, "1/node_name"), "a");
}

static void fields_are_chosen(void **state)
{
    (void)state;
    assert_int_equal(count("/api/v1/members?fields=name,state,nothing"), 2);
    assert_string_equal(stand_body(&s), "[{\"name\":\"a\",\"state\":\"alive\"},"
                                        "{\"name\":\"b\",\"state\":\"alive\"}]");
}

static void what_is_no_limit_is_refused(void **state)
{
    (void)state;
    assert_int_equal(stand_get(&s, "/api/v1/members?limit=0"), 400);
    assert_int_equal(stand_get(&s, "/api/v1/members?limit=10001"), 400);
    assert_int_equal(stand_get(&s, "/api/v1/members?limit=x"), 400);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(by_state_and_label),
        CASE(labels_are_those_of_host_and_service_too),
        CASE(pages_follow_each_other),
        CASE(a_page_goes_on_where_its_last_item_was),
        CASE(the_nearest_come_first_also_on_a_page),
        CASE(fields_are_chosen),
        CASE(what_is_no_limit_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
