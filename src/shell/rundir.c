#include "shell/rundir.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (8 << 20) /* an intent with all its bounds reached stays below */

bool rundir_path(char out[RUNDIR_PATH_MAX], const char *dir, const char *name, const char *file)
{
    int len = file == NULL ? snprintf(out, RUNDIR_PATH_MAX, "%s/%s", dir, name)
                           : snprintf(out, RUNDIR_PATH_MAX, "%s/%s/%s", dir, name, file);
    return len > 0 && len < RUNDIR_PATH_MAX;
}

static int sync_folder(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return 1;
    int rc = fsync(fd);
    close(fd);
    return rc < 0;
}

static int write_all(int fd, struct bytes content)
{
    while (content.len > 0) {
        ssize_t wrote = write(fd, content.data, content.len);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return 1;
        content.data += wrote;
        content.len -= (size_t)wrote;
    }
    return 0;
}

int rundir_write(const char *dir, const char *file, struct bytes content, bool sync)
{
    char path[RUNDIR_PATH_MAX], aside[RUNDIR_PATH_MAX + 8];
    if (!rundir_path(path, dir, file, NULL)) {
        errno = ENAMETOOLONG;
        return 1;
    }
    snprintf(aside, sizeof aside, "%s.new", path);
    int fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return 1;
    int rc = write_all(fd, content) != 0 || (sync && fsync(fd) < 0);
    close(fd);
    if (rc != 0 || rename(aside, path) < 0)
        return 1;
    return sync ? sync_folder(dir) : 0;
}

struct bytes rundir_read(const char *dir, const char *file, struct arena *mem)
{
    char path[RUNDIR_PATH_MAX];
    struct stat st;
    struct bytes nothing = {0};
    if (!rundir_path(path, dir, file, NULL))
        return nothing;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return nothing;
    if (fstat(fd, &st) < 0 || st.st_size <= 0 || st.st_size > FILE_MAX) {
        close(fd);
        return nothing;
    }
    uint8_t *data = arena_alloc(mem, (size_t)st.st_size);
    ssize_t got = read(fd, data, (size_t)st.st_size);
    close(fd);
    return got == st.st_size ? bytes_of(data, (size_t)got) : nothing;
}

bool rundir_intent(const char *dir, struct run_intent *ret, struct arena *mem)
{
    struct wire_error err;
    return run_intent_decode(ret, rundir_read(dir, "intent", mem), mem, &err) == 0;
}

bool rundir_state(const char *dir, struct run_state *ret, struct arena *mem)
{
    struct wire_error err;
    return run_state_decode(ret, rundir_read(dir, "state", mem), mem, &err) == 0;
}

bool rundir_exit(const char *dir, struct run_exit *ret)
{
    struct arena mem = {0};
    struct wire_error err;
    struct bytes content = rundir_read(dir, "exit", &mem);
    bool ok = content.len > 0 && run_exit_decode(ret, content, &mem, &err) == 0;
    arena_deinit(&mem);
    return ok;
}

int rundir_lock(const char *dir)
{
    char path[RUNDIR_PATH_MAX];
    if (!rundir_path(path, dir, "lock", NULL)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

void rundir_clean(const char *dir)
{
    static const char *const files[] = {"intent", "state", "exit"};
    char path[RUNDIR_PATH_MAX];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (rundir_path(path, dir, files[i], NULL))
            unlink(path);
}

void rundir_remove(const char *dir)
{
    DIR *d = opendir(dir);
    if (d == NULL)
        return;
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    rmdir(dir);
}
