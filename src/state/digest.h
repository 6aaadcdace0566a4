#ifndef KITH_STATE_DIGEST_H
#define KITH_STATE_DIGEST_H
/*
 * The digest tree: lets two peers find in O(differences x log size) which rows differ.
 *
 * The tree is over the hash of a row's key, four bits a level. A node is named by its depth (0: all
 * rows, 16: one key hash) and its prefix (the smallest key hash in it); its digest is the exclusive or
 * of its rows' hashes. That depends on the rows alone, never on how the tree happens to be cut: leaves
 * split as they fill, each peer as it needs, and any node can be asked of any peer.
 *
 * Kept incrementally: adding and removing cost O(depth). A leaf that split does not close again: the
 * tree stays as large as the most rows it ever had (about 8 bytes a row).
 */
#include "base/bytes.h"

#define DIGEST_FANOUT    16u
#define DIGEST_BITS      4u
#define DIGEST_DEPTH_MAX 16u
/* Rows of a leaf before it splits: a leaf is compared row by row, and searched from its start. */
#define DIGEST_LEAF_MAX 32u

struct digest_item { /* stands in the row */
    uint64_t key_hash;
    uint64_t hash; /* of the record */
    struct digest_item *next;
};

struct digest_branch;

struct digest_node {
    uint64_t digest;
    uint64_t count;
    struct digest_branch *branch; /* NULL: a leaf */
    struct digest_item *items;    /* of a leaf, by key hash */
};

struct digest { /* a zeroed one is valid and empty */
    struct digest_node root;
};

struct digest_sum {
    uint64_t digest;
    uint64_t count;
};

void digest_deinit(struct digest *d); /* does not touch the items */
void digest_add(struct digest *d, struct digest_item *item);
void digest_remove(struct digest *d, struct digest_item *item); /* which is in it */

/* The first with this key hash; others of the same hash follow it by `next`. */
struct digest_item *digest_find(const struct digest *d, uint64_t key_hash);
/* The first at or after a key hash; NULL when there is none. */
struct digest_item *digest_from(const struct digest *d, uint64_t key_hash);

/* Whether such a node exists: depth in range, prefix without bits below it. */
bool digest_is_node(uint32_t depth, uint64_t prefix);
uint64_t digest_last(uint32_t depth, uint64_t prefix); /* the largest key hash of a node */
uint64_t digest_child(uint32_t depth, uint64_t prefix,
                      uint32_t i); /* prefix of a node's i-th child */

struct digest_sum digest_sum(const struct digest *d, uint32_t depth, uint64_t prefix);
/* Of a node's children, DIGEST_FANOUT of them; depth < DIGEST_DEPTH_MAX. */
void digest_children(const struct digest *d, uint32_t depth, uint64_t prefix,
                     struct digest_sum *ret);

#endif
