#include "graph/query.h"

#include "graph/nodes.h"

#include <stdlib.h>

/* ---- levels ---- */

static int compare_place(const void *a, const void *b)
{
    const struct node *const *x = a, *const *y = b;

    return ((*x)->place > (*y)->place) - ((*x)->place < (*y)->place);
}

static int compare_level(const void *a, const void *b)
{
    const struct node *const *x = a, *const *y = b;

    if ((*x)->level != (*y)->level)
        return (*x)->level < (*y)->level ? -1 : 1;
    return node_compare_id(*x, *y);
}

static uint32_t level_of(struct node *node)
{
    struct edge *edge;
    uint32_t level = 0;

    TREE_FOREACH (edge, out_tree, &node->out) {
        if (!edge->held && edge->to->level >= level)
            level = edge->to->level + 1;
    }
    return level;
}

/* All nodes by level, then id, with node->level filled. By place, each comes after what it depends
 * on, so one pass finds the levels. */
static struct node **nodes_by_level(const struct graph *g, struct arena *mem)
{
    struct node **nodes = arena_array(mem, g->node_count, sizeof(*nodes));
    struct node_tree tree = g->nodes;
    struct node *node;
    size_t count = 0;

    TREE_FOREACH (node, node_tree, &tree)
        nodes[count++] = node;
    qsort(nodes, count, sizeof(*nodes), compare_place);
    for (size_t i = 0; i < count; i++)
        nodes[i]->level = level_of(nodes[i]);
    qsort(nodes, count, sizeof(*nodes), compare_level);
    return nodes;
}

struct graph_ids graph_start_order(const struct graph *g, struct arena *mem)
{
    struct node **nodes = nodes_by_level(g, mem);
    struct ulid *ids = arena_array(mem, g->node_count, sizeof(*ids));

    for (size_t i = 0; i < g->node_count; i++)
        ids[i] = nodes[i]->id;
    return (struct graph_ids){.ids = ids, .count = g->node_count};
}

struct graph_ids graph_stop_order(const struct graph *g, struct arena *mem)
{
    struct node **nodes = nodes_by_level(g, mem);
    struct ulid *ids = arena_array(mem, g->node_count, sizeof(*ids));

    for (size_t i = 0; i < g->node_count; i++)
        ids[i] = nodes[g->node_count - 1 - i]->id;
    return (struct graph_ids){.ids = ids, .count = g->node_count};
}

struct graph_layers graph_layers(const struct graph *g, struct arena *mem)
{
    struct node **nodes = nodes_by_level(g, mem);
    size_t node_count = g->node_count;
    size_t count = node_count ? nodes[node_count - 1]->level + 1 : 0;
    struct graph_ids *layers = arena_array(mem, count, sizeof(*layers));
    struct ulid *ids = arena_array(mem, node_count, sizeof(*ids));

    for (size_t i = 0; i < node_count; i++) {
        struct graph_ids *layer = &layers[nodes[i]->level];

        ids[i] = nodes[i]->id;
        if (!layer->count++)
            layer->ids = &ids[i];
    }
    return (struct graph_layers){.layers = layers, .count = count};
}

/* ---- reach ---- */

enum direction { DEPENDENCIES, DEPENDANTS };

/* The direct neighbours, by id, appended to `list`, which has the room. */
static size_t neighbours(struct node *node, enum direction direction, struct node **list)
{
    struct edge *edge;
    size_t count = 0;

    if (direction == DEPENDENCIES) {
        TREE_FOREACH (edge, out_tree, &node->out) {
            if (!edge->held)
                list[count++] = edge->to;
        }
    } else {
        TREE_FOREACH (edge, in_tree, &node->in) {
            if (!edge->held)
                list[count++] = edge->from;
        }
    }
    return count;
}

static struct graph_ids direct(const struct graph *g, const struct ulid *id,
                               enum direction direction, struct arena *mem)
{
    struct node *node = graph_find(g, id);

    if (!node)
        return (struct graph_ids){0};
    struct node **list = arena_array(mem, g->node_count, sizeof(struct node *));
    size_t count = neighbours(node, direction, list);
    struct ulid *ids = arena_array(mem, count, sizeof(*ids));

    for (size_t i = 0; i < count; i++)
        ids[i] = list[i]->id;
    return (struct graph_ids){.ids = ids, .count = count};
}

/* Sets node->index to 1 in all that is reached from `start`, to 0 elsewhere; `nodes` are all. */
static void mark_reached(struct node **nodes, size_t count, struct node *start,
                         enum direction direction, struct arena *mem)
{
    struct node **queue = arena_array(mem, count, sizeof(struct node *));
    struct node **near = arena_array(mem, count, sizeof(struct node *));
    size_t queued = 0;

    for (size_t i = 0; i < count; i++)
        nodes[i]->index = 0;
    start->index = 1;
    queue[queued++] = start;
    for (size_t i = 0; i < queued; i++) {
        size_t found = neighbours(queue[i], direction, near);

        for (size_t k = 0; k < found; k++) {
            if (near[k]->index)
                continue;
            near[k]->index = 1;
            queue[queued++] = near[k];
        }
    }
}

static struct graph_ids reach(const struct graph *g, const struct ulid *id,
                              enum direction direction, struct arena *mem)
{
    struct node *start = graph_find(g, id);

    if (!start)
        return (struct graph_ids){0};
    struct node **nodes = nodes_by_level(g, mem);
    struct ulid *ids = arena_array(mem, g->node_count, sizeof(*ids));
    size_t count = 0;

    mark_reached(nodes, g->node_count, start, direction, mem);
    for (size_t i = 0; i < g->node_count; i++) {
        if (nodes[i]->index && nodes[i] != start)
            ids[count++] = nodes[i]->id;
    }
    return (struct graph_ids){.ids = ids, .count = count};
}

struct graph_ids graph_impact(const struct graph *g, const struct ulid *id, struct arena *mem)
{
    return reach(g, id, DEPENDANTS, mem);
}

struct graph_ids graph_requirements(const struct graph *g, const struct ulid *id, struct arena *mem)
{
    return reach(g, id, DEPENDENCIES, mem);
}

struct graph_ids graph_dependencies(const struct graph *g, const struct ulid *id, struct arena *mem)
{
    return direct(g, id, DEPENDENCIES, mem);
}

struct graph_ids graph_dependants(const struct graph *g, const struct ulid *id, struct arena *mem)
{
    return direct(g, id, DEPENDANTS, mem);
}

/* ---- ends ---- */

static bool has_neighbour(struct node *node, enum direction direction)
{
    struct edge *edge;

    if (direction == DEPENDENCIES) {
        TREE_FOREACH (edge, out_tree, &node->out) {
            if (!edge->held)
                return true;
        }
    } else {
        TREE_FOREACH (edge, in_tree, &node->in) {
            if (!edge->held)
                return true;
        }
    }
    return false;
}

static struct graph_ids without(const struct graph *g, enum direction direction, struct arena *mem)
{
    struct ulid *ids = arena_array(mem, g->node_count, sizeof(*ids));
    struct node_tree tree = g->nodes;
    struct node *node;
    size_t count = 0;

    TREE_FOREACH (node, node_tree, &tree) {
        if (!has_neighbour(node, direction))
            ids[count++] = node->id;
    }
    return (struct graph_ids){.ids = ids, .count = count};
}

struct graph_ids graph_roots(const struct graph *g, struct arena *mem)
{
    return without(g, DEPENDANTS, mem);
}

struct graph_ids graph_leaves(const struct graph *g, struct arena *mem)
{
    return without(g, DEPENDENCIES, mem);
}
