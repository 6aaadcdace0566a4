#include "http/native_ask.h"

#include "stand.h"
#include "test.h"

#include <string.h>

#define TOKEN "a-long-enough-secret"

static struct stand s;
static struct arena mem;

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
    arena_deinit(&mem);
    return 0;
}

/* The peer's answer. */
static unsigned reply(enum wire_kind kind, const struct wire_struct *type, const void *answer)
{
    struct buf payload = {0};

    wire_encode(&payload, type, answer);
    unsigned status = stand_reply(&s, kind, buf_bytes(&payload));

    buf_deinit(&payload);
    return status;
}

static struct change asked_change(void)
{
    struct change c;
    struct wire_error err;

    assert_int_equal(s.x.ask, WIRE_CHANGE);
    assert_int_equal(change_decode(&c, buf_bytes(&s.x.question), &mem, &err), 0);
    return c;
}

static void a_verb_is_the_message_that_kith_sends(void **state)
{
    (void)state;
    assert_int_equal(stand_ask(&s, "POST", "/api/v1/services/web/scale?ack=majority", TOKEN,
                               "{\"count\": 3, \"id\": \"01ARZ3NDEKTSV4RRFFQ69G5FAV\"}"),
                     0);
    struct change c = asked_change();

    assert_int_equal(c.kind, COMMAND_KIND_SCALE);
    assert_true(bytes_equal_str(c.service, "web"));
    assert_int_equal(c.count, 3);
    assert_int_equal(c.ack.kind, ACK_KIND_MAJORITY);
    struct changed done = {.command = c.id, .text = bytes_str("scales web")};

    assert_int_equal(reply(WIRE_CHANGED, &changed_struct, &done), 202);
    assert_string_equal(stand_text(&s, "command"), "01ARZ3NDEKTSV4RRFFQ69G5FAV");
    assert_int_equal(stand_ask(&s, "DELETE", "/api/v1/services/web?cascade", TOKEN, NULL), 0);
    assert_true(asked_change().cascade);
    assert_int_equal(asked_change().kind, COMMAND_KIND_RM);
    assert_int_equal(stand_ask(&s, "POST", "/api/v1/conflicts/00000000000000ff/undo", TOKEN, NULL),
                     0);
    assert_int_equal(asked_change().conflict, 255);
}

static void what_cannot_be_asked_is_refused_here(void **state)
{
    (void)state;
    static const struct {
        const char *method, *target, *body;
        unsigned status;
    } wrong[] = {
        {"POST", "/api/v1/services/web/scale", "{\"count\": ", 400},
        {"POST", "/api/v1/services/web/scale", "[]", 400},
        {"POST", "/api/v1/services/web/scale?cuont=3", NULL, 400},
        {"POST", "/api/v1/services/web/scale?timeout=x", NULL, 400},
        {"POST", "/api/v1/conflicts/12/undo", NULL, 404},
        {"POST", "/api/v1/conflicts/000000000000000g/undo", NULL, 404},
        {"POST", "/api/v1/registrations", "{}", 400},
        {"PUT", "/api/v1/services", "service: a\nrun: {exec: [./a]}\n", 400},
        {"PUT", "/api/v1/services", "service: a\nrun: 3\n", 400},
        {"POST", "/api/v1/validate", "service: -\n", 400},
        {"GET", "/api/v1/commands/1", NULL, 404},
        {"GET", "/api/v1/commands?limit=x", NULL, 400},
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(stand_ask(&s, wrong[i].method, wrong[i].target, TOKEN, wrong[i].body),
                         wrong[i].status);
    assert_string_equal(stand_text(&s, "error/code"), "bad_request");
    assert_int_equal(stand_ask(&s, "POST", "/api/v1/leave", NULL, NULL), 403);
    assert_int_equal(stand_ask(&s, "POST", "/api/v1/leave", TOKEN, NULL), 0);
}

static void a_service_file_is_applied_as_it_stands(void **state)
{
    (void)state;
    static const char *const files[] = {
        "service: a\nrun: {exec: [/bin/a]}\n---\nservice: b\nrun: {exec: [/bin/b]}\n",
        "{\"service\": \"a\", \"run\": {\"exec\": [\"/bin/a\"]}}"};
    struct apply request;
    struct wire_error err;

    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(stand_ask(&s, "PUT", "/api/v1/services?ack=2", TOKEN, files[i]), 0);
        assert_int_equal(s.x.ask, WIRE_APPLY);
        assert_int_equal(apply_decode(&request, buf_bytes(&s.x.question), &mem, &err), 0);
        assert_int_equal(request.specs_n, 2 - i);
        assert_int_equal(request.ack.count, 2);
    }
    assert_int_equal(stand_ask(&s, "POST", "/api/v1/validate", TOKEN, files[0]), 200);
    assert_string_equal(stand_text(&s, "services/1"), "b");
}

static void one_of_many_is_found(void **state)
{
    (void)state;
    struct member_info members[] = {{.id = stand_a, .name = bytes_str("a")},
                                    {.id = stand_b, .name = bytes_str("b"), .rtt_us = 1500}};
    struct member_list list = {.members = members, .members_n = 2};

    assert_int_equal(stand_get(&s, "/api/v1/members/b"), 0);
    assert_int_equal(reply(WIRE_MEMBER_LIST, &member_list_struct, &list), 200);
    assert_string_equal(stand_text(&s, "id"), ulid_text(&stand_b).s);
    assert_int_equal(stand_get(&s, "/api/v1/members/c"), 0);
    assert_int_equal(reply(WIRE_MEMBER_LIST, &member_list_struct, &list), 404);
    assert_int_equal(stand_get(&s, "/api/v1/commands/01ARZ3NDEKTSV4RRFFQ69G5FAV"), 0);
    assert_int_equal(reply(WIRE_COMMANDS, &commands_struct, &(struct commands){0}), 404);
}

static void a_log_is_text_or_bytes(void **state)
{
    (void)state;
    struct logs logs = {.instance = stand_a, .next = 4, .data = bytes_of("ab\xff\n", 4)};

    assert_int_equal(stand_get(&s, "/api/v1/instances/0/logs"), 0);
    assert_int_equal(reply(WIRE_LOGS, &logs_struct, &logs), 200);
    assert_int_equal(stand_number(&s, "next"), 4);
    assert_string_equal(stand_text(&s, "text"), "ab\xef\xbf\xbd\n");
    assert_int_equal(stand_get(&s, "/api/v1/instances/0/logs?raw"), 0);
    assert_int_equal(reply(WIRE_LOGS, &logs_struct, &logs), 200);
    assert_int_equal(s.x.answer.body.len, 4);
}

static void a_peer_that_refuses_is_passed_on(void **state)
{
    (void)state;
    struct failed failed = {.code = FAIL_CODE_NOT_FOUND, .text = bytes_str("no such thing")};

    assert_int_equal(stand_get(&s, "/api/v1/why/x"), 0);
    assert_int_equal(reply(WIRE_FAILED, &failed_struct, &failed), 404);
    assert_string_equal(stand_text(&s, "error/text"), "no such thing");
    assert_int_equal(stand_get(&s, "/api/v1/info"), 0);
    assert_int_equal(stand_reply(&s, WIRE_INFO, bytes_str("?")), 500);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_verb_is_the_message_that_kith_sends),
        CASE(what_cannot_be_asked_is_refused_here),
        CASE(a_service_file_is_applied_as_it_stands),
        CASE(one_of_many_is_found),
        CASE(a_log_is_text_or_bytes),
        CASE(a_peer_that_refuses_is_passed_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
