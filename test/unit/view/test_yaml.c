#include "view/yaml.h"

#include "test.h"

static void assert_yaml(const char *json, const char *want)
{
    json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
    struct buf out = {0};

    assert_non_null(value);
    yaml_write(&out, value, 0);
    assert_string_equal(buf_cstr(&out), want);
    buf_deinit(&out);
    json_decref(value);
}

static void objects_and_arrays_are_blocks(void **state)
{
    (void)state;
    assert_yaml("{\"a\": 1, \"b\": {\"c\": true}, \"d\": [1, \"x\"]}",
                "a: 1\nb:\n  c: true\nd:\n  - 1\n  - \"x\"\n");
    assert_yaml("[{\"a\": 1, \"b\": [{\"c\": null}]}, {\"a\": 2}]",
                "- a: 1\n  b:\n    - c: null\n- a: 2\n");
}

static void nothing_is_said_in_line(void **state)
{
    (void)state;
    assert_yaml("[]", "[]\n");
    assert_yaml("{}", "{}\n");
    assert_yaml("{\"a\": [], \"b\": {}}", "a: []\nb: {}\n");
    assert_yaml("[[1, 2]]", "- [1,2]\n");
    assert_yaml("7", "7\n");
}

static void no_text_turns_into_something_else(void **state)
{
    (void)state;
    assert_yaml("{\"no\": \"no\"}", "\"no\": \"no\"\n");
    assert_yaml("{\"1\": \"2026-11-21\"}", "\"1\": \"2026-11-21\"\n");
    assert_yaml("{\"a: b\": \"- x\\n# y\"}", "\"a: b\": \"- x\\n# y\"\n");
    assert_yaml("{\"\": \"\\u001b[2J\"}", "\"\": \"\\u001B[2J\"\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_and_arrays_are_blocks),
        cmocka_unit_test(nothing_is_said_in_line),
        cmocka_unit_test(no_text_turns_into_something_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
