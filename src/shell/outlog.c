#include "shell/outlog.h"
#include "base/mem.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_FORMAT "out-%020llu"
#define NAME_LEN    24

struct segment {
    uint64_t offset, len;
};

struct segments { /* by offset */
    struct segment *items;
    size_t count;
};

struct outlog {
    int dir_fd, fd;
    uint64_t file_bytes;
    uint32_t files;
    uint64_t used_bytes, end; /* of the current file; of everything */
};

static void segment_name(char name[NAME_LEN + 1], uint64_t offset)
{
    snprintf(name, NAME_LEN + 1, NAME_FORMAT, (unsigned long long)offset);
}

static int compare_segment(const void *a, const void *b)
{
    const struct segment *x = a, *y = b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static struct segments list(int dir_fd)
{
    struct segments s = {0};
    size_t cap = 0;
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL)
        return s;
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        struct stat st;
        char *end;
        if (strlen(e->d_name) != NAME_LEN || strncmp(e->d_name, "out-", 4) != 0)
            continue;
        uint64_t offset = strtoull(e->d_name + 4, &end, 10);
        if (*end != '\0' || fstatat(dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if (s.count == cap)
            s.items = mem_grow(s.items, cap = 2 * cap + 8, sizeof *s.items);
        s.items[s.count++] = (struct segment){offset, (uint64_t)st.st_size};
    }
    closedir(dir);
    if (s.count > 0)
        qsort(s.items, s.count, sizeof *s.items, compare_segment);
    return s;
}

static bool open_segment(struct outlog *o)
{
    char name[NAME_LEN + 1];
    segment_name(name, o->end);
    int fd = openat(o->dir_fd, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    if (o->fd >= 0)
        close(o->fd);
    o->fd = fd;
    o->used_bytes = 0;
    return true;
}

static void drop_oldest(struct outlog *o)
{
    struct segments s = list(o->dir_fd);
    for (size_t i = 0; i + o->files < s.count; i++) {
        char name[NAME_LEN + 1];
        segment_name(name, s.items[i].offset);
        unlinkat(o->dir_fd, name, 0);
    }
    mem_free(s.items);
}

struct outlog *outlog_open(const char *dir, uint64_t file_bytes, uint32_t files)
{
    int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return NULL;
    struct outlog *o = mem_alloc(sizeof *o);
    *o = (struct outlog){.dir_fd = dir_fd, .fd = -1};
    o->file_bytes = file_bytes > 0 ? file_bytes : OUTLOG_FILE_BYTES;
    o->files = files > 0 ? files : OUTLOG_FILES;
    struct segments s = list(dir_fd);
    if (s.count > 0)
        o->end = s.items[s.count - 1].offset + s.items[s.count - 1].len;
    mem_free(s.items);
    if (!open_segment(o)) {
        outlog_close(o);
        return NULL;
    }
    drop_oldest(o);
    return o;
}

void outlog_close(struct outlog *o)
{
    if (o == NULL)
        return;
    int why = errno;
    if (o->fd >= 0)
        close(o->fd);
    close(o->dir_fd);
    mem_free(o);
    errno = why;
}

void outlog_write(struct outlog *o, const void *data, size_t len)
{
    const uint8_t *p = data;
    while (len > 0) {
        if (o->used_bytes >= o->file_bytes && open_segment(o))
            drop_oldest(o);
        size_t part = len;
        if (o->used_bytes < o->file_bytes && part > o->file_bytes - o->used_bytes)
            part = (size_t)(o->file_bytes - o->used_bytes);
        ssize_t wrote = write(o->fd, p, part);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return;
        p += wrote;
        len -= (size_t)wrote;
        o->used_bytes += (uint64_t)wrote;
        o->end += (uint64_t)wrote;
    }
}

static void read_segment(int dir_fd, const struct segment *s, uint64_t from, size_t max,
                         struct buf *out)
{
    char name[NAME_LEN + 1];
    segment_name(name, s->offset);
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    buf_reserve(out, max);
    ssize_t got = pread(fd, out->data + out->len, max, (off_t)(from - s->offset));
    if (got > 0)
        out->len += (size_t)got;
    close(fd);
}

static void read_from(int dir_fd, const struct segments *s, uint64_t from, struct buf *out,
                      uint64_t *ret_offset)
{
    size_t began = out->len;
    *ret_offset = from;
    for (size_t i = 0; i < s->count; i++) {
        const struct segment *g = &s->items[i];
        uint64_t at = from + (out->len - began);
        if (at < g->offset && out->len == began)
            *ret_offset = from = at = g->offset; /* what came before was rotated away */
        size_t room = OUTLOG_READ_MAX - (out->len - began);
        if (at < g->offset || at >= g->offset + g->len || room == 0)
            continue;
        uint64_t left = g->offset + g->len - at;
        read_segment(dir_fd, g, at, left < room ? (size_t)left : room, out);
    }
}

int outlog_read(const char *dir, uint64_t offset, uint64_t tail_bytes, struct buf *out,
                uint64_t *ret_offset, uint64_t *ret_next)
{
    int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return 1;
    struct segments s = list(dir_fd);
    int rc = s.count == 0;
    if (rc == 0) {
        const struct segment *last = &s.items[s.count - 1];
        uint64_t end = last->offset + last->len;
        uint64_t tail = tail_bytes > 0 ? tail_bytes : OUTLOG_TAIL_BYTES;
        tail = tail < OUTLOG_READ_MAX ? tail : OUTLOG_READ_MAX;
        if (offset == 0)
            offset = end > tail ? end - tail : 0;
        size_t began = out->len;
        read_from(dir_fd, &s, offset < end ? offset : end, out, ret_offset);
        *ret_next = *ret_offset + (out->len - began);
    }
    mem_free(s.items);
    close(dir_fd);
    return rc;
}
