#ifndef KITH_STATE_TIMELINE_H
#define KITH_STATE_TIMELINE_H
/*
 * Rows of a state by a time of theirs: when they end, or when they were deleted. Only rows that have such a time cost
 * anything here. Internal to src/state.
 */
#include "base/tree.h"
#include "state/table.h"

struct moment;
TREE_HEAD(moment_tree, moment);

struct timeline { /* a zeroed one is valid and empty */
    struct moment_tree moments;
    size_t count;
};

void timeline_deinit(struct timeline *l);
/* Called when a row enters the table, and with the same time when it leaves it. 0 or less: it has no such time, and is
 * passed over. */
void timeline_add(struct timeline *l, int64_t at_ms, struct content *c);
void timeline_remove(struct timeline *l, int64_t at_ms, const struct content *c);
/* The earliest, if that is not later than until_ms; NULL. */
struct content *timeline_due(const struct timeline *l, int64_t until_ms);
int64_t timeline_next_ms(const struct timeline *l); /* the earliest time; 0: none */
/* Those up to a time, by the digest tree's rule: the exclusive or of their hashes, and how many. */
struct digest_sum timeline_sum(const struct timeline *l, int64_t until_ms);

#endif
