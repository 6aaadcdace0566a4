#include "graph/graph.h"

#include "nodes_by_letter.h"

static void test_nodes_come_and_go(void **state)
{
    (void)state;
    struct graph *g = graph_new();
    struct arena mem = {0};
    struct ulid a = node('a'), b = node('b');

    assert_int_equal(graph_add_node(g, &b), 0);
    assert_int_equal(graph_add_node(g, &a), 0);
    assert_int_equal(graph_add_node(g, &a), 0);
    assert_true(graph_has_node(g, &a));
    assert_ids(graph_nodes(g, &mem), "ab");

    graph_remove_node(g, &a);
    graph_remove_node(g, &a);
    assert_false(graph_has_node(g, &a));
    assert_int_equal(graph_node_count(g), 1);
    graph_free(g);
    graph_free(NULL);
    arena_deinit(&mem);
}

static void test_an_edge_adds_its_nodes(void **state)
{
    (void)state;
    struct graph *g = graph_of("ab");
    struct arena mem = {0};

    assert_ids(graph_nodes(g, &mem), "ab");
    assert_int_equal(edge_state(g, "ab"), 0);
    assert_int_equal(edge_state(g, "ba"), GRAPH_ABSENT);
    assert_int_equal(edge_state(g, "xy"), GRAPH_ABSENT);
    assert_int_equal(graph_edge_count(g), 1);
    graph_free(g);
    arena_deinit(&mem);
}

static void test_a_removed_node_takes_its_edges_along(void **state)
{
    (void)state;
    struct graph *g = graph_of("ab bc ca");
    struct ulid b = node('b');

    assert_int_equal(edge_state(g, "ca"), GRAPH_HELD);
    graph_remove_node(g, &b);
    assert_int_equal(graph_edge_count(g), 1);
    assert_int_equal(edge_state(g, "ca"), 0);
    assert_int_equal(graph_held_count(g), 0);
    graph_free(g);
}

static void test_setting_again_changes_nothing(void **state)
{
    (void)state;
    struct graph *g = graph_of("ab ba");
    uint64_t changes = graph_changes(g);

    assert_int_equal(set_edge(g, "ab", 1), 0);
    assert_int_equal(set_edge(g, "ba", 2), GRAPH_HELD);
    assert_true(graph_changes(g) == changes);
    remove_edge(g, "xy");
    assert_true(graph_changes(g) == changes);
    remove_edge(g, "ab");
    assert_true(graph_changes(g) > changes);
    graph_free(g);
}

static void test_edges_of_a_node_are_replaced_together(void **state)
{
    (void)state;
    struct graph *g = graph_of("ab ac da");
    struct arena mem = {0};
    struct ulid a = node('a');
    struct ulid needs[] = {node('c'), node('e')}, itself[] = {node('d'), node('f')};

    assert_int_equal(graph_set_edges(g, &a, needs, 2, version(7)), 0);
    assert_int_equal(edge_state(g, "ab"), GRAPH_ABSENT);
    assert_int_equal(edge_state(g, "ac"), 0);
    assert_int_equal(edge_state(g, "ae"), 0);
    assert_int_equal(edge_state(g, "da"), 0);

    assert_int_equal(graph_set_edges(g, &a, itself, 2, version(8)), GRAPH_HELD);
    assert_int_equal(edge_state(g, "ad"), GRAPH_HELD);
    assert_int_equal(edge_state(g, "af"), 0);

    assert_int_equal(graph_set_edges(g, &a, NULL, 0, version(9)), 0);
    assert_int_equal(graph_edge_count(g), 1);
    graph_free(g);
    arena_deinit(&mem);
}

static void test_edges_are_listed_by_rank(void **state)
{
    (void)state;
    struct graph *g = graph_new();
    struct arena mem = {0};

    set_edge(g, "cd", 3);
    set_edge(g, "ba", 2);
    set_edge(g, "ab", 1);
    struct graph_edges edges = graph_edges(g, &mem);

    assert_int_equal(edges.count, 3);
    assert_int_equal(edges.edges[0].from.b[15], 'a');
    assert_false(edges.edges[0].held);
    assert_int_equal(edges.edges[1].from.b[15], 'b');
    assert_true(edges.edges[1].held);
    assert_int_equal(edges.edges[2].rank.minor, 3);

    edges = graph_held_edges(g, &mem);
    assert_int_equal(edges.count, 1);
    assert_int_equal(edges.edges[0].to.b[15], 'a');
    graph_free(g);
    arena_deinit(&mem);
}

static void test_is_bounded(void **state)
{
    (void)state;
    struct graph *g = graph_new();
    struct ulid id = {0}, first = {0};

    for (uint32_t i = 0; i < GRAPH_MAX_NODES; i++) {
        id.b[12] = (uint8_t)(i >> 16);
        id.b[13] = (uint8_t)(i >> 8);
        id.b[14] = (uint8_t)i;
        assert_int_equal(graph_add_node(g, &id), 0);
    }
    id = node('x');
    assert_int_equal(graph_add_node(g, &id), GRAPH_FULL);
    assert_int_equal(graph_set_edge(g, &first, &id, version(1)), GRAPH_FULL);
    assert_int_equal(graph_set_edges(g, &first, &id, 1, version(1)), GRAPH_FULL);
    assert_int_equal(graph_set_edges(g, &id, &first, 1, version(1)), GRAPH_FULL);
    assert_int_equal(graph_add_node(g, &first), 0);
    assert_int_equal(graph_edge_count(g), 0);
    graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nodes_come_and_go),
        cmocka_unit_test(test_an_edge_adds_its_nodes),
        cmocka_unit_test(test_a_removed_node_takes_its_edges_along),
        cmocka_unit_test(test_setting_again_changes_nothing),
        cmocka_unit_test(test_edges_of_a_node_are_replaced_together),
        cmocka_unit_test(test_edges_are_listed_by_rank),
        cmocka_unit_test(test_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
