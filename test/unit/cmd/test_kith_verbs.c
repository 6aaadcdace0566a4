/* Every verb of `kith` that asks a peer, against one that answers from a script. */
#include "stage.h"
#include "test.h"

#include <stdio.h>
#include <string.h>

static const struct changed changed = {.command = {{1}},
                                       .text = {(const uint8_t *)"it is done", 10}};

static void a_table_and_json_of_the_same_thing(void **state)
{
    (void)state;
    struct stage s;
    struct member_info members[] = {{.id = {{1}},
                                     .name = bytes_str("alpha"),
                                     .addr = bytes_str("127.0.0.1:5488"),
                                     .state = MEMBER_STATE_ALIVE},
                                    {.id = {{2}},
                                     .name = bytes_str("beta"),
                                     .addr = bytes_str("127.0.0.2:5488"),
                                     .state = MEMBER_STATE_DEAD}};
    struct get_members asked;
    struct arena mem = {0};

    stage_init(&s);
    stage_say(&s, WIRE_GET_MEMBERS, WIRE_MEMBER_LIST,
              &(struct member_list){.members = members, .members_n = 2});
    assert_int_equal(stage_kith(&s, "members"), 0);
    stage_expect(&s, "alpha");
    stage_expect(&s, "dead");
    assert_int_equal(stage_kith(&s, "members --all -o json"), 0);
    stage_expect(&s, "\"name\":");
    stage_asked(&s, WIRE_GET_MEMBERS, &asked, &mem);
    assert_true(asked.all);
    arena_deinit(&mem);
    stage_deinit(&s);
}

static void a_refusal_is_told_and_is_a_failure(void **state)
{
    (void)state;
    struct stage s;

    stage_init(&s);
    stage_say(&s, WIRE_GET_SERVICES, WIRE_FAILED,
              &(struct failed){.code = FAIL_CODE_NOT_FOUND,
                               .text = bytes_str("there is no service nginx")});
    assert_int_equal(stage_kith(&s, "service nginx"), 1);
    stage_expect(&s, "kith: there is no service nginx");
    stage_deinit(&s);
}

static void a_peer_that_is_not_ready_is_asked_again(void **state)
{
    (void)state;
    struct stage s;

    stage_init(&s);
    stage_say(&s, WIRE_GET_INFO, WIRE_FAILED,
              &(struct failed){.code = FAIL_CODE_NOT_READY, .text = bytes_str("not joined yet")});
    stage_say(&s, WIRE_GET_INFO, WIRE_INFO,
              &(struct info){.id = {{1}}, .name = bytes_str("alpha")});
    assert_int_equal(stage_kith(&s, "info"), 0);
    stage_expect(&s, "alpha");
    assert_int_equal(s.asked_n, 2);
    stage_deinit(&s);
}

static void but_not_for_ever(void **state)
{
    (void)state;
    struct stage s;

    stage_init(&s);
    stage_say(&s, WIRE_GET_INFO, WIRE_FAILED,
              &(struct failed){.code = FAIL_CODE_NOT_READY, .text = bytes_str("not joined yet")});
    assert_int_equal(stage_kith(&s, "info --timeout 700ms"), 1);
    stage_expect(&s, "not joined yet");
    stage_deinit(&s);
}

static void silence_ends_with_the_timeout(void **state)
{
    (void)state;
    struct stage s;

    stage_init(&s);
    assert_int_equal(stage_kith(&s, "info --timeout 300ms"), 1);
    stage_expect(&s, "does not answer in time");
    stage_deinit(&s);
}

/* Runs the verb; its change must be of this kind and about `api`. */
static struct change changes(struct stage *s, const char *args, enum command_kind kind)
{
    struct arena mem = {0};
    struct change c;

    assert_int_equal(stage_kith(s, args), 0);
    stage_expect(s, "it is done");
    stage_asked(s, WIRE_CHANGE, &c, &mem);
    assert_int_equal(c.kind, kind);
    assert_true(bytes_equal_str(c.service, "api"));
    assert_false(ulid_is_zero(&c.id));
    arena_deinit(&mem);
    return c;
}

