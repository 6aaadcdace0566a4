#include "view/table.h"

#include "test.h"
#include "wire/gen/client.h"

static const struct column items[] = {
    {.name = "name", .title = "NAME", .field = "name"},
    {.name = "layer", .title = "LAYER", .wide = true, .field = "layer"},
    {.name = "hidden", .field = "count"},
    {.name = "healthy", .title = "HEALTHY", .width = 9, .field = "healthy"},
    {.name = "count", .title = "COUNT", .field = "count"},
};
static const struct columns columns = {&node_info_struct, items, 5};

static void assert_table(const struct node_info *nodes, uint32_t n, struct table_style style,
                         const char *want)
{
    struct buf out = {0};

    table_print(&out, &columns, (struct wire_list){(const uint8_t *)nodes, n}, style);
    assert_string_equal(buf_cstr(&out), want);
    buf_deinit(&out);
}

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
    (void)state;
    const struct node_info nodes[] = {
        {.name = bytes_str("redis"), .healthy = 1, .count = 1},
        {.name = bytes_str("Zürich"), .layer = 2, .healthy = 2, .count = 13},
    };

    assert_table(nodes, 2, (struct table_style){.titles = true},
                 "NAME    HEALTHY    COUNT\n"
                 "redis   1          1\n"
                 "Zürich  2          13\n");
    assert_table(nodes, 2, (struct table_style){.wide = true},
                 "redis   0  1          1\n"
                 "Zürich  2  2          13\n");
}

static void an_empty_table_still_says_what_it_is_of(void **state)
{
    (void)state;
    assert_table(NULL, 0, (struct table_style){.titles = true}, "NAME  HEALTHY    COUNT\n");
    assert_table(NULL, 0, (struct table_style){.titles = false}, "");
}

static void a_value_cannot_leave_its_cell(void **state)
{
    (void)state;
    const struct node_info node = {.name = bytes_str("a\nb\x1b[2J")};

    assert_table(&node, 1, (struct table_style){0}, "a\\x0ab\\x1b[2J  0          0\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
        cmocka_unit_test(an_empty_table_still_says_what_it_is_of),
        cmocka_unit_test(a_value_cannot_leave_its_cell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
