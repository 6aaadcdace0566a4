#ifndef KITH_SHELL_RUNDIR_H
#define KITH_SHELL_RUNDIR_H
/*
 * DATA/run/INSTANCE/, the meeting place of kithd and kith-run:
 *
 *     intent   kithd, synced before kith-run is started     struct run_intent
 *     lock     locked from before kith-run starts until it has ended, by an open file it inherits
 *     state    kith-run, once the process runs              struct run_state
 *     exit     kith-run, synced before it ends              struct run_exit
 *     out-*    kith-run, see outlog.h
 *
 * A locked directory without `state` is an instance that is just starting; an unlocked one is an
 * instance that has ended, whatever process ids say.
 *
 * Files are replaced as a whole (written aside and renamed), so a reader sees the old or the new one.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "wire/gen/run.h"

#define RUNDIR_PATH_MAX   4096
#define RUNDIR_FD_REPORT  3 /* in kith-run: where it tells once that it has started, or why not */
#define RUNDIR_FD_LOCK    4 /* in kith-run: the open file that holds the lock */
#define RUNDIR_REPORT_MAX 512

/* The marker that every process of an instance carries in its environment. */
#define RUNDIR_MARKER "KITH_INSTANCE"

/* Joins up to two names below a folder; false: longer than RUNDIR_PATH_MAX. */
bool rundir_path(char out[RUNDIR_PATH_MAX], const char *dir, const char *name, const char *file);

/* Writes `file` in dir; `sync`: it survives a power cut once this returns. 0, or 1 with errno. */
int rundir_write(const char *dir, const char *file, struct bytes content, bool sync);

/* Reads it whole, into the arena; len 0 when there is none. */
struct bytes rundir_read(const char *dir, const char *file, struct arena *mem);

/* Decode one file; false: absent or not valid. What they point to lies in mem. */
bool rundir_intent(const char *dir, struct run_intent *ret, struct arena *mem);
bool rundir_state(const char *dir, struct run_state *ret, struct arena *mem);
bool rundir_exit(const char *dir, struct run_exit *ret);

/* The lock's open file, close-on-exec, or -1 with errno: EWOULDBLOCK means kith-run holds it. */
int rundir_lock(const char *dir);

/* Removes intent, state and exit; the output stays. Then the folder is no instance any more. */
void rundir_clean(const char *dir);

/* Removes a folder of files with all in it. */
void rundir_remove(const char *dir);

#endif
