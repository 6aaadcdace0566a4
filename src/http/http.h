#ifndef KITH_HTTP_HTTP_H
#define KITH_HTTP_HTTP_H
/*
 * The thread that answers HTTP. It reads services from the look-up file of this host, and is told of what has changed in it
 * (directory.h), so that reads are answered here, at once, whatever the peer's thread or
 * others do; only changes and /metrics ask the peer (ask.h).
 *
 * SIGHUP, which the caller has blocked in all threads, has it open the access log anew and read the certificate again.
 *
 * The parts, bottom up: target, route, json, directory, shelf (pure); exchange (a request and its answer), stream; access_log, pass,
 * ask, server (the outside); this, which joins them. What is answered stands in tables of routes that it is given: src/consul and
 * src/native have them.
 */
#include "http/feed.h"

#include <czmq.h>

#define HTTP_FEED_AT_ONCE 64 /* jobs taken in before requests get their turn again */

struct http_config {                         /* borrowed until http_stop() */
    const struct route_table *const *routes; /* what is answered; NULL is behind the last */
    const char *topic;                       /* that is followed */
    feed_taken *topic_taken;                 /* its messages */
    const char *const
        *addresses; /* [https://]ADDR:PORT; the first is the one that is told to clients */
    size_t addresses_n;
    const char *access_log;        /* path; NULL: none */
    const char *certificate, *key; /* paths (tls.h); NULL: none */
    const char *lookups;           /* folder of the look-up file, which answers are read from */
    struct bytes token;            /* empty: everybody may do everything (--insecure) */
    struct ulid self;
    const char *name, *version;
    void (*more_metrics)(void *arg,
                         struct buf *out); /* of other threads, behind our own; NULL: none */
    void *more_arg;
};

struct http;

/* Listens; nothing is answered yet. NULL with the reason in *why. */
struct http *http_open(const struct http_config *config, struct buf *why);

/* Where the look-ups' thread passes its jobs on (shell/lookups.h); http_stop() closes it, when that thread has ended. */
zsock_t *http_feed(struct http *h);
/* Where the peer's thread passes jobs on that are about keys (shell/loop.h); as above. */
zsock_t *http_keys(struct http *h);

/* From now on requests are answered, by a thread. `context`: shell/transport.h, until http_stop(). */
void http_start(struct http *h, void *context);

/* What waits is answered, with 503. May be given NULL. */
void http_stop(struct http *h);

#endif
