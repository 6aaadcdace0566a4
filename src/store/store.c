#include "store/store.h"

#include "base/mem.h"
#include "store/file.h"
#include "store/lock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATA_FILE  "registry.mdb"
#define PID_FILE   "registry.pid"
#define FORMAT_KEY "kith-format"

/* Copy on write touches a path of the tree for each write, never deeper than this. */
#define PATH_PAGES 8

struct store {
    struct buf path; /* of the data file */
    int lock_fd;
    MDB_env *env;
    MDB_dbi about, record, local;
    MDB_txn *reading; /* between store_load and store_load_end */
    struct bytes *records;
    struct local_row *locals;
    uint64_t syncs;
    bool stale; /* a failure left LMDB's environment unusable: open it again first */
    struct buf why;
};

/* LMDB's and the system's codes as conditions of ours. */
static int problem_of(int rc)
{
    switch (rc) {
    case 0:
        return 0;
    case MDB_INVALID:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INCOMPATIBLE:
        return STORE_FOREIGN;
    case MDB_VERSION_MISMATCH:
        return STORE_VERSION;
    case EACCES:
    case EPERM:
    case EROFS:
        return STORE_PERMISSION;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case MDB_MAP_FULL:
        return STORE_FULL;
    default:
        return STORE_BROKEN;
    }
}

static const char *advice_of(int problem)
{
    switch ((enum store_problem)problem) {
    case STORE_FOREIGN:
        return "it is not Kith's, or is damaged: restore it, or move it away and let the peer "
               "fetch everything from "
               "the others";
    case STORE_TORN:
        return "it was cut off or restored in part: restore it whole, or move it away and let the "
               "peer fetch "
               "everything from the others";
    case STORE_LOCKED:
        return "stop that one, or give another folder with --data";
    case STORE_VERSION:
        return "a newer version wrote it: use that version or a newer one";
    case STORE_PERMISSION:
        return "make the folder writable for this user, or give another one with --data";
    case STORE_FULL:
        return "make room on the disk; what was not stored is tried again";
    case STORE_BROKEN:
        return "look at the disk and the kernel's log";
    }
    return "";
}

/* Sets the reason: "PATH: what (so what)". Returns the problem. */
static int failed(struct store *s, int problem, const char *what)
{
    buf_reset(&s->why);
    buf_printf(&s->why, "%s: %s; %s", buf_cstr(&s->path), what, advice_of(problem));
    return problem;
}

static int failed_rc(struct store *s, int rc)
{
    return failed(s, problem_of(rc), mdb_strerror(rc));
}

/* A file that ends before the last page it speaks of would kill us (SIGBUS) when that page is read. */
static int check_length(struct store *s)
{
    MDB_envinfo info;
    MDB_stat stat_;
    struct stat st;

    mdb_env_info(s->env, &info);
    mdb_env_stat(s->env, &stat_);
    if (stat(buf_cstr(&s->path), &st))
        return failed_rc(s, errno);
    if ((uint64_t)st.st_size < (uint64_t)(info.me_last_pgno + 1) * stat_.ms_psize)
        return failed(s, STORE_TORN, "shorter than its own index says");
    return 0;
}

/* A new file gets its format; an old one must have ours and nobody else's. */
static int check_format(struct store *s, MDB_txn *txn, bool fresh)
{
    uint32_t format = STORE_FORMAT;
    MDB_val key = {sizeof(FORMAT_KEY) - 1, (void *)(uintptr_t)FORMAT_KEY},
            value = {sizeof(format), &format};

    if (fresh) {
        int rc = mdb_put(txn, s->about, &key, &value, 0);

        return rc ? failed_rc(s, rc) : 0;
    }
    if (mdb_get(txn, s->about, &key, &value) || value.mv_size != sizeof(format))
        return failed(s, STORE_FOREIGN, "an LMDB file of another program");
    memcpy(&format, value.mv_data, sizeof(format));
    return format == STORE_FORMAT
               ? 0
               : failed(s, STORE_VERSION, "in a format that this version does not know");
}

