#ifndef KITH_BENCH_DEALER_H
#define KITH_BENCH_DEALER_H
/*
 * The leanest client of a daemon's ipc socket that there can be: ZMTP 3.0 (NULL mechanism, DEALER) on a bare blocking socket, one
 * registration at a time. As a store of bench_stores.h; for one thread. A failure, and the end of the daemon, ends the program with
 * status 1.
 */
#include <stdbool.h>
#include <stddef.h>

void *dealer_open(const char *path, bool to_write);
/* Registers "service/name" at some endpoint, with the row as meta data; returns when the daemon has it on disk. */
void dealer_put(void *store, const char *key, const void *row, size_t len);
void dealer_close(void *store);

#endif
