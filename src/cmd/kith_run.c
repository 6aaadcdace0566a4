/*
 * kith-run: stands between kithd and one process, and outlives kithd.
 *
 *     kith-run DIR                          runs what DIR/intent says, see shell/rundir.h
 *     kith-run check USER DIR PROGRAM...    becomes PROGRAM as USER in DIR, for health checks
 *
 * The process is its only child; whatever that starts and leaves behind is adopted (subreaper), so
 * all of it can be found and killed. Nothing outlives kith-run: the process dies with it by PDEATHSIG,
 * and kithd sweeps up what the process had started.
 *
 * Signals: SIGRTMIN from kithd carries the signal to deliver as its value, 9 meaning everything.
 * Signals sent by hand (TERM, INT, HUP, QUIT, USR1, USR2) are passed on.
 */
#include "base/mem.h"
#include "cmd/kith_run_child.h"
#include "shell/clock.h"
#include "shell/outlog.h"
#include "shell/procfs.h"
#include "shell/rundir.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILL_AGAIN_MS 50 /* a process that forks faster than one pass is caught by the next */

struct run {
    const char *dir;
    struct arena mem;
    struct run_intent intent;
    struct outlog *log;
    int signal_fd, output_fd;
    pid_t child;
    bool ended; /* the child has */
    int64_t status;
    bool killing; /* all that is left */
};

/* ---- telling kithd ---- */

/* Tells how the start went: '+', or '-' and why. kithd may be gone: nothing depends on it. */
static void report(char sign, const char *why)
{
    char text[RUNDIR_REPORT_MAX];
    int len = snprintf(text, sizeof text, "%c%s", sign, why);
    size_t used = (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    ssize_t ignored = write(RUNDIR_FD_REPORT, text, used);
    (void)ignored;
    close(RUNDIR_FD_REPORT);
    if (sign == '-')
        fprintf(stderr, "kith-run: %s\n", why);
}

static int write_state(struct run *r)
{
    char boot_id[PROCFS_BOOT_ID_LEN + 1];
    procfs_boot_id(boot_id);
    struct run_state state = {
        .boot_id = bytes_str(boot_id),
        .runner_pid = (uint32_t)getpid(),
        .runner_start = procfs_start_time(getpid()),
        .pid = (uint32_t)r->child,
        .start = procfs_start_time_any(r->child),
        .started_ms = clock_wall_us() / KITH_MS,
    };
    struct buf out = {0};
    run_state_encode(&out, &state);
    int rc = rundir_write(r->dir, "state", buf_bytes(&out), /* sync= */ false);
    buf_deinit(&out);
    return rc;
}

static int write_exit(const struct run *r)
{
    struct run_exit e = {.status = r->status, .ended_ms = clock_wall_us() / KITH_MS};
    struct buf out = {0};
    run_exit_encode(&out, &e);
    int rc = rundir_write(r->dir, "exit", buf_bytes(&out), /* sync= */ true);
    buf_deinit(&out);
    return rc;
}

/* ---- while it runs ---- */

/* Copies what the process wrote into the log. False: there is no more for now. */
static bool copy_output(struct run *r)
{
    char chunk[64 << 10];
    ssize_t got = read(r->output_fd, chunk, sizeof chunk);
    if (got > 0)
        outlog_write(r->log, chunk, (size_t)got);
    else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        close(r->output_fd);
        r->output_fd = -1;
    }
    return got > 0;
}

/* Asking to end goes to the process's whole group, for what a shell has started; others to itself. */
static void deliver(struct run *r, int signal)
{
    if (signal == SIGKILL) {
        r->killing = true;
        procfs_kill_children();
    } else if (!r->ended) {
        bool all = signal == SIGTERM || signal == SIGINT || signal == SIGQUIT;
        kill(all ? -r->child : r->child, signal);
    }
}

/* Takes every child that has ended. False: none is left at all. */
static bool reap(struct run *r)
{
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid <= 0)
            return pid == 0;
        if (pid == r->child) {
            r->ended = true;
            r->status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
            /* What it leaves behind is nobody's any more. */
            deliver(r, SIGKILL);
        }
    }
}

static void on_signals(struct run *r)
{
    struct signalfd_siginfo s;
    while (read(r->signal_fd, &s, sizeof s) == (ssize_t)sizeof s) {
        if ((int)s.ssi_signo == SIGRTMIN)
            deliver(r, s.ssi_int);
        else if (s.ssi_signo != SIGCHLD)
            deliver(r, (int)s.ssi_signo);
    }
}

static void supervise(struct run *r)
{
    while (reap(r)) {
        struct pollfd fds[] = {{.fd = r->signal_fd, .events = POLLIN},
                               {.fd = r->output_fd, .events = POLLIN}};
        poll(fds, 2, r->killing ? KILL_AGAIN_MS : -1);
        if (fds[0].revents != 0)
            on_signals(r);
        if (fds[1].revents != 0)
            copy_output(r);
        if (r->killing)
            procfs_kill_children();
    }
    while (r->output_fd >= 0 && copy_output(r))
        ;
}

/* ---- start and end ---- */

static int open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    static const int signals[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaddset(&set, signals[i]);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* 0, or 1 and *why says what is wrong. */
static int prepare(struct run *r, char *why, size_t why_size)
{
    if (!rundir_intent(r->dir, &r->intent, &r->mem) || r->intent.argv_n == 0) {
        snprintf(why, why_size, "no valid intent in %s", r->dir);
        return 1;
    }
    r->log = outlog_open(r->dir, r->intent.log_file_bytes, r->intent.log_files);
    if (r->log == NULL) {
        snprintf(why, why_size, "cannot write output into %s: %s", r->dir, strerror(errno));
        return 1;
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    r->signal_fd = open_signals();
    return child_start(&r->intent, &r->child, &r->output_fd, why, why_size);
}

static int run(const char *dir)
{
    struct run r = {.dir = dir, .signal_fd = -1, .output_fd = -1};
    char why[RUNDIR_REPORT_MAX];
    setsid(); /* fails harmlessly when kithd has made the session already */
    int rc = prepare(&r, why, sizeof why);
    if (rc == 0 && write_state(&r) != 0) {
        snprintf(why, sizeof why, "cannot write %s/state: %s", dir, strerror(errno));
        deliver(&r, SIGKILL);
        rc = 1;
    }
    report(rc == 0 ? '+' : '-', rc == 0 ? "" : why);
    if (r.child > 0)
        supervise(&r);
    if (rc == 0)
        rc = write_exit(&r);
    outlog_close(r.log);
    arena_deinit(&r.mem);
    return rc;
}

int main(int argc, char **argv)
{
    if (argc >= 5 && strcmp(argv[1], "check") == 0)
        return child_check(argv[2], argv[3], argv + 4);
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("kith-run " KITH_VERSION);
        return 0;
    }
    if (argc != 2 || argv[1][0] == '-') {
        fputs("usage: kith-run DIR\n"
              "       kith-run check USER DIR PROGRAM [ARGUMENT]...\n"
              "Runs one process for kithd, which calls it; there is no reason to do so by hand.\n",
              stderr);
        return argc == 2 && strcmp(argv[1], "--help") == 0 ? 0 : 2;
    }
    fcntl(RUNDIR_FD_REPORT, F_SETFD, FD_CLOEXEC);
    fcntl(RUNDIR_FD_LOCK, F_SETFD, FD_CLOEXEC);
    return run(argv[1]);
}
