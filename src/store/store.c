#include "store/store_inside.h"

#include "base/mem.h"
#include "store/file.h"
#include "store/lock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATA_FILE "registry.mdb"
#define PID_FILE  "registry.pid"
#define REDO_FILE "registry.redo-"
#define ID_KEY    "kith-id"

/* LMDB's and the system's codes as conditions of ours. */
int store_problem_of(int rc)
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

int store_say(const struct store *s, struct buf *why, int problem, const char *what)
{
    buf_reset(why);
    buf_printf(why, BYTES_FMT ": %s; %s", BYTES_ARG(buf_bytes(&s->path)), what, advice_of(problem));
    return problem;
}

static int say_rc(const struct store *s, struct buf *why, int rc)
{
    return store_say(s, why, store_problem_of(rc), mdb_strerror(rc));
}

static int failed_rc(struct store *s, int rc)
{
    return say_rc(s, &s->why, rc);
}

/* A file that ends before the last page it speaks of would kill us (SIGBUS) when that page is read. */
static int check_length(struct store *s, const char *path, struct buf *why)
{
    MDB_envinfo info;
    MDB_stat stat_;
    struct stat st;

    mdb_env_info(s->env, &info);
    mdb_env_stat(s->env, &stat_);
    if (stat(path, &st))
        return say_rc(s, why, errno);
    if ((uint64_t)st.st_size < (uint64_t)(info.me_last_pgno + 1) * stat_.ms_psize)
        return store_say(s, why, STORE_TORN, "shorter than its own index says");
    return 0;
}

static int put_about(struct store *s, MDB_txn *txn, const char *name, const void *data, size_t len)
{
    MDB_val key = {strlen(name), (void *)(uintptr_t)name}, value = {len, (void *)(uintptr_t)data};

    return mdb_put(txn, s->about, &key, &value, 0);
}

/* False: there is none, or it is of another size. */
static bool get_about(struct store *s, MDB_txn *txn, const char *name, void *ret, size_t len)
{
    MDB_val key = {strlen(name), (void *)(uintptr_t)name}, value;

    if (mdb_get(txn, s->about, &key, &value) || value.mv_size != len)
        return false;
    memcpy(ret, value.mv_data, len);
    return true;
}

/* A new file gets its format and an id; so does one from before there was a log. */
static int make_about(struct store *s, MDB_txn *txn)
{
    uint32_t format = STORE_FORMAT;

    while (getrandom(&s->id, sizeof(s->id), 0) != sizeof(s->id))
        ; /* interrupted before the kernel has gathered any */
    int rc = put_about(s, txn, STORE_FORMAT_KEY, &format, sizeof(format));

    return rc ? rc : put_about(s, txn, ID_KEY, &s->id, sizeof(s->id));
}

/* An old file must have our format and nobody else's. */
static int check_about(struct store *s, MDB_txn *txn, bool fresh, struct buf *why)
{
    uint32_t format = 0;

    if (!fresh && !get_about(s, txn, STORE_FORMAT_KEY, &format, sizeof(format)))
        return store_say(s, why, STORE_FOREIGN, "an LMDB file of another program");
    if (format > STORE_FORMAT)
        return store_say(s, why, STORE_VERSION, "in a format that this version does not know");
    if (!get_about(s, txn, FOLDED_KEY, &s->folded, sizeof(s->folded)))
        s->folded = 0;
    if (get_about(s, txn, ID_KEY, &s->id, sizeof(s->id)))
        return 0;
    int rc = make_about(s, txn);

    return rc ? say_rc(s, why, rc) : 0;
}

static int open_names(struct store *s, MDB_txn *txn, bool *ret_fresh)
{
    MDB_stat stat_;
    MDB_dbi names; /* the unnamed table, which holds the others' names */
    int rc = mdb_dbi_open(txn, NULL, 0, &names);

    assert(rc == 0);
    mdb_stat(txn, names, &stat_);
    *ret_fresh = stat_.ms_entries == 0;
    unsigned flags = *ret_fresh ? MDB_CREATE : 0;

    if ((rc = mdb_dbi_open(txn, "about", flags, &s->about)) == 0 &&
        (rc = mdb_dbi_open(txn, "record", flags, &s->record)) == 0)
        rc = mdb_dbi_open(txn, "local", flags, &s->local);
    return rc;
}

