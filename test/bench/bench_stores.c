#include "bench_stores.h"

#include <errno.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LMDB_BYTES   ((size_t)1 << 30)
#define LMDB_ROW_MAX 8192

struct lmdb { /* what one thread has of it */
    MDB_txn *txn;
    bool to_write;
    uint8_t copy[LMDB_ROW_MAX];
};

/* A process opens an environment once, for all its threads. */
static struct {
    pthread_mutex_t lock;
    MDB_env *env;
    MDB_dbi dbi;
} shared = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void check(int rc, const char *what)
{
    if (rc == 0)
        return;
    fprintf(stderr, "bench-lookup: %s: %s\n", what, mdb_strerror(rc));
    exit(1);
}

static void open_shared(const char *folder, bool to_write)
{
    MDB_txn *txn;
    unsigned flags = to_write ? MDB_NOSYNC : MDB_RDONLY;

    check(mdb_env_create(&shared.env), "lmdb");
    check(mdb_env_set_mapsize(shared.env, LMDB_BYTES), "lmdb");
    check(mdb_env_open(shared.env, folder, flags | MDB_NOTLS, 0600), folder);
    check(mdb_txn_begin(shared.env, NULL, flags & MDB_RDONLY, &txn), "lmdb");
    check(mdb_dbi_open(txn, NULL, 0, &shared.dbi), "lmdb");
    check(mdb_txn_commit(txn), "lmdb");
}

static void *lmdb_open(const char *where, bool to_write)
{
    struct lmdb *db = calloc(1, sizeof(*db));

    check(db ? 0 : ENOMEM, "lmdb");
    pthread_mutex_lock(&shared.lock);
    if (!shared.env)
        open_shared(where, to_write);
    pthread_mutex_unlock(&shared.lock);
    db->to_write = to_write;
    if (!to_write) {
        check(mdb_txn_begin(shared.env, NULL, MDB_RDONLY, &db->txn), "lmdb");
        mdb_txn_reset(db->txn);
    }
    return db;
}

static void lmdb_put(void *store, const char *key, const void *row, size_t len)
{
    struct lmdb *db = store;
    MDB_val name = {strlen(key), (void *)(uintptr_t)key}, value = {len, (void *)(uintptr_t)row};

    if (!db->txn)
        check(mdb_txn_begin(shared.env, NULL, 0, &db->txn), "lmdb");
    check(mdb_put(db->txn, shared.dbi, &name, &value, 0), "lmdb put");
}

static void lmdb_commit(void *store)
{
    struct lmdb *db = store;

    if (db->txn)
        check(mdb_txn_commit(db->txn), "lmdb commit");
    db->txn = NULL;
}

/* As of this moment, as a look-up needs it: the snapshot is renewed each time. */
static long lmdb_read(struct lmdb *db, const char *key, bool copy)
{
    MDB_val name = {strlen(key), (void *)(uintptr_t)key}, value = {0};
    bool good = mdb_txn_renew(db->txn) == 0 && mdb_get(db->txn, shared.dbi, &name, &value) == 0;

    if (good && copy && value.mv_size <= sizeof(db->copy)) {
        memcpy(db->copy, value.mv_data, value.mv_size);
        __asm__ volatile("" ::"r"(db->copy) : "memory"); /* it is wanted */
    }
    mdb_txn_reset(db->txn);
    return good ? (long)value.mv_size : 0;
}

static long lmdb_get(void *store, const char *key)
{
    return lmdb_read(store, key, false);
}

static long lmdb_get_copy(void *store, const char *key)
{
    return lmdb_read(store, key, true);
}

static void lmdb_close(void *store)
{
    struct lmdb *db = store;

    if (db->txn)
        mdb_txn_abort(db->txn);
    free(db);
}

/* ---- nothing: what the timing of a look-up costs by itself ---- */

static void *nothing_open(const char *where, bool to_write)
{
    (void)to_write;
    return (void *)(uintptr_t)where; /* any place that is not NULL */
}

static long nothing_get(void *store, const char *key)
{
    (void)store;
    return key[0] != '\0';
}

static void nothing_close(void *store)
{
    (void)store;
}

const struct store_kind *store_kind(const char *name)
{
    static const struct store_kind kinds[] = {
        {"lmdb", lmdb_open, lmdb_put, lmdb_commit, lmdb_get, lmdb_close},
        {"lmdb-copy", lmdb_open, lmdb_put, lmdb_commit, lmdb_get_copy, lmdb_close},
        {"redis", redis_open, redis_put, NULL, redis_get, socket_close},
        {"nothing", nothing_open, NULL, NULL, nothing_get, nothing_close},
        {"etcd", etcd_open, etcd_put, NULL, etcd_get, socket_close},
    };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    }
    return NULL;
}
