#include "view/view.h"

#include "test.h"

#include <string.h>

static const struct view_style table = {VIEW_TABLE, VIEW_LIST};
static const struct view_style json = {VIEW_JSON, VIEW_LIST};

static const char *shown(enum wire_kind kind, const void *answer, struct view_style style)
{
    static struct buf out;

    buf_reset(&out);
    assert_int_equal(view_answer(&out, kind, answer, style), 0);
    return buf_cstr(&out);
}

static struct service_info services[] = {
    {.id = {{1}}, .count = 1, .running = 1, .healthy = 1, .coordinator = {{2}}},
    {.id = {{3}}, .every_host = true, .desired = DESIRED_STOPPED},
};

static struct services two_services(void)
{
    services[0].name = bytes_str("redis");
    services[0].coordinator_name = bytes_str("n2");
    services[1].name = bytes_str("agent");
    services[1].problem = bytes_str("no host fits");
    return (struct services){services, 2};
}

static void people_get_a_table(void **state)
{
    (void)state;
    struct services s = two_services();

    assert_string_equal(shown(WIRE_SERVICES, &s, table),
                        "NAME   COUNT  RUNNING  HEALTHY  DESIRED  COORDINATOR  PROBLEM\n"
                        "redis  1      1        1        running  n2           -\n"
                        "agent  every  0        0        stopped  -            no host fits\n");
}

static void programs_get_one_array(void **state)
{
    (void)state;
    struct endpoint_info e = {.instance = {{1}},
                              .addr = bytes_str("127.0.0.1"),
                              .port_name = bytes_str("http"),
                              .port = 80};
    struct endpoints list = {&e, 1}, none = {0};

    assert_string_equal(shown(WIRE_ENDPOINTS, &list, json),
                        "[\n"
                        "  {\n"
                        "    \"addr\": \"127.0.0.1\",\n"
                        "    \"port\": 80,\n"
                        "    \"port_name\": \"http\",\n"
                        "    \"instance\": \"01000000000000000000000000\",\n"
                        "    \"node\": null,\n"
                        "    \"latency_ms\": null,\n"
                        "    \"load_age_ms\": null,\n"
                        "    \"registration\": null,\n"
                        "    \"tags\": []\n"
                        "  }\n"
                        "]\n");
    assert_string_equal(shown(WIRE_ENDPOINTS, &none, json), "[]\n");
}

static void one_thing_is_one_object(void **state)
{
    (void)state;
    struct services s = two_services(), none = {0};
    const char *text = shown(WIRE_SERVICES, &s, (struct view_style){VIEW_JSON, VIEW_ONE});

    assert_int_equal(strncmp(text, "{\n  \"id\": ", 9), 0);
    assert_null(strstr(text, "agent"));
    assert_string_equal(shown(WIRE_SERVICES, &none, (struct view_style){VIEW_JSON, VIEW_ONE}),
                        "{}\n");
    assert_string_equal(shown(WIRE_SERVICES, &none, (struct view_style){VIEW_TABLE, VIEW_ONE}), "");
}

static void what_is_followed_has_one_object_per_line(void **state)
{
    (void)state;
    struct event_info e[] = {
        {.position = 1,
         .at_ms = 1795255445678,
         .what = bytes_str("joined"),
         .subject = bytes_str("n1")},
        {.position = 2, .what = bytes_str("left")},
    };
    struct events events = {.events = e, .events_n = 2};

    assert_string_equal(
        shown(WIRE_EVENTS, &events, (struct view_style){VIEW_JSON, VIEW_MORE}),
        "{\"position\":1,\"at\":\"2026-11-21T10:04:05.678Z\",\"what\":\"joined\","
        "\"subject\":\"n1\",\"text\":\"\"}\n"
        "{\"position\":2,\"at\":null,\"what\":\"left\",\"subject\":\"\",\"text\":\"\"}"
        "\n");
    assert_string_equal(
        shown(WIRE_EVENTS, &(struct events){.events = e, .events_n = 1},
              (struct view_style){VIEW_TABLE, VIEW_MORE}),
        "2026-11-21T10:04:05.678Z  joined                n1                            -\n");
    assert_string_equal(
        shown(WIRE_EVENTS, &(struct events){0}, (struct view_style){VIEW_YAML, VIEW_MORE}), "");
}

static void a_command_is_shown_with_its_history(void **state)
{
    (void)state;
    struct command_step steps[] = {
        {.state = COMMAND_STATE_PROPOSED, .node = {{1}}},
        {.state = COMMAND_STATE_DONE, .node_name = bytes_str("n2"), .why = bytes_str("3 of 3")},
    };
    struct command_info c = {
        .kind = COMMAND_KIND_SCALE, .state = COMMAND_STATE_DONE, .history = steps, .history_n = 2};
    struct commands commands = {&c, 1};
    const char *text = shown(WIRE_COMMANDS, &commands, (struct view_style){VIEW_TABLE, VIEW_ONE});

    assert_non_null(strstr(text, "kind              scale\n"));
    assert_non_null(strstr(text, "\nhistory\nSTATE     AT  NODE"));
    assert_non_null(strstr(text, "done      -   n2                          3 of 3\n"));
}

static void a_service_in_full_has_its_specification(void **state)
{
    (void)state;
    struct service_spec spec = {.name = bytes_str("redis"), .count = 1};
    struct services s = two_services();
    services[0].spec = &spec;
    const char *text = shown(WIRE_SERVICES, &s, (struct view_style){VIEW_TABLE, VIEW_ONE});

    assert_non_null(strstr(text, "spec:\n  name: \"redis\"\n  count: 1\n"));
    services[0].spec = NULL;
}

