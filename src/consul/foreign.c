/* Consul's catalog/register and deregister: hosts that are no members, and services on them (decision 0091). */
#include "consul/body.h"
#include "consul/consul.h"
#include "consul/shape.h"

#include <string.h>

static void done(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    (void)kind;
    (void)payload;
    buf_str(answer_json(x), "true");
}

static bool is_here(const struct exchange *x, struct bytes node)
{
    return bytes_equal_str(node, x->hub->name);
}

/* A member's services are its own peer's to tell. 0, or 1: the answer is an error. */
static int check_node(struct exchange *x, struct bytes node)
{
    if (is_here(x, node) || !directory_named(&x->hub->directory, node))
        return 0;
    answer_error(x, 400, "bad_request", BYTES_FMT " is a member: ask its own peer",
                 BYTES_ARG(node));
    return 1;
}

/* "HOST/ID": IDs are one of a kind at a node. */
static struct bytes full_name(struct exchange *x, struct bytes node, struct bytes id)
{
    return bytes_str(
        arena_printf(&x->mem, BYTES_FMT "/" BYTES_FMT, BYTES_ARG(node), BYTES_ARG(id)));
}

/* What says where it really is, behind its own meta. 0, or 1: the answer is an error. */
static int place(struct exchange *x, const struct consul_entry *e, struct register_endpoint *r)
{
    struct pair *meta = arena_array(&x->mem, r->meta_n + 2, sizeof(*meta));

    if (r->meta_n)
        memcpy(meta, r->meta, r->meta_n * sizeof(*meta));
    meta[r->meta_n] = (struct pair){bytes_str(CONSUL_META_HOST), e->node};
    meta[r->meta_n + 1] = (struct pair){bytes_str(CONSUL_META_ADDRESS), e->address};
    r->meta = meta;
    r->meta_n += 2;
    r->name = full_name(x, e->node, r->name);
    if (!r->addr.len)
        r->addr = e->address;
    if (r->name.len <= REGISTER_ENDPOINT_NAME_MAX && r->meta_n <= REGISTER_ENDPOINT_META_MAX_ITEMS)
        return 0;
    answer_error(x, 400, "bad_request", "Node and ID together are too long, or Meta is too much");
    return 1;
}

static struct bytes encoded(struct exchange *x, const struct register_endpoint *r)
{
    struct buf out = {0};

    register_endpoint_encode(&out, r);
    struct bytes copy = arena_bytes(&x->mem, buf_bytes(&out));

    buf_deinit(&out);
    return copy;
}

/* The host itself, and what is on it, if anything is. */
static void register_elsewhere(struct exchange *x, struct consul_entry *e)
{
    struct register_endpoint host = {0};
    struct buf question = {0};
    struct bytes both[2];
    struct register_endpoints request = {.endpoints = both, .endpoints_n = 1};
    bool alone = !e->service.service.len;

    if (!e->address.len) {
        answer_error(x, 400, "bad_request", "a node that is no member needs an Address");
        return;
    }
    if (place(x, e, &host) || (!alone && place(x, e, &e->service)))
        return;
    both[0] = encoded(x, &host);
    if (!alone)
        both[request.endpoints_n++] = encoded(x, &e->service);
    register_endpoints_encode(&question, &request);
    exchange_ask(x, WIRE_REGISTER_ENDPOINTS, question, done);
}

void consul_catalog_register(struct exchange *x)
{
    struct consul_entry e;
    struct buf question = {0};
    const char *why;

    if (consul_read_entry(&e, buf_bytes(&x->body), &x->mem, &why)) {
        answer_error(x, 400, "bad_request", "%s", why);
        return;
    }
    if (check_node(x, e.node))
        return;
    if (!is_here(x, e.node)) {
        register_elsewhere(x, &e);
        return;
    }
    if (!e.service.service.len) { /* it is there: there is nothing to register */
        done(x, (enum wire_kind)0, (struct bytes){0});
        return;
    }
    register_endpoint_encode(&question, &e.service);
    exchange_ask(x, WIRE_REGISTER_ENDPOINT, question, done);
}

/* ---- ending ---- */

struct ending { /* registrations that are still to be ended */
    struct bytes *names;
    size_t n;
};

static void end_next(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    struct ending *rest = x->work;
    struct buf question = {0};

    if (rest->n == 0) {
        done(x, kind, payload);
        return;
    }
    deregister_endpoint_encode(&question,
                               &(struct deregister_endpoint){.name = rest->names[--rest->n]});
    exchange_ask(x, WIRE_DEREGISTER_ENDPOINT, question, end_next);
}

/* Calls `found` with each endpoint of a host that is no member. */
static void each_of(struct exchange *x, struct bytes node,
                    void (*found)(struct exchange *x, const struct consul_group *g))
{
    struct consul_group g;

    for (const struct dir_service *s = directory_first(&x->hub->directory); s;
         s = directory_next(s)) {
        uint32_t at = 0;

        while (consul_next(s, &at, &g)) {
            if (bytes_equal(consul_meta_of(&g, CONSUL_META_HOST), node))
                found(x, &g);
        }
    }
}

#define ENDING_MAX 1024u /* at once: each is a question */

static void gather(struct exchange *x, const struct consul_group *g)
{
    struct ending *e = x->work;

    if (ulid_equal(&g->ports->node, &x->hub->self) && e->n < ENDING_MAX)
        e->names[e->n++] = arena_bytes(&x->mem, g->ports->registration);
}

static void refuse_others(struct exchange *x, const struct consul_group *g)
{
    if (!ulid_equal(&g->ports->node, &x->hub->self) && x->answer.status == 0)
        answer_error(x, 400, "bad_request",
                     "it was registered with " BYTES_FMT ", which answers for it: ask that peer",
                     BYTES_ARG(g->ports->node_name));
}

static void end_all(struct exchange *x, struct bytes node)
{
    struct ending *e = arena_alloc(&x->mem, sizeof(*e));

    e->names = arena_array(&x->mem, ENDING_MAX + 1, sizeof(*e->names));
    x->work = e;
    each_of(x, node, refuse_others);
    if (x->answer.status)
        return;
    each_of(x, node, gather);
    if (directory_elsewhere(&x->hub->directory,
                            node)) /* the first to end: if it is another peer's, that says so */
        e->names[e->n++] = full_name(x, node, bytes_str(""));
    end_next(x, (enum wire_kind)0, (struct bytes){0});
}

void consul_catalog_deregister(struct exchange *x)
{
    struct consul_entry e;
    struct buf question = {0};
    const char *why;

    if (consul_read_ending(&e, buf_bytes(&x->body), &x->mem, &why)) {
        answer_error(x, 400, "bad_request", "%s", why);
        return;
    }
    struct bytes id = e.service.name;

    if (check_node(x, e.node))
        return;
    if (!id.len && is_here(x, e.node)) {
        answer_error(x, 400, "bad_request", "a member ends by leaving: PUT /v1/agent/leave");
        return;
    }
    if (!id.len) {
        end_all(x, e.node);
        return;
    }
    struct deregister_endpoint request = {.name =
                                              is_here(x, e.node) ? id : full_name(x, e.node, id)};

    if (request.name.len > DEREGISTER_ENDPOINT_NAME_MAX) {
        answer_error(x, 404, "not_found", "there is no service of such an ID");
        return;
    }
    deregister_endpoint_encode(&question, &request);
    exchange_ask(x, WIRE_DEREGISTER_ENDPOINT, question, done);
}