static void changes_say_what_to_which_service(void **state)
{
    (void)state;
    struct stage s;

    stage_init(&s);
    stage_say(&s, WIRE_CHANGE, WIRE_CHANGED, &changed);
    assert_int_equal(changes(&s, "scale api 5", COMMAND_KIND_SCALE).count, 5);
    assert_true(changes(&s, "stop api --cascade", COMMAND_KIND_STOP).cascade);
    assert_false(changes(&s, "start api", COMMAND_KIND_START).cascade);
    changes(&s, "restart api", COMMAND_KIND_RESTART);
    changes(&s, "rm api", COMMAND_KIND_RM);
    stage_deinit(&s);
}

static void changes_say_who_is_to_have_them(void **state)
{
    (void)state;
    struct stage s;
    struct change c;
    struct arena mem = {0};

    stage_init(&s);
    stage_say(&s, WIRE_CHANGE, WIRE_CHANGED, &changed);
    assert_int_equal(stage_kith(&s, "scale api 5 --ack majority"), 0);
    stage_asked(&s, WIRE_CHANGE, &c, &mem);
    assert_int_equal(c.ack.kind, ACK_KIND_MAJORITY);
    assert_int_equal(stage_kith(&s, "scale --ack 3 api 5"), 0);
    stage_asked(&s, WIRE_CHANGE, &c, &mem);
    assert_int_equal(c.ack.kind, ACK_KIND_COUNT);
    assert_int_equal(c.ack.count, 3);
    assert_int_equal(stage_kith(&s, "stop --wait converged api"), 0);
    stage_asked(&s, WIRE_CHANGE, &c, &mem);
    assert_int_equal(c.ack.kind, ACK_KIND_CONVERGED);
    assert_true(bytes_equal_str(c.service, "api"));
    assert_int_equal(stage_kith(&s, "start api --wait=converged --ack all"), 2);
    assert_int_equal(stage_kith(&s, "start api --wait"), 2);
    stage_expect(&s, "only --wait converged");
    assert_int_equal(stage_kith(&s, "start api --wait=later"), 2);
    assert_int_equal(stage_kith(&s, "start api --ack 0"), 2);
    stage_expect(&s, "a number of peers, majority or all");
    arena_deinit(&mem);
    stage_deinit(&s);
}

static void an_endpoint_is_registered_and_ended(void **state)
{
    (void)state;
    struct stage s;
    struct register_endpoint made;
    struct deregister_endpoint ended;
    struct arena mem = {0};
    const struct registered answer = {.text = bytes_str("db is registered as x")};

    stage_init(&s);
    stage_say(&s, WIRE_REGISTER_ENDPOINT, WIRE_REGISTERED, &answer);
    stage_say(&s, WIRE_DEREGISTER_ENDPOINT, WIRE_REGISTERED, &answer);
    assert_int_equal(
        stage_kith(&s, "register db [::1]:5432 --tag a --tag b --ttl 3s --port-name sql --id x"),
        0);
    stage_expect(&s, "db is registered as x");
    stage_asked(&s, WIRE_REGISTER_ENDPOINT, &made, &mem);
    assert_true(bytes_equal_str(made.service, "db"));
    assert_true(bytes_equal_str(made.name, "x"));
    assert_true(bytes_equal_str(made.addr, "::1"));
    assert_int_equal(made.ports_n, 1);
    assert_int_equal(made.ports[0].port, 5432);
    assert_true(bytes_equal_str(made.ports[0].name, "sql"));
    assert_int_equal(made.tags_n, 2);
    assert_int_equal(made.ttl_ms, 3000);
    assert_int_equal(stage_kith(&s, "register db :80"), 0); /* at the address of the peer */
    stage_asked(&s, WIRE_REGISTER_ENDPOINT, &made, &mem);
    assert_int_equal(made.addr.len, 0);
    assert_int_equal(stage_kith(&s, "register db 10.0.0.1:0"), 2);
    assert_int_equal(stage_kith(&s, "register db ::1"), 2);
    stage_expect(&s, "write ADDR:PORT");
    assert_int_equal(stage_kith(&s, "deregister x"), 0);
    stage_asked(&s, WIRE_DEREGISTER_ENDPOINT, &ended, &mem);
    assert_true(bytes_equal_str(ended.name, "x"));
    arena_deinit(&mem);
    stage_deinit(&s);
}

