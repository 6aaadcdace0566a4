#include "http/access_log.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PAGE 32768u /* written at once */

struct access_log {
    char *path;
    int fd;
    size_t bytes;     /* of the file */
    struct buf lines; /* not written yet */
};

/* 0, or errno: nothing has changed. */
static int open_file(struct access_log *l)
{
    int fd = open(l->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    struct stat is;

    if (fd < 0)
        return errno;
    if (l->fd >= 0)
        close(l->fd);
    l->fd = fd;
    l->bytes = fstat(fd, &is) == 0 ? (size_t)is.st_size : 0;
    return 0;
}

struct access_log *access_log_open(const char *path, struct buf *why)
{
    struct access_log *l = mem_alloc(sizeof(*l));

    l->fd = -1;
    l->path = mem_str(path);
    int problem = open_file(l);

    if (problem == 0)
        return l;
    buf_printf(why, "cannot write %s: %s\n", path, strerror(problem));
    mem_free(l->path);
    mem_free(l);
    return NULL;
}

void access_log_close(struct access_log *l)
{
    if (!l)
        return;
    access_log_flush(l);
    close(l->fd);
    buf_deinit(&l->lines);
    mem_free(l->path);
    mem_free(l);
}

void access_log_reopen(struct access_log *l)
{
    access_log_flush(l);
    if (l)
        (void)open_file(l);
}

/* The former one gives way. */
static void begin_anew(struct access_log *l)
{
    struct buf other = {0};

    buf_printf(&other, "%s.1", l->path);
    if (rename(l->path, buf_cstr(&other)) == 0)
        (void)open_file(l);
    buf_deinit(&other);
}

/* Without the values of tokens. */
static void add_target(struct buf *out, const char *target)
{
    static const char token[] = "token=";

    for (const char *at = target; *at; at++) {
        bool named = at > target && (at[-1] == '?' || at[-1] == '&');

        if (named && strncmp(at, token, sizeof(token) - 1) == 0) {
            buf_str(out, "token=-");
            at += strcspn(at, "&") - 1;
        } else if (*at <= ' ' || *at >= 0x7f || *at == '"' || *at == '\\') {
            buf_printf(out, "%%%02X", (unsigned char)*at);
        } else {
            buf_byte(out, (uint8_t)*at);
        }
    }
}

void access_log_line(struct buf *out, const struct access *a, int64_t wall_s)
{
    time_t at = (time_t)wall_s;
    char when[40] = "";
    struct tm tm;

    if (gmtime_r(&at, &tm))
        strftime(when, sizeof(when), "%d/%b/%Y:%H:%M:%S +0000", &tm);
    buf_printf(out, "%s - %s [%s] \"%s ", a->client, a->token ? "token" : "-", when, a->method);
    add_target(out, a->target);
    buf_printf(out, " HTTP/1.1\" %u %zu %lld.%06lld\n", a->status, a->bytes,
               (long long)(a->took_us / KITH_SEC), (long long)(a->took_us % KITH_SEC));
}

void access_log_add(struct access_log *l, const struct access *a)
{
    access_log_line(&l->lines, a, (int64_t)time(NULL));
    if (l->lines.len >= PAGE)
        access_log_flush(l);
}

void access_log_flush(struct access_log *l)
{
    if (!l || l->lines.len == 0)
        return;
    ssize_t written = write(l->fd, l->lines.data, l->lines.len);

    l->bytes += written > 0 ? (size_t)written : 0;
    buf_reset(&l->lines);
    if (l->bytes >= ACCESS_LOG_MAX)
        begin_anew(l);
}
