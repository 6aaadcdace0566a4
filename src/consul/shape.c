#include "consul/shape.h"

#include "http/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- which ---- */

bool consul_next(const struct dir_service *s, uint32_t *at, struct consul_group *ret)
{
    const struct lookup_endpoint *all = s->says.endpoints;
    uint32_t from = *at, end = from;

    if (from >= s->says.endpoints_n)
        return false;
    while (end < s->says.endpoints_n && ulid_equal(&all[end].instance, &all[from].instance) &&
           ulid_equal(&all[end].node, &all[from].node))
        end++;
    *ret = (struct consul_group){.service = s, .ports = all + from, .ports_n = end - from};
    *at = end;
    return true;
}

static int refuse(struct exchange *x, const char *text)
{
    answer_error(x, 400, "bad_request", "%s", text);
    return 1;
}

static int check_common(struct exchange *x)
{
    const struct target *t = &x->target;
    struct bytes dc = target_get(t, "dc"), near = target_get(t, "near");

    if (dc.len && !bytes_equal_str(dc, CONSUL_DATACENTER)) {
        answer_error(x, 500, "not_found", "No path to datacenter");
        return 1;
    }
    if (target_flag(t, "consistent"))
        return refuse(
            x, "there is no leader to be consistent with: every answer is this peer's own view");
    if (near.len && !bytes_equal_str(near, "_agent") && !bytes_equal_str(near, x->hub->name))
        return refuse(x, "near: write _agent, distances from other nodes are not known here");
    return 0;
}

int consul_check_query(struct exchange *x)
{
    if (target_has(&x->target, "filter"))
        return refuse(x, "there is no filter for this list here");
    return check_common(x);
}

const struct filter_selector consul_check_selectors[] = {
    {"CheckID", FILTER_TEXT},     {"Name", FILTER_TEXT},   {"Node", FILTER_TEXT},
    {"Notes", FILTER_TEXT},       {"Output", FILTER_TEXT}, {"ServiceID", FILTER_TEXT},
    {"ServiceName", FILTER_TEXT}, {"Status", FILTER_TEXT}, {"ServiceTags", FILTER_LIST},
    {NULL, FILTER_TEXT},
};

int consul_check_filtered(struct exchange *x, const struct filter_selector *selectors,
                          const struct filter **ret)
{
    struct bytes text = target_get(&x->target, "filter");
    const char *why;

    *ret = NULL;
    if (check_common(x))
        return 1;
    if (!text.len || filter_parse(ret, text, selectors, &x->mem, &why) == 0)
        return 0;
    answer_error(x, 400, "bad_request", "filter: %s", why);
    return 1;
}

void consul_sift(struct buf *out, size_t from, size_t object, const struct filter *f)
{
    if (!f || out->len == object)
        return;
    object += out->data[object] == ',';
    json_t *json = json_loadb((const char *)out->data + object, out->len - object, 0, NULL);

    if (!json || !filter_matches(f, json))
        out->len = from;
    json_decref(json);
}

struct bytes consul_tag(const struct consul_group *g, uint32_t i)
{
    return g->ports->own_tags ? g->ports->tags[i] : g->service->says.tags[i];
}

uint32_t consul_tags_n(const struct consul_group *g)
{
    return g->ports->own_tags ? g->ports->tags_n : g->service->says.tags_n;
}

/* Tags are compared without regard to case, as Consul does. */
static bool same_tag(struct bytes a, struct bytes b)
{
    return a.len == b.len && strncasecmp((const char *)a.data, (const char *)b.data, a.len) == 0;
}

static bool has_tag(const struct consul_group *g, struct bytes tag)
{
    for (uint32_t i = 0; i < consul_tags_n(g); i++) {
        if (same_tag(consul_tag(g, i), tag))
            return true;
    }
    return false;
}

static bool has_pair(const struct lookup_member *m, struct bytes key, struct bytes value)
{
    for (uint32_t i = 0; i < m->tags_n; i++) {
        if (bytes_equal(m->tags[i].key, key) && bytes_equal(m->tags[i].value, value))
            return true;
    }
    return false;
}

bool consul_node_wanted(const struct exchange *x, const struct lookup_member *m)
{
    struct bytes want;
    unsigned at = 0;

    while (target_each(&x->target, "node-meta", &at, &want)) {
        const uint8_t *colon = memchr(want.data, ':', want.len);
        size_t len = colon ? (size_t)(colon - want.data) : want.len;
        struct bytes value = colon ? bytes_of(colon + 1, want.len - len - 1) : (struct bytes){0};

        if (!has_pair(m, bytes_of(want.data, len), value))
            return false;
    }
    return true;
}

static bool is_wanted(const struct exchange *x, const struct consul_group *g)
{
    struct lookup_member m = consul_node_of(x->hub, g);
    struct bytes tag;
    unsigned at = 0;

    if (target_flag(&x->target, "passing") && g->ports->health != ENDPOINT_HEALTH_PASSING)
        return false;
    while (target_each(&x->target, "tag", &at, &tag)) {
        if (tag.len && !has_tag(g, tag))
            return false;
    }
    return consul_node_wanted(x, &m);
}