static int open_tables(struct store *s)
{
    MDB_txn *txn;
    MDB_stat stat_;
    MDB_dbi names; /* the unnamed table, which holds the others' names */
    int rc = mdb_txn_begin(s->env, NULL, 0, &txn);

    if (rc)
        return failed_rc(s, rc);
    rc = mdb_dbi_open(txn, NULL, 0, &names);
    assert(rc == 0);
    mdb_stat(txn, names, &stat_);
    bool fresh = stat_.ms_entries == 0;
    unsigned flags = fresh ? MDB_CREATE : 0;

    if ((rc = mdb_dbi_open(txn, "about", flags, &s->about)) == 0 &&
        (rc = mdb_dbi_open(txn, "record", flags, &s->record)) == 0)
        rc = mdb_dbi_open(txn, "local", flags, &s->local);
    int problem = rc == MDB_NOTFOUND ? failed(s, STORE_FOREIGN, "an LMDB file of another program")
                  : rc               ? failed_rc(s, rc)
                                     : check_format(s, txn, fresh);

    if (problem) {
        mdb_txn_abort(txn);
        return problem;
    }
    rc = mdb_txn_commit(txn);
    return rc ? failed_rc(s, rc) : 0;
}

static int open_env(struct store *s)
{
    int dead;
    int rc = mdb_env_create(&s->env);

    assert(rc == 0);
    mdb_env_set_maxdbs(s->env, 3);
    mdb_env_set_mapsize(s->env,
                        STORE_MAP_BYTES); /* LMDB takes the file's size when that is larger */
    rc = mdb_env_open(s->env, buf_cstr(&s->path), MDB_NOSUBDIR | MDB_NOTLS, 0600);
    if (rc)
        return failed_rc(s, rc);
    mdb_reader_check(s->env, &dead);
    int problem = check_length(s);

    return problem ? problem : open_tables(s);
}

static int take_lock(struct store *s, const char *dir)
{
    struct buf path = {0}, what = {0};
    long pid = 0;

    buf_printf(&path, "%s/" PID_FILE, dir);
    int r = lock_take(&s->lock_fd, buf_cstr(&path), &pid);

    buf_deinit(&path);
    if (r == 0)
        return 0;
    s->lock_fd = -1;
    if (r < 0)
        return failed_rc(s, -r);
    buf_printf(&what, "another kithd has this data folder open (process %ld)", pid);
    r = failed(s, STORE_LOCKED, buf_cstr(&what));
    buf_deinit(&what);
    return r;
}

int store_open(struct store **ret, const char *dir, struct buf *why)
{
    struct store *s = mem_alloc(sizeof(*s));
    int r = file_make_folder(dir, 0700);

    s->lock_fd = -1;
    buf_printf(&s->path, "%s/" DATA_FILE, dir);
    int problem = r ? failed_rc(s, -r) : take_lock(s, dir);

    if (!problem)
        problem = open_env(s);
    *ret = problem ? NULL : s;
    if (problem) {
        buf_str(why, store_why(s));
        store_close(s);
    }
    return problem;
}

void store_close(struct store *s)
{
    store_load_end(s);
    if (s->env)
        mdb_env_close(s->env);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    buf_deinit(&s->path);
    buf_deinit(&s->why);
    mem_free(s);
}

static struct bytes view(MDB_val v)
{
    return bytes_of(v.mv_data, v.mv_size);
}

static int load_table(struct store *s, MDB_dbi dbi, size_t count)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    size_t n = 0;
    int rc = mdb_cursor_open(s->reading, dbi, &cursor);

    if (rc)
        return rc;
    while (n < count && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        if (dbi == s->record)
            s->records[n++] = view(value);
        else
            s->locals[n++] = (struct local_row){.name = view(key), .value = view(value)};
    }
    mdb_cursor_close(cursor);
    return rc;
}

int store_load(struct store *s, struct store_content *ret)
{
    MDB_stat records, locals;

    assert(!s->reading);
    *ret = (struct store_content){0};
    int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &s->reading);

    if (rc) {
        s->reading = NULL;
        return failed_rc(s, rc);
    }
    mdb_stat(s->reading, s->record, &records);
    mdb_stat(s->reading, s->local, &locals);
    s->records = mem_alloc((records.ms_entries + 1) * sizeof(*s->records));
    s->locals = mem_alloc((locals.ms_entries + 1) * sizeof(*s->locals));
    rc = load_table(s, s->record, records.ms_entries);
    if (!rc)
        rc = load_table(s, s->local, locals.ms_entries);
    if (rc) {
        store_load_end(s);
        return failed(s, STORE_BROKEN, mdb_strerror(rc));
    }
    *ret = (struct store_content){s->records, records.ms_entries, s->locals, locals.ms_entries};
    return 0;
}

