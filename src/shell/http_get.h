#ifndef KITH_SHELL_HTTP_GET_H
#define KITH_SHELL_HTTP_GET_H
/*
 * HTTP GET over libcurl's multi interface, driven by the caller's epoll. libcurl is loaded when the
 * first request is made: it is the dearest library in memory, and many hosts run no http check.
 * Each request makes a connection of its own, follows no redirect and asks no proxy.
 */
#include "base/time.h"
#include <stdbool.h>
#include <stddef.h>

#define HTTP_GET_BODY_MAX 65536 /* bytes of an answer that are read at most */

struct http_get;

struct http_result {
    void *owner; /* as given to http_get_start() */
    long status; /* 0: no answer, see why */
    const char *why;
};

/* epoll_fd gets descriptors with event data (tag << 32 | descriptor). */
struct http_get *http_get_new(int epoll_fd, uint32_t tag);
void http_get_free(struct http_get *h);

/* Returns a handle for http_get_cancel(), or NULL and *ret_why (static text). */
void *http_get_start(struct http_get *h, const char *url, void *owner, const char **ret_why);
void http_get_cancel(struct http_get *h, void *handle);

void http_get_ready(struct http_get *h, int fd, bool in, bool out, bool err);
void http_get_time(struct http_get *h, kith_time now_us); /* to be called at its deadline */
kith_time http_get_deadline(const struct http_get *h);

/* The next request that is over; its handle is gone then. */
bool http_get_result(struct http_get *h, struct http_result *ret);

#endif
