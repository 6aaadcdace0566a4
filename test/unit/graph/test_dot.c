#include "graph/dot.h"

#include "nodes_by_letter.h"

#define ID(letter) "\"000000000000000000000000" letter "\""

static void test_shows_labels_and_what_is_held_out(void **state)
{
    (void)state;
    struct graph *g = graph_of("ab ba");
    struct buf out = {0};
    struct graph_label labels[] = {
        {.id = node('x'), .text = bytes_str("stranger")},
        {.id = node('a'), .text = bytes_str("the \"api\"\\\n")},
    };

    graph_dot(g, labels, 2, &out);
    assert_string_equal(
        buf_cstr(&out),
        "digraph kith {\n"
        "    rankdir=LR;\n"
        "    node [shape=box];\n"
        "    " ID(
            "31") " [label=\"the \\\"api\\\"\\\\ \"];\n"
                  "    " ID(
                      "32") ";\n"
                            "    " ID("31") " -> " ID(
                                "32") ";\n"
                                      "    " ID("32") " -> " ID(
                                          "31") " [color=red, style=dashed, label=\"held out\"];\n"
                                                "}\n");
    buf_deinit(&out);
    graph_free(g);
}

static void test_empty(void **state)
{
    (void)state;
    struct graph *g = graph_new();
    struct buf out = {0};

    graph_dot(g, NULL, 0, &out);
    assert_string_equal(buf_cstr(&out),
                        "digraph kith {\n    rankdir=LR;\n    node [shape=box];\n}\n");
    buf_deinit(&out);
    graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shows_labels_and_what_is_held_out),
        cmocka_unit_test(test_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
