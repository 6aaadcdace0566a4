#include "graph/dot.h"

#include "base/mem.h"
#include "graph/nodes.h"

#include <stdlib.h>

static int compare_label(const void *a, const void *b)
{
    const struct graph_label *x = a, *y = b;

    return ulid_compare(&x->id, &y->id);
}

static void put_quoted(struct buf *out, struct bytes text)
{
    buf_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];

        if (c == '"' || c == '\\')
            buf_byte(out, '\\');
        buf_byte(out, c < 0x20 || c == 0x7f ? ' ' : c);
    }
    buf_byte(out, '"');
}

static void put_id(struct buf *out, const struct ulid *id)
{
    buf_printf(out, "\"%s\"", ulid_text(id).s);
}

static void put_node(struct buf *out, const struct node *node, const struct graph_label *sorted,
                     size_t count)
{
    struct graph_label key = {.id = node->id};
    const struct graph_label *label =
        count ? bsearch(&key, sorted, count, sizeof(key), compare_label) : NULL;

    buf_str(out, "    ");
    put_id(out, &node->id);
    if (label) {
        buf_str(out, " [label=");
        put_quoted(out, label->text);
        buf_byte(out, ']');
    }
    buf_str(out, ";\n");
}

static void put_edges(struct buf *out, struct node *node)
{
    struct edge *edge;

    TREE_FOREACH (edge, out_tree, &node->out) {
        buf_str(out, "    ");
        put_id(out, &edge->from->id);
        buf_str(out, " -> ");
        put_id(out, &edge->to->id);
        buf_str(out, edge->held ? " [color=red, style=dashed, label=\"held out\"];\n" : ";\n");
    }
}

void graph_dot(const struct graph *g, const struct graph_label *labels, size_t count,
               struct buf *out)
{
    struct graph_label *sorted = mem_copy(labels, count * sizeof(*labels));
    struct node_tree tree = g->nodes;
    struct node *node;

    if (count)
        qsort(sorted, count, sizeof(*sorted), compare_label);
    buf_str(out, "digraph kith {\n    rankdir=LR;\n    node [shape=box];\n");
    TREE_FOREACH (node, node_tree, &tree)
        put_node(out, node, sorted, count);
    TREE_FOREACH (node, node_tree, &tree)
        put_edges(out, node);
    buf_str(out, "}\n");
    mem_free(sorted);
}
