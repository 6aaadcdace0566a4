/* A shop: the web front needs the API, that needs redis and a database; the database needs a disk.
 */
#include "graph/query.h"

#include "nodes_by_letter.h"

#define SHOP "wa ar ad dk"

static void test_layers(void **state)
{
    (void)state;
    struct graph *g = graph_of(SHOP);
    struct arena mem = {0};
    struct graph_layers layers = graph_layers(g, &mem);

    assert_int_equal(layers.count, 4);
    assert_ids(layers.layers[0], "kr");
    assert_ids(layers.layers[1], "d");
    assert_ids(layers.layers[2], "a");
    assert_ids(layers.layers[3], "w");
    graph_free(g);
    arena_deinit(&mem);
}

static void test_start_and_stop(void **state)
{
    (void)state;
    struct graph *g = graph_of(SHOP);
    struct arena mem = {0};

    assert_ids(graph_start_order(g, &mem), "krdaw");
    assert_ids(graph_stop_order(g, &mem), "wadrk");
    graph_free(g);
    arena_deinit(&mem);
}

static void test_impact_and_requirements(void **state)
{
    (void)state;
    struct graph *g = graph_of(SHOP);
    struct arena mem = {0};
    struct ulid disk = node('k'), api = node('a'), nobody = node('x');

    assert_ids(graph_impact(g, &disk, &mem), "daw");
    assert_ids(graph_requirements(g, &api, &mem), "krd");
    assert_ids(graph_dependants(g, &disk, &mem), "d");
    assert_ids(graph_dependencies(g, &api, &mem), "dr");
    assert_ids(graph_impact(g, &nobody, &mem), "");
    assert_ids(graph_dependencies(g, &nobody, &mem), "");
    graph_free(g);
    arena_deinit(&mem);
}

static void test_roots_and_leaves(void **state)
{
    (void)state;
    struct graph *g = graph_of(SHOP);
    struct arena mem = {0};

    assert_ids(graph_roots(g, &mem), "w");
    assert_ids(graph_leaves(g, &mem), "kr");
    graph_free(g);
    arena_deinit(&mem);
}

static void test_held_edges_are_not_followed(void **state)
{
    (void)state;
    struct graph *g = graph_of(SHOP " kw");
    struct arena mem = {0};
    struct ulid disk = node('k'), web = node('w');

    assert_int_equal(edge_state(g, "kw"), GRAPH_HELD);
    assert_ids(graph_start_order(g, &mem), "krdaw");
    assert_ids(graph_impact(g, &web, &mem), "");
    assert_ids(graph_dependencies(g, &disk, &mem), "");
    assert_ids(graph_dependants(g, &web, &mem), "");
    assert_ids(graph_roots(g, &mem), "w");
    assert_ids(graph_leaves(g, &mem), "kr");
    graph_free(g);
    arena_deinit(&mem);
}

static void test_empty(void **state)
{
    (void)state;
    struct graph *g = graph_new();
    struct arena mem = {0};

    assert_int_equal(graph_layers(g, &mem).count, 0);
    assert_ids(graph_start_order(g, &mem), "");
    assert_ids(graph_roots(g, &mem), "");
    graph_free(g);
    arena_deinit(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layers),
        cmocka_unit_test(test_start_and_stop),
        cmocka_unit_test(test_impact_and_requirements),
        cmocka_unit_test(test_roots_and_leaves),
        cmocka_unit_test(test_held_edges_are_not_followed),
        cmocka_unit_test(test_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
