#include "control/lookups.h"

#include "base/mem.h"
#include "control/checklist.h"
#include "control/inside.h"
#include "control/standing.h"

#include <stdlib.h>

struct lookups_name {
    struct bytes name;
    TREE_ENTRY(lookups_name) by_name;
};

struct lookups_node {
    struct ulid id;
    TREE_ENTRY(lookups_node) by_id;
};

static inline int compare(const struct lookups_name *a, const struct lookups_name *b)
{
    return bytes_compare(a->name, b->name);
}

static inline int compare_nodes(const struct lookups_node *a, const struct lookups_node *b)
{
    return ulid_compare(&a->id, &b->id);
}

TREE_FUNCTIONS(lookups_tree, lookups_name, by_name, compare)
TREE_FUNCTIONS(lookups_nodes, lookups_node, by_id, compare_nodes)

static void drop(struct lookups *l, struct lookups_name *n)
{
    TREE_REMOVE(lookups_tree, &l->names, n);
    mem_free((void *)(uintptr_t)n->name.data);
    mem_free(n);
}

static void drop_node(struct lookups *l, struct lookups_node *n)
{
    TREE_REMOVE(lookups_nodes, &l->nodes, n);
    mem_free(n);
}

void lookups_deinit(struct lookups *l)
{
    struct lookups_name *n, *next;
    struct lookups_node *node, *next_node;

    TREE_FOREACH_SAFE(n, lookups_tree, &l->names, next)
    drop(l, n);
    TREE_FOREACH_SAFE(node, lookups_nodes, &l->nodes, next_node)
    drop_node(l, node);
}

void lookups_touch(struct lookups *l, struct bytes name)
{
    struct lookups_name key = {.name = name};

    if (!l || !l->on || !name.len || TREE_FIND(lookups_tree, &l->names, &key))
        return;
    struct lookups_name *n = mem_alloc(sizeof(*n));

    n->name = bytes_of(mem_copy(name.data, name.len), name.len);
    TREE_INSERT(lookups_tree, &l->names, n);
}

void lookups_touch_member(struct lookups *l, const struct ulid *id)
{
    struct lookups_node key = {.id = *id};

    if (!l->on || TREE_FIND(lookups_nodes, &l->nodes, &key))
        return;
    struct lookups_node *n = mem_alloc(sizeof(*n));

    n->id = *id;
    TREE_INSERT(lookups_nodes, &l->nodes, n);
}

void lookups_begin(struct control *c, kith_time at_us)
{
    struct lookups *l = &c->lookups;
    const struct member *m;
    const struct content *n;

    l->anew = true;
    l->whole = false;
    l->after_us = at_us;
    NAMES_FOREACH(n, &c->catalog)
    lookups_touch(l, content_key(n));
    registrations_touch_all(c);
    for (m = members_first(c->catalog.members); m; m = members_next(c->catalog.members, m))
        lookups_touch_member(l, &m->id);
}

/* Own host first, then in order of slot, as every peer lists them. */
static uint32_t distance_us(const struct control *c, const struct ulid *node)
{
    return ulid_equal(node, &c->self) ? 0 : LOOKUP_FAR;
}

static struct lookup_endpoint at_node(const struct control *c, const struct ulid *node)
{
    return (struct lookup_endpoint){
        .node = *node,
        .node_name = node_name(&c->catalog, node),
        .weight = LOOKUP_WEIGHT,
        .distance_us = distance_us(c, node),
    };
}

/* It is as bad as its host. */
static void shade(const struct control *c, struct lookup_endpoint *e)
{
    enum endpoint_health host = registrations_host_health(c, &e->node);

    if (host <= e->health)
        return;
    e->by_host = true;
    e->own = e->health;
    e->health = host;
}

/* One for each port, and one if there is none. Returns how many. */
static uint32_t add_ports(const struct lookup_endpoint *one, const struct bound_port *ports,
                          uint32_t ports_n, struct lookup_endpoint *list)
{
    list[0] = *one;
    for (uint32_t k = 0; k < ports_n; k++) {
        list[k] = *one;
        list[k].port_name = ports[k].name;
        list[k].port = ports[k].port;
    }
    return ports_n ? ports_n : 1;
}

static uint32_t add_instance(const struct control *c, const struct instance *i,
                             struct lookup_endpoint *list, struct arena *mem)
{
    struct lookup_endpoint one = at_node(c, instance_node(i));
    const struct instance_row *says = instance_says(i, mem);