static void members_come_and_go(void **state)
{
    (void)state;
    struct stage s;
    struct forget forget;
    struct join join;
    struct arena mem = {0};

    stage_init(&s);
    stage_say(&s, WIRE_JOIN, WIRE_DONE, &(struct done){.text = bytes_str("trying")});
    stage_say(&s, WIRE_FORGET, WIRE_CHANGED, &changed);
    assert_int_equal(stage_kith(&s, "join 10.0.0.9"), 0);
    stage_asked(&s, WIRE_JOIN, &join, &mem);
    assert_true(bytes_equal_str(join.addr, "10.0.0.9"));
    assert_int_equal(stage_kith(&s, "forget beta --revoke --ack 2"), 0);
    stage_asked(&s, WIRE_FORGET, &forget, &mem);
    assert_true(bytes_equal_str(forget.node, "beta") && forget.revoke);
    assert_int_equal(forget.ack.kind, ACK_KIND_COUNT);
    assert_int_equal(forget.ack.count, 2);
    arena_deinit(&mem);
    stage_deinit(&s);
}

static void leave_waits_for_the_daemons_end(void **state)
{
    (void)state;
    struct stage s;
    struct info info = {.id = {{1}}};

    stage_init(&s);
    stage_say(&s, WIRE_LEAVE, WIRE_DONE, &(struct done){.text = bytes_str("leaving")});
    stage_say(&s, WIRE_GET_INFO, WIRE_INFO, &info);
    stage_say(&s, WIRE_GET_INFO, WIRE_INFO, &info);
    stage_leave(&s);
    assert_int_equal(stage_kith(&s, "leave --timeout 20s"), 0);
    stage_expect(&s, "its daemon has ended");
    assert_int_equal(stage_kith(&s, "leave --timeout 20s"), 0);
    stage_deinit(&s);
}

static void a_daemon_that_stays_is_told(void **state)
{
    (void)state;
    struct stage s;

    stage_init(&s);
    stage_say(&s, WIRE_LEAVE, WIRE_DONE, &(struct done){.text = bytes_str("leaving")});
    stage_say(&s, WIRE_GET_INFO, WIRE_INFO, &(struct info){.id = {{1}}});
    assert_int_equal(stage_kith(&s, "leave --timeout 500ms"), 1);
    stage_expect(&s, "has not ended in time");
    stage_deinit(&s);
}

static const struct instance_info running[] = {
    {.id = {{1}}, .service = {(const uint8_t *)"api", 3}, .state = INSTANCE_STATE_RUNNING},
    {.id = {{2}}, .service = {(const uint8_t *)"redis", 5}, .state = INSTANCE_STATE_STOPPING},
    {.id = {{3}}, .service = {(const uint8_t *)"old", 3}, .state = INSTANCE_STATE_STOPPED},
};

static void stop_all_waits_for_services_and_daemons(void **state)
{
    (void)state;
    struct stage s;
    struct arena mem = {0};
    struct change asked;

    stage_init(&s);
    stage_say(&s, WIRE_GET_MEMBERS, WIRE_MEMBER_LIST, &(struct member_list){0});
    stage_say(&s, WIRE_CHANGE, WIRE_CHANGED, &changed);
    stage_say(&s, WIRE_GET_INSTANCES, WIRE_INSTANCES, &(struct instances){running, 3});
    stage_say(&s, WIRE_GET_INSTANCES, WIRE_INSTANCES, &(struct instances){running + 1, 2});
    stage_say(&s, WIRE_GET_INSTANCES, WIRE_INSTANCES, &(struct instances){0});
    stage_say(&s, WIRE_GET_INFO, WIRE_INFO, &(struct info){.id = {{1}}});
    stage_leave(&s);
    assert_int_equal(stage_kith(&s, "stop --all --timeout 20s"), 0);
    stage_expect(&s, "2 instances left: api, redis");
    stage_expect(&s, "1 instance left: redis");
    stage_expect(&s, "every service is stopped");
    stage_expect(&s, "every daemon has ended");
    stage_asked(&s, WIRE_CHANGE, &asked, &mem);
    assert_true(asked.daemons && asked.kind == COMMAND_KIND_STOP_ALL);
    arena_deinit(&mem);
    stage_deinit(&s);
}

