#ifndef KITH_CONSUL_SHAPE_H
#define KITH_CONSUL_SHAPE_H
/*
 * Nodes, service instances and checks as Consul's HTTP API writes them, and which of them a request asks for. Source:
 * Consul's API documentation, 1.15.
 *
 * A node's ID is its ULID written as a UUID. A service's ID is the name of its registration, or the ULID of an instance that
 * Kith started. An instance with several ports is listed with its first one; all of them are in its Meta
 * ("kith-port-NAME").
 */
#include "consul/filter.h"
#include "http/exchange.h"

#define CONSUL_DATACENTER "kith"

struct consul_group { /* an instance by all its ports */
    const struct dir_service *service;
    const struct lookup_endpoint *ports; /* at least one; what is said of all is in the first */
    uint32_t ports_n;
};

/* What a request wants to see of a service: passing, tag, near, node-meta and the like. 0, or 1: the answer is an
 * error. */
int consul_check_query(struct exchange *x);
/* The same where `filter` may be given; *ret is NULL when it is not. */
int consul_check_filtered(struct exchange *x, const struct filter_selector *selectors,
                          const struct filter **ret);
/* What was written from `from` on is an item of a list, with its object at `object`: it is taken away again unless the
 * filter, which may be NULL, wants it. */
void consul_sift(struct buf *out, size_t from, size_t object, const struct filter *f);

extern const struct filter_selector consul_check_selectors[];

/* Those of a service that the request asks for, in its order; in the exchange's mem. */
uint32_t consul_groups(struct exchange *x, const struct dir_service *s,
                       const struct consul_group **ret);
/* The next instance of a service; begin with *at 0. */
bool consul_next(const struct dir_service *s, uint32_t *at, struct consul_group *ret);

struct bytes consul_id(const struct consul_group *g, struct ulid_text *mem);
/* All of its checks: of an instance that Kith started, and of a registration with one plain check, one; perhaps none. In `mem`, or
 * borrowed. */
uint32_t consul_checks(const struct consul_group *g, const struct endpoint_check **ret,
                       struct arena *mem);

/* In the meta of a registration that stands for a host that is no member: its name, and where it is. */
#define CONSUL_META_HOST    LOOKUP_META_HOST
#define CONSUL_META_ADDRESS LOOKUP_META_ADDRESS

/* One of its own meta; empty: it has none of that name. */
struct bytes consul_meta_of(const struct consul_group *g, const char *name);
bool consul_is_foreign(const struct consul_group *g);

/* Members of an object that is open. */
void consul_node_id(struct buf *out, const char *name, const struct ulid *id);
uint32_t consul_tags_n(const struct consul_group *g);
struct bytes consul_tag(const struct consul_group *g, uint32_t i);
void consul_tags(struct buf *out, const char *name, const struct consul_group *g);
void consul_meta(struct buf *out, const char *name, const struct consul_group *g);
void consul_weights(struct buf *out, const char *name, const struct consul_group *g);
void consul_indexes(struct buf *out, uint64_t index);

/* Whole objects. */
void consul_node(struct buf *out, const struct lookup_member *m, uint64_t index);
void consul_service(struct buf *out, const struct consul_group *g);
void consul_node_check(struct buf *out, const struct lookup_member *m, uint64_t index);
/* One that somebody registered of the node itself. */
void consul_host_check(struct buf *out, const struct lookup_member *m,
                       const struct endpoint_check *check, uint64_t index);
void consul_service_check(struct buf *out, const struct consul_group *g,
                          const struct endpoint_check *check, struct arena *mem);

/* The node of an instance: a member, of one that is not known only its name; or a host that is none, without an id. */
struct lookup_member consul_node_of(const struct hub *hub, const struct consul_group *g);

/* The request wants only nodes with such tags (node-meta=KEY:VALUE). */
bool consul_node_wanted(const struct exchange *x, const struct lookup_member *m);

#endif