    one.instance = *instance_id(i);
    one.addr = says->addr;
    if (!instance_healthy(&c->catalog, i)) {
        one.health = ENDPOINT_HEALTH_CRITICAL;
        one.output = says->reason;
    }
    shade(c, &one);
    maintenance_shade(c, &one, mem);
    return add_ports(&one, says->ports, says->ports_n, list);
}

static uint32_t add_registration(const struct control *c, const struct registration *r,
                                 struct lookup_endpoint *list, struct arena *mem)
{
    struct lookup_endpoint one = at_node(c, registration_node(r));
    const struct registration_row *says = registration_says(r, mem);

    one.instance = *registration_id(r);
    one.addr = says->addr;
    one.own_tags = true;
    one.tags = says->tags;
    one.tags_n = says->tags_n;
    one.meta = says->meta;
    one.meta_n = says->meta_n;
    one.health = says->health;
    one.registration = says->name;
    one.ttl_ms = says->ttl_ms;
    one.output = says->output;
    if (!checklist_is_plain(says)) {
        struct checklist checks = checklist_of(says, mem);

        one.checks = checks.items;
        one.checks_n = checks.n;
    }
    if (!registration_is_foreign(says))
        shade(c, &one);
    maintenance_shade(c, &one, mem);
    return add_ports(&one, says->ports, says->ports_n, list);
}

struct near { /* an endpoint and where it stood: sorting keeps that order among equals */
    uint32_t distance_us, number;
};

