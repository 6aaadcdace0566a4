/*
 * Preloaded into a program, writes down what it does to the files of one folder: each write with its bytes, each change of a
 * length, each sync. test/cluster/test_power_loss.py makes out of that what a power cut could have left.
 *
 *     KITH_RECORD=FILE KITH_RECORD_DIR=DIR LD_PRELOAD=... PROGRAM
 *
 * FILE: for each call a head of five 64-bit words (what, file by the order of first use, offset or length, bytes, 1 if the
 * descriptor syncs by itself (O_DSYNC)), then the bytes. A file's first use is preceded by its name (what 0, bytes: the name).
 * A write is written down before it is made, a sync after it has come back: what is between is not sure to be there.
 */
#undef _FILE_OFFSET_BITS /* both names of each call are to be caught */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILES_MAX 64

enum { OP_NAME, OP_WRITE, OP_LENGTH, OP_SYNC };

static struct {
    pthread_mutex_t lock;
    int fd; /* 0: not opened; -1: nothing is recorded */
    char names[FILES_MAX][256];
    unsigned names_n;
} record = {.lock = PTHREAD_MUTEX_INITIALIZER};

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void put(const void *data, size_t len)
{
    static ssize_t (*real)(int, const void *, size_t);

    if (!real)
        real = REAL(write);
    for (const char *at = data; len;) {
        ssize_t n = real(record.fd, at, len);

        if (n <= 0)
            abort();
        at += n;
        len -= (size_t)n;
    }
}

static void put_head(uint64_t what, uint64_t file, uint64_t offset, uint64_t len, uint64_t synced)
{
    uint64_t head[5] = {what, file, offset, len, synced};

    put(head, sizeof(head));
}

static int is_on(void)
{
    const char *path = getenv("KITH_RECORD");

    if (record.fd == 0)
        record.fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    return record.fd > 0;
}

/* The number of a file by its name below the folder; -1: it is elsewhere. */
static int number_of_path(const char *path)
{
    const char *dir = getenv("KITH_RECORD_DIR");
    size_t len = dir ? strlen(dir) : 0;

    if (!len || strncmp(path, dir, len) != 0 || path[len] != '/')
        return -1;
    for (unsigned i = 0; i < record.names_n; i++) {
        if (strcmp(record.names[i], path + len + 1) == 0)
            return (int)i;
    }
    if (record.names_n == FILES_MAX)
        abort();
    snprintf(record.names[record.names_n], sizeof(record.names[0]), "%s", path + len + 1);
    put_head(OP_NAME, record.names_n, 0, strlen(path + len + 1), 0);
    put(path + len + 1, strlen(path + len + 1));
    return (int)record.names_n++;
}

static int number_of(int fd)
{
    char link[64], path[PATH_MAX];

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof(path) - 1);

    if (n <= 0 || fd == record.fd)
        return -1;
    path[n] = '\0';
    return number_of_path(path);
}

static void note_write(int fd, off_t at, const struct iovec *parts, int parts_n)
{
    pthread_mutex_lock(&record.lock);
    int file = is_on() ? number_of(fd) : -1;
    size_t len = 0;

    for (int i = 0; i < parts_n; i++)
        len += parts[i].iov_len;
    if (file >= 0) {
        if (at < 0)
            at = lseek(fd, 0, SEEK_CUR);
        put_head(OP_WRITE, (uint64_t)file, (uint64_t)at, len, (fcntl(fd, F_GETFL) & O_DSYNC) != 0);
        for (int i = 0; i < parts_n; i++)
            put(parts[i].iov_base, parts[i].iov_len);
    }
    pthread_mutex_unlock(&record.lock);
}

static void note(int file_or_fd, int is_fd, uint64_t what, uint64_t length)
{
    int file = is_on() ? (is_fd ? number_of(file_or_fd) : file_or_fd) : -1;

    if (file >= 0)
        put_head(what, (uint64_t)file, length, 0, 0);
}

ssize_t write(int fd, const void *data, size_t len)
{
    note_write(fd, -1, &(struct iovec){(void *)(uintptr_t)data, len}, 1);
    return REAL(write)(fd, data, len);
}

ssize_t writev(int fd, const struct iovec *parts, int n)
{
    note_write(fd, -1, parts, n);
    return REAL(writev)(fd, parts, n);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    note_write(fd, at, &(struct iovec){(void *)(uintptr_t)data, len}, 1);
    return REAL(pwrite)(fd, data, len, at);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
    note_write(fd, at, &(struct iovec){(void *)(uintptr_t)data, len}, 1);
    return REAL(pwrite64)(fd, data, len, at);
}

ssize_t pwritev(int fd, const struct iovec *parts, int n, off_t at)
{
    note_write(fd, at, parts, n);
    return REAL(pwritev)(fd, parts, n, at);
}

#define SYNC(name)                                                                                 \
    int name(int fd)                                                                               \
    {                                                                                              \
        int r = REAL(name)(fd);                                                                    \
                                                                                                   \
        pthread_mutex_lock(&record.lock);                                                          \
        if (r == 0)                                                                                \
            note(fd, 1, OP_SYNC, 0);                                                               \
        pthread_mutex_unlock(&record.lock);                                                        \
        return r;                                                                                  \
    }
SYNC(fsync)
SYNC(fdatasync)

#define FTRUNCATE(name, type)                                                                      \
    int name(int fd, type length)                                                                  \
    {                                                                                              \
        pthread_mutex_lock(&record.lock);                                                          \
        note(fd, 1, OP_LENGTH, (uint64_t)length);                                                  \
        pthread_mutex_unlock(&record.lock);                                                        \
        return REAL(name)(fd, length);                                                             \
    }
FTRUNCATE(ftruncate, off_t)
FTRUNCATE(ftruncate64, off64_t)

#define TRUNCATE(name, type)                                                                       \
    int name(const char *path, type length)                                                        \
    {                                                                                              \
        pthread_mutex_lock(&record.lock);                                                          \
        if (is_on())                                                                               \
            note(number_of_path(path), 0, OP_LENGTH, (uint64_t)length);                            \
        pthread_mutex_unlock(&record.lock);                                                        \
        return REAL(name)(path, length);                                                           \
    }
TRUNCATE(truncate, off_t)
TRUNCATE(truncate64, off64_t)

/* Nothing of ours is changed through a mapping that may be written: whoever begins to do so has to be written down here. */
int msync(void *at, size_t len, int flags)
{
    static const char words[] = "record-writes: msync() is not recorded\n";

    (void)at, (void)len, (void)flags;
    if (REAL(write)(2, words, sizeof(words) - 1) < 0)
        abort();
    abort();
}
