#ifndef KITH_HTTP_ACCESS_LOG_H
#define KITH_HTTP_ACCESS_LOG_H
/*
 * A line for each request, in the Common Log Format with the time it took behind: "127.0.0.1 - -
 * [21/Nov/2026:22:30:00 +0000] "GET /v1/catalog/services HTTP/1.1" 200 512 0.000123". The third word is "token" for
 * who brought one. Tokens in the query are not written; what is not printable is escaped as %XX.
 *
 * Written a page at a time, or when there is nothing else to do, into a file that is appended to. A full disk costs
 * lines, and nothing else. At ACCESS_LOG_MAX the file is renamed to PATH.1, in place of the one before, and begun anew; whoever
 * moves it away himself says so (access_log_reopen()).
 */
#include "base/buf.h"
#include "base/time.h"

#define ACCESS_CLIENT_SIZE 48          /* an address as text */
#define ACCESS_LOG_MAX     (64u << 20) /* bytes of a file: half a million lines, two files */

struct access {
    const char *client, *method, *target;
    unsigned status;
    size_t bytes; /* of the answer's body */
    bool token;   /* it came with one */
    kith_time took_us;
};

struct access_log;

/* NULL with the reason in *why. */
struct access_log *access_log_open(const char *path, struct buf *why);
void access_log_close(struct access_log *l); /* may be given NULL */
/* The path is opened once more; where it cannot be, lines go on into the former file. May be given NULL. */
void access_log_reopen(struct access_log *l);

void access_log_add(struct access_log *l, const struct access *a);
void access_log_flush(struct access_log *l); /* may be given NULL */

/* The line, for tests too. */
void access_log_line(struct buf *out, const struct access *a, int64_t wall_s);

#endif
