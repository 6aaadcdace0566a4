#ifndef KITH_GRAPH_CYCLES_H
#define KITH_GRAPH_CYCLES_H
/*
 * Cycles, for telling people about them. The graph that is acted on has none; the one that was
 * stated, with the edges held out, may.
 */
#include "graph/graph.h"

struct graph_component {
    struct graph_ids members; /* by id; one, or all nodes of entangled cycles */
    uint32_t level;           /* as in query.h, of the graph in which components are nodes */
};

struct graph_components {
    const struct graph_component *components; /* by level, then by first member */
    size_t count;
};

/* The strongly connected components of all edges, active and held. Robert Tarjan, "Depth-First
 * Search and Linear Graph Algorithms", SIAM Journal on Computing 1 (1972). */
struct graph_components graph_components(const struct graph *g, struct arena *mem);

/*
 * The cycle that an edge closes, or would close, with the active ones: from, to, ..., from again.
 * Of several the shortest, of equally short ones the lowest by id. Empty when there is none.
 */
struct graph_ids graph_cycle_path(const struct graph *g, const struct ulid *from,
                                  const struct ulid *to, struct arena *mem);

#endif
