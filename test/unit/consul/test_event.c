#include "consul/event.h"

#include "../http/stand.h"
#include "test.h"

#include <stdio.h>
#include <string.h>

static struct stand s;
static unsigned number;

static int begin(void **state)
{
    (void)state;
    stand_init(&s);
    number = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    stand_deinit(&s);
    return 0;
}

static struct user_event event(const char *name)
{
    return (struct user_event){
        .id = {{0, 3, (uint8_t)++number}}, .name = bytes_str(name), .payload = bytes_str("now")};
}

static void see(const char *name)
{
    struct user_event e = event(name);

    consul_event_seen(&s.hub, &e);
}

static bool matches(const char *filter, const char *text)
{
    return event_match(bytes_str(filter), bytes_str(text));
}

static void what_came_is_listed_in_order(void **state)
{
    (void)state;
    assert_int_equal(stand_get(&s, "/v1/event/list"), 200);
    assert_int_equal(stand_count(&s), 0);
    see("deploy");
    see("restart");
    see("deploy");
    stand_get(&s, "/v1/event/list");
    assert_int_equal(stand_count(&s), 3);
    assert_string_equal(stand_text(&s, "1/Name"), "restart");
    assert_string_equal(stand_text(&s, "1/Payload"), "bm93");
    assert_string_equal(stand_text(&s, "1/ID"), "00030200-0000-0000-0000-000000000000");
    stand_get(&s, "/v1/event/list?name=deploy");
    assert_int_equal(stand_count(&s), 2);
    assert_int_equal(stand_get(&s, "/v1/event/list?service=web"), 400);
}

/* Asks for the list with the index that it has. */
static unsigned wait_for(const char *name)
{
    char target[128];

    snprintf(target, sizeof(target), "/v1/event/list?name=%s", name);
    stand_get(&s, target);
    snprintf(target, sizeof(target), "/v1/event/list?name=%s&index=%llu", name,
             (unsigned long long)s.x.answer.index);
    return stand_get(&s, target);
}

static void who_waits_for_a_name_is_woken_by_that(void **state)
{
    (void)state;
    assert_int_equal(wait_for("deploy"), 0);
    see("restart");
    assert_int_equal(s.woken, 0);
    see("deploy");
    assert_int_equal(s.woken, 1);
    assert_int_equal(stand_resume(&s), 200);
    assert_int_equal(stand_count(&s), 1);
    assert_int_equal(wait_for(""), 0);
    see("restart");
    assert_int_equal(s.woken, 2);
}

static void the_oldest_give_way_and_are_missed(void **state)
{
    (void)state;
    see("first");
    for (unsigned i = 1; i < EVENTS_MAX; i++)
        see("more");
    assert_int_equal(wait_for("first"), 0);
    see("more");
    assert_int_equal(s.woken, 1);
    stand_resume(&s);
    assert_int_equal(stand_count(&s), 0);
    stand_get(&s, "/v1/event/list");
    assert_int_equal(stand_count(&s), EVENTS_MAX);
}

static void names_that_nobody_waits_for_are_forgotten(void **state)
{
    char name[32];

    (void)state;
    for (unsigned i = 0; i < 2 * EVENTS_NAMES_MAX; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        (void)event_list_resource(&s.hub.events, bytes_str(name));
    }
    assert_int_equal(s.hub.events.names_n, EVENTS_NAMES_MAX);
}

static void filters_say_who_sees_it(void **state)
{
    struct user_event e = event("deploy");
    struct lookup_endpoint here = stand_endpoint(1, &stand_a, ENDPOINT_HEALTH_PASSING);

    (void)state;
    e.node_filter = bytes_str("^b$");
    consul_event_seen(&s.hub, &e);
    e.node_filter = bytes_str("a");
    e.service_filter = bytes_str("web");
    consul_event_seen(&s.hub, &e);
    assert_int_equal(s.hub.events.seen_n, 0);
    stand_tell(&s, "web", &here, 1);
    consul_event_seen(&s.hub, &e);
    assert_int_equal(s.hub.events.seen_n, 1);
    e.tag_filter = bytes_str("v2");
    consul_event_seen(&s.hub, &e);
    e.tag_filter = bytes_str("v1");
    consul_event_seen(&s.hub, &e);
    assert_int_equal(s.hub.events.seen_n, 2);
}

