#ifndef KITH_STORE_STORE_H
#define KITH_STORE_STORE_H
/*
 * The registry on disk: a synced log (redo.h) in front of an LMDB file (Howard Chu, Lightning Memory-Mapped
 * Database) in the data folder, private to one kithd. It knows nothing of rows: keys and values are the machine's.
 *
 * store_write() puts a set of batches into the log, in one write and one sync, however many the caller has
 * gathered (group commit): after it they are on disk together, or not at all. store_fold() takes what the log
 * holds over into the file, in order of keys and each key once, in one transaction. Two log files are used in
 * turn, so that writing goes on meanwhile. What a crash leaves is the file and what follows it in the log:
 * store_load() reads both, so that opening writes nothing.
 *
 * It has no thread of its own. One thread, the writer, calls everything but store_fold(), store_copy() and
 * store_stats(); those may run in one other thread at a time, between store_fold_begin() and store_fold_end().
 *
 * Space: the map is made larger before a transaction could fill it; pages that were given up are counted
 * (store_stats()). When the disk is full the log goes on as long as its files have room. STORE_REDO_MAX bounds what
 * waits to be folded, and with it the time that an opening takes.
 *
 *     DIR/registry.mdb          the file: tables `about`, `record`, `local`
 *     DIR/registry.mdb-lock     LMDB's own
 *     DIR/registry.redo-0, -1   the log
 *     DIR/registry.pid          locked by the kithd that has the folder open; holds its pid
 */
#include "base/buf.h"
#include "wire/effect.h"
#include "wire/event.h"

/* The size of the address space taken at first; doubled as the data grows. Files stay as small as the data. */
#define STORE_MAP_BYTES ((size_t)64 << 20)

/* A log file of this size is folded. Large enough that rows which are written often, or lie together, cost a page once. */
#define STORE_FOLD_BYTES ((uint64_t)16 << 20)
/* A log file grows no further; a transaction's pages and the memory for folding stay bounded with it. */
#define STORE_REDO_MAX ((uint64_t)64 << 20)

/* Raised when the layout changes: 2 is the log. Older ones are read. */
#define STORE_FORMAT 2u

struct store;

enum store_problem {
    STORE_FOREIGN = 1, /* the file is not a registry of ours: another program's, or overwritten */
    STORE_TORN, /* the file is shorter than its own index says, or older than its log: restored in part */
    STORE_LOCKED,     /* another kithd has the folder open */
    STORE_VERSION,    /* written by a newer version */
    STORE_PERMISSION, /* the folder or a file in it cannot be read or written by this user */
    STORE_FULL,       /* no room on the disk, in the quota, or in the file size limit */
    STORE_BROKEN,     /* the disk or LMDB failed otherwise */
};

/* Opens DIR, making it and the file when absent. 0, or an enum store_problem with the reason and what to do
 * appended to *why; then *ret is NULL. */
int store_open(struct store **ret, const char *dir, struct buf *why);
void store_close(struct store *s);

/* Everything, as it is in the file and the log; for the machine's start. Nothing is copied: the arrays are the
 * store's, what they point to is mapped from the file, and all of it is borrowed until store_load_end(), before
 * which nothing may be written. 0 or STORE_BROKEN. */
struct store_content {
    const struct bytes *records; /* in order of their keys */
    size_t records_n;
    const struct local_row *locals;
    size_t locals_n;
};

int store_load(struct store *s, struct store_content *ret);
void store_load_end(struct store *s);

/* Writes the batches in order, and syncs. 0: all of it is on disk. Otherwise STORE_FULL, STORE_PERMISSION or
 * STORE_BROKEN: none of it is, the store stays usable, and the same batches may be written again later;
 * store_why() has the reason. */
int store_write(struct store *s, const struct effect_store *const *batches, size_t batches_n);

/* The reason of the writer's last failure, for people; borrowed until the next call. */
const char *store_why(struct store *s);

/* ---- folding ---- */

/* A log file of this size is folded from now on, in place of STORE_FOLD_BYTES. */
void store_fold_at(struct store *s, uint64_t bytes);
/* There is enough to fold, or folding is the only way to get room. */
bool store_wants_fold(const struct store *s);
/* A log file waits to be folded, or is being. */
bool store_has_sealed(const struct store *s);
/* The log file in use is as long as it may be: write nothing before the fold under way has ended. */
bool store_is_behind(const struct store *s);

/* Folding begins, of what was written until now; or again, of what an earlier attempt could not. */
void store_fold_begin(struct store *s);
/* Takes it over. 0, or STORE_FULL, STORE_PERMISSION or STORE_BROKEN, with the reason appended to *why: nothing is lost,
 * try again later. */
int store_fold(struct store *s, struct buf *why);
/* Folding ended so. */
void store_fold_end(struct store *s, int problem);

/* Instead of store_fold(), or after it: writes all that was folded into a new file at PATH, compact, which store_open()
 * of a folder that has it under the file's name opens. 0, or as store_fold(). */
int store_copy(struct store *s, const char *path, struct buf *why);

/* Counts for `kith info`; from any thread. */
struct store_stats {
    uint64_t syncs; /* of the log since the store was opened: what group commit is measured by */
    uint64_t folds; /* that succeeded */
    uint64_t redo_bytes; /* in the log, not folded yet */
    uint64_t file_bytes; /* up to the last page in use */
    uint64_t map_bytes;  /* address space taken */
    uint64_t free_pages; /* in the file, given up, to be used again */
};

void store_stats(const struct store *s, struct store_stats *ret);

#endif
