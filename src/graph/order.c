/*
 * Every node has a place, and depends only on nodes in lower places. A new edge that agrees with
 * this costs nothing. Otherwise `from` stands below `to`, and only what lies between the two places
 * is touched:
 *
 *     later    what depends on `from`, up to the place of `to`; when `to` is among it, that is a
 * cycle earlier  what `to` depends on, down to the place of `from`
 *
 * The places that the nodes of both sets hold are dealt out again among them: first to the earlier
 * ones, then to the later ones, either set in its old order.
 */
#include "graph/order.h"

#include "base/mem.h"

#include <stdlib.h>

static void push(struct node_list *list, struct node *node)
{
    if (list->count == list->cap) {
        list->cap = list->cap ? 2 * list->cap : 16;
        list->items = mem_grow(list->items, list->cap, sizeof(*list->items));
    }
    list->items[list->count++] = node;
}

static void visit(struct graph *g, struct node_list *list, struct node *node)
{
    if (node->mark == g->mark)
        return;
    node->mark = g->mark;
    push(list, node);
}

/* The list is its own work queue: what is found is appended, and looked at in turn. */
static int find_later(struct graph *g, struct node *from, const struct node *to)
{
    struct node_list *list = &g->later;
    struct edge *edge;

    g->mark++;
    list->count = 0;
    visit(g, list, from);
    for (size_t i = 0; i < list->count; i++) {
        TREE_FOREACH (edge, in_tree, &list->items[i]->in) {
            if (edge->held)
                continue;
            if (edge->from == to)
                return ORDER_CYCLE;
            if (edge->from->place < to->place)
                visit(g, list, edge->from);
        }
    }
    return 0;
}

static void find_earlier(struct graph *g, const struct node *from, struct node *to)
{
    struct node_list *list = &g->earlier;
    struct edge *edge;

    g->mark++;
    list->count = 0;
    visit(g, list, to);
    for (size_t i = 0; i < list->count; i++) {
        TREE_FOREACH (edge, out_tree, &list->items[i]->out) {
            if (!edge->held && edge->to->place > from->place)
                visit(g, list, edge->to);
        }
    }
}

static int compare_place(const void *a, const void *b)
{
    const struct node *const *x = a, *const *y = b;

    return ((*x)->place > (*y)->place) - ((*x)->place < (*y)->place);
}

static void sort_by_place(struct node_list *list)
{
    qsort(list->items, list->count, sizeof(*list->items), compare_place);
}

/* Merges the places of both sorted lists, lowest first, into g->places. */
static void collect_places(struct graph *g)
{
    size_t count = g->later.count + g->earlier.count;
    size_t a = 0, b = 0;

    if (count > g->places_cap) {
        g->places = mem_grow(g->places, count, sizeof(*g->places));
        g->places_cap = count;
    }
    for (size_t i = 0; i < count; i++) {
        bool from_later =
            b == g->earlier.count ||
            (a < g->later.count && g->later.items[a]->place < g->earlier.items[b]->place);

        g->places[i] = from_later ? g->later.items[a++]->place : g->earlier.items[b++]->place;
    }
}

static void deal_places(struct graph *g)
{
    const uint64_t *place;

    sort_by_place(&g->later);
    sort_by_place(&g->earlier);
    collect_places(g);
    place = g->places;
    for (size_t i = 0; i < g->earlier.count; i++)
        g->earlier.items[i]->place = *place++;
    for (size_t i = 0; i < g->later.count; i++)
        g->later.items[i]->place = *place++;
}

void order_add(struct graph *g, struct node *node)
{
    node->place = ++g->last_place;
}

int order_insert(struct graph *g, struct node *from, struct node *to)
{
    if (from == to)
        return ORDER_CYCLE;
    if (to->place < from->place)
        return 0;
    if (find_later(g, from, to))
        return ORDER_CYCLE;
    find_earlier(g, from, to);
    deal_places(g);
    return 0;
}

void order_deinit(struct graph *g)
{
    mem_free(g->later.items);
    mem_free(g->earlier.items);
    mem_free(g->places);
}
