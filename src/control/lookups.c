#include "control/lookups.h"

#include "base/mem.h"
#include "control/inside.h"
#include "control/standing.h"

#include <stdlib.h>

struct lookups_name {
    struct bytes name;
    TREE_ENTRY(lookups_name) by_name;
};

static inline int compare(const struct lookups_name *a, const struct lookups_name *b)
{
    return bytes_compare(a->name, b->name);
}

TREE_FUNCTIONS(lookups_tree, lookups_name, by_name, compare)

static void drop(struct lookups *l, struct lookups_name *n)
{
    TREE_REMOVE(lookups_tree, &l->names, n);
    mem_free((void *)(uintptr_t)n->name.data);
    mem_free(n);
}

void lookups_deinit(struct lookups *l)
{
    struct lookups_name *n, *next;

    TREE_FOREACH_SAFE(n, lookups_tree, &l->names, next)
    drop(l, n);
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

void lookups_begin(struct control *c, kith_time at_us)
{
    struct lookups *l = &c->lookups;
    struct service_name *n;

    l->anew = true;
    l->whole = false;
    l->after_us = at_us;
    TREE_FOREACH (n, name_tree, &c->catalog.names)
        lookups_touch(l, n->name);
    registrations_touch_all(c);
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
    struct lookup_endpoint one = at_node(c, &i->node);
    const struct instance_row *says = instance_says(i, mem);

    one.instance = i->id;
    one.addr = says->addr;
    return add_ports(&one, says->ports, says->ports_n, list);
}

static uint32_t add_registration(const struct control *c, const struct registration *r,
                                 struct lookup_endpoint *list)
{
    struct lookup_endpoint one = at_node(c, &r->node);

    one.instance = r->id;
    one.addr = r->row.addr;
    one.own_tags = true;
    one.tags = r->row.tags;
    one.tags_n = r->row.tags_n;
    return add_ports(&one, r->row.ports, r->row.ports_n, list);
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
    const struct registration *r = registrations_first(c, name);
    struct instance *i;
    size_t max = 0;

    for (; r; r = registrations_next(c, r))
        max += entries_of(r->row.ports_n);
    if (!s)
        return max;
    TREE_FOREACH_FROM(i, fleet_tree, service_instances(s))
    max += entries_of(i->ports_n);
    return max;
}

/* What Kith started, if it knows the service, and what was registered under its name. */
static void fill(const struct control *c, const struct service *s, struct lookup_service *ret,
                 struct arena *mem)
{
    struct lookup_endpoint *list = arena_array(mem, endpoints_max(c, s, ret->name), sizeof(*list));
    const struct registration *r = registrations_first(c, ret->name);
    struct instance *i;

    if (s && s->spec) {
        ret->tags = s->spec->tags;
        ret->tags_n = s->spec->tags_n;
    }
    TREE_FOREACH_FROM(i, fleet_tree, s ? service_instances(s) : NULL)
    {
        if (instance_healthy(&c->catalog, i))
            ret->endpoints_n += add_instance(c, i, list + ret->endpoints_n, mem);
    }
    for (; r; r = registrations_next(c, r))
        ret->endpoints_n += add_registration(c, r, list + ret->endpoints_n);
    ret->gone = !s && ret->endpoints_n == 0;
    ret->endpoints = near_first(list, ret->endpoints_n, mem);
}

void lookups_tell(struct control *c, struct turn *t)
{
    struct lookups *l = &c->lookups;
    struct lookup_service list[LOOKUPS_BATCH];
    struct lookups_name *taken[LOOKUPS_BATCH], *n;
    struct effect effect = {.kind = EFFECT_LOOKUP};
    struct arena mem = {0};
    uint32_t count = 0;

    if (!l->on || t->now_us < lookups_deadline(l))
        return;
    TREE_FOREACH (n, lookups_tree, &l->names) {
        const struct service *s = catalog_find(&c->catalog, n->name);

        if (count == LOOKUPS_BATCH)
            break;
        taken[count] = n;
        list[count] = (struct lookup_service){.space = bytes_str(LOOKUPS_SPACE), .name = n->name};
        fill(c, s, &list[count], &mem);
        count++;
    }
    effect.lookup.services = list;
    effect.lookup.services_n = count;
    effect.lookup.anew = l->anew;
    effect.lookup.whole = !l->whole && !n;
    effects_add(t->out, &effect);
    for (uint32_t k = 0; k < count; k++)
        drop(l, taken[k]);
    l->anew = false;
    l->whole = TREE_EMPTY(&l->names) || l->whole;
    if (TREE_EMPTY(&l->names))
        l->after_us = t->now_us + LOOKUPS_GATHER;
    arena_deinit(&mem);
}

kith_time lookups_deadline(const struct lookups *l)
{
    return l->on && (!l->whole || !TREE_EMPTY(&l->names)) ? l->after_us : KITH_NEVER;
}
