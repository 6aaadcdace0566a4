#ifndef KITH_GRAPH_DOT_H
#define KITH_GRAPH_DOT_H
/*
 * A graph as DOT, the language of Graphviz: an arrow points to what is depended on, edges that are
 * held out are red and dashed. Nodes and edges come by id.
 */
#include "base/buf.h"
#include "graph/graph.h"

struct graph_label {
    struct ulid id;
    struct bytes text; /* UTF-8; quotes, backslashes and control characters are taken care of */
};

/* Nodes without a label are shown by their id; labels of unknown nodes are ignored. */
void graph_dot(const struct graph *g, const struct graph_label *labels, size_t count,
               struct buf *out);

#endif
