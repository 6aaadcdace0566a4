#ifndef KITH_STORE_STORE_H
#define KITH_STORE_STORE_H
/*
 * The registry on disk: an LMDB file (Howard Chu, Lightning Memory-Mapped Database) in the data folder,
 * private to one kithd. It knows nothing of rows: keys and values are the machine's.
 *
 * It decides that a set of batches is on disk together or not at all: one transaction, one sync, however
 * many batches the caller has gathered (group commit). It has no thread of its own: the caller's writer
 * thread calls it, and only that one. What a crash leaves is the state after some earlier store_write().
 *
 *     DIR/registry.mdb          the data: tables `about`, `record`, `local`
 *     DIR/registry.mdb-lock     LMDB's own
 *     DIR/registry.pid          locked by the kithd that has the folder open; holds its pid
 */
#include "base/buf.h"
#include "wire/effect.h"
#include "wire/event.h"

/* The size of the address space taken at first; doubled as the data grows. Files stay as small as the data. */
#define STORE_MAP_BYTES ((size_t)64 << 20)

/* Raised when the layout changes. */
#define STORE_FORMAT 1u

struct store;

enum store_problem {
    STORE_FOREIGN = 1, /* the file is not a registry of ours: another program's, or overwritten */
    STORE_TORN,    /* the file is shorter than its own index says: cut off, or restored in part */
    STORE_LOCKED,  /* another kithd has the folder open */
    STORE_VERSION, /* written by a newer version */
    STORE_PERMISSION, /* the folder or a file in it cannot be read or written by this user */
    STORE_FULL,       /* no room on the disk, in the quota, or in the file size limit */
    STORE_BROKEN,     /* the disk or LMDB failed otherwise */
};

/* Opens DIR, making it and the file when absent. 0, or an enum store_problem with the reason and what to do
 * appended to *why; then *ret is NULL. */
int store_open(struct store **ret, const char *dir, struct buf *why);
void store_close(struct store *s);

/* Everything, as it is in the file; for the machine's start. Nothing is copied: the arrays are the store's,
 * what they point to is mapped from the file, and all of it is borrowed until store_load_end(), before which
 * nothing may be written. 0 or STORE_BROKEN. */
struct store_content {
    const struct bytes *records; /* in order of their keys */
    size_t records_n;
    const struct local_row *locals;
    size_t locals_n;
};

int store_load(struct store *s, struct store_content *ret);
void store_load_end(struct store *s);

/* Writes the batches in order, in one transaction, and syncs. 0: all of it is on disk. Otherwise STORE_FULL,
 * STORE_PERMISSION or STORE_BROKEN: none of it is, the store stays usable, and the same batches may be written
 * again later; store_why() has the reason. */
int store_write(struct store *s, const struct effect_store *const *batches, size_t batches_n);

/* The reason of the last failure, for people; borrowed until the next call. */
const char *store_why(struct store *s);

/* Syncs since the store was opened: what group commit is measured by. */
uint64_t store_syncs(const struct store *s);

#endif
