#include "http/stream.h"

#include "stand.h"
#include "test.h"

#include <string.h>

static struct stand s;
static struct stream *stream;
static struct stream_message m;

static void tell(const char *name, unsigned number)
{
    struct lookup_endpoint e = stand_endpoint(number, &stand_a, ENDPOINT_HEALTH_PASSING);

    stand_tell(&s, name, &e, 1);
}

static int begin(void **state)
{
    (void)state;
    stand_init(&s);
    stream = NULL;
    tell("api", 1);
    tell("web", 2);
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

static void follow(const char *target)
{
    stream_free(stream);
    assert_int_equal(stand_get(&s, target), 0);
    assert_int_equal(s.x.state, EXCHANGE_STREAMING);
    stream = s.x.stream;
    s.x.stream = NULL;
}

/* The next message's name, and its service if it is about one: "service web". */
static const char *next(void)
{
    static char text[64];
    json_t *json;

    buf_deinit(&m.json);
    m = (struct stream_message){0};
    if (!stream_next(stream, &m))
        return "nothing";
    json = json_loadb((const char *)m.json.data, m.json.len, 0, NULL);
    assert_non_null(json);
    const char *service = json_string_value(json_object_get(json, "service"));

    snprintf(text, sizeof(text), "%s%s%s", m.name, service ? " " : "", service ? service : "");
    json_decref(json);
    return text;
}

static void all_there_is_and_then_what_changes(void **state)
{
    (void)state;
    follow("/api/v1/changes");
    assert_string_equal(next(), "begin");
    assert_string_equal(next(), "members");
    assert_int_equal(m.position, 0); /* who is cut off here has to begin again */
    assert_string_equal(next(), "service api");
    assert_string_equal(next(), "service web");
    assert_string_equal(next(), "whole");
    assert_true(m.position > 0);
    assert_string_equal(next(), "nothing");
    tell("web", 3);
    tell("api", 4);
    tell("web", 5); /* what it was in between nobody hears of */
    stand_tell_member(&s, &stand_b, MEMBER_STATE_DEAD, "b");
    assert_string_equal(next(), "service api");
    assert_string_equal(next(), "service web");
    assert_non_null(strstr(buf_cstr(&m.json), "8005"));
    assert_string_equal(next(), "members");
    assert_string_equal(next(), "nothing");
}

static void what_changed_while_all_was_told_is_told_behind_it(void **state)
{
    (void)state;
    follow("/api/v1/changes");
    next();
    next();
    assert_string_equal(next(), "service api");
    tell("api", 3);
    stand_tell_gone(&s, "web");
    assert_string_equal(next(), "whole");
    assert_string_equal(next(), "service api");
    assert_string_equal(next(), "service web");
    assert_non_null(strstr(buf_cstr(&m.json), "\"endpoints\":[]"));
    assert_string_equal(next(), "nothing");
}

static void only_what_is_followed_is_told_and_wakes(void **state)
{
    (void)state;
    int owner;

    follow("/api/v1/changes?service=web&service=none&after=now");
    assert_string_equal(next(), "nothing");
    stream_sleep(stream, &owner);
    tell("api", 3);
    stand_tell_member(&s, &stand_b, MEMBER_STATE_DEAD, "b");
    assert_int_equal(s.woken, 0);
    assert_string_equal(next(), "nothing");
    tell("none", 4);
    assert_int_equal(s.woken, 1);
    assert_string_equal(next(), "service none");
    stream_sleep(stream, &owner); /* still waiting for the other one */
    tell("web", 5);
    assert_int_equal(s.woken, 2);
    assert_string_equal(next(), "service web");
    follow("/api/v1/changes?members&after=now");
    stream_sleep(stream, &owner);
    tell("web", 6);
    assert_int_equal(s.woken, 2);
    stand_tell_member(&s, &stand_b, MEMBER_STATE_ALIVE, "b");
    assert_int_equal(s.woken, 3);
    assert_string_equal(next(), "members");
}

static void who_comes_again_hears_what_he_missed(void **state)
{
    (void)state;
    char target[64];

    follow("/api/v1/changes?after=now");
    tell("api", 3);
    assert_string_equal(next(), "service api");
    snprintf(target, sizeof(target), "/api/v1/changes?after=%llu", (unsigned long long)m.position);
    tell("web", 4);
    follow(target);
    assert_string_equal(next(), "service web");
    assert_string_equal(next(), "nothing");
}

/* Of a former start, of another peer: nobody knows here what went since. */
static void a_position_that_says_nothing_here_begins_anew(void **state)
{
    (void)state;
    follow("/api/v1/changes?after=999");
    assert_string_equal(next(), "begin");
    follow("/api/v1/changes?after=99999999");
    assert_string_equal(next(), "begin");
    assert_int_equal(stand_get(&s, "/api/v1/changes?after=x"), 400);
}

static void one_stream_follows_so_many(void **state)
{
    (void)state;
    struct buf target = {0};

    buf_str(&target, "/api/v1/changes?service=a");
    for (unsigned i = 1; i < STREAM_SERVICES_MAX; i++)
        buf_str(&target, "&service=a");
    follow(buf_cstr(&target));
    buf_str(&target, "&service=a");
    assert_int_equal(stand_get(&s, buf_cstr(&target)), 400);
    buf_deinit(&target);
}

static void an_end_has_its_reason(void **state)
{
    (void)state;
    follow("/api/v1/changes?after=now");
    stream_end(stream, "enough");
    assert_string_equal(next(), "end");
    assert_non_null(strstr(buf_cstr(&m.json), "enough"));
    assert_true(stream_has_ended(stream));
    tell("web", 3);
    assert_string_equal(next(), "nothing");
}

/* An empty list would say that there is nothing. */
static void what_cannot_be_read_ends_it(void **state)
{
    (void)state;
    follow("/api/v1/changes?service=web");
    next();
    s.problem = 1;
    assert_string_equal(next(), "end");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(all_there_is_and_then_what_changes),
        CASE(what_changed_while_all_was_told_is_told_behind_it),
        CASE(only_what_is_followed_is_told_and_wakes),
        CASE(who_comes_again_hears_what_he_missed),
        CASE(a_position_that_says_nothing_here_begins_anew),
        CASE(one_stream_follows_so_many),
        CASE(an_end_has_its_reason),
        CASE(what_cannot_be_read_ends_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
