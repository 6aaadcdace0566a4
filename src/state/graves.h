#ifndef KITH_STATE_GRAVES_H
#define KITH_STATE_GRAVES_H
/*
 * The tombstones of a state, by when they were written: only deleted rows cost anything here. Those that do
 * not say when stay for ever. Internal to src/state.
 */
#include "state/table.h"

struct grave;
TREE_HEAD(grave_tree, grave);

struct graves { /* a zeroed one is valid and empty */
    struct grave_tree by_time;
    size_t count;
};

void graves_deinit(struct graves *g);
/* Called when a row enters the table, and when it leaves it; rows that are not deleted are passed over. `mem` for
 * a moment. */
void graves_add(struct graves *g, struct entry *e, struct arena *mem);
void graves_remove(struct graves *g, const struct entry *e, struct arena *mem);
/* Those up to a time, by the digest tree's rule: the exclusive or of their hashes, and how many. */
struct digest_sum graves_sum(const struct graves *g, int64_t until_ms);
/* The oldest, if it is not younger; NULL. */
struct entry *graves_due(const struct graves *g, int64_t until_ms);

/* When a tombstone was written; 0: it does not say. */
int64_t graves_deleted_ms(const struct row *row, struct arena *mem);

#endif