static int compare_near(const void *a, const void *b)
{
    const struct near *x = a, *y = b;

    if (x->distance_us != y->distance_us)
        return x->distance_us < y->distance_us ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

static const struct lookup_endpoint *near_first(const struct lookup_endpoint *list, uint32_t count,
                                                struct arena *mem)
{
    struct near *order = arena_array(mem, count, sizeof(*order));
    struct lookup_endpoint *sorted = arena_array(mem, count, sizeof(*sorted));

    for (uint32_t k = 0; k < count; k++)
        order[k] = (struct near){.distance_us = list[k].distance_us, .number = k};
    if (count)
        qsort(order, count, sizeof(*order), compare_near);
    for (uint32_t k = 0; k < count; k++)
        sorted[k] = list[order[k].number];
    return sorted;
}

static uint32_t entries_of(uint32_t ports_n)
{
    return ports_n ? ports_n : 1;
}

/* At most so many endpoints are to be told of. */
static size_t endpoints_max(const struct control *c, const struct service *s, struct bytes name)
{
    struct registrations_walk registered = registrations_of(c, name);
    const struct registration *r;
    struct instance *i;
    size_t max = 0;

    while ((r = registrations_next(&registered)) != NULL)
        max += entries_of(r->ports_n);
    if (!s)
        return max;
    FLEET_FOREACH (i, service_fleet(s))
        max += entries_of(i->ports_n);
    return max;
}

static bool is_failing(const struct lookup_endpoint *e)
{
    return e->health == ENDPOINT_HEALTH_CRITICAL;
}

/* Two lists of one; the order in both is kept. */
static void split(struct lookup_service *ret, const struct lookup_endpoint *list, uint32_t count,
                  struct arena *mem)
{
    struct lookup_endpoint *good = arena_array(mem, count, sizeof(*good));
    struct lookup_endpoint *failing = arena_array(mem, count, sizeof(*failing));

    for (uint32_t k = 0; k < count; k++) {
        if (is_failing(&list[k]))
            failing[ret->failing_n++] = list[k];
        else
            good[ret->endpoints_n++] = list[k];
    }
    ret->endpoints = near_first(good, ret->endpoints_n, mem);
    ret->failing = failing;
}

/* What Kith started, if it knows the service, and what was registered under its name. */
static void fill(const struct control *c, const struct service *s, struct lookup_service *ret,
                 struct arena *mem)
{
    struct lookup_endpoint *list = arena_array(mem, endpoints_max(c, s, ret->name), sizeof(*list));
    const struct service_spec *spec = s ? service_spec(&c->catalog, s) : NULL;
    struct registrations_walk registered = registrations_of(c, ret->name);
    const struct registration *r;
    struct instance *i;
    uint32_t count = 0;

    if (spec) {
        ret->tags = spec->tags;
        ret->tags_n = spec->tags_n;
        ret->meta = spec->meta;
        ret->meta_n = spec->meta_n;
    }
    FLEET_FOREACH (i, service_fleet(s)) {
        if (instance_healthy(&c->catalog, i) || instance_runs(&c->catalog, i))
            count += add_instance(c, i, list + count, mem);
    }
    while ((r = registrations_next(&registered)) != NULL)
        count += add_registration(c, r, list + count, mem);
    ret->gone = !s && count == 0;
    split(ret, list, count, mem);
}

/* A host that is no member; or none any more, whatever it was. */
static struct lookup_member about_other(const struct control *c, const struct ulid *id,
                                        struct arena *mem)
{
    const struct registration_row *row = registrations_elsewhere(c, id, mem);

    if (!row || ulid_is_zero(id))
        return (struct lookup_member){.id = *id};
    return (struct lookup_member){.id = *id,
                                  .foreign = true,
                                  .state = MEMBER_STATE_ALIVE,
                                  .name = registration_meta(row, LOOKUP_META_HOST),
                                  .host = registration_meta(row, LOOKUP_META_ADDRESS)};
}

static struct lookup_member about_member(const struct control *c, const struct ulid *id,
                                         struct arena *mem)
{
    const struct registration_row *host = registrations_host(c, id, mem);
    const struct member *m = members_get(c->catalog.members, id);
    struct lookup_member about = {.id = *id};

    if (!m)
        return about_other(c, id, mem);
    if (m->forgotten || !m->row)
        return about;
    about.state = m->state;
    about.incarnation = m->incarnation;
    about.name = m->row->name;
    about.host = m->row->host;
    about.tags = m->row->tags;
    about.tags_n = m->row->tags_n;
    if (host) {
        struct checklist checks = checklist_of(host, mem);

        about.checks = checks.items;
        about.checks_n = checks.n;
    }
    return about;
}

/* The first LOOKUPS_BATCH services. Their names stay where they are until the effect is out. True: there are more. */
static bool take_services(struct control *c, struct effect_lookup *e, struct arena *mem)
{
    struct lookup_service *list = arena_array(mem, LOOKUPS_BATCH, sizeof(*list));
    struct lookups_name *n;

    e->services = list;
    TREE_FOREACH (n, lookups_tree, &c->lookups.names) {
        const struct service *s = catalog_find(&c->catalog, n->name);

        if (e->services_n == LOOKUPS_BATCH)
            return true;
        list[e->services_n] =
            (struct lookup_service){.space = bytes_str(LOOKUPS_SPACE), .name = n->name};
        fill(c, s, &list[e->services_n], mem);
        e->services_n++;
    }
    return false;
}

static void take_members(struct control *c, struct effect_lookup *e, struct arena *mem)
{
    struct lookups_node *n, *next;

    if (TREE_EMPTY(&c->lookups.nodes))
        return;
    struct lookup_member *list = arena_array(mem, LOOKUPS_BATCH, sizeof(*list));

    e->members = list;
    TREE_FOREACH_SAFE(n, lookups_nodes, &c->lookups.nodes, next)
    {
        if (e->members_n == LOOKUPS_BATCH)
            break;
        list[e->members_n++] = about_member(c, &n->id, mem);
        drop_node(&c->lookups, n);
    }
}

static bool is_told(const struct lookups *l)
{
    return TREE_EMPTY(&l->names) && TREE_EMPTY(&l->nodes);
}

void lookups_tell(struct control *c, struct turn *t)
{
    struct lookups *l = &c->lookups;
    struct effect effect = {.kind = EFFECT_LOOKUP};
    struct arena mem = {0};

    if (!l->on || t->now_us < lookups_deadline(l))
        return;
    bool more = take_services(c, &effect.lookup, &mem);

    take_members(c, &effect.lookup, &mem);
    effect.lookup.anew = l->anew;
    bool all = !more && TREE_EMPTY(&l->nodes);
    effect.lookup.whole = !l->whole && all;
    effects_add(t->out, &effect);
    l->round++;
    for (uint32_t k = 0; k < effect.lookup.services_n; k++)
        drop(l, TREE_FIRST(lookups_tree, &l->names));
    l->anew = false;
    l->flood = l->whole && (l->flood || more);
    l->whole = l->whole || all;
    if (all) {
        l->after_us = t->now_us + (l->flood ? LOOKUPS_FLOOD : LOOKUPS_GATHER);
        l->flood = false;
    }
    arena_deinit(&mem);
}

kith_time lookups_deadline(const struct lookups *l)
{
    return l->on && (!l->whole || !is_told(l)) ? l->after_us : KITH_NEVER;
}