static void a_filter_is_a_text_with_ends(void **state)
{
    (void)state;
    assert_true(matches("", "web"));
    assert_true(matches("eb", "web-1"));
    assert_true(matches("^we", "web"));
    assert_false(matches("^eb", "web"));
    assert_true(matches("b$", "webb"));
    assert_false(matches("e$", "web"));
    assert_true(matches("^web$", "web"));
    assert_false(matches("^web$", "web-1"));
    assert_true(matches("^", "web"));
    assert_true(matches("^$", ""));
    assert_false(matches("web", "we"));
    assert_true(event_filter_ok(bytes_str("^web-1$")));
    assert_false(event_filter_ok(bytes_str("web.*")));
    assert_false(event_filter_ok(bytes_str("a|b")));
    assert_false(event_filter_ok(bytes_str("^a^")));
}

static void firing_publishes_on_the_topic(void **state)
{
    struct publish publish;
    struct user_event e;
    struct wire_error err;
    struct buf reply = {0};
    const char *token = "a-long-enough-secret";

    (void)state;
    assert_int_equal(stand_ask(&s, "PUT", "/v1/event/fire/deploy", NULL, "now"), 403);
    assert_int_equal(stand_ask(&s, "PUT", "/v1/event/fire/deploy?tag=v1", token, ""), 400);
    assert_int_equal(stand_ask(&s, "PUT", "/v1/event/fire/deploy?node=a.*", token, ""), 400);
    assert_int_equal(stand_ask(&s, "PUT", "/v1/event/fire/deploy?node=a", token, "now"), 0);
    assert_int_equal(s.x.ask, WIRE_PUBLISH);
    assert_int_equal(publish_decode(&publish, buf_bytes(&s.x.question), &s.x.mem, &err), 0);
    assert_true(bytes_equal_str(publish.topic, CONSUL_EVENTS));
    assert_int_equal(user_event_decode(&e, publish.payloads[0], &s.x.mem, &err), 0);
    assert_true(bytes_equal_str(e.node_filter, "a"));
    assert_true(bytes_equal_str(e.payload, "now"));
    published_encode(&reply, &(struct published){.accepted = 1});
    assert_int_equal(stand_reply(&s, WIRE_PUBLISHED, buf_bytes(&reply)), 200);
    assert_string_equal(stand_text(&s, "Name"), "deploy");
    assert_int_equal(strlen(stand_text(&s, "ID")), 36);
    buf_deinit(&reply);
}

static void too_much_is_refused(void **state)
{
    static char large[USER_EVENT_PAYLOAD_MAX + 2];
    const char *token = "a-long-enough-secret";
    struct buf reply = {0};

    (void)state;
    memset(large, 'x', sizeof(large) - 1);
    assert_int_equal(stand_ask(&s, "PUT", "/v1/event/fire/deploy", token, large), 413);
    assert_int_equal(stand_ask(&s, "PUT", "/v1/event/fire/deploy", token, ""), 0);
    published_encode(&reply, &(struct published){.dropped = 1});
    assert_int_equal(stand_reply(&s, WIRE_PUBLISHED, buf_bytes(&reply)), 429);
    buf_deinit(&reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_came_is_listed_in_order, begin, end),
        cmocka_unit_test_setup_teardown(who_waits_for_a_name_is_woken_by_that, begin, end),
        cmocka_unit_test_setup_teardown(the_oldest_give_way_and_are_missed, begin, end),
        cmocka_unit_test_setup_teardown(names_that_nobody_waits_for_are_forgotten, begin, end),
        cmocka_unit_test_setup_teardown(filters_say_who_sees_it, begin, end),
        cmocka_unit_test(a_filter_is_a_text_with_ends),
        cmocka_unit_test_setup_teardown(firing_publishes_on_the_topic, begin, end),
        cmocka_unit_test_setup_teardown(too_much_is_refused, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
