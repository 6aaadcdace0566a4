#ifndef KITH_BENCH_STORES_H
#define KITH_BENCH_STORES_H
/*
 * What a look-up is compared with: LMDB in the same process, redis and etcd over a socket. All hold the same rows under the
 * names of the services. For one thread; each thread opens its own.
 *
 * A failure ends the program, with a word on stderr: a benchmark of something that does not work says nothing.
 */
#include <stdbool.h>
#include <stddef.h>

struct store_kind {
    const char *name;
    /* `where` is a folder (lmdb), the path of a socket (redis) or an IPv4 address (etcd). */
    void *(*open)(const char *where, bool to_write);
    void (*put)(void *store, const char *key, const void *row, size_t len);
    void (*commit)(void *store);               /* NULL: each put is one already */
    long (*get)(void *store, const char *key); /* bytes of the row; 0: there is none */
    void (*close)(void *store);
};

/* lmdb, lmdb-copy (which copies the row that it found), redis, etcd, nothing (for reading only: what timing it costs);
 * NULL for another name. */
const struct store_kind *store_kind(const char *name);

/* Keeps the rivals on sockets in a file of their own. */
void *redis_open(const char *path, bool to_write);
void redis_put(void *store, const char *key, const void *row, size_t len);
long redis_get(void *store, const char *key);
void *etcd_open(const char *address, bool to_write);
void etcd_put(void *store, const char *key, const void *row, size_t len);
long etcd_get(void *store, const char *key);
void socket_close(void *store);

#endif
