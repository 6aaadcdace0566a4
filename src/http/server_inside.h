#ifndef KITH_HTTP_SERVER_INSIDE_H
#define KITH_HTTP_SERVER_INSIDE_H
/* What the files of the server share (server.h). */
#include "base/tree.h"
#include "http/access_log.h"
#include "http/server.h"

#include <bsd/sys/queue.h>
#include <microhttpd.h>

struct socket;

TAILQ_HEAD(socket_list, socket);

struct sockets { /* all WebSockets */
    int epoll_fd;
    struct pollset_item item;
    struct socket_list list;   /* the one to be looked at first, first */
    struct socket_list closed; /* in this turn */
    uint32_t tls_n, tls_max;   /* by TLS: each has three descriptors */
    uint32_t ending_n;         /* of these, that are closed here and not yet by libmicrohttpd */
};

struct visit { /* a request, from its first line until its answer is out or its client gone */
    struct exchange x;
    struct server *server;
    struct MHD_Connection *connection;
    char *raw;                                  /* target */
    char method[8], client[ACCESS_CLIENT_SIZE]; /* for the log */
    size_t sent;                                /* bytes of the answer */
    size_t held;                                /* of these, until it is out */
    kith_time came_us;
    uint64_t number; /* of its question to the peer */
    bool read;       /* its headers are */
    bool too_large;
    bool begun; /* it is read whole, and was handled */
    bool suspended;
    bool woken;         /* it has been suspended: its handler is to look again */
    struct buf pending; /* of a stream: bytes that are to go out */
    size_t pending_at;
    bool quiet;            /* nothing went out for a while */
    struct socket *socket; /* of a stream that is one; NULL */
    bool ending;           /* counted by ending_n */
    TREE_ENTRY(visit) by_due, by_number;
};

/* Nothing is done for it until it goes on: by the directory's news, the peer's answer, its client's end, or when x.until_us has
 * come. It goes on as soon as libmicrohttpd runs again. */
void server_suspend(struct visit *v);
bool server_is_ending(const struct visit *v);

struct sockets *server_sockets(struct visit *v);

/* server_stream.c: begins to answer a stream with server-sent events. */
enum MHD_Result server_stream(struct visit *v);

/* server_socket.c: WebSockets. Whether the request is for one, whether there is a place for it, whether it can be, and its begin: 101. */
bool socket_is_asked_for(struct MHD_Connection *connection);
bool socket_has_room(struct visit *v);
bool socket_is_possible(const struct visit *v);
enum MHD_Result socket_begin(struct visit *v);
void socket_woken(struct sockets *all, struct socket *k); /* there is something to tell */

void sockets_init(struct sockets *all, uint32_t tls_max);
void sockets_deinit(struct sockets *all); /* they hear why */
kith_time sockets_deadline(const struct sockets *all);
void sockets_run(struct sockets *all, kith_time now_us);

#endif
