#ifndef KITH_STORE_BACKUP_H
#define KITH_STORE_BACKUP_H
/*
 * Reading what store_copy() wrote: the replicated records of a registry at one moment. What is not replicated (the node's own
 * names and numbers) is in the file too, and is not read: a backup is of the registry, not of the host.
 */
#include "base/arena.h"
#include "base/buf.h"

/* Every record, in `mem`. 0, or an enum store_problem (store.h) with the reason appended to *why. The file is only read,
 * and may be anybody's. */
int backup_read(const char *path, struct arena *mem, const struct bytes **ret_records,
                size_t *ret_records_n, struct buf *why);

#endif
