#ifndef KITH_CLIENT_HELD_H
#define KITH_CLIENT_HELD_H
/*
 * The look-up file that a handle has mapped, through its replacements: which generation a call reads, when the
 * path is looked at again, and when a former mapping can go. Needs only libc.
 *
 * A call enters, reads, and leaves. Entering counts the caller into one of a few counters of the
 * mapping, each in a cache line of its own, so that threads do not disturb each other; a mapping is removed
 * when it is not the current one and all its counters are 0. Nobody ever waits: a mapping that is still in
 * use, or a thread that is just replacing one, only puts the matter off to a later call. There are HELD_MAPS
 * places; while all are in use the current one stays.
 *
 * The path is looked at again when the file says that it is retired, and while its age is over HELD_STALE_US
 * (somebody may have removed it); when that finds nothing new, not again for HELD_SOON_US, or HELD_LOOK_US.
 *
 * In a child of fork() nobody is inside any more: the counters lie in memory that the kernel wipes then.
 */
#include "store/lookup_map.h"

#define HELD_MAPS     4
#define HELD_SHARDS   16
#define HELD_STALE_US LOOKUP_FRESH_US
#define HELD_LOOK_US  1000000
#define HELD_SOON_US  10000 /* a retired one is about to be replaced */

struct held;

struct held *held_new(const char *path); /* NULL: no memory */
void held_free(struct held *h);          /* nobody is inside */

struct held_use { /* of one call */
    const struct lookup_map *map;
    int64_t age_us;
    unsigned place, shard;
};

/* 0, and *ret is to be left again; or an enum lookup_problem: there is nothing to read. `hash` is of the name that is going
 * to be looked up (its slot begins to come meanwhile), or anything. */
int held_enter(struct held *h, uint64_t hash, struct held_use *ret);
void held_leave(struct held *h, const struct held_use *use);

/* The next call looks at the path if the mapping is retired or old, however short ago that was done: who was told of a change
 * that is in the file by now sees it. */
void held_look(struct held *h);

#endif
