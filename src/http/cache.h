#ifndef KITH_HTTP_CACHE_H
#define KITH_HTTP_CACHE_H
/*
 * Answers as they were written, for as long as what they are about does not change: who asks the same of a service that
 * nothing happened to gets the same bytes, and thousands who are woken by one change share one. Pure.
 *
 * An answer is known by what was asked, to the letter, and by the index of the resource that it is about: no two states
 * of all resources have one index (directory.h), so nothing has to be thrown away when something changes. One answer in each
 * of CACHE_SLOTS places; when they would be more than CACHE_BYTES_MAX together, all go and it begins anew.
 */
#include "base/buf.h"

#define CACHE_SLOTS 256u
#define CACHE_BYTES_MAX                                                                            \
    (16u << 20) /* of bodies; 14,000 endpoints at once: those are dearest to write again */

struct cache_entry { /* empty when nothing was asked */
    struct buf asked, body;
    uint64_t index;
    const char *type;
};

struct cache { /* a zeroed one is valid and empty */
    struct cache_entry entries[CACHE_SLOTS];
    size_t bytes; /* of all bodies */
};

void cache_deinit(struct cache *c);

/* The place of what is asked, below CACHE_SLOTS. */
unsigned cache_place(struct bytes asked);

/* NULL: it is not there. Borrowed until the next put. */
const struct cache_entry *cache_find(const struct cache *c, struct bytes asked, uint64_t index);

/* Copies it in, in place of another; a larger one is left out. `type` is static. */
void cache_put(struct cache *c, struct bytes asked, uint64_t index, const char *type,
               struct bytes body);

#endif
