#include "store/backup.h"

#include "store/store_inside.h"

#include <errno.h>
#include <sys/stat.h>

struct reading {
    MDB_env *env;
    MDB_txn *txn;
};

/* Like the registry's own file; a copy is compact, so its length is what its index says. */
static int open_file(struct reading *r, const char *path)
{
    MDB_envinfo info;
    MDB_stat stat_;
    struct stat st;
    int rc = mdb_env_create(&r->env);

    if (!rc && stat(path, &st))
        rc = errno;
    if (!rc)
        rc = mdb_env_set_maxdbs(r->env, 3);
    if (!rc)
        rc = mdb_env_open(r->env, path, MDB_NOSUBDIR | MDB_RDONLY | MDB_NOLOCK, 0);
    if (rc)
        return rc;
    mdb_env_info(r->env, &info);
    mdb_env_stat(r->env, &stat_);
    if ((uint64_t)st.st_size < (uint64_t)(info.me_last_pgno + 1) * stat_.ms_psize)
        return MDB_CORRUPTED;
    return mdb_txn_begin(r->env, NULL, MDB_RDONLY, &r->txn);
}

static void close_file(struct reading *r)
{
    if (r->txn)
        mdb_txn_abort(r->txn);
    if (r->env)
        mdb_env_close(r->env);
}

static int read_records(struct reading *r, struct arena *mem, const struct bytes **ret,
                        size_t *ret_n)
{
    MDB_dbi about, record;
    MDB_cursor *cursor;
    MDB_stat stat_;
    MDB_val key = {sizeof(STORE_FORMAT_KEY) - 1, (void *)(uintptr_t)STORE_FORMAT_KEY}, value;
    int rc = mdb_dbi_open(r->txn, "about", 0, &about);

    if (!rc)
        rc = mdb_get(r->txn, about, &key, &value);
    if (!rc)
        rc = mdb_dbi_open(r->txn, "record", 0, &record);
    if (!rc)
        rc = mdb_cursor_open(r->txn, record, &cursor);
    if (rc)
        return rc == MDB_NOTFOUND ? MDB_INVALID : rc;
    mdb_stat(r->txn, record, &stat_);
    struct bytes *list = arena_array(mem, stat_.ms_entries, sizeof(*list));
    size_t n = 0;

    while (n < stat_.ms_entries && mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0)
        list[n++] = arena_bytes(mem, bytes_of(value.mv_data, value.mv_size));
    mdb_cursor_close(cursor);
    *ret = list;
    *ret_n = n;
    return n == stat_.ms_entries ? 0 : MDB_CORRUPTED;
}

int backup_read(const char *path, struct arena *mem, const struct bytes **ret_records,
                size_t *ret_records_n, struct buf *why)
{
    struct reading r = {0};
    int rc = open_file(&r, path);

    if (!rc)
        rc = read_records(&r, mem, ret_records, ret_records_n);
    close_file(&r);
    if (!rc)
        return 0;
    int problem = store_problem_of(rc);

    buf_printf(why, "%s: %s", path,
               problem == STORE_FOREIGN ? "not a backup of Kith's, or damaged" : mdb_strerror(rc));
    return problem;
}