static int compare_near(const void *a, const void *b)
{
    const struct consul_group *x = a, *y = b;
    uint32_t i = x->ports->distance_us, k = y->ports->distance_us;

    if (i != k)
        return i < k ? -1 : 1;
    return x->ports < y->ports ? -1 : x->ports > y->ports; /* as they stood before */
}

uint32_t consul_groups(struct exchange *x, const struct dir_service *s,
                       const struct consul_group **ret)
{
    struct consul_group *list = arena_array(&x->mem, s->says.endpoints_n, sizeof(*list));
    uint32_t count = 0, at = 0;

    while (consul_next(s, &at, &list[count]))
        count += is_wanted(x, &list[count]);
    x->answer.fleeting = target_get(&x->target, "near").len > 0;
    if (count && x->answer.fleeting)
        qsort(list, count, sizeof(*list), compare_near);
    *ret = list;
    return count;
}

/* ---- what they are called ---- */

struct bytes consul_id(const struct consul_group *g, struct ulid_text *mem)
{
    struct bytes name = g->ports->registration;
    size_t host = consul_is_foreign(g) ? consul_meta_of(g, CONSUL_META_HOST).len + 1 : 0;

    if (name.len) /* of a foreign one HOST/ID */
        return host < name.len ? bytes_of(name.data + host, name.len - host) : name;
    *mem = ulid_text(&g->ports->instance);
    return bytes_str(mem->s);
}

uint32_t consul_checks(const struct consul_group *g, const struct endpoint_check **ret,
                       struct arena *mem)
{
    const struct lookup_endpoint *e = g->ports;
    struct ulid_text text;

    *ret = e->checks;
    if (e->checks_n || !endpoint_is_checked(e))
        return e->checks_n;
    struct endpoint_check *own = arena_alloc(mem, sizeof(*own));

    *own = (struct endpoint_check){
        .id = bytes_str(arena_printf(mem, "service:" BYTES_FMT, BYTES_ARG(consul_id(g, &text)))),
        .ttl_ms = e->ttl_ms,
        .health = endpoint_own_health(e),
        .output = e->output,
    };
    *ret = own;
    return 1;
}

struct bytes consul_meta_of(const struct consul_group *g, const char *name)
{
    for (uint32_t i = 0; i < g->ports->meta_n; i++) {
        if (bytes_equal_str(g->ports->meta[i].key, name))
            return g->ports->meta[i].value;
    }
    return (struct bytes){0};
}

bool consul_is_foreign(const struct consul_group *g)
{
    return g->ports->registration.len && consul_meta_of(g, CONSUL_META_HOST).len;
}

struct lookup_member consul_node_of(const struct hub *hub, const struct consul_group *g)
{
    const struct dir_member *m = directory_member(&hub->directory, &g->ports->node);

    if (consul_is_foreign(g)) /* each service says where it is, whatever others there say */
        return (struct lookup_member){.id = portrait_host(consul_meta_of(g, CONSUL_META_HOST)),
                                      .name = consul_meta_of(g, CONSUL_META_HOST),
                                      .host = consul_meta_of(g, CONSUL_META_ADDRESS),
                                      .state = MEMBER_STATE_UNKNOWN};
    if (m)
        return m->says;
    return (struct lookup_member){
        .id = g->ports->node, .name = g->ports->node_name, .state = MEMBER_STATE_UNKNOWN};
}

/* ---- parts ---- */

void consul_node_id(struct buf *out, const char *name, const struct ulid *id)
{
    char text[40];
    size_t len = 0;

    for (unsigned i = 0; i < sizeof(id->b); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            text[len++] = '-';
        text[len++] = "0123456789abcdef"[id->b[i] >> 4];
        text[len++] = "0123456789abcdef"[id->b[i] & 15];
    }
    json_text_of(out, name, bytes_of(text, len));
}

void consul_tags(struct buf *out, const char *name, const struct consul_group *g)
{
    json_name(out, name);
    json_open(out, '[');
    for (uint32_t i = 0; i < consul_tags_n(g); i++)
        json_text(out, consul_tag(g, i));
    json_close(out, ']');
}

/* What stands for something that clients see elsewhere. */
static bool is_inside(struct bytes key)
{
    return bytes_equal_str(key, LOOKUP_META_CHECK) || bytes_equal_str(key, CONSUL_META_HOST) ||
           bytes_equal_str(key, CONSUL_META_ADDRESS);
}

void consul_meta(struct buf *out, const char *name, const struct consul_group *g)
{
    bool own = g->ports->own_tags;
    const struct pair *meta = own ? g->ports->meta : g->service->says.meta;
    uint32_t meta_n = own ? g->ports->meta_n : g->service->says.meta_n;
    char key[128], value[16];

    json_name(out, name);
    json_open(out, '{');
    for (uint32_t i = 0; i < meta_n; i++) {
        if (is_inside(meta[i].key))
            continue;
        json_text(out, meta[i].key);
        buf_byte(out, ':');
        json_text(out, meta[i].value);
    }
    for (uint32_t i = 0; g->ports_n > 1 && i < g->ports_n; i++) {
        int len =
            snprintf(key, sizeof(key), "kith-port-" BYTES_FMT, BYTES_ARG(g->ports[i].port_name));

        snprintf(value, sizeof(value), "%u", g->ports[i].port);
        json_text(out, bytes_of(key, (size_t)len));
        buf_byte(out, ':');
        json_text(out, bytes_str(value));
    }
    json_close(out, '}');
}

