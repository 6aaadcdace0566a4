/*
 * Settlement, and why it may be incremental. Settled means: going through the edges by rank, an
 * edge is active when it closes no cycle with the active ones before it. Call the active set A.
 *
 * - A new edge that closes no cycle with all of A just joins: the edges held out before are still
 *   held out, since A only grew, and no active one closes a cycle, since A with it has none.
 * - A new edge that does close a cycle with A is either held out or displaces edges ranked after
 * it. Those before it are decided, those after it are settled again.
 * - When an active edge goes, no active one closes a cycle by that. The first edge that can change
 *   is the first held one ranked after it: from there on all are settled again.
 *
 * Settling again keeps the topological order, which dropping edges cannot break, so most edges go
 * back in without any search.
 */
#include "graph/graph.h"

#include "base/mem.h"
#include "graph/nodes.h"
#include "graph/order.h"

struct graph *graph_new(void)
{
    return mem_alloc(sizeof(struct graph));
}

void graph_free(struct graph *g)
{
    struct edge *edge, *next_edge;
    struct node *node, *next_node;

    if (!g)
        return;
    TREE_FOREACH_SAFE(edge, rank_tree, &g->edges, next_edge)
    {
        TREE_REMOVE(rank_tree, &g->edges, edge);
        mem_free(edge);
    }
    TREE_FOREACH_SAFE(node, node_tree, &g->nodes, next_node)
    {
        TREE_REMOVE(node_tree, &g->nodes, node);
        mem_free(node);
    }
    order_deinit(g);
    mem_free(g);
}

/* ---- nodes ---- */

struct node *graph_find(const struct graph *g, const struct ulid *id)
{
    struct node key = {.id = *id};
    struct node_tree tree = g->nodes; /* a copy of the root: looking up needs it writable */

    return TREE_FIND(node_tree, &tree, &key);
}

int graph_add_node(struct graph *g, const struct ulid *id)
{
    if (graph_find(g, id))
        return 0;
    if (g->node_count == GRAPH_MAX_NODES)
        return GRAPH_FULL;
    struct node *node = mem_alloc(sizeof(*node));

    node->id = *id;
    TREE_INSERT(node_tree, &g->nodes, node);
    order_add(g, node);
    g->node_count++;
    g->changes++;
    return 0;
}

bool graph_has_node(const struct graph *g, const struct ulid *id)
{
    return graph_find(g, id) != NULL;
}

size_t graph_node_count(const struct graph *g)
{
    return g->node_count;
}

struct graph_ids graph_nodes(const struct graph *g, struct arena *mem)
{
    struct ulid *ids = arena_array(mem, g->node_count, sizeof(*ids));
    struct node_tree tree = g->nodes;
    struct node *node;
    size_t count = 0;

    TREE_FOREACH (node, node_tree, &tree)
        ids[count++] = node->id;
    return (struct graph_ids){.ids = ids, .count = count};
}

/* ---- settlement ---- */

static void enter(struct graph *g, struct edge *edge)
{
    if (order_insert(g, edge->from, edge->to))
        return;
    edge->held = false;
    g->held_count--;
}

static void settle_from(struct graph *g, struct edge *first)
{
    struct edge *edge;

    TREE_FOREACH_FROM(edge, rank_tree, first)
    {
        g->held_count += !edge->held;
        edge->held = true;
    }
    TREE_FOREACH_FROM(edge, rank_tree, first)
    enter(g, edge);
}

static struct edge *link_edge(struct graph *g, struct node *from, struct node *to,
                              struct graph_rank rank)
{
    struct edge *edge = mem_alloc(sizeof(*edge));

    *edge = (struct edge){.from = from, .to = to, .rank = rank, .held = true};
    TREE_INSERT(rank_tree, &g->edges, edge);
    TREE_INSERT(out_tree, &from->out, edge);
    TREE_INSERT(in_tree, &to->in, edge);
    g->edge_count++;
    g->held_count++;
    g->changes++;
    return edge;
}

/* Takes the edge out and settles what it held out. */
static void drop_edge(struct graph *g, struct edge *edge)
{
    struct edge *next = TREE_NEXT(rank_tree, &g->edges, edge);

    TREE_REMOVE(rank_tree, &g->edges, edge);
    TREE_REMOVE(out_tree, &edge->from->out, edge);
    TREE_REMOVE(in_tree, &edge->to->in, edge);
    g->edge_count--;
    g->held_count -= edge->held;
    g->changes++;
    if (!edge->held && g->held_count) {
        while (next && !next->held)
            next = TREE_NEXT(rank_tree, &g->edges, next);
        settle_from(g, next);
    }
    mem_free(edge);
}

