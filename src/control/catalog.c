#include "control/catalog.h"

#include "base/mem.h"

#include <string.h>

void catalog_init(struct catalog *c, const struct members *members, struct lookups *lookups)
{
    *c = (struct catalog){.members = members, .graph = graph_new(), .lookups = lookups};
}

static void service_free(struct catalog *c, struct service *s)
{
    struct placement *p, *p_next;
    struct instance *i, *i_next;

    TREE_FOREACH_SAFE(p, placement_tree, &s->placements, p_next)
    {
        TREE_REMOVE(placement_tree, &s->placements, p);
        placement_free(p);
    }
    TREE_FOREACH_SAFE(i, fleet_tree, &s->instances, i_next)
    {
        TREE_REMOVE(fleet_tree, &s->instances, i);
        TREE_REMOVE(instance_tree, &c->instances, i);
        instance_free(i);
    }
    TREE_REMOVE(service_tree, &c->services, s);
    arena_deinit(&s->mem);
    mem_free(s);
}

static void name_free(struct catalog *c, struct service_name *n)
{
    TREE_REMOVE(name_tree, &c->names, n);
    mem_free((void *)(uintptr_t)n->name.data);
    mem_free(n);
}

void catalog_deinit(struct catalog *c)
{
    struct service *s, *s_next;
    struct service_name *n, *n_next;

    TREE_FOREACH_SAFE(s, service_tree, &c->services, s_next)
    service_free(c, s);
    TREE_FOREACH_SAFE(n, name_tree, &c->names, n_next)
    name_free(c, n);
    graph_free(c->graph);
}

struct service *catalog_get(const struct catalog *c, const struct ulid *id)
{
    struct service key = {.id = *id};

    return TREE_FIND(service_tree, (struct service_tree *)(uintptr_t)&c->services, &key);
}

static struct service_name *find_name(const struct catalog *c, struct bytes name)
{
    struct service_name key = {.name = name};

    return TREE_FIND(name_tree, (struct name_tree *)(uintptr_t)&c->names, &key);
}

struct service *catalog_find(const struct catalog *c, struct bytes name)
{
    const struct service_name *n = find_name(c, name);
    struct service *s = n ? catalog_get(c, &n->service) : NULL;

    return s && s->known ? s : NULL;
}

bool service_is_alias(const struct catalog *c, const struct service *s)
{
    const struct service_name *n = find_name(c, s->row.name);

    return n && !ulid_equal(&n->service, &s->id);
}

struct placement *catalog_placement(const struct service *s, const struct slot *slot)
{
    struct placement key = {.slot = *slot};

    return TREE_FIND(placement_tree, (struct placement_tree *)(uintptr_t)&s->placements, &key);
}

struct instance *catalog_instance(const struct catalog *c, const struct ulid *node,
                                  const struct ulid *id)
{
    struct instance key = {.node = *node, .id = *id};

    return TREE_FIND(instance_tree, (struct instance_tree *)(uintptr_t)&c->instances, &key);
}

struct instance *catalog_placed(const struct catalog *c, const struct placement *p)
{
    return catalog_instance(c, &p->row.node, &p->row.instance);
}

/* Rows of other services may speak of one before its own row is here. */
static struct service *need_service(struct catalog *c, const struct ulid *id)
{
    struct service *s = catalog_get(c, id);

    if (s)
        return s;
    s = mem_alloc(sizeof(*s));
    s->id = *id;
    TREE_INSERT(service_tree, &c->services, s);
    return s;
}

static void drop_if_empty(struct catalog *c, struct service *s)
{
    if (!s->known && TREE_EMPTY(&s->placements) && TREE_EMPTY(&s->instances))
        service_free(c, s);
}

static void touch(struct service *s)
{
    s->touched = true;
}

/* What applications are told of it may be another. */
static void stir(const struct catalog *c, const struct service *s)
{
    if (s->known)
        lookups_touch(c->lookups, s->row.name);
}

