#ifndef KITH_SHELL_PROCFS_H
#define KITH_SHELL_PROCFS_H
/*
 * What /proc tells about processes, and killing by what it tells. A process id alone names nothing:
 * it is used again. With its start time and the host's boot id it names one process for good.
 */
#include "base/bytes.h"
#include "base/time.h"
#include <sys/types.h>

#define PROCFS_BOOT_ID_LEN 36

/* "6c2f0f9e-...", NUL-terminated; empty when the kernel tells none. */
void procfs_boot_id(char out[PROCFS_BOOT_ID_LEN + 1]);

/* Clock ticks from boot to the process's start; 0: there is no such process, or only a zombie. */
uint64_t procfs_start_time(pid_t pid);
uint64_t procfs_start_time_any(pid_t pid); /* zombies too */

/*
 * A process as it is watched: by a pidfd, or, where the system has none (kernels before 5.3,
 * valgrind), by looking at its start time now and then. Without a pidfd, between the look and the
 * signal the number could change hands; with one it cannot.
 */
struct process {
    pid_t pid;
    uint64_t start_time;
    int pidfd; /* close-on-exec; -1: none */
};

#define PROCFS_LOOK_US (50 * KITH_MS) /* how often to look at one without a pidfd */

/* False: it has ended, or the number belongs to another by now. start_time 0: a child of the caller,
 * whose number nobody else can have before it is waited for. */
bool process_open(struct process *ret, pid_t pid, uint64_t start_time);
void process_close(struct process *p);

bool process_ended(const struct process *p);                         /* a zombie has ended */
void process_signal(const struct process *p, int number, int value); /* as sigqueue(3) */
void process_reap(const struct process *p); /* if it is a child of the caller and has ended */

/* Sends SIGKILL to all children of the calling process. Returns how many there were. */
int procfs_kill_children(void);

/*
 * Sends SIGKILL to all processes that belong to an instance: those in kith-run's session (0: not
 * known), and those in whose environment stands `marker` (NAME=VALUE). Never to the caller itself.
 * Returns how many there were.
 */
int procfs_kill_instance(pid_t session, const char *marker);

#endif
