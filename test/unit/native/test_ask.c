#include "native/ask.h"

#include "../http/stand.h"
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
        {"GET", "/api/v1/events?limit=x", NULL, 400},
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

static void a_check_is_run_and_its_result_told(void **state)
{
    (void)state;
    struct check_result both[] = {{.instance = stand_a,
                                   .ok = true,
                                   .state = INSTANCE_STATE_RUNNING,
                                   .took_us = 1500,
                                   .output = bytes_str("GET / -> 200")},
                                  {.instance = stand_b, .problem = bytes_str("its host is gone")}};
    struct check_results results = {.results = both, .results_n = 1};
    struct check_now asked;
    struct wire_error err;

    assert_int_equal(stand_ask(&s, "POST", "/api/v1/instances/0/check", NULL, NULL), 403);
    assert_int_equal(stand_ask(&s, "POST", "/api/v1/services/web/check?cuont=3", TOKEN, NULL), 400);
    assert_int_equal(stand_ask(&s, "POST", "/api/v1/instances/web/check", TOKEN, NULL), 0);
    assert_int_equal(s.x.ask, WIRE_CHECK_NOW);
    assert_int_equal(check_now_decode(&asked, buf_bytes(&s.x.question), &mem, &err), 0);
    assert_true(bytes_equal_str(asked.what, "web"));
    assert_int_equal(reply(WIRE_CHECK_RESULTS, &check_results_struct, &results), 200);
    assert_string_equal(stand_text(&s, "instance"), ulid_text(&stand_a).s);
    assert_string_equal(stand_text(&s, "output"), "GET / -> 200");
    results.results_n = 2;
    assert_int_equal(stand_ask(&s, "POST", "/api/v1/instances/web/check", TOKEN, NULL), 0);
    assert_int_equal(reply(WIRE_CHECK_RESULTS, &check_results_struct, &results), 409);
    assert_int_equal(stand_ask(&s, "POST", "/api/v1/services/web/check", TOKEN, NULL), 0);
    assert_int_equal(reply(WIRE_CHECK_RESULTS, &check_results_struct, &results), 200);
    assert_string_equal(stand_text(&s, "1/problem"), "its host is gone");
}

