#ifndef KITH_SHELL_ADOPT_H
#define KITH_SHELL_ADOPT_H
/* Finds the instances that a former kithd of this host left, running or ended. See procs.h. */
#include "base/arena.h"
#include "shell/procfs.h"
#include "shell/rundir.h"

/* One directory that holds an intent. What it points to lies in the arena it was read with. */
struct adopted {
    const char *dir;
    struct run_intent intent;
    struct run_state state; /* zero when it never ran */
    bool running;
    struct process runner; /* its kith-run, while running; the caller closes it */
};

/*
 * Looks at DATA/run/NAME. False: that is no instance. Waits until a kith-run that is just starting
 * has written its state, has ended, or until_us has come (then it is killed and counts as ended). Of
 * an instance without its kith-run, all processes that are left are killed.
 */
bool adopt_one(struct adopted *ret, const char *data, const char *name, struct arena *mem,
               kith_time until_us);

#endif
