#include "graph/cycles.h"

#include "nodes_by_letter.h"

static void test_components_of_an_acyclic_graph_are_its_nodes(void **state)
{
    (void)state;
    struct graph *g = graph_of("ab bc");
    struct arena mem = {0};
    struct graph_components all = graph_components(g, &mem);

    assert_int_equal(all.count, 3);
    assert_ids(all.components[0].members, "c");
    assert_ids(all.components[1].members, "b");
    assert_ids(all.components[2].members, "a");
    assert_int_equal(all.components[2].level, 2);
    graph_free(g);
    arena_deinit(&mem);
}

static void test_entangled_cycles_are_one_component(void **state)
{
    (void)state;
    /* b, c, d go round in two cycles; a depends on them, they depend on e */
    struct graph *g = graph_of("ab bc cb cd dc de");
    struct arena mem = {0};
    struct graph_components all = graph_components(g, &mem);

    assert_int_equal(graph_held_count(g), 2);
    assert_int_equal(all.count, 3);
    assert_ids(all.components[0].members, "e");
    assert_ids(all.components[1].members, "bcd");
    assert_int_equal(all.components[1].level, 1);
    assert_ids(all.components[2].members, "a");
    graph_free(g);
    arena_deinit(&mem);
}

static struct graph_ids path(const struct graph *g, const char *edge, struct arena *mem)
{
    struct ulid from = node(edge[0]), to = node(edge[1]);

    return graph_cycle_path(g, &from, &to, mem);
}

static void test_path_of_a_cycle(void **state)
{
    (void)state;
    struct graph *g = graph_of("ab bc cd ad ae da");
    struct arena mem = {0};

    assert_ids(path(g, "da", &mem), "dad"); /* the shortest, not by b and c */
    assert_ids(path(g, "ca", &mem), "cabc");
    assert_ids(path(g, "aa", &mem), "aa");
    assert_ids(path(g, "ac", &mem), ""); /* closes none */
    assert_ids(path(g, "ax", &mem), "");
    graph_free(g);
    arena_deinit(&mem);
}

static void test_of_equal_paths_the_lowest(void **state)
{
    (void)state;
    struct graph *g = graph_of("ac cd ab bd");
    struct arena mem = {0};

    assert_ids(path(g, "da", &mem), "dabd");
    graph_free(g);
    arena_deinit(&mem);
}

static void test_deep_graphs_need_no_deep_stack(void **state)
{
    (void)state;
    struct graph *g = graph_new();
    struct arena mem = {0};
    struct ulid last = {0}, first = {0};

    for (uint32_t i = 1; i <= 100000; i++) {
        struct ulid next = {.b = {[12] = (uint8_t)(i >> 16), [13] = (uint8_t)(i >> 8)}};

        next.b[14] = (uint8_t)i;
        assert_int_equal(graph_set_edge(g, &next, &last, version(i)), 0);
        last = next;
    }
    assert_int_equal(graph_set_edge(g, &first, &last, version(UINT64_MAX)), GRAPH_HELD);
    assert_int_equal(graph_components(g, &mem).count, 1);
    assert_int_equal(graph_cycle_path(g, &first, &last, &mem).count, 100002);
    graph_free(g);
    arena_deinit(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_components_of_an_acyclic_graph_are_its_nodes),
        cmocka_unit_test(test_entangled_cycles_are_one_component),
        cmocka_unit_test(test_path_of_a_cycle),
        cmocka_unit_test(test_of_equal_paths_the_lowest),
        cmocka_unit_test(test_deep_graphs_need_no_deep_stack),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
