#include "view/column.h"

#include "test.h"
#include "wire/gen/client.h"
#include "wire/gen/trust.h"

#include <stdlib.h>

static const struct pair tags[] = {
    {{(const uint8_t *)"zone", 4}, {(const uint8_t *)"eu", 2}},
    {{(const uint8_t *)"x\x1b", 2}, {NULL, 0}},
};

static struct member_info sample(void)
{
    return (struct member_info){
        .id = {{1}},
        .name = bytes_str("n1"),
        .state = MEMBER_STATE_ALIVE,
        .incarnation = UINT64_MAX,
        .tags = tags,
        .tags_n = 2,
        .rtt_us = 1250,
        .since_ms = 1795255445678,
    };
}

/* The column's JSON and its cell must be these. */
static void assert_shown(struct column c, const struct wire_struct *type, const void *item,
                         const char *json, const char *cell)
{
    json_t *value = column_value(&c, type, item);
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(10));
    struct buf out = {0};

    column_cell(&out, value);
    assert_string_equal(text, json);
    assert_string_equal(buf_cstr(&out), cell);
    buf_deinit(&out);
    free(text);
    json_decref(value);
}

static void a_field_is_shown_by_its_type(void **state)
{
    (void)state;
    struct member_info m = sample();
    struct member_info none = {0};
    const struct wire_struct *t = &member_info_struct;

    assert_shown((struct column){.field = "name"}, t, &m, "\"n1\"", "n1");
    assert_shown((struct column){.field = "state"}, t, &m, "\"alive\"", "alive");
    assert_shown((struct column){.field = "instances"}, t, &m, "0", "0");
    assert_shown((struct column){.field = "incarnation"}, t, &m, "\"18446744073709551615\"",
                 "18446744073709551615");
    assert_shown((struct column){.field = "id"}, t, &m, "\"01000000000000000000000000\"",
                 "01000000000000000000000000");
    assert_shown((struct column){.field = "id"}, t, &none, "null", "-");
    assert_shown((struct column){.field = "name"}, t, &none, "\"\"", "-");
    assert_shown((struct column){.field = "tags"}, t, &none, "{}", "-");
}

static void times_and_durations_have_their_forms(void **state)
{
    (void)state;
    struct member_info m = sample();
    struct member_info none = {0};
    const struct wire_struct *t = &member_info_struct;
    struct column since = {.field = "since_ms", .as = COLUMN_TIME};
    struct column rtt = {.field = "rtt_us", .as = COLUMN_US_AS_MS};

    assert_shown(since, t, &m, "\"2026-11-21T10:04:05.678Z\"", "2026-11-21T10:04:05.678Z");
    assert_shown(since, t, &none, "null", "-");
    assert_shown(rtt, t, &m, "1.25", "1.250");
    assert_shown(rtt, t, &none, "null", "-");
}

static void names_with_values_are_an_object(void **state)
{
    (void)state;
    struct member_info m = sample();
    struct bound_port ports[] = {{bytes_str("http"), 20000}};
    struct instance_info i = {.ports = ports, .ports_n = 1};

    assert_shown((struct column){.field = "tags", .as = COLUMN_MAP}, &member_info_struct, &m,
                 "{\"zone\":\"eu\",\"x\\u001B\":\"\"}", "zone=eu,x\\x1b=-");
    assert_shown((struct column){.field = "ports", .as = COLUMN_MAP}, &instance_info_struct, &i,
                 "{\"http\":20000}", "http=20000");

    struct pair args[] = {{bytes_str("service"), bytes_str("db")},
                          {bytes_str("service"), bytes_str("api")}};
    struct command_info command = {.args = args, .args_n = 2};

    assert_shown((struct column){.field = "args", .as = COLUMN_MAP}, &command_info_struct, &command,
                 "{\"service\":\"db, api\"}", "service=db, api");
}

static void lists_and_flags(void **state)
{
    (void)state;
    struct bytes waits[] = {bytes_str("redis"), bytes_str("db")};
    struct instance_info i = {.waits = waits, .waits_n = 2, .healthy = true};
    struct info info = {.digest = 0xabc};

    assert_shown((struct column){.field = "waits"}, &instance_info_struct, &i, "[\"redis\",\"db\"]",
                 "redis,db");
    assert_shown((struct column){.field = "healthy"}, &instance_info_struct, &i, "true", "yes");
    assert_shown((struct column){.field = "digest", .as = COLUMN_HEX}, &info_struct, &info,
                 "\"0000000000000abc\"", "0000000000000abc");
}

static void a_struct_is_shown_field_by_field(void **state)
{
    (void)state;
    struct bytes argv[] = {bytes_str("redis-server")};
    struct service_spec spec = {.name = bytes_str("redis"), .argv = argv, .argv_n = 1};
    struct service_info with = {.spec = &spec}, without = {0};
    struct column c = {.name = "spec", .field = "spec"};

    assert_null(column_value(&c, &service_info_struct, &without));
    json_t *value = column_value(&c, &service_info_struct, &with);
    assert_string_equal(json_string_value(json_object_get(value, "name")), "redis");
    assert_string_equal(json_string_value(json_object_get(value, "strategy")), "spread");
    assert_int_equal(json_array_size(json_object_get(value, "argv")), 1);
    assert_null(json_object_get(value, "env"));
    json_decref(value);
}

static void keys_and_bytes_are_hex(void **state)
{
    (void)state;
    struct admission_row row = {.key = {{0xab}}, .certificate = bytes_str("\x01\xff")};
    struct column key = {.field = "key"}, certificate = {.field = "certificate"};

    assert_shown(certificate, &admission_row_struct, &row, "\"01ff\"", "01ff");
    json_t *value = column_value(&key, &admission_row_struct, &row);
    assert_int_equal(json_string_length(value), 64);
    json_decref(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_field_is_shown_by_its_type),
        cmocka_unit_test(times_and_durations_have_their_forms),
        cmocka_unit_test(names_with_values_are_an_object),
        cmocka_unit_test(lists_and_flags),
        cmocka_unit_test(a_struct_is_shown_field_by_field),
        cmocka_unit_test(keys_and_bytes_are_hex),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
