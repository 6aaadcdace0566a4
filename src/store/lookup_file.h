#ifndef KITH_STORE_LOOKUP_FILE_H
#define KITH_STORE_LOOKUP_FILE_H
/*
 * What a daemon keeps for look-ups: a folder with the file `services` (lookup_format.h), of which it is the
 * only writer. It decides when the file is replaced by a larger one, and which rows really changed.
 *
 * Rows that say the same as in the former run's file keep their index, so a restart wakes no watcher.
 *
 * Derived and not synced: it can be deleted at any time, and the next start makes it anew.
 *
 * One thread at a time.
 */
#include "base/buf.h"
#include "store/lookup_table.h"

#define LOOKUP_FOLDER_MODE 0755
#define LOOKUP_FILE_MODE   0644 /* without a group: everybody on the host may look up */
#define LOOKUP_GROUP_MODE  0640

struct lookup_file;

struct lookup_file_config {
    const char *folder; /* made when absent; the folders above it must be there */
    const char *group;  /* NULL: everybody may read; else only this group */
};

/* 0, or 1 with the reason and what to do appended to *why; then *ret is NULL. */
int lookup_file_open(struct lookup_file **ret, const struct lookup_file_config *config,
                     struct buf *why);
/* Leaves the file to the readers. May be given NULL. */
void lookup_file_close(struct lookup_file *f);

/* All services and members are going to be told of, from here on. The file that has the name stays as it is, and readable,
 * until lookup_file_publish(). Has to come first. 0 or -errno: there is no room for the new one. */
int lookup_file_begin(struct lookup_file *f);

/* After lookup_file_begin(): why the file of an earlier kithd could not be read, an enum lookup_problem; 0: it could. It
 * is replaced all the same. */
int lookup_file_former_problem(const struct lookup_file *f);

/* Takes in all there is of a service. 0, also when nothing changed; or -errno: there is no room for a larger
 * file. Then what readers see is behind, and the caller says everything again later. */
int lookup_file_put(struct lookup_file *f, const struct lookup_service *service);
/* The same of a member. */
int lookup_file_put_member(struct lookup_file *f, const struct lookup_member *member);

/* All have been told of: from now on readers see what was put. 0 or -errno. */
int lookup_file_publish(struct lookup_file *f);

/* All that was put until now is so: readers' age begins at this moment. Before publishing: nothing. */
void lookup_file_beat(struct lookup_file *f);

const struct lookup_table *lookup_file_table(const struct lookup_file *f); /* for tests */
void lookup_file_trace(struct lookup_file *f, lookup_trace *trace, void *arg);

#endif
