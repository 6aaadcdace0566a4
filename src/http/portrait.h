#ifndef KITH_HTTP_PORTRAIT_H
#define KITH_HTTP_PORTRAIT_H
/*
 * As much of a service as tells whether answers about it have changed: hashes of 64 bits in place of its endpoints, 24
 * bytes for each node that has some. Its endpoints themselves are in the look-up file. Two services of one portrait
 * give the same answers, but for a chance of one in 2^64. Pure.
 *
 * How near an endpoint is does not count, nor does where it stands for that.
 */
#include "base/arena.h"
#include "wire/effect.h"

#define PORTRAIT_HEALTHS (ENDPOINT_HEALTH_CRITICAL + 1)

struct portrait_part {
    struct ulid
        node;      /* or portrait_host() of a host that is no member, for which some node answers */
    uint64_t hash; /* of all endpoints there */
};

struct portrait {
    uint64_t face;       /* of the service's own tags and meta */
    struct bytes listed; /* as the list of services shows it: "+" when it has endpoints,
                                          else "-", and its tags with a NUL behind each */
    uint32_t healths[PORTRAIT_HEALTHS]; /* endpoints of each health */
    bool checked[PORTRAIT_HEALTHS];     /* there is a check in that state (endpoint_is_checked()) */
    uint32_t parts_n;
    struct portrait_part parts[]; /* in order of node; `listed` is behind them */
};

/* What a host that is no member is called where nodes have their ids: made of its name. */
struct ulid portrait_host(struct bytes name);

/* Its endpoints and those that fail as one list (`endpoints`, none `failing`) in an order that does not change with the
 * distance: by node, or host that is none, and instance. The list is in `mem`, the rest is what `s` has. */
struct lookup_service portrait_in_order(const struct lookup_service *s, struct arena *mem);

/* Consul's clients see checks of it: it has a list of them; or Kith started it, it has to be renewed, or it is not well. */
bool endpoint_is_checked(const struct lookup_endpoint *e);

/* How it does by its own checks, whatever those of its host say. */
enum endpoint_health endpoint_own_health(const struct lookup_endpoint *e);

/* Of a service in order. */
struct portrait *portrait_new(const struct lookup_service *s);
void portrait_free(struct portrait *p); /* may be given NULL */

bool portrait_equal(const struct portrait *a, const struct portrait *b);
bool portrait_is_on(const struct portrait *p, const struct ulid *node);

/* Calls `differs` with each node whose endpoints, or what is said of them, are not the same in both. Either may be NULL:
 * a service without endpoints. */
void portrait_compare(const struct portrait *a, const struct portrait *b,
                      void (*differs)(void *arg, const struct ulid *node), void *arg);

#endif
