#include "shell/adopt.h"
#include "shell/clock.h"
#include "shell/log.h"
#include "shell/procfs.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOOK_AGAIN_MS 10

/* Whether its kith-run holds the lock. */
static bool is_locked(const char *dir)
{
    int fd = rundir_lock(dir);
    if (fd >= 0) {
        close(fd);
        return false;
    }
    return errno == EWOULDBLOCK;
}

static bool same_boot(const struct run_state *s)
{
    char boot_id[PROCFS_BOOT_ID_LEN + 1];
    procfs_boot_id(boot_id);
    return bytes_equal_str(s->boot_id, boot_id);
}

static bool open_runner(struct adopted *a)
{
    return same_boot(&a->state) &&
           process_open(&a->runner, (pid_t)a->state.runner_pid, a->state.runner_start);
}

/* The session that a dead kith-run made, or 0. Its number is not given to another process while
 * anybody is left in it; so if there is such a process, and it is another, nobody is left. */
static pid_t session_of(const struct run_state *s)
{
    if (s->runner_pid == 0 || !same_boot(s))
        return 0;
    uint64_t start = procfs_start_time_any((pid_t)s->runner_pid);
    return start == 0 || start == s->runner_start ? (pid_t)s->runner_pid : 0;
}

static void sweep(const struct adopted *a)
{
    char marker[64];
    struct ulid_text id = ulid_text(&a->intent.instance);
    snprintf(marker, sizeof marker, "%s=%s", RUNDIR_MARKER, id.s);
    pid_t session = session_of(&a->state);
    int killed = procfs_kill_instance(session, marker);
    if (killed > 0)
        log_line(LOG_WARN_, "instance %s: its kith-run is gone, killed %d processes it left", id.s,
                 killed);
}

bool adopt_one(struct adopted *ret, const char *data, const char *name, struct arena *mem,
               kith_time until_us)
{
    char dir[RUNDIR_PATH_MAX], run[RUNDIR_PATH_MAX];
    struct ulid instance;
    *ret = (struct adopted){.runner.pidfd = -1};
    if (ulid_parse(&instance, bytes_str(name)) != 0 || !rundir_path(run, data, "run", NULL) ||
        !rundir_path(dir, run, name, NULL) || !rundir_intent(dir, &ret->intent, mem) ||
        !ulid_equal(&instance, &ret->intent.instance))
        return false;
    ret->dir = arena_str(mem, bytes_str(dir));
    while (is_locked(dir)) {
        ret->running = rundir_state(dir, &ret->state, mem) && open_runner(ret);
        if (ret->running)
            return true;
        if (clock_now_us() >= until_us)
            break;
        poll(NULL, 0, LOOK_AGAIN_MS);
    }
    if (!rundir_state(dir, &ret->state, mem))
        ret->state = (struct run_state){0};
    sweep(ret);
    return true;
}
