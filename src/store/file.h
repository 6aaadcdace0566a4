#ifndef KITH_STORE_FILE_H
#define KITH_STORE_FILE_H
/*
 * Small files that must be whole or absent: keys, identities, tokens. Written beside their place, synced,
 * then renamed, so that a crash at any instant leaves the old content or the new.
 */
#include "base/buf.h"

#include <sys/types.h>

enum { FILE_ABSENT = 1, FILE_TOO_LONG = 2, FILE_EXISTS = 3 };

/* Appends the file's content. 0; FILE_ABSENT; FILE_TOO_LONG: over max bytes; -errno. */
int file_read(struct buf *ret, const char *path, size_t max);

/* Creates or replaces the file, synced with its folder. 0 or -errno; on an error the old file is untouched. */
int file_write(const char *path, struct bytes content, mode_t mode);

/* The same, but never replaces: FILE_EXISTS. */
int file_create(const char *path, struct bytes content, mode_t mode);

/* Gives a file that was synced its final name, in place of what has that name. 0 or -errno. */
int file_replace(const char *temporary, const char *path);

/* So that the name of a new file in the same folder survives a crash. 0 or -errno. */
int file_sync_folder_of(const char *path);

/* Makes the folder and those above it; what exists is left as it is. 0 or -errno. */
int file_make_folder(const char *path, mode_t mode);

#endif