void store_load_end(struct store *s)
{
    if (s->reading)
        mdb_txn_abort(s->reading);
    mem_free(s->records);
    mem_free(s->locals);
    s->reading = NULL;
    s->records = NULL;
    s->locals = NULL;
}

/* Pages that writing the batches may take, at most: what they hold, and the copied paths to it. */
static size_t pages_for(const struct effect_store *const *batches, size_t batches_n, size_t page,
                        size_t used)
{
    size_t content = PATH_PAGES, writes = 0;

    for (size_t i = 0; i < batches_n; i++) {
        writes += batches[i]->writes_n;
        for (uint32_t k = 0; k < batches[i]->writes_n; k++)
            content += 2 + (batches[i]->writes[k].key.len + batches[i]->writes[k].value.len) / page;
    }
    return content + (writes < used ? writes : used) * PATH_PAGES;
}

/* Makes the map and the file long enough beforehand. The file only in name (it stays sparse): LMDB does not
 * write pages that it took and gave back, and check_length() counts on the file to reach its last page. */
static int make_room(struct store *s, const struct effect_store *const *batches, size_t batches_n)
{
    MDB_envinfo info;
    MDB_stat stat_;
    struct stat st;

    mdb_env_info(s->env, &info);
    mdb_env_stat(s->env, &stat_);
    size_t used = info.me_last_pgno + 1;
    size_t need = (used + pages_for(batches, batches_n, stat_.ms_psize, used)) * stat_.ms_psize;
    size_t map = info.me_mapsize;

    while (map < need)
        map *= 2;
    int rc = map > info.me_mapsize ? mdb_env_set_mapsize(s->env, map) : 0;

    if (rc)
        return rc;
    if (stat(buf_cstr(&s->path), &st))
        return errno;
    if ((uint64_t)st.st_size < need && truncate(buf_cstr(&s->path), (off_t)need))
        return errno;
    return 0;
}

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

static int put_batch(struct store *s, MDB_txn *txn, const struct effect_store *batch)
{
    int rc = 0;

    for (uint32_t i = 0; i < batch->writes_n && !rc; i++)
        rc = put_one(s, txn, &batch->writes[i]);
    return rc;
}

static int write_all(struct store *s, const struct effect_store *const *batches, size_t batches_n)
{
    MDB_txn *txn;
    int rc = make_room(s, batches, batches_n);

    if (rc)
        return rc;
    rc = mdb_txn_begin(s->env, NULL, 0, &txn);
    if (rc)
        return rc;
    for (size_t i = 0; i < batches_n && !rc; i++)
        rc = put_batch(s, txn, batches[i]);
    if (!rc)
        return mdb_txn_commit(txn); /* frees txn, also when it fails */
    mdb_txn_abort(txn);
    return rc;
}

/* After a failed commit LMDB may refuse everything (MDB_PANIC) until it is opened anew. */
static int open_again(struct store *s)
{
    mdb_env_close(s->env);
    s->env = NULL;
    int problem = open_env(s);

    s->stale = problem != 0;
    return problem;
}

/* A write cut short by a full disk comes out of LMDB as EIO. */
static int write_problem(struct store *s, int rc)
{
    if (rc == EIO)
        return failed(s, STORE_FULL, "cut short, the disk is full or failing");
    int problem = problem_of(rc);

    if (problem == STORE_FOREIGN || problem == STORE_VERSION)
        problem = STORE_BROKEN;
    return failed(s, problem, mdb_strerror(rc));
}

int store_write(struct store *s, const struct effect_store *const *batches, size_t batches_n)
{
    assert(!s->reading);
    if (s->stale || !s->env) {
        int problem = open_again(s);

        if (problem)
            return problem == STORE_FULL || problem == STORE_PERMISSION ? problem : STORE_BROKEN;
    }
    int rc = write_all(s, batches, batches_n);

    if (rc) {
        s->stale = true;
        return write_problem(s, rc);
    }
    s->syncs++;
    return 0;
}

const char *store_why(struct store *s)
{
    return buf_cstr(&s->why);
}

uint64_t store_syncs(const struct store *s)
{
    return s->syncs;
}