/* The edges that its specification states, to those services that exist. */
static void state_edges(struct catalog *c, const struct service *s)
{
    struct ulid to[SERVICE_SPEC_NEEDS_MAX_ITEMS];
    size_t count = 0;

    if (!s->known || !s->spec || service_is_alias(c, s)) {
        graph_remove_node(c->graph, &s->id);
        return;
    }
    for (uint32_t i = 0; i < s->spec->needs_n; i++) {
        const struct service_name *n = find_name(c, s->spec->needs[i]);

        if (n && !ulid_equal(&n->service, &s->id))
            to[count++] = n->service;
    }
    (void)graph_set_edges(c->graph, &s->id, to, count, s->rank);
}

static bool spec_needs_name(const struct service *s, struct bytes name)
{
    for (uint32_t i = 0; s->spec && i < s->spec->needs_n; i++) {
        if (bytes_equal(s->spec->needs[i], name))
            return true;
    }
    return false;
}

/* The name means another service now, or none. */
static void name_moved(struct catalog *c, struct bytes name)
{
    struct service *s;

    TREE_FOREACH (s, service_tree, &c->services) {
        if (!s->known || !(bytes_equal(s->row.name, name) || spec_needs_name(s, name)))
            continue;
        state_edges(c, s);
        touch(s);
    }
}

static void take_name(struct catalog *c, const struct row *row)
{
    struct service_name *n = find_name(c, row->key);
    struct name_row value;
    struct arena mem = {0};
    struct wire_error err;

    if (row->flags & ROW_TOMBSTONE) {
        if (!n)
            return;
        name_free(c, n);
    } else if (!name_row_decode(&value, row->value, &mem, &err)) {
        if (!n) {
            n = mem_alloc(sizeof(*n));
            n->name = bytes_of(mem_copy(row->key.data, row->key.len), row->key.len);
            TREE_INSERT(name_tree, &c->names, n);
        }
        n->service = value.service;
    }
    arena_deinit(&mem);
    lookups_touch(c->lookups, row->key);
    name_moved(c, row->key);
}

const struct service_spec *catalog_spec(const struct state *state, const struct ulid *service,
                                        const struct ulid *spec, struct arena *mem)
{
    uint8_t key[2 * sizeof(service->b)];
    struct spec_row *value = arena_alloc(mem, sizeof(*value));
    struct wire_error err;

    memcpy(key, service->b, sizeof(service->b));
    memcpy(key + sizeof(service->b), spec->b, sizeof(spec->b));
    const struct row *row = state_get(state, TABLE_ID_SPEC, bytes_of(key, sizeof(key)));

    if (!row || spec_row_decode(value, arena_bytes(mem, row->value), mem, &err))
        return NULL;
    return &value->spec;
}

static void load_spec(struct service *s, const struct state *state)
{
    uint8_t key[2 * sizeof(s->id.b)];

    s->spec = catalog_spec(state, &s->id, &s->row.spec, &s->mem);
    if (!s->spec)
        return;
    memcpy(key, s->id.b, sizeof(s->id.b));
    memcpy(key + sizeof(s->id.b), s->row.spec.b, sizeof(s->row.spec.b));
    const struct row *row = state_get(state, TABLE_ID_SPEC, bytes_of(key, sizeof(key)));

    s->rank = (struct graph_rank){
        .major = row->version.major, .minor = row->version.minor, .id = s->row.spec};
}

/* Reads everything that is held of the service itself anew. */
static void reload(struct catalog *c, const struct state *state, const struct ulid *id)
{
    struct service *s = need_service(c, id);
    const struct row *row = state_get(state, TABLE_ID_SERVICE, ulid_bytes(id));
    const struct row *count = state_get(state, TABLE_ID_COUNT, ulid_bytes(id));
    struct ulid old_spec = s->row.spec;
    struct wire_error err;

    stir(c, s);
    arena_reset(&s->mem);
    s->spec = NULL;
    s->counted =
        count && !count_row_decode(&s->count, arena_bytes(&s->mem, count->value), &s->mem, &err);
    s->known = row && !service_row_decode(&s->row, arena_bytes(&s->mem, row->value), &s->mem, &err);
    if (!s->known)
        s->row = (struct service_row){0};
    else
        load_spec(s, state);
    if (!ulid_is_zero(&old_spec) && !ulid_equal(&old_spec, &s->row.spec))
        s->former_spec = old_spec;
    state_edges(c, s);
    touch(s);
    stir(c, s);
    drop_if_empty(c, s);
}

