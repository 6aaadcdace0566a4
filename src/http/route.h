#ifndef KITH_HTTP_ROUTE_H
#define KITH_HTTP_ROUTE_H
/*
 * Which handler answers a request: a table of methods and path patterns, the first that fits. Pure.
 *
 * A pattern is written like the path, with ":" for a segment that may be anything but empty: "/v1/health/service/:". What
 * stands there is handed to the handler in order. A "*" at the end is all that is behind, slashes and all, or nothing.
 */
#include "base/buf.h"
#include "http/target.h"

enum http_method {                 /* bits of a set */
                   METHOD_GET = 1, /* HEAD too: its answer just has no body */
                   METHOD_PUT = 2,
                   METHOD_POST = 4,
                   METHOD_DELETE = 8,
};

struct exchange;
typedef void route_handler(struct exchange *x);

/* Whatever the method: older clients of Consul send some changes by GET. Secrets are what reading alone does not show
 * everybody on the host: what programs print (AUTHORITY_LOGS), and the environment that they are given. */
enum route_effect { ROUTE_READS, ROUTE_SECRETS, ROUTE_CHANGES };

struct route {
    unsigned methods; /* a set */
    enum route_effect effect;
    const char *path;
    route_handler *handle;
};

#define ROUTE_ARGS_MAX 4

struct route_table {
    const struct route *routes;
    size_t n;
};

struct route_match {
    const struct route *route;
    struct bytes args[ROUTE_ARGS_MAX];
    unsigned args_n;
    unsigned methods; /* that the path would take, when the method was wrong */
};

enum { ROUTE_UNKNOWN = 1, ROUTE_METHOD = 2 };

/* The method by its name; 0: none that is known. */
unsigned route_method(const char *name);
/* "GET, PUT": a set as it stands in the header Allow. */
void route_allow(struct buf *out, unsigned methods);

/* In these tables (NULL is behind the last), one after the other. 0, ROUTE_UNKNOWN: no such path, or ROUTE_METHOD: not with this
 * method. */
int route_find(struct route_match *ret, const struct route_table *const *tables, unsigned method,
               const struct target *t);

#endif
