#include "store/store_inside.h"

#include "base/mem.h"
#include "store/file.h"

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Copy on write touches a path of the tree for each write, never deeper than this. */
#define PATH_PAGES 8

void store_fold_at(struct store *s, uint64_t bytes)
{
    s->fold_at = bytes;
}

bool store_wants_fold(const struct store *s)
{
    if (s->sealed)
        return true;
    return s->redo[s->active].end >= s->fold_at || (s->no_room && s->number > s->folded);
}

bool store_has_sealed(const struct store *s)
{
    return s->sealed;
}

bool store_is_behind(const struct store *s)
{
    return s->sealed && s->redo[s->active].end >= STORE_REDO_MAX;
}

void store_fold_begin(struct store *s)
{
    assert(!s->reading);
    if (s->sealed)
        return;
    s->sealed = true;
    s->sealed_last = s->number;
    s->active = !s->active;
    assert(s->redo[s->active].end == 0);
}

void store_fold_end(struct store *s, int problem)
{
    if (problem)
        return;
    redo_rewind(&s->redo[!s->active]);
    atomic_store(&s->redo_bytes[!s->active], 0);
    s->sealed = false;
    s->no_room = false;
    atomic_fetch_add(&s->folds, 1);
}

/* ---- space ---- */

/* Pages that the writes may take, at most: what they hold, and the copied paths to it. */
static size_t pages_for(const struct store_write *writes, size_t writes_n, size_t page, size_t used)
{
    size_t content = PATH_PAGES;

    for (size_t i = 0; i < writes_n; i++)
        content += 2 + (writes[i].key.len + writes[i].value.len) / page;
    return content + (writes_n < used ? writes_n : used) * PATH_PAGES;
}

/* Makes the map and the file long enough beforehand. The file only in name (it stays sparse): LMDB does not
 * write pages that it took and gave back, and store_open() counts on the file to reach its last page. */
static int make_room(struct store *s, const struct store_write *writes, size_t writes_n)
{
    char *path = bytes_to_str(buf_bytes(&s->path));
    MDB_envinfo info;
    MDB_stat stat_;
    struct stat st;

    mdb_env_info(s->env, &info);
    mdb_env_stat(s->env, &stat_);
    size_t used = info.me_last_pgno + 1;
    size_t need = (used + pages_for(writes, writes_n, stat_.ms_psize, used)) * stat_.ms_psize;
    size_t map = info.me_mapsize;

    while (map < need)
        map *= 2;
    int rc = map > info.me_mapsize ? mdb_env_set_mapsize(s->env, map) : 0;

    if (!rc && (stat(path, &st) || ((uint64_t)st.st_size < need && truncate(path, (off_t)need))))
        rc = errno;
    mem_free(path);
    return rc;
}

/* LMDB keeps what was given up as lists of page numbers, whose first word is how many. */
static uint64_t count_free(MDB_txn *txn)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    uint64_t pages = 0;

    if (mdb_cursor_open(txn, /* the free list's table */ 0, &cursor))
        return 0;
    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
        size_t count = 0;

        if (value.mv_size >= sizeof(count))
            memcpy(&count, value.mv_data, sizeof(count));
        pages += count;
    }
    mdb_cursor_close(cursor);
    return pages;
}

void store_measure(struct store *s)
{
    MDB_envinfo info;
    MDB_stat stat_;
    MDB_txn *txn;

    mdb_env_info(s->env, &info);
    mdb_env_stat(s->env, &stat_);
    atomic_store(&s->map_bytes, info.me_mapsize);
    atomic_store(&s->file_bytes, (info.me_last_pgno + 1) * stat_.ms_psize);
    if (mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn))
        return;
    atomic_store(&s->free_pages, count_free(txn));
    mdb_txn_abort(txn);
}

void store_stats(const struct store *s, struct store_stats *ret)
{
    struct store *m = (struct store *)(uintptr_t)s; /* C17 loads no const atomics */

    *ret = (struct store_stats){
        .syncs = atomic_load(&m->syncs),
        .folds = atomic_load(&m->folds),
        .redo_bytes = atomic_load(&m->redo_bytes[0]) + atomic_load(&m->redo_bytes[1]),
        .file_bytes = atomic_load(&m->file_bytes),
        .map_bytes = atomic_load(&m->map_bytes),
        .free_pages = atomic_load(&m->free_pages),
    };
}

/* ---- taking over ---- */

