#ifndef KITH_TEST_NODES_BY_LETTER_H
#define KITH_TEST_NODES_BY_LETTER_H
/* Graphs written as text: the node `a` is the ULID that ends in 'a', the edge "ab" says a depends
 * on b. Version 1 unless a test says otherwise. */
#include "graph/graph.h"

#include "test.h"

#include <stdlib.h>
#include <string.h>

static inline struct ulid node(char letter)
{
    return (struct ulid){.b = {[15] = (uint8_t)letter}};
}

static inline struct graph_rank version(uint64_t minor)
{
    return (struct graph_rank){.minor = minor};
}

static inline int set_edge(struct graph *g, const char *edge, uint64_t minor)
{
    struct ulid from = node(edge[0]), to = node(edge[1]);

    return graph_set_edge(g, &from, &to, version(minor));
}

static inline void remove_edge(struct graph *g, const char *edge)
{
    struct ulid from = node(edge[0]), to = node(edge[1]);

    graph_remove_edge(g, &from, &to);
}

static inline int edge_state(const struct graph *g, const char *edge)
{
    struct ulid from = node(edge[0]), to = node(edge[1]);

    return graph_edge_state(g, &from, &to);
}

/* "ab ac bc": each with its own version, in this order. */
static inline struct graph *graph_of(const char *edges)
{
    struct graph *g = graph_new();
    uint64_t minor = 0;

    for (const char *edge = edges; *edge; edge += edge[2] ? 3 : 2)
        set_edge(g, edge, ++minor);
    return g;
}

static inline void assert_ids(struct graph_ids ids, const char *letters)
{
    char got[64];
    size_t count = ids.count < sizeof(got) - 1 ? ids.count : sizeof(got) - 1;

    for (size_t i = 0; i < count; i++)
        got[i] = (char)ids.ids[i].b[15];
    got[count] = '\0';
    assert_string_equal(got, letters);
}

#endif
