#include "shell/procfs.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ENVIRON_MAX (256 << 10) /* looked through for the marker */

/* One that just left its session and becomes another program shows neither at that moment, and one may start another
 * meanwhile: so it is looked again, until there is none, within bounds. */
#define LOOKS_MIN 2
#define LOOKS_MAX 8

struct stat_line {
    char state;
    pid_t parent, session;
    uint64_t start_time;
};

static ssize_t read_file(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    size_t used = 0;
    for (ssize_t got; used < size - 1 && (got = read(fd, out + used, size - 1 - used)) > 0;)
        used += (size_t)got;
    close(fd);
    out[used] = '\0';
    return (ssize_t)used;
}

void procfs_boot_id(char out[PROCFS_BOOT_ID_LEN + 1])
{
    char text[64];
    out[0] = '\0';
    if (read_file("/proc/sys/kernel/random/boot_id", text, sizeof text) >= PROCFS_BOOT_ID_LEN)
        snprintf(out, PROCFS_BOOT_ID_LEN + 1, "%.*s", PROCFS_BOOT_ID_LEN, text);
}

static bool read_stat(pid_t pid, struct stat_line *ret)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (read_file(path, text, sizeof text) <= 0)
        return false;
    /* The second field is the program's name in parentheses, and may hold any character. */
    const char *rest = strrchr(text, ')');
    int parent, session;
    unsigned long long start;
    if (rest == NULL ||
        sscanf(rest + 1,
               " %c %d %*d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
               &ret->state, &parent, &session, &start) != 4)
        return false;
    ret->parent = parent;
    ret->session = session;
    ret->start_time = start;
    return true;
}

uint64_t procfs_start_time_any(pid_t pid)
{
    struct stat_line s;
    return read_stat(pid, &s) ? s.start_time : 0;
}

uint64_t procfs_start_time(pid_t pid)
{
    struct stat_line s;
    return read_stat(pid, &s) && s.state != 'Z' && s.state != 'X' ? s.start_time : 0;
}

bool process_open(struct process *ret, pid_t pid, uint64_t start_time)
{
    *ret = (struct process){.pid = pid, .start_time = start_time};
    ret->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (ret->pidfd < 0 && errno == ESRCH)
        return false;
    if (start_time == 0) {
        ret->start_time = procfs_start_time_any(pid);
        return true;
    }
    /* Looked at after the pidfd was opened: from here on the number cannot change hands unseen. */
    if (procfs_start_time(pid) == start_time)
        return true;
    process_close(ret);
    return false;
}

void process_close(struct process *p)
{
    if (p->pidfd >= 0)
        close(p->pidfd);
    p->pidfd = -1;
}

bool process_ended(const struct process *p)
{
    struct pollfd item = {.fd = p->pidfd, .events = POLLIN};
    if (p->pidfd >= 0)
        return poll(&item, 1, 0) > 0;
    return procfs_start_time(p->pid) != p->start_time;
}

void process_signal(const struct process *p, int number, int value)
{
    siginfo_t info = {.si_signo = number, .si_code = SI_QUEUE};
    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value.sival_int = value;
    if (p->pidfd >= 0)
        syscall(SYS_pidfd_send_signal, p->pidfd, number, &info, 0);
    else if (!process_ended(p))
        sigqueue(p->pid, number, info.si_value);
}

void process_reap(const struct process *p)
{
    waitpid(p->pid, NULL, WNOHANG);
}

/* The next process of an open /proc, or 0. */
static pid_t next_process(DIR *proc)
{
    for (struct dirent *e; (e = readdir(proc)) != NULL;)
        if (isdigit((unsigned char)e->d_name[0]))
            return (pid_t)strtol(e->d_name, NULL, 10);
    return 0;
}

int procfs_kill_children(void)
{
    int count = 0;
    pid_t self = getpid();
    DIR *proc = opendir("/proc");
    if (proc == NULL)
        return 0;
    for (pid_t pid; (pid = next_process(proc)) != 0;) {
        struct stat_line s;
        if (read_stat(pid, &s) && s.parent == self && s.state != 'Z' && kill(pid, SIGKILL) == 0)
            count++;
    }
    closedir(proc);
    return count;
}

static bool has_marker(pid_t pid, const char *marker, char *room)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    ssize_t len = read_file(path, room, ENVIRON_MAX);
    for (ssize_t at = 0; at < len; at += (ssize_t)strlen(room + at) + 1)
        if (strcmp(room + at, marker) == 0)
            return true;
    return false;
}

/* One look at all processes. */
static int kill_seen(pid_t session, const char *marker, char *room)
{
    int count = 0;
    pid_t self = getpid();
    DIR *proc = opendir("/proc");
    if (proc == NULL)
        return 0;
    for (pid_t pid; (pid = next_process(proc)) != 0;) {
        struct stat_line s;
        if (pid == self || !read_stat(pid, &s) || s.state == 'Z')
            continue;
        bool ours = (session != 0 && s.session == session) || has_marker(pid, marker, room);
        if (ours && kill(pid, SIGKILL) == 0)
            count++;
    }
    closedir(proc);
    return count;
}

int procfs_kill_instance(pid_t session, const char *marker)
{
    int count = 0, seen = 1;
    char *room = malloc(ENVIRON_MAX);
    for (int look = 0; room != NULL && look < LOOKS_MAX && (look < LOOKS_MIN || seen > 0); look++) {
        seen = kill_seen(session, marker, room);
        count = seen > count ? seen : count;
    }
    free(room);
    return count;
}
