#ifndef KITH_SHELL_SPAWN_H
#define KITH_SHELL_SPAWN_H
/*
 * Starts kith-run, as runner of an instance or as a health check. Children get no descriptor but
 * those named here, all signals blocked (kith-run unblocks them when it is ready) and /dev/null for
 * the rest, so that nobody who reads the daemon's output waits for its services.
 */
#include "shell/procfs.h"

struct spawned {
    struct process process;
    int report_fd; /* non-blocking; see rundir.h. -1 for a check */
};

/* `kith-run DIR` in a session of its own. 0, or 1 with errno. */
int spawn_runner(struct spawned *ret, const char *kith_run, const char *dir, int lock_fd);

/* argv[0] is kith-run's path; in a process group of its own. 0, or 1 with errno. */
int spawn_check(struct spawned *ret, char *const argv[], char *const env[]);

#endif
