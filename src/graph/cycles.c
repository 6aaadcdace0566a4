#include "graph/cycles.h"

#include "graph/nodes.h"

#include <stdlib.h>

#define NONE UINT32_MAX

/* ---- components ---- */

struct frame { /* a call of the recursive form: where it stands in the node's edges */
    struct node *node;
    struct edge *next;
};

/* What Tarjan keeps for each node, by node->index. */
struct visit {
    uint32_t number;    /* order of discovery; NONE: not yet */
    uint32_t low;       /* lowest number that is reached and still open */
    uint32_t component; /* NONE: open */
};

struct tarjan {
    struct arena *mem;
    struct visit *visits;
    struct frame *frames;
    size_t depth;
    struct node **open; /* discovered, in no component yet */
    size_t open_count;
    uint32_t next_number;
    struct graph_component *components;
    size_t component_count;
};

static struct visit *visit_of(struct tarjan *t, const struct node *node)
{
    return &t->visits[node->index];
}

static void discover(struct tarjan *t, struct node *node)
{
    struct visit *visit = visit_of(t, node);

    visit->number = visit->low = t->next_number++;
    t->open[t->open_count++] = node;
    t->frames[t->depth++] = (struct frame){node, TREE_FIRST(out_tree, &node->out)};
}

static int compare_ulid(const void *a, const void *b)
{
    return ulid_compare(a, b);
}

/* Components are closed after all those they depend on, whose levels are therefore known. */
static uint32_t component_level(struct tarjan *t, struct node **members, size_t count)
{
    uint32_t level = 0;
    struct edge *edge;

    for (size_t i = 0; i < count; i++) {
        TREE_FOREACH (edge, out_tree, &members[i]->out) {
            uint32_t other = visit_of(t, edge->to)->component;

            if (other != NONE && t->components[other].level >= level)
                level = t->components[other].level + 1;
        }
    }
    return level;
}

/* Everything opened since `root` is one component. */
static void close_component(struct tarjan *t, const struct node *root)
{
    size_t first = t->open_count;

    do {
        first--;
    } while (t->open[first] != root);

    size_t count = t->open_count - first;
    struct ulid *ids = arena_array(t->mem, count, sizeof(*ids));
    uint32_t level = component_level(t, t->open + first, count);

    for (size_t i = 0; i < count; i++) {
        ids[i] = t->open[first + i]->id;
        visit_of(t, t->open[first + i])->component = (uint32_t)t->component_count;
    }
    qsort(ids, count, sizeof(*ids), compare_ulid);
    t->components[t->component_count++] =
        (struct graph_component){.members = {.ids = ids, .count = count}, .level = level};
    t->open_count = first;
}

static void lower(struct visit *visit, uint32_t number)
{
    if (number < visit->low)
        visit->low = number;
}

/* Follows one edge of the innermost frame, or ends that frame. */
static void advance(struct tarjan *t)
{
    struct frame *frame = &t->frames[t->depth - 1];
    struct visit *visit = visit_of(t, frame->node);

    if (frame->next) {
        struct node *to = frame->next->to;

        frame->next = TREE_NEXT(out_tree, &frame->node->out, frame->next);
        if (visit_of(t, to)->number == NONE)
            discover(t, to);
        else if (visit_of(t, to)->component == NONE)
            lower(visit, visit_of(t, to)->number);
        return;
    }
    if (visit->low == visit->number)
        close_component(t, frame->node);
    if (--t->depth)
        lower(visit_of(t, t->frames[t->depth - 1].node), visit->low);
}

static int compare_component(const void *a, const void *b)
{
    const struct graph_component *x = a, *y = b;

    if (x->level != y->level)
        return x->level < y->level ? -1 : 1;
    return ulid_compare(x->members.ids, y->members.ids);
}

/* Numbers the nodes by id. */
static void set_indexes(const struct graph *g)
{
    struct node_tree tree = g->nodes;
    struct node *node;
    uint32_t index = 0;

    TREE_FOREACH (node, node_tree, &tree)
        node->index = index++;
}

struct graph_components graph_components(const struct graph *g, struct arena *mem)
{
    size_t count = g->node_count;
    struct tarjan t = {
        .mem = mem,
        .visits = arena_array(mem, count, sizeof(struct visit)),
        .frames = arena_array(mem, count, sizeof(struct frame)),
        .open = arena_array(mem, count, sizeof(struct node *)),
        .components = arena_array(mem, count, sizeof(struct graph_component)),
    };
    struct node_tree tree = g->nodes;
    struct node *node;

    set_indexes(g);
    for (size_t i = 0; i < count; i++)
        t.visits[i] = (struct visit){.number = NONE, .component = NONE};
    TREE_FOREACH (node, node_tree, &tree) {
        if (visit_of(&t, node)->number != NONE)
            continue;
        discover(&t, node);
        while (t.depth)
            advance(&t);
    }
    if (count)
        qsort(t.components, t.component_count, sizeof(*t.components), compare_component);
    return (struct graph_components){.components = t.components, .count = t.component_count};
}

/* ---- the path of a cycle ---- */

/* Breadth first from `start`, neighbours by id: parents[i] is the node from which node i was first
 * reached. Ends early at `goal`: true. */
static bool search(struct node *start, const struct node *goal, struct node **parents,
                   struct node **queue)
{
    size_t queued = 0;
    struct edge *edge;

    parents[start->index] = start;
    queue[queued++] = start;
    for (size_t i = 0; i < queued; i++) {
        if (queue[i] == goal)
            return true;
        TREE_FOREACH (edge, out_tree, &queue[i]->out) {
            if (edge->held || parents[edge->to->index])
                continue;
            parents[edge->to->index] = queue[i];
            queue[queued++] = edge->to;
        }
    }
    return false;
}

struct graph_ids graph_cycle_path(const struct graph *g, const struct ulid *from,
                                  const struct ulid *to, struct arena *mem)
{
    struct node *first = graph_find(g, from), *second = graph_find(g, to);

    if (!first || !second)
        return (struct graph_ids){0};
    struct node **parents = arena_array(mem, g->node_count, sizeof(struct node *));
    struct node **queue = arena_array(mem, g->node_count, sizeof(struct node *));

    set_indexes(g);
    if (!search(second, first, parents, queue))
        return (struct graph_ids){0};

    size_t count = 2;

    for (struct node *node = first; node != second; node = parents[node->index])
        count++;

    struct ulid *ids = arena_array(mem, count, sizeof(*ids));
    size_t at = count;

    for (struct node *node = first;; node = parents[node->index]) {
        ids[--at] = node->id;
        if (node == second)
            break;
    }
    ids[0] = first->id;
    return (struct graph_ids){.ids = ids, .count = count};
}