static int open_tables(struct store *s, struct buf *why)
{
    MDB_txn *txn;
    bool fresh;
    int rc = mdb_txn_begin(s->env, NULL, 0, &txn);

    if (rc)
        return say_rc(s, why, rc);
    rc = open_names(s, txn, &fresh);
    int problem = rc == MDB_NOTFOUND
                      ? store_say(s, why, STORE_FOREIGN, "an LMDB file of another program")
                  : rc ? say_rc(s, why, rc)
                       : check_about(s, txn, fresh, why);

    if (problem) {
        mdb_txn_abort(txn);
        return problem;
    }
    rc = mdb_txn_commit(txn); /* writes nothing when nothing was changed */
    return rc ? say_rc(s, why, rc) : 0;
}

int store_open_env(struct store *s, struct buf *why)
{
    char *path = bytes_to_str(buf_bytes(&s->path));
    int dead, problem = 0;
    int rc = mdb_env_create(&s->env);

    assert(rc == 0);
    mdb_env_set_maxdbs(s->env, 3);
    mdb_env_set_mapsize(s->env,
                        STORE_MAP_BYTES); /* LMDB takes the file's size when that is larger */
    rc = mdb_env_open(s->env, path, MDB_NOSUBDIR | MDB_NOTLS, 0600);
    if (rc) {
        problem = say_rc(s, why, rc);
    } else {
        mdb_reader_check(s->env, &dead);
        problem = check_length(s, path, why);
    }
    mem_free(path);
    problem = problem ? problem : open_tables(s, why);
    if (!problem)
        store_measure(s);
    return problem;
}

/* ---- the log at opening ---- */

/* Which of the two files is the older one, and which one is written on. */
static int arrange(struct store *s, const struct redo_content *c)
{
    unsigned newer = c[1].last > c[0].last, older = !newer;

    s->active = newer;
    s->redo[newer].end = c[newer].last ? c[newer].end : 0;
    s->sealed = c[older].last != 0;
    s->sealed_last = c[older].last;
    s->number = c[newer].last > s->folded ? c[newer].last : s->folded;
    uint64_t first = s->sealed ? c[older].first : c[newer].first;

    if (first > s->folded + 1 || (s->sealed && c[newer].first != s->sealed_last + 1))
        return store_say(s, &s->why, STORE_TORN, "older than its log");
    atomic_store(&s->redo_bytes[newer], s->redo[newer].end);
    atomic_store(&s->redo_bytes[older], s->sealed ? c[older].end : 0);
    return 0;
}

static int open_redo(struct store *s, const char *dir)
{
    struct redo_content content[2] = {0};
    struct buf path = {0};
    int r = 0;

    for (unsigned i = 0; i < 2; i++) {
        buf_reset(&path);
        buf_printf(&path, "%s/" REDO_FILE "%u", dir, i);
        if (!r)
            r = redo_open(&s->redo[i], buf_cstr(&path));
        if (!r)
            r = redo_read(&s->redo[i], s->id, s->folded, &content[i]);
    }
    if (!r)
        r = file_sync_folder_of(buf_cstr(&path)); /* the files may be new */
    int problem = r ? failed_rc(s, -r) : arrange(s, content);

    redo_content_deinit(&content[0]);
    redo_content_deinit(&content[1]);
    buf_deinit(&path);
    return problem;
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
    r = store_say(s, &s->why, STORE_LOCKED, buf_cstr(&what));
    buf_deinit(&what);
    return r;
}

int store_open(struct store **ret, const char *dir, struct buf *why)
{
    struct store *s = mem_alloc(sizeof(*s));
    int r = file_make_folder(dir, 0700);

    s->lock_fd = s->redo[0].fd = s->redo[1].fd = -1;
    s->fold_at = STORE_FOLD_BYTES;
    buf_printf(&s->path, "%s/" DATA_FILE, dir);
    int problem = r ? failed_rc(s, -r) : take_lock(s, dir);

    if (!problem)
        problem = store_open_env(s, &s->why);
    if (!problem)
        problem = open_redo(s, dir);
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
    redo_close(&s->redo[0]);
    redo_close(&s->redo[1]);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    buf_deinit(&s->path);
    buf_deinit(&s->why);
    mem_free(s);
}

/* ---- reading it all ---- */

static struct bytes view(MDB_val v)
{
    return bytes_of(v.mv_data, v.mv_size);
}

/* What the log says, beside what the file says; both in order of keys. */
struct overlay {
    struct store_write *writes;
    size_t count, at;
};

