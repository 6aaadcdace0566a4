#include "http/messages.h"

#include "stand.h"
#include "test.h"

#include <string.h>

static struct stand s;
static struct stream *stream;
static struct stream_message m;

static int begin(void **state)
{
    (void)state;
    stand_init(&s);
    stream = NULL;
    return 0;
}

static int end(void **state)
{
    (void)state;
    stream_free(stream);
    buf_deinit(&m.json);
    stand_deinit(&s);
    return 0;
}

/* The peer takes the subscription, whose number is returned. */
static uint64_t subscribe(const char *target)
{
    struct subscribe asked;
    struct arena mem = {0};
    struct wire_error err;
    struct buf payload = {0};

    assert_int_equal(stand_get(&s, target), 0);
    assert_int_equal(s.x.ask, WIRE_SUBSCRIBE);
    assert_int_equal(subscribe_decode(&asked, buf_bytes(&s.x.question), &mem, &err), 0);
    uint64_t number = asked.subscription;

    subscribed_encode(&payload, &(struct subscribed){.subscription = number});
    assert_int_equal(stand_reply(&s, WIRE_SUBSCRIBED, buf_bytes(&payload)), 0);
    assert_int_equal(s.x.state, EXCHANGE_STREAMING);
    stream_free(stream);
    stream = s.x.stream;
    s.x.stream = NULL;
    buf_deinit(&payload);
    arena_deinit(&mem);
    return number;
}

static void deliver(uint64_t number, const char *text, uint64_t dropped)
{
    struct topic_delivery message = {.topic = bytes_str("news"), .payload = bytes_str(text)};
    struct delivery d = {
        .subscription = number, .messages = &message, .messages_n = 1, .dropped = dropped};
    struct buf payload = {0};

    delivery_encode(&payload, &d);
    assert_true(messages_take(&s.messages, WIRE_DELIVERY, buf_bytes(&payload)));
    buf_deinit(&payload);
}

/* Whether the next message is of this name and says this. */
static bool next_is(const char *name, const char *words)
{
    buf_deinit(&m.json);
    m = (struct stream_message){0};
    return stream_next(stream, &m) && strcmp(m.name, name) == 0 &&
           strstr(buf_cstr(&m.json), words) != NULL;
}

static void messages_come_in_their_order(void **state)
{
    (void)state;
    uint64_t number = subscribe("/api/v1/messages?pattern=news&pattern=a.*");
    int owner;

    stream_sleep(stream, &owner);
    deliver(number, "one", 0);
    assert_int_equal(s.woken, 1);
    deliver(number, "two", 0);
    assert_true(next_is("message", "\"payload\":\"one\""));
    assert_int_equal(m.position, 0);
    assert_true(next_is("message", "\"payload\":\"two\""));
    assert_false(next_is("", ""));
}

static void a_message_is_for_its_subscription_only(void **state)
{
    (void)state;
    uint64_t first = subscribe("/api/v1/messages?pattern=news");
    struct stream *kept = stream;

    stream = NULL;
    uint64_t second = subscribe("/api/v1/messages?pattern=news");

    assert_true(first != second);
    deliver(first, "one", 0);
    assert_false(next_is("", ""));
    stream_free(kept);
    deliver(first, "two", 0); /* on its way when it ended */
    assert_false(next_is("", ""));
    deliver(second, "three", 0);
    assert_true(next_is("message", "three"));
}

static void who_was_too_slow_hears_how_much_he_missed(void **state)
{
    (void)state;
    uint64_t number = subscribe("/api/v1/messages?pattern=news");

    deliver(number, "late", 7);
    assert_true(next_is("dropped", "{\"messages\":7}"));
    assert_true(next_is("message", "late"));
    deliver(number, "more", 7);
    assert_true(next_is("message", "more"));
}

static void what_is_wrong_is_refused(void **state)
{
    (void)state;
    struct buf target = {0};

    assert_int_equal(stand_get(&s, "/api/v1/messages"), 400);
    buf_str(&target, "/api/v1/messages?pattern=a");
    for (int i = 0; i < SUBSCRIBE_PATTERNS_MAX_ITEMS; i++)
        buf_str(&target, "&pattern=a");
    assert_int_equal(stand_get(&s, buf_cstr(&target)), 400);
    buf_deinit(&target);
    s.messages.n = MESSAGES_STREAMS_MAX;
    assert_int_equal(stand_get(&s, "/api/v1/messages?pattern=a"), 429);
    s.messages.n = 0;
}

static void a_lease_is_renewed_in_time(void **state)
{
    (void)state;
    assert_int_equal(messages_deadline(&s.messages), KITH_NEVER);
    subscribe("/api/v1/messages?pattern=a");
    kith_time due_us = messages_deadline(&s.messages);

    assert_true(due_us > s.hub.now_us);
    s.hub.now_us = due_us;
    messages_run(&s.messages);
    assert_true(messages_deadline(&s.messages) > due_us);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(messages_come_in_their_order),
        CASE(a_message_is_for_its_subscription_only),
        CASE(who_was_too_slow_hears_how_much_he_missed),
        CASE(what_is_wrong_is_refused),
        CASE(a_lease_is_renewed_in_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
