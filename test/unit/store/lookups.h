#ifndef KITH_TEST_LOOKUPS_H
#define KITH_TEST_LOOKUPS_H
/* Services to put into a look-up file, and what a reader makes of them. */
#include "store/lookup_file.h"

#include <stdbool.h>

/* A service NAME of so many endpoints, all of one `round`: readers can see whether two rows are mixed. */
void lookups_put(struct lookup_file *f, const char *name, uint32_t endpoints, uint32_t round);
void lookups_remove(struct lookup_file *f, const char *name);

struct lookups_seen {
    int problem; /* of lookup_find() */
    bool gone;
    bool whole; /* every endpoint is there, readable, and of the same round */
    uint32_t endpoints, round;
    uint64_t index;
};

struct lookups_seen lookups_see(const struct lookup_map *map, const char *name);

/* Opens FOLDER's file; fails the test when it cannot be opened. */
struct lookup_map lookups_map(const char *folder);
struct lookup_file *lookups_file(const char *folder);

#endif
