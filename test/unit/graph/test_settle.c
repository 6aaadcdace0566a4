/* Settlement: which edges are active depends on the edges, not on how they arrived. */
#include "graph/graph.h"
#include "graph/query.h"

#include "nodes_by_letter.h"

#include "base/rng.h"

static void test_the_later_edge_of_a_cycle_is_held_out(void **state)
{
    (void)state;
    struct graph *g = graph_new();

    assert_int_equal(set_edge(g, "ab", 1), 0);
    assert_int_equal(set_edge(g, "bc", 2), 0);
    assert_int_equal(set_edge(g, "ca", 3), GRAPH_HELD);
    assert_int_equal(graph_held_count(g), 1);
    graph_free(g);
}

static void test_an_earlier_edge_displaces_a_later_one(void **state)
{
    (void)state;
    struct graph *g = graph_new();

    set_edge(g, "ab", 5);
    set_edge(g, "bc", 6);
    assert_int_equal(set_edge(g, "ca", 2), 0);
    assert_int_equal(edge_state(g, "ab"), 0);
    assert_int_equal(edge_state(g, "bc"), GRAPH_HELD);
    graph_free(g);
}

static void test_rank_is_major_then_minor_then_id(void **state)
{
    (void)state;
    struct ulid a = node('a'), b = node('b');
    const struct graph_rank low_to_high[] = {
        {.major = 1, .minor = 9, .id = node('z')},
        {.major = 2, .minor = 3, .id = node('z')},
        {.major = 2, .minor = 4, .id = node('y')},
        {.major = 2, .minor = 4, .id = node('z')},
    };

    for (size_t i = 0; i + 1 < sizeof(low_to_high) / sizeof(*low_to_high); i++) {
        struct graph *g = graph_new();

        graph_set_edge(g, &b, &a, low_to_high[i + 1]);
        graph_set_edge(g, &a, &b, low_to_high[i]);
        assert_int_equal(edge_state(g, "ab"), 0);
        assert_int_equal(edge_state(g, "ba"), GRAPH_HELD);
        graph_free(g);
    }
}

static void test_a_held_edge_enters_when_the_graph_allows_it(void **state)
{
    (void)state;
    struct graph *g = graph_of("ab bc ca");

    assert_int_equal(edge_state(g, "ca"), GRAPH_HELD);
    remove_edge(g, "bc");
    assert_int_equal(edge_state(g, "ca"), 0);
    /* and is not lost when the way is closed again */
    set_edge(g, "bc", 2);
    assert_int_equal(edge_state(g, "ca"), GRAPH_HELD);
    assert_int_equal(edge_state(g, "bc"), 0);
    graph_free(g);
}

static void test_an_entering_edge_may_displace_the_next(void **state)
{
    (void)state;
    struct graph *g = graph_of("ab ba ac cb");

    assert_int_equal(edge_state(g, "ba"), GRAPH_HELD);
    assert_int_equal(edge_state(g, "cb"), 0);
    remove_edge(g, "ab"); /* ba enters, and now it is cb that would close b, a, c */
    assert_int_equal(edge_state(g, "ba"), 0);
    assert_int_equal(edge_state(g, "ac"), 0);
    assert_int_equal(edge_state(g, "cb"), GRAPH_HELD);
    graph_free(g);
}

static void test_a_node_cannot_depend_on_itself(void **state)
{
    (void)state;
    struct graph *g = graph_new();

    assert_int_equal(set_edge(g, "aa", 1), GRAPH_HELD);
    assert_int_equal(set_edge(g, "ab", 2), 0);
    remove_edge(g, "ab");
    assert_int_equal(edge_state(g, "aa"), GRAPH_HELD);
    remove_edge(g, "aa");
    assert_int_equal(graph_edge_count(g), 0);
    graph_free(g);
}

/* ---- random graphs against the definition ---- */

#define MOST_NODES 12
#define MOST_EDGES 60

struct model { /* what all replicas shall hold */
    struct graph_edge edges[MOST_EDGES];
    size_t count;
};

static int compare_edge(const void *a, const void *b)
{
    const struct graph_edge *x = a, *y = b;

    if (x->rank.major != y->rank.major)
        return x->rank.major < y->rank.major ? -1 : 1;
    if (x->rank.minor != y->rank.minor)
        return x->rank.minor < y->rank.minor ? -1 : 1;
    int order = ulid_compare(&x->rank.id, &y->rank.id);

    if (!order)
        order = ulid_compare(&x->from, &y->from);
    return order ? order : ulid_compare(&x->to, &y->to);
}

static bool reaches(bool depends[MOST_NODES][MOST_NODES], int from, int to)
{
    if (from == to)
        return true;
    for (int next = 0; next < MOST_NODES; next++) {
        if (depends[from][next] && reaches(depends, next, to))
            return true;
    }
    return false;
}

