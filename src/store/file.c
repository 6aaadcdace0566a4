#include "store/file.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES 4096

int file_read(struct buf *ret, const char *path, size_t max)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t before = ret->len;
    ssize_t n;

    if (fd < 0)
        return errno == ENOENT ? FILE_ABSENT : -errno;
    do {
        buf_reserve(ret, READ_BYTES);
        n = read(fd, ret->data + ret->len, READ_BYTES);
        if (n > 0)
            ret->len += (size_t)n;
    } while ((n > 0 && ret->len - before <= max) || (n < 0 && errno == EINTR));
    int result = n < 0 ? -errno : ret->len - before > max ? FILE_TOO_LONG : 0;

    if (result)
        ret->len = before;
    close(fd);
    return result;
}

static int write_all(int fd, struct bytes content)
{
    while (content.len) {
        ssize_t n = write(fd, content.data, content.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -ENOSPC;
        content = bytes_of(content.data + n, content.len - (size_t)n);
    }
    return 0;
}

/* So that the new name itself survives a crash. */
int file_sync_folder_of(const char *path)
{
    struct buf folder = {0};
    const char *slash = strrchr(path, '/');
    int r = 0;

    if (slash == path)
        buf_str(&folder, "/");
    else if (slash)
        buf_append(&folder, path, (size_t)(slash - path));
    else
        buf_str(&folder, ".");
    int fd = open(buf_cstr(&folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || fsync(fd))
        r = -errno;
    if (fd >= 0)
        close(fd);
    buf_deinit(&folder);
    return r;
}

/* Writes a temporary file with the content, on disk when this returns 0. */
static int write_beside(const char *temporary, struct bytes content, mode_t mode)
{
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);

    if (fd < 0)
        return -errno;
    int r = fchmod(fd, mode) ? -errno : write_all(fd, content);

    if (!r && fsync(fd))
        r = -errno;
    if (close(fd) && !r)
        r = -errno;
    return r;
}

static int put_in_place(const char *temporary, const char *path, bool replace)
{
    if (replace)
        return rename(temporary, path) ? -errno : 0;
    int r = link(temporary, path) ? (errno == EEXIST ? FILE_EXISTS : -errno) : 0;

    unlink(temporary);
    return r;
}

static int write_file(const char *path, struct bytes content, mode_t mode, bool replace)
{
    struct buf temporary = {0};

    buf_printf(&temporary, "%s.%ld.new", path, (long)getpid());
    int r = write_beside(buf_cstr(&temporary), content, mode);

    if (!r)
        r = put_in_place(buf_cstr(&temporary), path, replace);
    if (!r)
        r = file_sync_folder_of(path);
    else
        unlink(buf_cstr(&temporary));
    buf_deinit(&temporary);
    return r;
}

int file_write(const char *path, struct bytes content, mode_t mode)
{
    return write_file(path, content, mode, /* replace= */ true);
}

int file_create(const char *path, struct bytes content, mode_t mode)
{
    return write_file(path, content, mode, /* replace= */ false);
}

int file_replace(const char *temporary, const char *path)
{
    int r = put_in_place(temporary, path, /* replace= */ true);

    return r ? r : file_sync_folder_of(path);
}

int file_make_folder(const char *path, mode_t mode)
{
    char *copy = mem_str(path);
    int r = 0;

    for (char *slash = strchr(copy + 1, '/'); slash && !r; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, mode | S_IXUSR | S_IRUSR | S_IWUSR) && errno != EEXIST)
            r = -errno;
        *slash = '/';
    }
    if (!r && mkdir(copy, mode) && errno != EEXIST)
        r = -errno;
    mem_free(copy);
    return r;
}
