#ifndef KITH_STATE_MARKS_H
#define KITH_STATE_MARKS_H
/*
 * Rows to which something is still to be done: to be told here (changes), to be stored, to be pushed to others; and
 * those that a batch of the store took which is not known to be on disk. One struct for each such row, by its key, always
 * with the row's newest content; of a row to which nothing is to be done there is none, and most rows are such.
 * Internal to src/state.
 */
#include "base/tree.h"
#include "state/table.h"

/* Lists that a row can stand in, once each, in the order of the first marking. */
enum mark { MARK_CHANGE, MARK_BATCH, MARK_PUSH, MARK_COUNT };

struct marked {
    TREE_ENTRY(marked) by_key;
    struct content *content;        /* a reference */
    struct marked *later, *earlier; /* in the queue of the store; by token */
    uint64_t token; /* the batch under way that has it; 0: none, and it is not in the queue */
    uint32_t slot[MARK_COUNT]; /* place in a list, plus one; 0: not in it */
    bool dropped;              /* out of the table: its stored copy is to be deleted */
};

TREE_HEAD(marked_tree, marked);

struct mark_list {
    struct marked **items; /* NULL where one was taken out */
    size_t count, cap;
};

struct marks { /* a zeroed one is valid and empty */
    struct marked_tree rows;
    struct mark_list lists[MARK_COUNT];
    struct marked *first, *last; /* under way to the disk */
};

void marks_deinit(struct marks *m);
/* What is to be done to the row of this key; NULL: nothing. */
struct marked *marks_find(const struct marks *m, const struct content *c);
/* The row of this key is c from now on (`dropped`: was, until it was dropped), and stands in the list. */
struct marked *marks_add(struct marks *m, enum mark which, struct content *c, bool dropped);
/* The row of c's key is c from now on, if something is to be done to it. */
struct marked *marks_renew(struct marks *m, struct content *c, bool dropped);
/* x may be NULL. */
void marks_remove(struct marks *m, enum mark which, struct marked *x);
/* The list is empty then. */
void marks_clear(struct marks *m, enum mark which);
/* x has gone into this batch of the store, the newest. */
void marks_sent(struct marks *m, struct marked *x, uint64_t token);
/* Batches up to this one are on disk. */
void marks_arrived(struct marks *m, uint64_t token);
/* Those that are in this batch and in later ones are to be stored again. */
void marks_failed(struct marks *m, uint64_t token);

#endif