static void stop_all_can_keep_the_daemons(void **state)
{
    (void)state;
    struct stage s;

    stage_init(&s);
    stage_say(&s, WIRE_CHANGE, WIRE_CHANGED, &changed);
    stage_say(&s, WIRE_GET_INSTANCES, WIRE_INSTANCES, &(struct instances){0});
    assert_int_equal(stage_kith(&s, "stop --all --keep-daemons"), 0);
    stage_expect(&s, "every service is stopped");
    stage_deinit(&s);
}

static void stop_all_says_what_is_left(void **state)
{
    (void)state;
    struct stage s;

    stage_init(&s);
    stage_say(&s, WIRE_CHANGE, WIRE_CHANGED, &changed);
    stage_say(&s, WIRE_GET_INSTANCES, WIRE_INSTANCES, &(struct instances){running, 3});
    assert_int_equal(stage_kith(&s, "stop --all --keep-daemons --timeout 500ms"), 1);
    stage_expect(&s, "not everything stopped in time: 2 instances left: api, redis");
    stage_deinit(&s);
}

static void write_file(const struct stage *s, const char *text)
{
    char path[128];

    snprintf(path, sizeof(path), "%s.yaml", s->dir);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* Runs the verb on the file that write_file() wrote, and removes it. */
static int with_file(struct stage *s, const char *verb, const char *flags)
{
    char args[256];

    snprintf(args, sizeof(args), "%s %s.yaml %s", verb, s->dir, flags);
    int status = stage_kith(s, args);

    snprintf(args, sizeof(args), "%s.yaml", s->dir);
    remove(args);
    return status;
}

static void apply_hands_over_and_waits_until_healthy(void **state)
{
    (void)state;
    struct stage s;
    struct arena mem = {0};
    struct apply asked;
    struct service_info poor = {.id = {{1}},
                                .name = bytes_str("api"),
                                .count = 2,
                                .healthy = 1,
                                .problem = bytes_str("redis is not healthy")};
    struct service_info rich = {.id = {{1}}, .name = bytes_str("api"), .count = 2, .healthy = 2};

    stage_init(&s);
    write_file(&s, "service: api\ncount: 2\nrun: {exec: [sleep, '9']}\n");
    stage_say(&s, WIRE_APPLY, WIRE_CHANGED, &changed);
    stage_say(&s, WIRE_GET_SERVICES, WIRE_SERVICES, &(struct services){0});
    stage_say(&s, WIRE_GET_SERVICES, WIRE_SERVICES, &(struct services){&poor, 1});
    stage_say(&s, WIRE_GET_SERVICES, WIRE_SERVICES, &(struct services){&rich, 1});
    assert_int_equal(with_file(&s, "apply", "--wait --timeout 20s"), 0);
    stage_expect(&s, "waiting: api 0 of 2");
    stage_expect(&s, "waiting: api 1 of 2 (redis is not healthy)");
    stage_expect(&s, "all of it is healthy");
    stage_asked(&s, WIRE_APPLY, &asked, &mem);
    assert_int_equal(asked.specs_n, 1);
    assert_true(bytes_equal_str(asked.specs[0].name, "api") && asked.specs[0].count == 2);
    assert_false(ulid_is_zero(&asked.id));
    arena_deinit(&mem);
    stage_deinit(&s);
}

static void apply_says_what_is_missing(void **state)
{
    (void)state;
    struct stage s;

    stage_init(&s);
    write_file(&s, "service: api\nrun: {exec: [sleep, '9']}\n");
    stage_say(&s, WIRE_APPLY, WIRE_CHANGED, &changed);
    stage_say(&s, WIRE_GET_SERVICES, WIRE_SERVICES, &(struct services){0});
    assert_int_equal(with_file(&s, "apply", "--wait --timeout 400ms"), 1);
    stage_expect(&s, "not healthy in time: api 0 of 1");
    stage_deinit(&s);
}

static void what_is_there_can_be_seen(void **state)
{
    (void)state;
    struct stage s;
    struct bytes line = bytes_str("placed on alpha: it had most room");
    struct edge_info edge = {.from = bytes_str("api"), .to = bytes_str("redis")};
    struct event_info event = {
        .position = 9, .what = bytes_str("member-dead"), .text = bytes_str("beta is dead")};
    struct command_info command = {
        .id = {{1}}, .kind = COMMAND_KIND_SCALE, .author = bytes_str("ada")};
    struct endpoint_info endpoint = {
        .instance = {{1}}, .addr = bytes_str("127.0.0.3"), .port = 20001};
    struct instance_info instance = running[0];

    stage_init(&s);
    stage_say(&s, WIRE_GET_WHY, WIRE_WHY, &(struct why){&line, 1});
    stage_say(&s, WIRE_GET_GRAPH, WIRE_SERVICE_GRAPH,
              &(struct service_graph){.edges = &edge, .edges_n = 1});
    stage_say(&s, WIRE_GET_EVENTS, WIRE_EVENTS, &(struct events){.events = &event, .events_n = 1});
    stage_say(&s, WIRE_GET_COMMANDS, WIRE_COMMANDS, &(struct commands){&command, 1});
    stage_say(&s, WIRE_GET_ENDPOINTS, WIRE_ENDPOINTS, &(struct endpoints){&endpoint, 1});
    stage_say(&s, WIRE_GET_INSTANCES, WIRE_INSTANCES, &(struct instances){&instance, 1});
    stage_say(&s, WIRE_GET_LOGS, WIRE_LOGS,
              &(struct logs){.data = bytes_str("ready\n"), .next = 6});
    const char *const looks[][2] = {{"why api", "it had most room"},
                                    {"graph", "redis"},
                                    {"graph --dot", "digraph"},
                                    {"events", "beta is dead"},
                                    {"commands", "ada"},
                                    {"commands 01M7YXBSGFXT4M3GG4GA3AJTCZ", "scale"},
                                    {"endpoints api", "20001"},
                                    {"instances api --all", "running"},
                                    {"logs api", "ready"}};

    for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
        assert_int_equal(stage_kith(&s, looks[i][0]), 0);
        stage_expect(&s, looks[i][1]);
    }
    stage_deinit(&s);
}

