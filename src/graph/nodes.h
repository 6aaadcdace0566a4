#ifndef KITH_GRAPH_NODES_H
#define KITH_GRAPH_NODES_H
/*
 * The inside of a graph; for the .c files of this folder only.
 *
 * Every edge is in three trees: in the graph's by rank, in `out` of the node that depends and in
 * `in` of the one depended on. Held edges are in all three too, so whoever walks skips them unless
 * he asks for the graph as stated.
 */
#include "base/tree.h"
#include "graph/graph.h"

struct node;

struct edge {
    struct node *from;
    struct node *to;
    struct graph_rank rank;
    bool held;
    TREE_ENTRY(edge) by_rank;
    TREE_ENTRY(edge) by_to;   /* in from->out */
    TREE_ENTRY(edge) by_from; /* in to->in */
};

TREE_HEAD(rank_tree, edge);
TREE_HEAD(out_tree, edge);
TREE_HEAD(in_tree, edge);

struct node {
    struct ulid id;
    TREE_ENTRY(node) by_id;
    struct out_tree out;
    struct in_tree in;
    uint64_t place; /* in the topological order: above that of everything it depends on */
    uint64_t mark;  /* visited in the walk of order.c that has this number */
    uint32_t index; /* scratch of query.c and cycles.c, set by each before use */
    uint32_t level; /* likewise */
};

TREE_HEAD(node_tree, node);

struct node_list {
    struct node **items;
    size_t count;
    size_t cap;
};

struct graph {
    struct node_tree nodes;
    struct rank_tree edges;
    size_t node_count;
    size_t edge_count;
    size_t held_count;
    uint64_t changes;
    uint64_t last_place;
    uint64_t mark;          /* of the current walk of order.c */
    struct node_list later; /* scratch of order.c, kept for its memory */
    struct node_list earlier;
    uint64_t *places;
    size_t places_cap;
};

static inline int node_compare_id(const struct node *a, const struct node *b)
{
    return ulid_compare(&a->id, &b->id);
}

static inline int edge_compare_to(const struct edge *a, const struct edge *b)
{
    return ulid_compare(&a->to->id, &b->to->id);
}

static inline int edge_compare_from(const struct edge *a, const struct edge *b)
{
    return ulid_compare(&a->from->id, &b->from->id);
}

static inline int edge_compare_rank(const struct edge *a, const struct edge *b)
{
    if (a->rank.major != b->rank.major)
        return a->rank.major < b->rank.major ? -1 : 1;
    if (a->rank.minor != b->rank.minor)
        return a->rank.minor < b->rank.minor ? -1 : 1;
    int order = ulid_compare(&a->rank.id, &b->rank.id);

    if (!order)
        order = edge_compare_from(a, b);
    return order ? order : edge_compare_to(a, b);
}

TREE_FUNCTIONS(node_tree, node, by_id, node_compare_id)
TREE_FUNCTIONS(rank_tree, edge, by_rank, edge_compare_rank)
TREE_FUNCTIONS(out_tree, edge, by_to, edge_compare_to)
TREE_FUNCTIONS(in_tree, edge, by_from, edge_compare_from)

struct node *graph_find(const struct graph *g, const struct ulid *id); /* NULL when unknown */

#endif
