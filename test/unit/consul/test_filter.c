#include "consul/filter.h"

#include "test.h"

#include <stdio.h>
#include <string.h>

static const struct filter_selector selectors[] = {
    {"Service.Service", FILTER_TEXT}, {"Service.Meta", FILTER_MAP},
    {"Service.Meta.*", FILTER_TEXT},  {"Service.Tags", FILTER_LIST},
    {"Service.Port", FILTER_NUMBER},  {"On", FILTER_BOOL},
    {"Checks.Status", FILTER_TEXT},   {NULL, FILTER_TEXT},
};

static const char *object =
    "{\"Service\": {\"Service\": \"web\", \"Port\": 80, \"Tags\": [\"v1\", \"eu\"],"
    " \"Meta\": {\"team\": \"a b\", \"x.y\": \"\"}}, \"On\": true,"
    " \"Checks\": [{\"Status\": \"passing\"}, {\"Status\": \"critical\"}]}";

/* 1: it is wanted; 0: it is not; -1: the filter is refused, with words. */
static int ask(const char *text)
{
    struct arena mem = {0};
    const struct filter *f;
    const char *why = NULL;
    json_t *json = json_loads(object, 0, NULL);
    int result = -1;

    if (filter_parse(&f, bytes_str(text), selectors, &mem, &why) == 0)
        result = filter_matches(f, json);
    assert_true((why != NULL) == (result < 0));
    json_decref(json);
    arena_deinit(&mem);
    return result;
}

static void what_is_compared(void **state)
{
    (void)state;
    assert_int_equal(ask("Service.Service == web"), 1);
    assert_int_equal(ask("Service.Service==\"web\""), 1);
    assert_int_equal(ask("Service.Service != `web`"), 0);
    assert_int_equal(ask("Service.Port == 80"), 1);
    assert_int_equal(ask("Service.Port == 8x"), 0);
    assert_int_equal(ask("On == true"), 1);
    assert_int_equal(ask("On != true"), 0);
    assert_int_equal(ask("Service.Meta.team == \"a b\""), 1);
    assert_int_equal(ask("Service.Meta[\"x.y\"] is empty"), 1);
    assert_int_equal(ask("Service.Meta[\"x.y\"] != \"a\\\"b\""), 1);
}

static void what_is_in_what(void **state)
{
    (void)state;
    assert_int_equal(ask("v1 in Service.Tags"), 1);
    assert_int_equal(ask("\"v2\" in Service.Tags"), 0);
    assert_int_equal(ask("v2 not in Service.Tags"), 1);
    assert_int_equal(ask("Service.Tags contains eu"), 1);
    assert_int_equal(ask("Service.Tags not contains eu"), 0);
    assert_int_equal(ask("team in Service.Meta"), 1);
    assert_int_equal(ask("none in Service.Meta"), 0);
    assert_int_equal(ask("we in Service.Service"), 1);
    assert_int_equal(ask("Service.Service contains \"\""), 1);
    assert_int_equal(ask("Service.Tags is empty"), 0);
    assert_int_equal(ask("Service.Meta is not empty"), 1);
}

static void what_is_not_there_is_equal_to_nothing(void **state)
{
    (void)state;
    assert_int_equal(ask("Service.Meta.none == a"), 0);
    assert_int_equal(ask("Service.Meta.none != a"), 1);
    assert_int_equal(ask("a in Service.Meta.none"), 0);
    assert_int_equal(ask("a not in Service.Meta.none"), 1);
    assert_int_equal(ask("Service.Meta.none is empty"), 1);
    assert_int_equal(ask("Service.Meta.none is not empty"), 0);
}

static void one_of_a_list_of_objects_is_enough(void **state)
{
    (void)state;
    assert_int_equal(ask("Checks.Status == critical"), 1);
    assert_int_equal(ask("Checks.Status != critical"), 1);
    assert_int_equal(ask("not Checks.Status == critical"), 0);
    assert_int_equal(ask("Checks.Status == warning"), 0);
}

static void how_they_are_joined(void **state)
{
    (void)state;
    assert_int_equal(ask("On == true and v1 in Service.Tags"), 1);
    assert_int_equal(ask("On == false and v1 in Service.Tags or Service.Port == 80"), 1);
    assert_int_equal(ask("On == false and (v1 in Service.Tags or Service.Port == 80)"), 0);
    assert_int_equal(ask("not (On == false)"), 1);
    assert_int_equal(ask("not not On == true"), 1);
    assert_int_equal(ask("not On == false and not v2 in Service.Tags"), 1);
}

static void what_is_no_filter_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "  ",
        "Service",
        "Service.Service",
        "Service.Service ==",
        "== web",
        "Service.Service = web",
        "Service.Nothing == a",
        "Service.Meta.a.b == c",
        "a.b.c.d.e == f",
        "Service.Service == web extra",
        "(On == true",
        "On == true)",
        "On == true and",
        "not",
        "Service.Service matches `w.*`",
        "Service.Service not matches a",
        "Service.Tags == v1",
        "On in true",
        "Service.Port contains 8",
        "Service.Port is empty",
        "Service.Service is full",
        "\"web\" == Service.Service",
        "v1 in \"Service.Tags\"",
        "Service.Service == \"web",
        "Service.Meta[\"a == b",
        "& == 1",
        "!",
        "Service.Meta[\"]\"]x == ",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (ask(bad[i]) >= 0)
            fail_msg("%s", bad[i]);
    }
}

/* `piece` so many times, and then the end. */
static int ask_often(const char *piece, unsigned times, const char *end)
{
    static char text[8192];

    text[0] = '\0';
    for (unsigned i = 0; i < times; i++)
        strcat(text, piece);
    strcat(text, end);
    return ask(text);
}

static void it_is_bounded(void **state)
{
    (void)state;
    assert_int_equal(ask_often("On == true and ", FILTER_TESTS_MAX - 1, "On == true"), 1);
    assert_int_equal(ask_often("On == true and ", FILTER_TESTS_MAX, "On == true"), -1);
    assert_int_equal(ask_often("not ", FILTER_DEPTH_MAX - 1, "On == true"), 0);
    assert_int_equal(ask_often("not ", FILTER_DEPTH_MAX, "On == true"), -1);
    assert_int_equal(ask_often("(", 4000, "On == true"), -1);
    assert_int_equal(ask_often("not ", 2000, "On == true"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_compared),
        cmocka_unit_test(what_is_in_what),
        cmocka_unit_test(what_is_not_there_is_equal_to_nothing),
        cmocka_unit_test(one_of_a_list_of_objects_is_enough),
        cmocka_unit_test(how_they_are_joined),
        cmocka_unit_test(what_is_no_filter_is_refused),
        cmocka_unit_test(it_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
