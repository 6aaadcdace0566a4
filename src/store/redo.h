#ifndef KITH_STORE_REDO_H
#define KITH_STORE_REDO_H
/*
 * The synced log in front of the registry's file: what store_write() has acknowledged lies here, in order,
 * until store_fold() has taken it over into the file. One write and one sync make an entry durable, however
 * many rows it has and wherever they belong; in the indexed file each row costs a page or two.
 *
 * One struct is one log file; the store uses two in turn. An entry is
 *
 *     word 0  the store's id: entries of another registry are not read
 *     word 1  its number: one more than the entry before, over all files
 *     word 2  bytes of the rows
 *     word 3  check of words 0 to 2 and the rows (SipHash)
 *     rows    for each: flags (1 byte: 1 local), length of key and value (4 bytes each), key, value
 *
 * filled up with zeros to a multiple of eight bytes. Words are in the host's byte order, as LMDB's are. Reading ends at
 * the first entry that is not whole or has not the next number: what a crash, a power cut or a full disk left of an
 * entry, and what the file held before it was used again, is not taken for one. Nobody has been told of those.
 *
 * The file grows by REDO_STEP, filled with zeros, and is written over when it is used again: so a sync has no
 * metadata to write.
 */
#include "base/buf.h"
#include "wire/effect.h"

#include <stddef.h>

#define REDO_STEP 262144u

struct redo {
    int fd;
    uint64_t end;     /* where the next entry goes */
    uint64_t room;    /* length of the file */
    struct buf entry; /* scratch */
};

/* Opens or makes the file, which may have been made by an earlier run. 0 or -errno; then redo_close() all the same. */
int redo_open(struct redo *ret, const char *path);
void redo_close(struct redo *r);

/* Nothing in it is needed any more: the next entry goes to its start. */
void redo_rewind(struct redo *r);

/* Writes the batches as one entry, and syncs. 0: it is on disk. -errno: it does not count (though it may be read
 * after a crash), and another entry of the same number can be tried. */
int redo_append(struct redo *r, uint64_t store_id, uint64_t number,
                const struct effect_store *const *batches, size_t batches_n);

struct redo_content {
    struct buf bytes;           /* of the file */
    struct store_write *writes; /* in order, of entries beyond `after`; they point into bytes */
    size_t writes_n;
    uint64_t first, last; /* numbers of those entries; 0: there are none */
    uint64_t end;         /* of the last entry that can be read, whatever its number */
};

/* Reads what of the file is good. 0 or -errno. */
int redo_read(const struct redo *r, uint64_t store_id, uint64_t after, struct redo_content *ret);
void redo_content_deinit(struct redo_content *c);

/* Brings the writes of several contents, oldest first, into the order of their keys (records first, then local ones), each
 * key once with what was written to it last. Returns how many; *ret is the caller's to free. */
size_t redo_sorted(const struct redo_content *contents, size_t contents_n,
                   struct store_write **ret);
int redo_compare(const struct store_write *a, const struct store_write *b);

#endif
