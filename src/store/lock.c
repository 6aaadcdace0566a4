#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#define PID_CHARS 24

static long read_pid(int fd)
{
    char text[PID_CHARS] = {0};

    return pread(fd, text, sizeof(text) - 1, 0) > 0 ? strtol(text, NULL, 10) : 0;
}

/* Best effort: the lock counts, the number is for people. */
static void write_pid(int fd)
{
    char text[PID_CHARS];
    int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

    if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)len, 0) < 0)
        return;
}

int lock_take(int *ret_fd, const char *path, long *ret_pid)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        int r = errno == EWOULDBLOCK ? LOCK_HELD : -errno;

        *ret_pid = read_pid(fd);
        close(fd);
        return r;
    }
    write_pid(fd);
    *ret_fd = fd;
    return 0;
}
