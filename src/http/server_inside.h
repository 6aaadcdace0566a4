#ifndef KITH_HTTP_SERVER_INSIDE_H
#define KITH_HTTP_SERVER_INSIDE_H
/* What the files of the server share (server.h). */
#include "base/tree.h"
#include "http/access_log.h"
#include "http/server.h"

#include <microhttpd.h>

struct visit { /* a request, from its first line until its answer is out or its client gone */
    struct exchange x;
    struct server *server;
    struct MHD_Connection *connection;
    char *raw;                                  /* target */
    char method[8], client[ACCESS_CLIENT_SIZE]; /* for the log */
    size_t sent;                                /* bytes of the answer */
    kith_time came_us;
    uint64_t number; /* of its question to the peer */
    bool read;       /* its headers are */
    bool too_large;
    bool begun; /* it is read whole, and was handled */
    bool suspended;
    bool woken;         /* it has been suspended: its handler is to look again */
    struct buf pending; /* of a stream: bytes that are to go out */
    size_t pending_at;
    bool quiet; /* nothing went out for a while */
    TREE_ENTRY(visit) by_due, by_number;
};

/* Nothing is done for it until it goes on: by the directory's news, the peer's answer, its client's end, or when x.until_us has
 * come. It goes on as soon as libmicrohttpd runs again. */
void server_suspend(struct visit *v);
bool server_is_ending(const struct visit *v);

/* server_stream.c: begins to answer a stream with server-sent events. */
enum MHD_Result server_stream(struct visit *v);

#endif