static int put_one(struct store *s, MDB_txn *txn, const struct store_write *w)
{
    MDB_val key = {w->key.len, (void *)(uintptr_t)w->key.data};
    MDB_val value = {w->value.len, (void *)(uintptr_t)w->value.data};
    MDB_dbi dbi = w->local ? s->local : s->record;

    if (w->value.len)
        return mdb_put(txn, dbi, &key, &value, 0);
    int rc = mdb_del(txn, dbi, &key, NULL);

    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int put_folded(struct store *s, MDB_txn *txn, uint64_t number)
{
    MDB_val key = {sizeof(FOLDED_KEY) - 1, (void *)(uintptr_t)FOLDED_KEY},
            value = {sizeof(number), &number};

    return mdb_put(txn, s->about, &key, &value, 0);
}

static int put_all(struct store *s, const struct store_write *writes, size_t writes_n,
                   uint64_t number)
{
    MDB_txn *txn;
    int rc = make_room(s, writes, writes_n);

    if (!rc)
        rc = mdb_txn_begin(s->env, NULL, 0, &txn);
    if (rc)
        return rc;
    for (size_t i = 0; i < writes_n && !rc; i++)
        rc = put_one(s, txn, &writes[i]);
    if (!rc)
        rc = put_folded(s, txn, number);
    if (!rc)
        return mdb_txn_commit(txn); /* frees txn, also when it fails */
    mdb_txn_abort(txn);
    return rc;
}

/* A write cut short by a full disk comes out of LMDB as EIO. */
static int fold_problem(const struct store *s, int rc, struct buf *why)
{
    if (rc == EIO)
        return store_say(s, why, STORE_FULL, "cut short, the disk is full or failing");
    int problem = store_problem_of(rc);

    if (problem == STORE_FOREIGN || problem == STORE_VERSION)
        problem = STORE_BROKEN;
    return store_say(s, why, problem, mdb_strerror(rc));
}

/* After a failed commit LMDB may refuse everything (MDB_PANIC) until it is opened anew. */
static int open_again(struct store *s, struct buf *why)
{
    if (s->env)
        mdb_env_close(s->env);
    s->env = NULL;
    int problem = store_open_env(s, why);

    s->stale = problem != 0;
    return problem == 0 || problem == STORE_FULL || problem == STORE_PERMISSION ? problem
                                                                                : STORE_BROKEN;
}

/* LMDB keeps the pages of its largest transaction for the next one: after 60,000 rows 50 MB. Only closing it frees them. */
#define FOLD_LARGE 4096u

static void let_pages_go(struct store *s)
{
    struct buf why = {0};

    (void)open_again(s, &why); /* or again at the next fold, which says why not */
    buf_deinit(&why);
    malloc_trim(/* pad= */ 0); /* such a burst left holes behind elsewhere, too */
}

int store_fold(struct store *s, struct buf *why)
{
    struct redo_content content = {0};
    struct store_write *writes = NULL;
    size_t n = 0;
    int problem = s->stale || !s->env ? open_again(s, why) : 0;

    if (problem)
        return problem;
    int rc = -redo_read(&s->redo[!s->active], s->id, s->folded, &content);

    if (!rc && s->sealed_last > s->folded) {
        n = redo_sorted(&content, 1, &writes);
        rc = content.last == s->sealed_last ? put_all(s, writes, n, content.last) : EBADMSG;
        s->stale = rc != 0;
    }
    if (rc) {
        problem = fold_problem(s, rc, why);
    } else {
        s->folded = s->sealed_last > s->folded ? s->sealed_last : s->folded;
        store_measure(s);
    }
    mem_free(writes);
    redo_content_deinit(&content);
    if (!problem && n >= FOLD_LARGE)
        let_pages_go(s);
    return problem;
}

/* ---- a copy ---- */

int store_copy(struct store *s, const char *path, struct buf *why)
{
    struct buf temporary = {0};
    int problem = s->stale || !s->env ? open_again(s, why) : 0;

    if (problem)
        return problem;
    buf_printf(&temporary, "%s.%ld.new", path, (long)getpid());
    unlink(buf_cstr(&temporary));
    FILE *file = fopen(buf_cstr(&temporary), "wxe");
    int rc = file ? mdb_env_copyfd2(s->env, fileno(file), MDB_CP_COMPACT) : errno;

    if (!rc && (fchmod(fileno(file), 0600) || fsync(fileno(file))))
        rc = errno;
    if (file)
        fclose(file);
    if (!rc)
        rc = -file_replace(buf_cstr(&temporary), path);
    if (rc) {
        unlink(buf_cstr(&temporary));
        buf_reset(why);
        buf_printf(why, "%s: %s", path, mdb_strerror(rc));
        problem = store_problem_of(rc);
    }
    buf_deinit(&temporary);
    return problem;
}