static void a_log_is_text_or_bytes(void **state)
{
    (void)state;
    struct logs logs = {.instance = stand_a, .next = 4, .data = bytes_of("ab\xff\n", 4)};

    assert_int_equal(stand_ask(&s, "GET", "/api/v1/instances/0/logs", TOKEN, NULL), 0);
    assert_int_equal(reply(WIRE_LOGS, &logs_struct, &logs), 200);
    assert_int_equal(stand_number(&s, "next"), 4);
    assert_string_equal(stand_text(&s, "text"), "ab\xef\xbf\xbd\n");
    assert_int_equal(stand_ask(&s, "GET", "/api/v1/instances/0/logs?raw", TOKEN, NULL), 0);
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

/* Whoever has it already is told so, and no more. */
static void an_answer_that_is_known_is_not_sent_again(void **state)
{
    (void)state;
    struct why why = {.lines = (struct bytes[]){bytes_str("because")}, .lines_n = 1};

    stand_get(&s, "/api/v1/why/x");
    assert_int_equal(reply(WIRE_WHY, &why_struct, &why), 200);
    struct bytes known =
        bytes_str(arena_printf(&mem, "W/\"1\", \"%llu\"", (unsigned long long)s.x.answer.tag));

    stand_get(&s, "/api/v1/why/x");
    s.x.known = known;
    assert_int_equal(reply(WIRE_WHY, &why_struct, &why), 304);
    assert_int_equal(s.x.answer.body.len, 0);
    why.lines_n = 0;
    stand_get(&s, "/api/v1/why/x");
    s.x.known = known;
    assert_int_equal(reply(WIRE_WHY, &why_struct, &why), 200);
}

/* The peer is asked again until it says something else, or the time is over. */
static void what_the_peer_says_can_be_waited_for(void **state)
{
    (void)state;
    struct bytes line = bytes_str("because");
    struct why why = {.lines = &line, .lines_n = 1};

    stand_get(&s, "/api/v1/why/x");
    assert_int_equal(reply(WIRE_WHY, &why_struct, &why), 200);
    const char *target =
        arena_printf(&mem, "/api/v1/why/x?wait=1s&index=%llu", (unsigned long long)s.x.answer.tag);

    stand_get(&s, target);
    assert_int_equal(reply(WIRE_WHY, &why_struct, &why), 0);
    assert_int_equal(s.x.state, EXCHANGE_PARKED);
    assert_int_equal(s.hub.again, 1);
    assert_int_equal(stand_resume(&s), 0);
    assert_int_equal(s.x.state, EXCHANGE_ASKING);
    assert_int_equal(s.hub.again, 0);
    line = bytes_str("for another reason");
    assert_int_equal(reply(WIRE_WHY, &why_struct, &why), 200);
    line = bytes_str("because");
    stand_get(&s, target);
    s.hub.now_us += KITH_SEC;
    assert_int_equal(reply(WIRE_WHY, &why_struct, &why), 200);
}

static void who_has_gone_is_not_asked_for_again(void **state)
{
    (void)state;
    struct command_info c = {.id = stand_a, .state = COMMAND_STATE_RUNNING};
    struct commands answer = {.commands = &c, .commands_n = 1};

    stand_get(&s, "/api/v1/commands/01ARZ3NDEKTSV4RRFFQ69G5FAV?wait=1s");
    assert_int_equal(reply(WIRE_COMMANDS, &commands_struct, &answer), 0);
    s.x.gone = true;
    assert_int_equal(stand_resume(&s), 0);
    assert_int_equal(reply(WIRE_COMMANDS, &commands_struct, &answer), 200);
}

static void a_command_is_waited_for_until_it_is_over(void **state)
{
    (void)state;
    struct command_info c = {.id = stand_a, .state = COMMAND_STATE_RUNNING};
    struct commands answer = {.commands = &c, .commands_n = 1};

    stand_get(&s, "/api/v1/commands/01ARZ3NDEKTSV4RRFFQ69G5FAV?wait=1s");
    assert_int_equal(reply(WIRE_COMMANDS, &commands_struct, &answer), 0);
    assert_int_equal(stand_resume(&s), 0);
    c.state = COMMAND_STATE_FAILED;
    assert_int_equal(reply(WIRE_COMMANDS, &commands_struct, &answer), 200);
    assert_string_equal(stand_text(&s, "state"), "failed");
}

static void only_so_many_wait_so(void **state)
{
    (void)state;
    s.hub.again = EXCHANGE_AGAIN_MAX;
    assert_int_equal(stand_get(&s, "/api/v1/info?wait=1s"), 429);
    assert_int_equal(stand_get(&s, "/api/v1/info?wait=x"), 400);
    s.hub.again = 0;
}

static void many_are_registered_as_one(void **state)
{
    (void)state;
    struct register_endpoints request;
    struct register_endpoint one;
    struct wire_error err;

    assert_int_equal(
        stand_ask(&s, "POST", "/api/v1/registrations?ack=all", TOKEN,
                  "[{\"service\": \"a\"}, {\"service\": \"b\", \"ports\": {\"http\": 80}}]"),
        0);
    assert_int_equal(s.x.ask, WIRE_REGISTER_ENDPOINTS);
    assert_int_equal(register_endpoints_decode(&request, buf_bytes(&s.x.question), &mem, &err), 0);
    assert_int_equal(request.ack.kind, ACK_KIND_ALL);
    assert_int_equal(request.endpoints_n, 2);
    assert_int_equal(register_endpoint_decode(&one, request.endpoints[1], &mem, &err), 0);
    assert_int_equal(one.ports[0].port, 80);
    struct registered_info infos[] = {{.instance = stand_a, .name = bytes_str("a@")},
                                      {.instance = stand_b, .name = bytes_str("b@")}};
    struct registered_endpoints done = {.registered = infos, .registered_n = 2};

    assert_int_equal(reply(WIRE_REGISTERED_ENDPOINTS, &registered_endpoints_struct, &done), 200);
    assert_string_equal(stand_text(&s, "1/name"), "b@");
    assert_int_equal(stand_ask(&s, "POST", "/api/v1/registrations", TOKEN, "{\"service\": \"a\"}"),
                     0);
    assert_int_equal(s.x.ask, WIRE_REGISTER_ENDPOINT);
    assert_int_equal(stand_ask(&s, "POST", "/api/v1/registrations", TOKEN, "[]"), 400);
    assert_int_equal(
        stand_ask(&s, "POST", "/api/v1/registrations", TOKEN, "[{\"service\": \"a\"}, {}]"), 400);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_verb_is_the_message_that_kith_sends),
        CASE(what_cannot_be_asked_is_refused_here),
        CASE(a_service_file_is_applied_as_it_stands),
        CASE(one_of_many_is_found),
        CASE(a_check_is_run_and_its_result_told),
        CASE(a_log_is_text_or_bytes),
        CASE(a_peer_that_refuses_is_passed_on),
        CASE(an_answer_that_is_known_is_not_sent_again),
        CASE(what_the_peer_says_can_be_waited_for),
        CASE(who_has_gone_is_not_asked_for_again),
        CASE(a_command_is_waited_for_until_it_is_over),
        CASE(only_so_many_wait_so),
        CASE(many_are_registered_as_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