static void a_check_says_by_its_status_what_it_found(void **state)
{
    (void)state;
    struct stage s;
    struct check_now asked;
    struct arena mem = {0};
    struct check_result both[] = {{.instance = {{1}},
                                   .ok = true,
                                   .state = INSTANCE_STATE_RUNNING,
                                   .took_us = 1500,
                                   .output = bytes_str("GET / -> 200")},
                                  {.instance = {{2}}, .output = bytes_str("exit status 1")}};

    stage_init(&s);
    stage_say(&s, WIRE_CHECK_NOW, WIRE_CHECK_RESULTS, &(struct check_results){both, 1});
    assert_int_equal(stage_kith(&s, "check api"), 0);
    stage_expect(&s, "passing");
    stage_expect(&s, "GET / -> 200");
    stage_asked(&s, WIRE_CHECK_NOW, &asked, &mem);
    assert_true(bytes_equal_str(asked.what, "api"));
    stage_say(&s, WIRE_CHECK_NOW, WIRE_CHECK_RESULTS, &(struct check_results){both, 2});
    assert_int_equal(stage_kith(&s, "-o json check api"), 1);
    stage_expect(&s, "\"ok\": false");
    stage_expect(&s, "1 of 2 checks did not pass");
    both[0].problem = bytes_str("its host, beta, is gone");
    stage_say(&s, WIRE_CHECK_NOW, WIRE_CHECK_RESULTS, &(struct check_results){both, 2});
    assert_int_equal(stage_kith(&s, "check api"), 1);
    stage_expect(&s, "not run");
    stage_expect(&s, "its host, beta, is gone");
    arena_deinit(&mem);
    stage_deinit(&s);
}

