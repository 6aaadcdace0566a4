#ifndef KITH_GRAPH_QUERY_H
#define KITH_GRAPH_QUERY_H
/*
 * Questions about the active edges of a graph: those that are held out are not followed.
 *
 * The level of a node is 0 when it depends on nothing, else one more than the highest level it
 * depends on. Levels do not depend on the order of arrival, so all orders here are by level, then
 * by id, and equal on every replica.
 *
 * Each call costs a walk over the whole graph and O(n log n) for the sorting, except the two for
 * direct neighbours. An id that is not in the graph gives an empty list.
 */
#include "graph/graph.h"

struct graph_layers {
    const struct graph_ids *layers; /* [0] depends on nothing; each by id */
    size_t count;
};

struct graph_layers graph_layers(const struct graph *g, struct arena *mem);

/* Everything after what it depends on; and exactly the other way round. */
struct graph_ids graph_start_order(const struct graph *g, struct arena *mem);
struct graph_ids graph_stop_order(const struct graph *g, struct arena *mem);

/* What depends on the node, directly or not: what its loss touches. In start order, without it. */
struct graph_ids graph_impact(const struct graph *g, const struct ulid *id, struct arena *mem);

/* What the node depends on, directly or not. In start order, without it. */
struct graph_ids graph_requirements(const struct graph *g, const struct ulid *id,
                                    struct arena *mem);

/* The direct neighbours, by id. */
struct graph_ids graph_dependencies(const struct graph *g, const struct ulid *id,
                                    struct arena *mem);
struct graph_ids graph_dependants(const struct graph *g, const struct ulid *id, struct arena *mem);

/* By id: nodes that nobody depends on, and nodes that depend on nothing. */
struct graph_ids graph_roots(const struct graph *g, struct arena *mem);
struct graph_ids graph_leaves(const struct graph *g, struct arena *mem);

#endif