static void the_state_of_an_instance_tells_of_its_host(void **state)
{
    (void)state;
    struct instance_info i[] = {
        {.state = INSTANCE_STATE_RUNNING, .healthy = true, .node_state = MEMBER_STATE_ALIVE},
        {.state = INSTANCE_STATE_RUNNING, .node_state = MEMBER_STATE_DEAD},
        {.state = INSTANCE_STATE_UNHEALTHY, .node_state = MEMBER_STATE_ALIVE},
    };
    struct instances list = {i, 3};
    const char *text = shown(WIRE_INSTANCES, &list, table);

    assert_non_null(strstr(text, "running              healthy"));
    assert_non_null(strstr(text, "running (host dead)  unknown"));
    assert_non_null(strstr(text, "unhealthy            unhealthy"));
    assert_non_null(strstr(shown(WIRE_INSTANCES, &list, json), "\"node_state\": \"dead\""));
}

static void answers_that_are_sentences(void **state)
{
    (void)state;
    struct changed changed = {.command = {{1}}, .text = bytes_str("redis: 3 instances wanted")};
    struct bytes lines[] = {bytes_str("runs on n1"), bytes_str("n1 had \x1b most room")};
    struct why why = {lines, 2};

    assert_string_equal(shown(WIRE_CHANGED, &changed, table), "redis: 3 instances wanted\n");
    assert_string_equal(shown(WIRE_CHANGED, &changed, json),
                        "{\n  \"command\": \"01000000000000000000000000\",\n"
                        "  \"text\": \"redis: 3 instances wanted\"\n}\n");
    assert_string_equal(shown(WIRE_WHY, &why, table), "runs on n1\nn1 had \\x1b most room\n");
    assert_string_equal(shown(WIRE_DONE, &(struct done){0}, table), "");
}

static void yaml_says_the_same(void **state)
{
    (void)state;
    struct failed f = {.code = FAIL_CODE_NOT_FOUND, .text = bytes_str("no service \"x\"")};

    assert_string_equal(shown(WIRE_FAILED, &f, (struct view_style){VIEW_YAML, VIEW_LIST}),
                        "code: \"not_found\"\ntext: \"no service \\\"x\\\"\"\nservice: \"\"\n");
}

static struct service_graph sample_graph(void)
{
    static struct node_info nodes[2];
    static struct edge_info edges[3];

    nodes[0] = (struct node_info){.name = bytes_str("redis"), .healthy = 1, .count = 1};
    nodes[1] = (struct node_info){.name = bytes_str("a\"pi"), .layer = 1, .count = 3};
    edges[0] = (struct edge_info){.from = nodes[1].name, .to = nodes[0].name};
    edges[1] = (struct edge_info){.from = nodes[0].name, .to = nodes[1].name, .held = true};
    edges[2] = (struct edge_info){
        .from = nodes[1].name, .to = bytes_str("x"), .wants = true, .missing = true};
    return (struct service_graph){nodes, 2, edges, 3};
}

static void the_graph_as_tables(void **state)
{
    (void)state;
    struct service_graph g = sample_graph();

    assert_string_equal(shown(WIRE_SERVICE_GRAPH, &g, table),
                        "nodes\n"
                        "SERVICE  LAYER  HEALTHY  COUNT\n"
                        "redis    0      1        1\n"
                        "a\"pi     1      0        3\n"
                        "\n"
                        "edges\n"
                        "FROM   KIND   TO     STATE\n"
                        "a\"pi   needs  redis  ok\n"
                        "redis  needs  a\"pi   held out: would close a cycle\n"
                        "a\"pi   wants  x      missing\n");
}

static void the_graph_as_dot(void **state)
{
    (void)state;
    struct service_graph g = sample_graph();
    struct buf out = {0};

    view_dot(&out, &g);
    assert_string_equal(
        buf_cstr(&out),
        "digraph services {\n"
        "    rankdir=LR;\n"
        "    node [shape=box];\n"
        "    \"redis\";\n"
        "    \"a\\\"pi\" [color=red, xlabel=\"0 of 3\"];\n"
        "    \"a\\\"pi\" -> \"redis\";\n"
        "    \"redis\" -> \"a\\\"pi\" [style=dashed, color=red, label=\"held out\"];\n"
        "    \"a\\\"pi\" -> \"x\" [style=dotted, color=gray];\n"
        "}\n");
    buf_deinit(&out);
}

static void formats_have_names(void **state)
{
    (void)state;
    enum view_format format;

    assert_true(view_format_parse(&format, "wide"));
    assert_int_equal(format, VIEW_WIDE);
    assert_true(view_format_parse(&format, "yaml"));
    assert_int_equal(format, VIEW_YAML);
    assert_false(view_format_parse(&format, "xml"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people_get_a_table),
        cmocka_unit_test(programs_get_one_array),
        cmocka_unit_test(one_thing_is_one_object),
        cmocka_unit_test(what_is_followed_has_one_object_per_line),
        cmocka_unit_test(a_command_is_shown_with_its_history),
        cmocka_unit_test(a_service_in_full_has_its_specification),
        cmocka_unit_test(the_state_of_an_instance_tells_of_its_host),
        cmocka_unit_test(answers_that_are_sentences),
        cmocka_unit_test(yaml_says_the_same),
        cmocka_unit_test(the_graph_as_tables),
        cmocka_unit_test(the_graph_as_dot),
        cmocka_unit_test(formats_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