static void a_probe_tells_a_version_that_does_not_fit_from_one_that_does(void **state)
{
    (void)state;
    struct stage s;

    stage_init(&s);
    stage_say(&s, WIRE_PING, WIRE_PONG, &(struct pong){.wall_us = 1});
    stage_say(&s, WIRE_GET_INFO, WIRE_INFO, &(struct info){.id = {{1}}, .name = bytes_str("old")});
    stage_say(&s, WIRE_GET_MEMBERS, WIRE_MEMBER_LIST, &(struct member_list){0});
    s.proto_min = 1;
    s.proto_max = 9;
    assert_int_equal(stage_kith(&s, "probe"), 0);
    stage_expect(&s, "protocol 1 to 9");
    s.proto_min = 7;
    assert_int_equal(stage_kith(&s, "probe"), 1);
    stage_expect(&s, "version");
    stage_expect(&s, "speaks protocol versions 7 to 9");
    stage_expect(&s, "update the older");
    assert_int_equal(stage_kith(&s, "info"), 1);
    stage_expect(&s, "speaks protocol versions 7 to 9");
    stage_deinit(&s);
}

/* Members are shown in the order asked for; names that would harm a terminal do not. */
static void members_are_sorted_by_name_or_by_round_trip(void **state)
{
    (void)state;
    struct stage s;
    struct member_info members[] = {
        {.id = {{1}}, .name = bytes_str("zoe"), .rtt_us = 900},
        {.id = {{2}}, .name = bytes_str("ann"), .rtt_estimate_us = 100},
        {.id = {{3}}, .name = bytes_str("bob")},
    };

    stage_init(&s);
    stage_say(&s, WIRE_GET_MEMBERS, WIRE_MEMBER_LIST,
              &(struct member_list){.members = members, .members_n = 3});
    assert_int_equal(stage_kith(&s, "members --sort name | awk '{printf \"%s.\", $1}'"), 0);
    stage_expect(&s, "NAME.ann.bob.zoe.");
    assert_int_equal(stage_kith(&s, "members --sort rtt | awk '{printf \"%s.\", $1}'"), 0);
    stage_expect(&s, "NAME.ann.zoe.bob.");
    assert_int_equal(stage_kith(&s, "members --sort rtt"), 0);
    stage_expect(&s, "~0.100");
    stage_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_and_json_of_the_same_thing),
        cmocka_unit_test(a_refusal_is_told_and_is_a_failure),
        cmocka_unit_test(a_peer_that_is_not_ready_is_asked_again),
        cmocka_unit_test(but_not_for_ever),
        cmocka_unit_test(silence_ends_with_the_timeout),
        cmocka_unit_test(changes_say_what_to_which_service),
        cmocka_unit_test(changes_say_who_is_to_have_them),
        cmocka_unit_test(an_endpoint_is_registered_and_ended),
        cmocka_unit_test(members_come_and_go),
        cmocka_unit_test(leave_waits_for_the_daemons_end),
        cmocka_unit_test(a_daemon_that_stays_is_told),
        cmocka_unit_test(stop_all_waits_for_services_and_daemons),
        cmocka_unit_test(stop_all_can_keep_the_daemons),
        cmocka_unit_test(stop_all_says_what_is_left),
        cmocka_unit_test(apply_hands_over_and_waits_until_healthy),
        cmocka_unit_test(apply_says_what_is_missing),
        cmocka_unit_test(what_is_there_can_be_seen),
        cmocka_unit_test(a_check_says_by_its_status_what_it_found),
        cmocka_unit_test(a_probe_tells_a_version_that_does_not_fit_from_one_that_does),
        cmocka_unit_test(members_are_sorted_by_name_or_by_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