static void take_placement(struct catalog *c, const struct row *row)
{
    struct placement *p = NULL, *old;
    struct ulid id;
    struct slot slot;

    if (!placement_key(row->key, &id, &slot))
        return;
    struct service *s = need_service(c, &id);

    old = catalog_placement(s, &slot);
    if (old && old->hash == row->hash)
        return;
    if (!(row->flags & ROW_TOMBSTONE))
        p = placement_new(row);
    if (old) {
        TREE_REMOVE(placement_tree, &s->placements, old);
        placement_free(old);
    }
    if (p)
        TREE_INSERT(placement_tree, &s->placements, p);
    touch(s);
    drop_if_empty(c, s);
}

static void forget_instance(struct catalog *c, struct instance *i, kith_time now_us)
{
    struct service *s = catalog_get(c, &i->service);

    if (i->row.state == INSTANCE_STATE_RUNNING)
        s->healthy_changed_us = now_us;
    TREE_REMOVE(instance_tree, &c->instances, i);
    TREE_REMOVE(fleet_tree, &s->instances, i);
    instance_free(i);
    touch(s);
    stir(c, s);
    drop_if_empty(c, s);
}

static void take_instance(struct catalog *c, const struct row *row, kith_time now_us)
{
    struct instance *i = NULL, *old;
    struct ulid node, id;
    bool was_healthy;

    if (!instance_key(row->key, &node, &id))
        return;
    old = catalog_instance(c, &node, &id);
    if (old && old->hash == row->hash)
        return;
    was_healthy = old && old->row.state == INSTANCE_STATE_RUNNING;
    if (!(row->flags & ROW_TOMBSTONE))
        i = instance_new(row);
    if (i) {
        struct service *s = need_service(c, &i->service);

        touch(s); /* also keeps it while the old one goes */
        if (was_healthy != (i->row.state == INSTANCE_STATE_RUNNING))
            s->healthy_changed_us = now_us;
    }
    kith_time kept_us = i ? catalog_get(c, &i->service)->healthy_changed_us : 0;

    if (old)
        forget_instance(c, old, now_us);
    if (!i)
        return;
    struct service *s = need_service(c, &i->service);

    s->healthy_changed_us = kept_us;
    TREE_INSERT(instance_tree, &c->instances, i);
    TREE_INSERT(fleet_tree, &s->instances, i);
    touch(s);
    stir(c, s);
}

void catalog_row(struct catalog *c, const struct state *state, const struct row *row,
                 kith_time now_us)
{
    struct ulid id;

    switch (row->table) {
    case TABLE_ID_SERVICE:
    case TABLE_ID_COUNT:
    case TABLE_ID_SPEC:
        if (row->key.len < sizeof(id.b))
            return;
        memcpy(id.b, row->key.data, sizeof(id.b));
        reload(c, state, &id);
        return;
    case TABLE_ID_NAME:
        take_name(c, row);
        return;
    case TABLE_ID_PLACEMENT:
        take_placement(c, row);
        return;
    case TABLE_ID_INSTANCE:
        take_instance(c, row, now_us);
        return;
    default:
        return;
    }
}

void catalog_member(struct catalog *c, const struct ulid *node, kith_time now_us)
{
    struct instance first = {.node = *node};
    struct instance *i;
    struct service *s;

    TREE_FOREACH_FROM(i, instance_tree, TREE_FROM(instance_tree, &c->instances, &first))
    {
        if (!ulid_equal(&i->node, node))
            break;
        if (i->row.state == INSTANCE_STATE_RUNNING)
            catalog_get(c, &i->service)->healthy_changed_us = now_us;
        stir(c, catalog_get(c, &i->service));
    }
    TREE_FOREACH (s, service_tree, &c->services)
        touch(s);
}
