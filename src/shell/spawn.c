#include "shell/spawn.h"
#include "shell/rundir.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

extern char **environ;

static int spawn_with(struct spawned *s, char *const argv[], char *const env[], short flags,
                      posix_spawn_file_actions_t *files)
{
    posix_spawnattr_t attr;
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr,
                             (short)(flags | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
    posix_spawnattr_setsigmask(&attr, flags & POSIX_SPAWN_SETSID ? &all : &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setpgroup(&attr, 0);
    for (int fd = 0; fd < 3; fd++)
        posix_spawn_file_actions_addopen(files, fd, "/dev/null", fd == 0 ? O_RDONLY : O_WRONLY, 0);
    pid_t pid;
    int why = posix_spawn(&pid, argv[0], files, &attr, argv, env);
    posix_spawnattr_destroy(&attr);
    errno = why;
    /* A child that nobody has waited for is there, if only as a zombie. */
    return why != 0 || !process_open(&s->process, pid, /* start_time= */ 0);
}

int spawn_runner(struct spawned *ret, const char *kith_run, const char *dir, int lock_fd)
{
    char *const argv[] = {(char *)kith_run, (char *)dir, NULL};
    int report[2];
    if (pipe2(report, O_CLOEXEC | O_NONBLOCK) < 0)
        return 1;
    /* Both are moved out of the way first: either may stand where the other shall go. */
    int lock = fcntl(lock_fd, F_DUPFD_CLOEXEC, 10), tell = fcntl(report[1], F_DUPFD_CLOEXEC, 10);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, tell, RUNDIR_FD_REPORT);
    posix_spawn_file_actions_adddup2(&files, lock, RUNDIR_FD_LOCK);
    posix_spawn_file_actions_addclosefrom_np(&files, 5);
    *ret = (struct spawned){.report_fd = report[0]};
    int rc = spawn_with(ret, argv, environ, POSIX_SPAWN_SETSID, &files);
    int why = errno;
    posix_spawn_file_actions_destroy(&files);
    close(report[1]);
    close(lock);
    close(tell);
    if (rc != 0)
        close(report[0]);
    errno = why;
    return rc;
}

int spawn_check(struct spawned *ret, char *const argv[], char *const env[])
{
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    *ret = (struct spawned){.report_fd = -1};
    int rc = spawn_with(ret, argv, env, POSIX_SPAWN_SETPGROUP, &files);
    int why = errno;
    posix_spawn_file_actions_destroy(&files);
    errno = why;
    return rc;
}