void graph_remove_node(struct graph *g, const struct ulid *id)
{
    struct node *node = graph_find(g, id);

    if (!node)
        return;
    while (!TREE_EMPTY(&node->out))
        drop_edge(g, TREE_FIRST(out_tree, &node->out));
    while (!TREE_EMPTY(&node->in))
        drop_edge(g, TREE_FIRST(in_tree, &node->in));
    TREE_REMOVE(node_tree, &g->nodes, node);
    mem_free(node);
    g->node_count--;
    g->changes++;
}

/* ---- edges ---- */

static struct edge *find_edge(struct node *from, struct node *to)
{
    struct edge key = {.from = from, .to = to};

    return from && to ? TREE_FIND(out_tree, &from->out, &key) : NULL;
}

static bool rank_equal(const struct graph_rank *a, const struct graph_rank *b)
{
    return a->major == b->major && a->minor == b->minor && ulid_equal(&a->id, &b->id);
}

/* Whether both nodes and one more edge fit. */
static bool has_room(const struct graph *g, const struct node *from, const struct node *to)
{
    return g->edge_count < GRAPH_MAX_EDGES && g->node_count + !from + !to <= GRAPH_MAX_NODES;
}

int graph_set_edge(struct graph *g, const struct ulid *from, const struct ulid *to,
                   struct graph_rank rank)
{
    struct node *a = graph_find(g, from), *b = graph_find(g, to);
    struct edge *edge = find_edge(a, b);

    if (edge && rank_equal(&edge->rank, &rank))
        return edge->held ? GRAPH_HELD : 0;
    if (edge)
        drop_edge(g, edge);
    else if (!has_room(g, a, b))
        return GRAPH_FULL;
    graph_add_node(g, from);
    graph_add_node(g, to);
    edge = link_edge(g, graph_find(g, from), graph_find(g, to), rank);
    enter(g, edge);
    if (edge->held)
        settle_from(g, edge);
    return edge->held ? GRAPH_HELD : 0;
}

void graph_remove_edge(struct graph *g, const struct ulid *from, const struct ulid *to)
{
    struct edge *edge = find_edge(graph_find(g, from), graph_find(g, to));

    if (edge)
        drop_edge(g, edge);
}

static bool is_among(const struct ulid *id, const struct ulid *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (ulid_equal(id, &ids[i]))
            return true;
    }
    return false;
}

int graph_set_edges(struct graph *g, const struct ulid *from, const struct ulid *to, size_t count,
                    struct graph_rank rank)
{
    struct edge *edge, *next;
    int result = graph_add_node(g, from);

    if (result)
        return result;
    TREE_FOREACH_SAFE(edge, out_tree, &graph_find(g, from)->out, next)
    {
        if (!is_among(&edge->to->id, to, count))
            drop_edge(g, edge);
    }
    for (size_t i = 0; i < count; i++) {
        if (graph_set_edge(g, from, &to[i], rank) == GRAPH_FULL)
            return GRAPH_FULL;
    }
    /* An edge set last may have displaced one set before it: look when all are in. */
    TREE_FOREACH (edge, out_tree, &graph_find(g, from)->out) {
        if (edge->held)
            result = GRAPH_HELD;
    }
    return result;
}

int graph_edge_state(const struct graph *g, const struct ulid *from, const struct ulid *to)
{
    const struct edge *edge = find_edge(graph_find(g, from), graph_find(g, to));

    if (!edge)
        return GRAPH_ABSENT;
    return edge->held ? GRAPH_HELD : 0;
}

size_t graph_edge_count(const struct graph *g)
{
    return g->edge_count;
}

size_t graph_held_count(const struct graph *g)
{
    return g->held_count;
}

static struct graph_edges list_edges(const struct graph *g, struct arena *mem, bool only_held)
{
    size_t room = only_held ? g->held_count : g->edge_count;
    struct graph_edge *list = arena_array(mem, room, sizeof(*list));
    struct rank_tree tree = g->edges;
    struct edge *edge;
    size_t count = 0;

    TREE_FOREACH (edge, rank_tree, &tree) {
        if (only_held && !edge->held)
            continue;
        list[count++] = (struct graph_edge){
            .from = edge->from->id, .to = edge->to->id, .rank = edge->rank, .held = edge->held};
    }
    return (struct graph_edges){.edges = list, .count = count};
}

struct graph_edges graph_edges(const struct graph *g, struct arena *mem)
{
    return list_edges(g, mem, false);
}

struct graph_edges graph_held_edges(const struct graph *g, struct arena *mem)
{
    return list_edges(g, mem, true);
}

uint64_t graph_changes(const struct graph *g)
{
    return g->changes;
}
