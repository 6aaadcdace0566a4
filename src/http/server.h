#ifndef KITH_HTTP_SERVER_H
#define KITH_HTTP_SERVER_H
/*
 * HTTP as such, by libmicrohttpd: connections in, exchanges (exchange.h) answered, in the caller's thread; nothing here
 * blocks. Decides who may ask, how many may, and for how long.
 *
 * An exchange that waits has its connection suspended, so it costs no time. libmicrohttpd does not notice then that the
 * client has gone: that is watched for here, and its descriptor is given back at once.
 *
 * Limits: SERVER_CONNECTIONS_MAX, or what the system's limit of open files leaves, and who goes when there are more
 * (callers.h); a sixteenth of them is kept free of waiting ones, which are refused beyond that (429), and so are WebSockets by TLS beyond
 * a sixteenth, since each has three descriptors. Headers fit
 * into SERVER_MEMORY (431), a body into SERVER_BODY_MAX (413). Who takes nothing of an answer for SERVER_IDLE_S is closed, one whose host
 * is silent after SERVER_SILENT_S. Answers on their way hold SERVER_UNSENT_MAX bytes at most, others are refused meanwhile (503).
 */
#include "http/exchange.h"
#include "shell/pollset.h"

#define SERVER_CONNECTIONS_MAX 10000u
#define SERVER_FILES_KEPT      8500u /* of the limit of open files: for the peer's own connections */
#define SERVER_MEMORY          6144u /* a connection: request line, headers, and those of the answer */
#define SERVER_BODY_MAX        (1u << 20)
#define SERVER_IDLE_S          60u
#define SERVER_SILENT_S        30u
#define SERVER_HELD_BYTES      (256 << 10)  /* of one connection, by the kernel */
#define SERVER_UNSENT_MAX      (256u << 20) /* 9,000 who wait for one service are woken at once */
#define SERVER_ADDRESSES_MAX   4

struct ask;
struct access_log;
struct tls;

#define SERVER_TLS "https://"

struct server_config { /* borrowed until server_free() */
    struct hub *hub;
    const struct route_table *const *routes; /* NULL is behind the last */
    struct ask *ask;
    struct access_log *log; /* NULL: none */
    struct tls *tls;        /* NULL: none */
};

struct server;

struct server *server_new(const struct server_config *config);
void server_free(struct server *s);

/* Without "https://". */
const char *server_address(const char *address);

/* Listens on ADDR:PORT or [ADDR]:PORT as well, and speaks TLS there when "https://" stands before it, which config->tls has to be
 * there for. 0, or 1 with the reason in *why. */
int server_listen(struct server *s, const char *address, struct buf *why);

/* One turn: wait until there is something in the set or the deadline has come, run. All addresses are known before. */
void server_join(struct server *s, struct pollset *p);
void server_leave(struct server *s); /* before the set ends */
kith_time server_deadline(const struct server *s);
void server_run(struct server *s);

/* The directory's news: what this waited for has changed. */
void server_woken(struct server *s, struct watcher *w);
/* The peer's answer to a question. */
void server_answered(struct server *s, uint64_t number, enum wire_kind kind, struct bytes payload);

#endif
