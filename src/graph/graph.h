#ifndef KITH_GRAPH_GRAPH_H
#define KITH_GRAPH_GRAPH_H
/*
 * A dependency graph that is acyclic at every moment. Nodes are ULIDs (services, commands); an edge
 * says that `from` depends on `to`. The same engine orders services and commands.
 *
 * Settlement. Two peers that are cut off from each other may each add an edge that is fine alone
 * and closes a cycle together. So edges enter in the order of their rank, which is data that
 * travels with them: an edge that would close a cycle with those before it is held out. It stays
 * known and marked, and is tried again whenever the graph changes. Which edges are active is
 * thereby a function of the set of edges alone: replicas that hold the same edges act on the same
 * graph, in whatever order they arrived.
 *
 * The cycle check is incremental and touches only the nodes between the two ends of a new edge in
 * a topological order (order.h). An edge costs more only when it closes a cycle, or is removed
 * while a later one is held out: then the edges ranked after it are settled again.
 *
 * Here: nodes, edges, settlement. What is asked of a graph stands in query.h (layers, orders,
 * impact), cycles.h (components, the path of a cycle) and dot.h.
 *
 * Results are allocated in the caller's arena and are copies: they stay valid when the graph
 * changes. Whatever is listed is in the order that its function names, never in that of arrival.
 */
#include "base/arena.h"
#include "base/ulid.h"

/* Far more than a cluster has: a caller that adds without end is stopped before memory is. */
#define GRAPH_MAX_NODES (UINT32_C(1) << 18)
#define GRAPH_MAX_EDGES (UINT32_C(1) << 20)

struct graph;

/* Where an edge stands in the settlement: major, then minor, then id; at last from, then to. The
 * version is that of the row that states the edge, the id that row's ULID. */
struct graph_rank {
    uint64_t major;
    uint64_t minor;
    struct ulid id;
};

struct graph_edge {
    struct ulid from; /* depends on ... */
    struct ulid to;
    struct graph_rank rank;
    bool held; /* would close a cycle: not part of the graph that is acted on */
};

struct graph_ids {
    const struct ulid *ids;
    size_t count;
};

struct graph_edges {
    const struct graph_edge *edges;
    size_t count;
};

enum { GRAPH_HELD = 1, GRAPH_FULL = 2, GRAPH_ABSENT = 3 };

struct graph *graph_new(void);
void graph_free(struct graph *g); /* NULL is allowed */

/* 0, also when it is there already. GRAPH_FULL: nothing was added. */
int graph_add_node(struct graph *g, const struct ulid *id);

/* With all edges from it and to it. Unknown: nothing happens. */
void graph_remove_node(struct graph *g, const struct ulid *id);

bool graph_has_node(const struct graph *g, const struct ulid *id);
size_t graph_node_count(const struct graph *g);
struct graph_ids graph_nodes(const struct graph *g, struct arena *mem); /* by id */

/*
 * States that `from` depends on `to`, adding the nodes that are missing. Between two nodes there is
 * one edge: stating it again with another rank replaces it.
 * 0: it is active. GRAPH_HELD: it is held out for now. GRAPH_FULL: nothing has changed.
 */
int graph_set_edge(struct graph *g, const struct ulid *from, const struct ulid *to,
                   struct graph_rank rank);

void graph_remove_edge(struct graph *g, const struct ulid *from, const struct ulid *to);

/*
 * The edges from one node become these and no others, all with one rank: what one version of a
 * service's row says. The node is added when it is missing.
 * 0: all are active. GRAPH_HELD: at least one is held out. GRAPH_FULL: some were not added.
 */
int graph_set_edges(struct graph *g, const struct ulid *from, const struct ulid *to, size_t count,
                    struct graph_rank rank);

/* 0: active. GRAPH_HELD: held out. GRAPH_ABSENT: there is no such edge. */
int graph_edge_state(const struct graph *g, const struct ulid *from, const struct ulid *to);

size_t graph_edge_count(const struct graph *g); /* active and held */
size_t graph_held_count(const struct graph *g);
struct graph_edges graph_edges(const struct graph *g, struct arena *mem);      /* by rank */
struct graph_edges graph_held_edges(const struct graph *g, struct arena *mem); /* by rank */

/* Grows whenever the answer to a question about this graph may have changed. */
uint64_t graph_changes(const struct graph *g);

#endif
