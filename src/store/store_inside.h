#ifndef KITH_STORE_STORE_INSIDE_H
#define KITH_STORE_STORE_INSIDE_H
/* What store.c and store_fold.c share. */
#include "store/redo.h"
#include "store/store.h"

#include <lmdb.h>
#include <stdatomic.h>

#define STORE_FORMAT_KEY "kith-format"
#define FOLDED_KEY       "kith-folded" /* number of the newest entry of the log that is in the file */

struct store {
    struct buf path; /* of the data file */
    int lock_fd;
    uint64_t id; /* drawn when the file was made; entries of the log bear it */

    /* The writer's. */
    struct redo redo[2];
    unsigned active;      /* the one that is written to; the other is empty or sealed */
    bool sealed;          /* the other waits to be folded, or is being */
    uint64_t fold_at;     /* bytes of a log file */
    bool no_room;         /* the last write failed so */
    uint64_t number;      /* of the newest entry */
    uint64_t sealed_last; /* of the newest entry of the sealed file */
    struct buf why;

    /* Between store_load() and its end. */
    MDB_txn *reading;
    struct redo_content loaded[2]; /* the log, the older file first */
    struct bytes *records;
    struct local_row *locals;

    /* Whose turn it is: the folder's between begin and end, else the writer's. */
    MDB_env *env;
    MDB_dbi about, record, local;
    uint64_t folded; /* number of the newest entry in the file */
    bool stale;      /* a failure left LMDB's environment unusable: open it again first */

    _Atomic uint64_t syncs, folds, file_bytes, map_bytes, free_pages, redo_bytes[2];
};

/* LMDB's and the system's codes as conditions of ours. */
int store_problem_of(int rc);
/* Replaces *why by "PATH: what; what to do". Returns the problem. */
int store_say(const struct store *s, struct buf *why, int problem, const char *what);
/* Counts pages for store_stats(). */
void store_measure(struct store *s);
/* Opens the LMDB file and its tables. 0 or a problem, with the reason. */
int store_open_env(struct store *s, struct buf *why);

#endif
