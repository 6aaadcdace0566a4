#ifndef KITH_BASE_ULID_INDEX_H
#define KITH_BASE_ULID_INDEX_H
/*
 * Finds what has an id in one or two looks at memory, where a tree of a thousand takes ten: for what is asked for
 * with every frame. It has no order and cannot be walked: whoever needs that has a tree beside it.
 *
 * Open addressing with linear probing, two thirds full at most; the random bits of an id are its place.
 * Whoever could choose ids could make it slow: it is for ids of admitted members, and for those that they give.
 * Owns nothing but its places: 12 to 24 bytes for each item.
 */
#include "base/ulid.h"

struct ulid_index { /* a zeroed one is valid and empty */
    const struct ulid **places;
    size_t places_n; /* a power of two, or 0 */
    size_t count;
};

void ulid_index_deinit(struct ulid_index *x);
/* The id stands at the beginning of the item, and stays there. None with that id may be in it. */
void ulid_index_add(struct ulid_index *x, const struct ulid *item);
void ulid_index_remove(struct ulid_index *x, const struct ulid *item); /* which is in it */
/* The item with this id, NULL: none. */
const struct ulid *ulid_index_find(const struct ulid_index *x, const struct ulid *id);

#endif