struct loading {
    struct store *s;
    struct overlay over;
    size_t records_n, locals_n;
};

static void take(struct loading *l, bool local, struct bytes key, struct bytes value)
{
    if (!value.len)
        return;
    if (local)
        l->s->locals[l->locals_n++] = (struct local_row){.name = key, .value = value};
    else
        l->s->records[l->records_n++] = value;
}

/* Takes the log's rows up to this key of the file, NULL: to the end of the table. True: the log has this one. */
static bool take_over(struct loading *l, bool local, const struct bytes *key)
{
    struct store_write until = {.local = local, .key = key ? *key : (struct bytes){0}};

    for (; l->over.at < l->over.count; l->over.at++) {
        const struct store_write *w = &l->over.writes[l->over.at];
        int order = key ? redo_compare(w, &until) : w->local != local;

        if (order > 0)
            return false;
        take(l, local, w->key, w->value);
        if (key && order == 0) {
            l->over.at++;
            return true;
        }
    }
    return false;
}

static int load_table(struct loading *l, MDB_dbi dbi, size_t count)
{
    bool local = dbi == l->s->local;
    MDB_cursor *cursor;
    MDB_val key, value;
    int rc = mdb_cursor_open(l->s->reading, dbi, &cursor);

    if (rc)
        return rc;
    for (; count > 0 && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0; count--) {
        struct bytes name = view(key);

        if (!take_over(l, local, &name))
            take(l, local, name, view(value));
    }
    mdb_cursor_close(cursor);
    (void)take_over(l, local, NULL);
    return rc;
}

/* The file as of now, and the log. 0 or an error of LMDB's or the system's. */
static int begin_reading(struct store *s)
{
    int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &s->reading);

    if (rc)
        s->reading = NULL;
    if (!rc && s->sealed)
        rc = -redo_read(&s->redo[!s->active], s->id, s->folded, &s->loaded[0]);
    if (!rc)
        rc = -redo_read(&s->redo[s->active], s->id, s->folded, &s->loaded[1]);
    return rc;
}

int store_load(struct store *s, struct store_content *ret)
{
    struct loading l = {.s = s};
    MDB_stat records, locals;

    assert(!s->reading);
    *ret = (struct store_content){0};
    int rc = begin_reading(s);

    if (rc) {
        store_load_end(s);
        return store_say(s, &s->why, STORE_BROKEN, mdb_strerror(rc));
    }
    l.over.count = redo_sorted(s->loaded, 2, &l.over.writes);
    mdb_stat(s->reading, s->record, &records);
    mdb_stat(s->reading, s->local, &locals);
    s->records = mem_alloc((records.ms_entries + l.over.count + 1) * sizeof(*s->records));
    s->locals = mem_alloc((locals.ms_entries + l.over.count + 1) * sizeof(*s->locals));
    rc = load_table(&l, s->record, records.ms_entries);
    if (!rc)
        rc = load_table(&l, s->local, locals.ms_entries);
    mem_free(l.over.writes);
    if (rc) {
        store_load_end(s);
        return store_say(s, &s->why, STORE_BROKEN, mdb_strerror(rc));
    }
    *ret = (struct store_content){s->records, l.records_n, s->locals, l.locals_n};
    return 0;
}

void store_load_end(struct store *s)
{
    if (s->reading)
        mdb_txn_abort(s->reading);
    mem_free(s->records);
    mem_free(s->locals);
    redo_content_deinit(&s->loaded[0]);
    redo_content_deinit(&s->loaded[1]);
    s->reading = NULL;
    s->records = NULL;
    s->locals = NULL;
}

/* ---- writing ---- */

int store_write(struct store *s, const struct effect_store *const *batches, size_t batches_n)
{
    struct redo *r = &s->redo[s->active];

    assert(!s->reading);
    if (r->end >= STORE_REDO_MAX)
        return store_say(s, &s->why, STORE_FULL, "the log is full and cannot be folded");
    int rc = -redo_append(r, s->id, s->number + 1, batches, batches_n);

    s->no_room = store_problem_of(rc) == STORE_FULL;
    if (rc)
        return failed_rc(s, rc);
    s->number++;
    atomic_store(&s->redo_bytes[s->active], r->end);
    atomic_fetch_add(&s->syncs, 1);
    return 0;
}

const char *store_why(struct store *s)
{
    return buf_cstr(&s->why);
}
