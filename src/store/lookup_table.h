#ifndef KITH_STORE_LOOKUP_TABLE_H
#define KITH_STORE_LOOKUP_TABLE_H
/*
 * One generation of the look-up file (lookup_format.h) while it is written: index, heap, and which places in
 * the heap are free. It decides in which order words are written, which is all that keeps readers safe.
 *
 * The heap is cut into blocks by classes of size, four to each doubling. A former row's block is free at
 * once, and the next row of its class is written over it: the file does not grow as rows change. Blocks are
 * neither split nor joined; when there is none for a row, the table is full and the caller makes the
 * next one (lookup_table_copy()).
 *
 * All blocks of the file are allocated on disk when it is made, so that a full disk is an error then and
 * never a SIGBUS later. Nothing is synced: what a power cut leaves is found by lookup_map_verify().
 */
#include "store/lookup_map.h"
#include "store/lookup_pack.h"

#define LOOKUP_CLASSES 80 /* of blocks: 8 words to LOOKUP_ROW_MAX */

enum { LOOKUP_TABLE_FULL = 1 };

/* Tests watch each word as it is written, in order, to stop a writer between any two. */
typedef void lookup_trace(void *arg, uint64_t at, uint64_t word);

struct
    lookup_blocks { /* free ones of a class, the last freed on top; in units of LOOKUP_ROW_ALIGN */
    uint32_t *at;
    size_t count, cap;
};

struct lookup_table {
    struct lookup_map map; /* the same words, for finding */
    uint64_t *words;       /* NULL: none */
    uint64_t used_slots;
    uint64_t rows;       /* that are not gone, of all kinds */
    uint64_t heap_next;  /* where blocks were never given */
    uint64_t live_words; /* in blocks that hold a row */
    uint64_t woken;      /* watchers, by changes of what they watch; not by being retired */
    struct lookup_blocks free[LOOKUP_CLASSES];
    lookup_trace *trace;
    void *trace_arg;
};

struct lookup_shape {
    uint64_t slots, heap_words;
};

/* What so many rows of `live_words` in blocks need, with room to grow to twice that. */
struct lookup_shape lookup_shape_for(uint64_t rows, uint64_t live_words);

/* Makes the file at PATH anew, for this boot. 0 or -errno (-ENOSPC: no room on the disk). */
int lookup_table_make(struct lookup_table *ret, const char *path, struct lookup_shape shape,
                      uint64_t generation);
/* Unmaps it; the file stays. */
void lookup_table_deinit(struct lookup_table *t);

/* The words that a row of so many takes of the heap. */
uint64_t lookup_block_words(uint64_t row_words);

/* The row of that name here, or NULL; borrowed until the next put. */
const uint64_t *lookup_table_get(const struct lookup_table *t, const struct lookup_name *name);

/* Writes the row, stamped and whole, in place of the name's former one, and wakes whom that concerns (nobody
 * sleeps on rows that are not services').
 * 0 or LOOKUP_TABLE_FULL: nothing was changed. */
int lookup_table_put(struct lookup_table *t, const uint64_t *row);

/* Copies every row that is not gone, and what the header says of the time. 0 or LOOKUP_TABLE_FULL. */
int lookup_table_copy(struct lookup_table *to, const struct lookup_table *from);

/* The time as three clocks tell it; boot_us and mono_us 0: this process's are no other's. */
struct lookup_beat {
    int64_t boot_us, wall_us, mono_us;
};

void lookup_table_beat(struct lookup_table *t, const struct lookup_beat *beat);

/* Tells readers of a mapped file that another is about to take over its name, before it does: a writer that is killed in
 * between leaves readers who look, and not ones who never hear of it. False takes it back. `words` is writable. */
void lookup_retire(uint64_t *words, bool retired);
/* Wakes the watchers of a retired file, once another has its name. */
void lookup_wake_all(const uint64_t *words, const struct lookup_map *map);

#endif
