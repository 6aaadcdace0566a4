#include "http/replies.h"

#include "stand.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH "/v1/health/service/api?passing"

static struct stand s;
static struct replies *replies;
static struct lookup_endpoint endpoint;

static int begin(void **state)
{
    (void)state;
    stand_init(&s);
    replies = replies_new(&s.hub);
    endpoint = stand_endpoint(1, &stand_a, ENDPOINT_HEALTH_PASSING);
    stand_tell(&s, "api", &endpoint, 1);
    return 0;
}

static int end(void **state)
{
    (void)state;
    replies_free(replies);
    stand_deinit(&s);
    return 0;
}

/* Asks, and has the answer made a response; it is found when the same is asked again. */
static bool is_kept(const char *target)
{
    struct reply made, found;

    assert_int_equal(stand_get(&s, target), 200);
    made = replies_make(replies, &s.x);
    assert_non_null(made.response);
    assert_true(made.bytes > 0);
    if (!replies_find(replies, &s.x, bytes_str(target), &found))
        return false;
    assert_ptr_equal(found.response, made.response);
    assert_int_equal(found.bytes, made.bytes);
    return true;
}

static bool is_found(const char *target)
{
    struct reply found;

    return replies_find(replies, &s.x, bytes_str(target), &found);
}

static void the_same_question_gets_the_same_bytes_until_anything_changes(void **state)
{
    (void)state;
    assert_true(is_kept(PATH));
    assert_true(is_found(PATH));
    assert_false(is_found(PATH "&stale"));
    stand_tell(&s, "api", &endpoint, 1); /* told again, and nothing is new */
    assert_true(is_found(PATH));
    stand_tell(&s, "other", &endpoint, 1);
    assert_false(is_found(PATH));
    assert_true(is_kept(PATH)); /* from the cache of bodies */
    endpoint.port = 9;
    stand_tell(&s, "api", &endpoint, 1);
    assert_false(is_found(PATH));
}

static void an_answer_says_how_old_it_is_at_most(void **state)
{
    (void)state;
    assert_int_equal(stand_get(&s, PATH), 200);
    struct reply made = replies_make(replies, &s.x);
    const char *age = MHD_get_response_header(made.response, "X-Kith-Age-Ms");

    assert_int_equal(strtol(age, NULL, 10), REPLIES_AGE_MS); /* the stand's is 5 ms */
    assert_string_equal(MHD_get_response_header(made.response, "X-Consul-LastContact"), age);
}

static void who_may_not_read_without_a_token_is_looked_at(void **state)
{
    (void)state;
    assert_true(is_kept(PATH));
    s.x.from_here = false;
    assert_false(is_found(PATH));
    s.hub.token = (struct bytes){0};
    assert_true(is_found(PATH));
    s.x.known = bytes_str("\"7\"");
    assert_false(is_found(PATH));
    s.x.known = (struct bytes){0};
    s.x.method = METHOD_PUT;
    assert_false(is_found(PATH));
}

static void what_waits_or_changes_by_itself_is_not_kept(void **state)
{
    (void)state;
    char target[100];

    assert_false(is_kept("/api/v1/services/api/endpoints?near"));
    assert_false(is_kept("/api/v1/prometheus"));
    assert_int_equal(stand_get(&s, PATH), 200);
    snprintf(target, sizeof(target), PATH "&index=%llu", (unsigned long long)s.x.answer.index);
    assert_int_equal(stand_get(&s, target), 0);
    assert_int_equal(stand_resume(&s), 200); /* its time was over: whoever asks again waits again */
    replies_make(replies, &s.x);
    assert_false(is_found(target));
    assert_int_equal(stand_get(&s, "/v1/health/service/%zz"), 400);
    replies_make(replies, &s.x);
    assert_false(is_found("/v1/health/service/%zz"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_same_question_gets_the_same_bytes_until_anything_changes),
        CASE(an_answer_says_how_old_it_is_at_most),
        CASE(who_may_not_read_without_a_token_is_looked_at),
        CASE(what_waits_or_changes_by_itself_is_not_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
