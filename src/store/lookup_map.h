#ifndef KITH_STORE_LOOKUP_MAP_H
#define KITH_STORE_LOOKUP_MAP_H
/*
 * One look-up file (lookup_format.h), mapped for reading. It trusts nothing that it reads: whatever the file
 * holds, and whoever writes to it meanwhile, no call reads outside of it or goes on for ever. After
 * lookup_map_open() there is no lock, no allocation and no system call, and nothing is ever written; any
 * number of threads may use one map.
 *
 *     do {
 *         problem = lookup_find(map, ..., &row);
 *         ... lookup_endpoint(&row, i, &endpoint), lookup_text(&row, ...): copies
 *     } while (!problem && !lookup_unchanged(&row));
 *
 * What was copied counts once lookup_unchanged() says so; before, it may be a mixture.
 *
 * Needs only libc, because it is a part of libkith.
 */
#include "store/lookup_row.h"

#include <sys/types.h>

enum lookup_problem {
    LOOKUP_ABSENT = 1, /* there is no such file: the daemon has not run here, or has it elsewhere */
    LOOKUP_DENIED,     /* this user may not read it */
    LOOKUP_FOREIGN,    /* no look-up file */
    LOOKUP_VERSION_,   /* of another version, or a host of another byte order */
    LOOKUP_TORN,       /* cut off or damaged */
    LOOKUP_SYSTEM,     /* the system refused: errno */
    LOOKUP_NONE,       /* there is no such service */
};

struct lookup_map {
    const uint64_t *words; /* NULL: not open */
    uint64_t file_words, slots_at, slots, heap_at, generation;
    bool by_wall; /* its age is told by the wall clock */
    dev_t dev;
    ino_t ino;
};

/* Maps PATH. What is there from before the last boot of the host is read as a whole, because a power cut may
 * have left any part of it; otherwise only the header is. 0, or LOOKUP_ABSENT to LOOKUP_SYSTEM; then
 * *ret is not open. */
int lookup_map_open(struct lookup_map *ret, const char *path);
void lookup_map_close(struct lookup_map *m);

/* PATH is another file by now (or none: false). */
bool lookup_map_replaced(const struct lookup_map *m, const char *path);
/* The daemon has said that there is a newer file. */
bool lookup_map_retired(const struct lookup_map *m);

/* Time since the daemon last said that the file is as it should be, never negative. Under LOOKUP_FRESH_US by a
 * clock that is some milliseconds late. */
#define LOOKUP_FRESH_US 2000000
int64_t lookup_map_age_us(const struct lookup_map *m);

/* 0, or LOOKUP_TORN: some row is not what its check says. Only for files that nobody writes to. */
int lookup_map_verify(const struct lookup_map *m);

struct lookup_name { /* of lookup_name() */
    const char *space, *name;
    size_t space_len, name_len; /* longer than LOOKUP_NAME_MAX: LOOKUP_NONE */
    uint64_t hash;
};

static inline struct lookup_name lookup_name(const char *space, size_t space_len, const char *name,
                                             size_t name_len)
{
    return (struct lookup_name){.space = space,
                                .name = name,
                                .space_len = space_len,
                                .name_len = name_len,
                                .hash = lookup_hash(space, space_len, name, name_len)};
}

/* The slot where the search for a name of this hash begins starts to come into the cache, for whoever has something else
 * to do before lookup_find(). */
static inline void lookup_fetch(const struct lookup_map *m, uint64_t hash)
{
    __builtin_prefetch(m->words + m->slots_at + (hash & (m->slots - 1)));
}

/* 0: there is a row, perhaps one that says gone. LOOKUP_NONE; LOOKUP_TORN. */
int lookup_find(const struct lookup_map *m, const struct lookup_name *name,
                struct lookup_row_ref *ret);
/* The row of slot number i < m->slots: 0, LOOKUP_NONE (empty), LOOKUP_TORN. */
int lookup_at(const struct lookup_map *m, uint64_t i, struct lookup_row_ref *ret);
/* The word that changes when this service does, for watchers; when it is not there, the one that changes when
 * some names appear, of which it is one. */
const uint64_t *lookup_watch_word(const struct lookup_map *m, const struct lookup_name *name);

#endif