/* The definition, word by word: by rank, held when it closes a cycle with those before it. */
static void settle_model(struct model *m)
{
    bool depends[MOST_NODES][MOST_NODES] = {0};

    qsort(m->edges, m->count, sizeof(*m->edges), compare_edge);
    for (size_t i = 0; i < m->count; i++) {
        int from = m->edges[i].from.b[15] - 'a', to = m->edges[i].to.b[15] - 'a';

        m->edges[i].held = reaches(depends, to, from);
        if (!m->edges[i].held)
            depends[from][to] = true;
    }
}

static char random_letter(struct rng *rng, uint64_t nodes)
{
    return (char)('a' + rng_below(rng, nodes));
}

/* Few different ranks, so that ties are broken by the ends of the edge. */
static struct graph_rank random_rank(struct rng *rng)
{
    return (struct graph_rank){
        .major = rng_below(rng, 2), .minor = rng_below(rng, 5), .id = node(random_letter(rng, 3))};
}

static void draw_model(struct model *m, struct rng *rng)
{
    uint64_t nodes = 2 + rng_below(rng, MOST_NODES - 1);
    uint64_t wanted = 1 + rng_below(rng, MOST_EDGES);

    m->count = 0;
    for (uint64_t i = 0; i < wanted; i++) {
        struct graph_edge edge = {.from = node(random_letter(rng, nodes)),
                                  .to = node(random_letter(rng, nodes)),
                                  .rank = random_rank(rng)};
        bool known = false;

        for (size_t k = 0; k < m->count; k++)
            known |=
                ulid_equal(&edge.from, &m->edges[k].from) && ulid_equal(&edge.to, &m->edges[k].to);
        if (!known)
            m->edges[m->count++] = edge;
    }
    settle_model(m);
}

/* A replica that hears the edges in its own order, some with an older rank first, and among others
 * that are withdrawn again. */
static struct graph *draw_replica(const struct model *m, struct rng *rng)
{
    struct graph *g = graph_new();
    struct graph_edge edges[MOST_EDGES];

    memcpy(edges, m->edges, sizeof(edges));
    for (size_t left = m->count; left; left--) {
        size_t pick = (size_t)rng_below(rng, left);
        struct graph_edge edge = edges[pick];

        edges[pick] = edges[left - 1];
        if (rng_below(rng, 4) == 0)
            graph_set_edge(g, &edge.from, &edge.to, random_rank(rng));
        graph_set_edge(g, &edge.from, &edge.to, edge.rank);
        if (rng_below(rng, 8) == 0) {
            graph_remove_edge(g, &edge.from, &edge.to);
            graph_set_edge(g, &edge.from, &edge.to, edge.rank);
        }
        if (rng_below(rng, 8) == 0) {
            struct ulid guest = node('z');

            graph_set_edge(g, &guest, &edge.from, random_rank(rng));
            graph_set_edge(g, &edge.to, &guest, random_rank(rng));
            graph_remove_node(g, &guest);
        }
    }
    return g;
}

static size_t position(struct graph_ids ids, const struct ulid *id)
{
    for (size_t i = 0; i < ids.count; i++) {
        if (ulid_equal(&ids.ids[i], id))
            return i;
    }
    fail();
    return 0;
}

static void assert_replica(const struct graph *g, const struct model *m, struct arena *mem)
{
    struct graph_edges edges = graph_edges(g, mem);
    struct graph_ids order = graph_start_order(g, mem);
    size_t held = 0;

    assert_int_equal(edges.count, m->count);
    for (size_t i = 0; i < m->count; i++) {
        const struct graph_edge *got = &edges.edges[i], *expected = &m->edges[i];

        assert_true(ulid_equal(&got->from, &expected->from));
        assert_true(ulid_equal(&got->to, &expected->to));
        assert_int_equal(got->held, expected->held);
        held += got->held;
        if (!got->held)
            assert_true(position(order, &got->to) < position(order, &got->from));
    }
    assert_int_equal(graph_held_count(g), held);
}

static void test_replicas_agree_whatever_the_order_of_arrival(void **state)
{
    (void)state;
    struct rng rng;

    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct arena mem = {0};
        struct model m;
        struct graph_ids order = {0};

        rng_seed(&rng, seed);
        draw_model(&m, &rng);
        for (int replica = 0; replica < 8; replica++) {
            struct graph *g = draw_replica(&m, &rng);

            assert_replica(g, &m, &mem);
            if (replica == 0)
                order = graph_start_order(g, &mem);
            struct graph_ids mine = graph_start_order(g, &mem);

            assert_int_equal(mine.count, order.count);
            assert_memory_equal(mine.ids, order.ids, order.count * sizeof(*order.ids));
            graph_free(g);
        }
        arena_deinit(&mem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_later_edge_of_a_cycle_is_held_out),
        cmocka_unit_test(test_an_earlier_edge_displaces_a_later_one),
        cmocka_unit_test(test_rank_is_major_then_minor_then_id),
        cmocka_unit_test(test_a_held_edge_enters_when_the_graph_allows_it),
        cmocka_unit_test(test_an_entering_edge_may_displace_the_next),
        cmocka_unit_test(test_a_node_cannot_depend_on_itself),
        cmocka_unit_test(test_replicas_agree_whatever_the_order_of_arrival),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