void consul_weights(struct buf *out, const char *name, const struct consul_group *g)
{
    json_name(out, name);
    json_open(out, '{');
    json_unsigned_of(out, "Passing", g->ports->weight);
    json_unsigned_of(out, "Warning", 1);
    json_close(out, '}');
}

void consul_indexes(struct buf *out, uint64_t index)
{
    json_unsigned_of(out, "CreateIndex", index);
    json_unsigned_of(out, "ModifyIndex", index);
}

static void addresses(struct buf *out, struct bytes host)
{
    json_name(out, "TaggedAddresses");
    json_open(out, '{');
    json_text_of(out, "lan", host);
    json_text_of(out, "wan", host);
    json_close(out, '}');
}

/* ---- whole objects ---- */

void consul_node(struct buf *out, const struct lookup_member *m, uint64_t index)
{
    json_open(out, '{');
    consul_node_id(out, "ID", &m->id);
    json_text_of(out, "Node", m->name);
    json_text_of(out, "Address", m->host);
    json_string_of(out, "Datacenter", CONSUL_DATACENTER);
    addresses(out, m->host);
    json_pairs_of(out, "Meta", m->tags, m->tags_n);
    consul_indexes(out, index);
    json_close(out, '}');
}

void consul_service(struct buf *out, const struct consul_group *g)
{
    struct ulid_text text;

    json_open(out, '{');
    json_text_of(out, "ID", consul_id(g, &text));
    json_text_of(out, "Service", g->service->name);
    consul_tags(out, "Tags", g);
    json_text_of(out, "Address", g->ports->addr);
    consul_meta(out, "Meta", g);
    json_unsigned_of(out, "Port", g->ports->port);
    consul_weights(out, "Weights", g);
    json_bool_of(out, "EnableTagOverride", false);
    consul_indexes(out, g->service->index);
    json_close(out, '}');
}

struct check { /* what a check object says */
    struct bytes node, id, name, notes, output, service_id, service;
    const char *status, *type;
    const struct consul_group *group; /* NULL: of a node */
    uint64_t index;
};

static void write_check(struct buf *out, const struct check *c)
{
    json_open(out, '{');
    json_text_of(out, "Node", c->node);
    json_text_of(out, "CheckID", c->id);
    json_text_of(out, "Name", c->name);
    json_string_of(out, "Status", c->status);
    json_text_of(out, "Notes", c->notes);
    json_text_of(out, "Output", c->output);
    json_text_of(out, "ServiceID", c->service_id);
    json_text_of(out, "ServiceName", c->service);
    if (c->group)
        consul_tags(out, "ServiceTags", c->group);
    else
        json_texts_of(out, "ServiceTags", NULL, 0);
    json_string_of(out, "Type", c->type);
    json_pairs_of(out, "Definition", NULL, 0);
    consul_indexes(out, c->index);
    json_close(out, '}');
}

void consul_node_check(struct buf *out, const struct lookup_member *m, uint64_t index)
{
    bool alive = m->state == MEMBER_STATE_ALIVE;

    write_check(out, &(struct check){
                         .node = m->name,
                         .id = bytes_str("serfHealth"),
                         .name = bytes_str("Kith member"),
                         .output = bytes_str(member_state_name(m->state)),
                         .status = alive ? "passing" : "critical",
                         .type = "",
                         .index = index,
                     });
}

void consul_host_check(struct buf *out, const struct lookup_member *m,
                       const struct endpoint_check *check, uint64_t index)
{
    write_check(out, &(struct check){
                         .node = m->name,
                         .id = check->id,
                         .name = check->name,
                         .notes = check->notes,
                         .output = check->output,
                         .status = endpoint_health_name(check->health),
                         .type = check->ttl_ms ? "ttl" : "",
                         .index = index,
                     });
}

void consul_service_check(struct buf *out, const struct consul_group *g,
                          const struct endpoint_check *check, struct arena *mem)
{
    struct bytes name = check->name;
    struct ulid_text text;

    if (!name.len)
        name = bytes_str(
            arena_printf(mem, "Service '" BYTES_FMT "' check", BYTES_ARG(g->service->name)));
    write_check(out, &(struct check){
                         .node = consul_is_foreign(g) ? consul_meta_of(g, CONSUL_META_HOST)
                                                      : g->ports->node_name,
                         .id = check->id,
                         .name = name,
                         .notes = check->notes,
                         .output = check->output,
                         .service_id = consul_id(g, &text),
                         .service = g->service->name,
                         .status = endpoint_health_name(check->health),
                         .type = check->ttl_ms ? "ttl" : "",
                         .group = g,
                         .index = g->service->index,
                     });
}
