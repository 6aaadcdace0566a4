#ifndef KITH_SHELL_PROCS_H
#define KITH_SHELL_PROCS_H
/*
 * Processes of this host's instances: an actor that starts kith-run for each, watches it by a pidfd,
 * passes signals on, reads output, tries ports, and finds again what runs after kithd was restarted.
 *
 * An instance is named by (boot id, pid, start time, instance ULID), and its directory is locked as
 * long as its kith-run lives; so a process id that belongs to somebody else by now is never adopted
 * and never signalled. See rundir.h for the files.
 *
 * Takes jobs (mail.h): EFFECT_START, _SIGNAL, _CLEAN, _CLAIM, _READ_LOG. Sends reports: EVENT_STARTED,
 * _EXITED, _CLAIMED, _LOG_READ.
 */
#include "base/arena.h"
#include "wire/effect.h"
#include "wire/event.h"
#include <czmq.h>

#define PROCS_KILL_WAIT_US (5 * KITH_SEC) /* after "kill all", kith-run itself is killed */
#define PROCS_ADOPT_MS     5000           /* a kith-run that was just starting gets so long */
#define PROCS_LOGS_KEPT    64             /* directories of ended instances, for their output */

struct procs_config {
    const char *data;         /* DATA: run/ and data/ are made in it */
    const char *kith_run;     /* path of the program */
    const char *default_user; /* for services that name none; NULL or empty: the daemon's own */
};

struct procs;

struct procs *procs_new(const struct procs_config *c); /* copies */

/*
 * Looks for instances in DATA/run, for EVENT_START; from now on those that run are watched. What the
 * result points to lies in mem. Waits up to PROCS_ADOPT_MS for one that is just starting. Processes
 * that a killed kith-run left are killed.
 */
struct procs_found {
    struct found_instance *items;
    uint32_t count;
};
struct procs_found procs_find(struct procs *p, struct arena *mem);

/* The actor, which takes p over. zactor_destroy() ends it and leaves everything running. */
zactor_t *procs_start(struct procs *p);

void procs_free(struct procs *p); /* only of one that was never started */

#endif
