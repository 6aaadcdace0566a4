#ifndef KITH_STATE_DIGEST_H
#define KITH_STATE_DIGEST_H
/*
 * The digest tree: lets two peers find in O(differences x log size) which rows differ.
 *
 * The tree is over the hash of a row's key, four bits a level. A node is named by its depth (0: all
 * rows, 16: one key hash) and its prefix (the smallest key hash in it); its digest is the exclusive or
 * of its rows' hashes. That depends on the rows alone, so any node can be asked of any peer.
 *
 * Kept as a list of the rows by key hash, in sheets that carry the exclusive or of theirs (base/sheets.h): adding and
 * removing cost O(log n), a node's digest a step for each sheet in it, the digest of all nothing.
 */
#include "base/bytes.h"
#include "base/sheets.h"

#include "base/bytes.h"

#define DIGEST_FANOUT    16u
#define DIGEST_BITS      4u
#define DIGEST_DEPTH_MAX 16u
/* A node of so many rows or fewer is compared row by row. */
#define DIGEST_LEAF_MAX 32u

struct digest_item { /* begins the row's content */
    uint64_t key_hash;
    uint64_t hash; /* of the record */
};

struct digest { /* a zeroed one is valid and empty */
    struct sheets rows;
    uint64_t digest; /* of all */
};

struct digest_sum {
    uint64_t digest;
    uint64_t count;
};

void digest_deinit(struct digest *d); /* does not touch the items */
void digest_add(struct digest *d, struct digest_item *item);
void digest_remove(struct digest *d, struct digest_item *item); /* which is in it */

/* Walking by key hash. Good until the next change. */
struct digest_walk {
    const struct digest *digest;
    struct sheets_place place;
};

/* The first with this key hash; NULL: none. *ret_walk, when not NULL, leads to the others by digest_next(). */
struct digest_item *digest_find(const struct digest *d, uint64_t key_hash,
                                struct digest_walk *ret_walk);
/* The first at or after a key hash; NULL when there is none. */
struct digest_item *digest_from(const struct digest *d, uint64_t key_hash,
                                struct digest_walk *ret_walk);
/* The one behind the last that was returned; NULL: that was the last. */
struct digest_item *digest_next(struct digest_walk *walk);
struct digest_item *digest_at(const struct digest_walk *walk); /* the last that was returned */

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
