#ifndef KITH_GRAPH_ORDER_H
#define KITH_GRAPH_ORDER_H
/*
 * The topological order of the active edges, kept while edges are added: David J. Pearce and Paul
 * H. J. Kelly, "A Dynamic Topological Sort Algorithm for Directed Acyclic Graphs", ACM Journal of
 * Experimental Algorithmics 11 (2006). Only for graph.c.
 *
 * Places are history, two replicas may hold different ones: nothing that shows may depend on them.
 */
#include "graph/nodes.h"

enum { ORDER_CYCLE = 1 };

/* A new node needs nothing and nobody needs it: it goes last. */
void order_add(struct graph *g, struct node *node);

/* Makes room for `from` depends on `to`: 0. ORDER_CYCLE: `to` depends on `from` already, nothing
 * has changed. */
int order_insert(struct graph *g, struct node *from, struct node *to);

void order_deinit(struct graph *g);

#endif
