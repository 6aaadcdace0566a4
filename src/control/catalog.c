#include "control/catalog.h"

#include "base/mem.h"
#include "state/content.h"

#include <string.h>

#define SPECS_NOTED    64u     /* of so many is known where they were decoded */
#define SPECS_KEPT_MAX 262144u /* bytes that are kept from step to step */

struct catalog_specs {
    const struct content *of[SPECS_NOTED]; /* by their address */
    const struct service_spec *at[SPECS_NOTED];
    struct arena mem;
};

void catalog_init(struct catalog *c, const struct members *members, struct lookups *lookups)
{
    *c = (struct catalog){.members = members,
                          .graph = graph_new(),
                          .specs = mem_alloc(sizeof(*c->specs)),
                          .lookups = lookups};
}

/* ---- specifications ---- */

/* What they were decoded of may be gone. */
static void forget_specs(struct catalog *c)
{
    memset(c->specs->of, 0, sizeof(c->specs->of));
}

void catalog_rest(struct catalog *c)
{
    if (!c->specs->mem.used_bytes)
        return;
    forget_specs(c);
    if (c->specs->mem.used_bytes > SPECS_KEPT_MAX)
        arena_deinit(&c->specs->mem);
    else
        arena_reset(&c->specs->mem);
}

static const struct service_spec *decode_spec(const struct content *of, struct arena *mem)
{
    struct spec_row *value = arena_alloc(mem, sizeof(*value));
    struct wire_error err;

    return spec_row_decode(value, content_value(of), mem, &err) ? NULL : &value->spec;
}

const struct service_spec *service_spec(const struct catalog *c, const struct service *s)
{
    const struct content *of = s->contents[1];
    size_t k = ((uintptr_t)of >> 4) % SPECS_NOTED;

    if (!of)
        return NULL;
    if (c->specs->of[k] != of) {
        c->specs->at[k] = decode_spec(of, &c->specs->mem);
        c->specs->of[k] = of;
    }
    return c->specs->at[k];
}

/* ---- services ---- */

/* Out of the catalog, and freed. */
static void placement_drop(struct catalog *c, struct service *s, struct placement *p)
{
    TREE_REMOVE(placement_tree, &s->placements, p);
    if (ulid_equal(&p->row.node, &c->self))
        TREE_REMOVE(here_tree, &c->here, p);
    placement_free(p);
}

static void unmention(struct catalog *c, struct service *s)
{
    for (uint32_t k = 0; k < s->mentions_n; k++)
        TREE_REMOVE(mention_tree, &c->mentions, &s->mentions[k]);
    s->mentions_n = 0;
}

static void leave_all(struct catalog *c, const struct instance *i)
{
    sheets_take(&c->instances, &instances_by_key,
                instances_place(&c->instances, instance_node(i), instance_id(i)));
}

static void service_free(struct catalog *c, struct service *s)
{
    struct placement *p, *p_next;
    struct instance *i;

    TREE_FOREACH_SAFE(p, placement_tree, &s->placements, p_next)
    placement_drop(c, s, p);
    FLEET_FOREACH (i, &s->instances) {
        leave_all(c, i);
        instance_free(i);
    }
    sheets_deinit(&s->instances);
    TREE_REMOVE(service_tree, &c->services, s);
    if (s->touched)
        TREE_REMOVE(touched_tree, &c->touched, s);
    unmention(c, s);
    forget_specs(c);
    content_release(s->contents[0]);
    content_release(s->contents[1]);
    mem_free(s->mentions);
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
    sheets_deinit(&c->instances);
    arena_deinit(&c->scratch);
    arena_deinit(&c->specs->mem);
    mem_free(c->specs);
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
    struct instance *i = sheets_at(&c->instances, instances_place(&c->instances, node, id));

    return i && ulid_equal(instance_node(i), node) && ulid_equal(instance_id(i), id) ? i : NULL;
}

struct instance *catalog_instance_after(const struct catalog *c, const struct ulid *node,
                                        const struct ulid *id)
{
    struct sheets_place place = instances_place(&c->instances, node, id);
    struct instance *i = sheets_at(&c->instances, place);

    if (!i || !ulid_equal(instance_node(i), node) || !ulid_equal(instance_id(i), id))
        return i;
    return sheets_at(&c->instances, sheets_next(&c->instances, place));
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
    if (!s->known && TREE_EMPTY(&s->placements) && s->instances.count == 0)
        service_free(c, s);
}

void catalog_touch(struct catalog *c, struct service *s)
{
    if (s->touched)
        return;
    s->touched = true;
    TREE_INSERT(touched_tree, &c->touched, s);
}

struct service *catalog_take_touched(struct catalog *c, const struct ulid *after)
{
    struct service key = {.id = *after};
    struct service *s = TREE_FROM(touched_tree, &c->touched, &key);

    if (s && ulid_equal(&s->id, after))
        s = TREE_NEXT(touched_tree, &c->touched, s);
    if (!s)
        return NULL;
    TREE_REMOVE(touched_tree, &c->touched, s);
    s->touched = false;
    return s;
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
    struct row spec;
    size_t count = 0;

    if (!s->known || !service_has_spec(s) || service_is_alias(c, s)) {
        graph_remove_node(c->graph, &s->id);
        return;
    }
    for (uint32_t k = 1; k < s->mentions_n; k++) { /* its needs */
        const struct service_name *n = find_name(c, s->mentions[k].name);

        if (n && !ulid_equal(&n->service, &s->id))
            to[count++] = n->service;
    }
    content_read(s->contents[1], &spec);
    (void)graph_set_edges(c->graph, &s->id, to, count,
                          (struct graph_rank){.major = spec.version.major,
                                              .minor = spec.version.minor,
                                              .id = s->row.spec});
}

/* The name means another service now, or none. */
static void name_moved(struct catalog *c, struct bytes name)
{
    struct service before_all = {0}; /* a key: of no id */
    struct mention first = {.name = name, .service = &before_all};
    struct mention *m;

    TREE_FOREACH_FROM(m, mention_tree, TREE_FROM(mention_tree, &c->mentions, &first))
    {
        if (!bytes_equal(m->name, name))
            return;
        state_edges(c, m->service);
        catalog_touch(c, m->service);
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

/* The rows that a service is made of, as far as they are here and can be read. */
struct service_rows {
    struct row service, spec, count;
    struct service_row says;
    struct count_row counts;
    const struct service_spec *spec_says; /* in the catalog's scratch */
    bool has_service, has_count;
};

static void read_rows(const struct state *state, const struct ulid *id, struct arena *mem,
                      struct service_rows *ret)
{
    struct wire_error err;

    *ret = (struct service_rows){0};
    ret->has_service = state_look(state, TABLE_ID_SERVICE, ulid_bytes(id), &ret->service) &&
                       !service_row_decode(&ret->says, ret->service.value, mem, &err);
    ret->has_count = state_look(state, TABLE_ID_COUNT, ulid_bytes(id), &ret->count) &&
                     !count_row_decode(&ret->counts, ret->count.value, mem, &err);
    if (!ret->has_service) {
        ret->says = (struct service_row){0};
        return;
    }
    struct ulid key[2] = {*id, ret->says.spec};

    if (state_look(state, TABLE_ID_SPEC, bytes_of(key, sizeof(key)), &ret->spec))
        ret->spec_says = decode_spec(content_of(&ret->spec), mem);
}

static void mention_add(struct service *s, struct bytes name)
{
    for (uint32_t k = 0; k < s->mentions_n; k++) {
        if (bytes_equal(s->mentions[k].name, name))
            return;
    }
    s->mentions[s->mentions_n++] = (struct mention){.name = name, .service = s};
}

/* Their names are views into the rows, which the service holds. */
static void set_mentions(struct service *s, const struct service_spec *spec)
{
    uint32_t needs_n = spec ? spec->needs_n : 0;

    mem_free(s->mentions);
    s->mentions = mem_alloc((1 + (size_t)needs_n) * sizeof(*s->mentions));
    mention_add(s, s->row.name);
    for (uint32_t k = 0; k < needs_n; k++)
        mention_add(s, spec->needs[k]);
}

static void hold_content(struct content **place, struct content *c)
{
    struct content *former = *place;

    *place = c ? content_reference(c) : NULL;
    content_release(former);
}

/* What is held of the service itself. */
static void take_rows(struct catalog *c, struct service *s, const struct service_rows *rows)
{
    const struct service_spec *spec = rows->spec_says;

    s->counted = rows->has_count;
    s->count = (struct service_count){rows->counts.count, rows->counts.every_host};
    s->known = rows->has_service;
    s->row = rows->says;
    s->stated =
        spec ? (struct service_count){spec->count, spec->every_host} : (struct service_count){0};
    forget_specs(c);
    hold_content(&s->contents[0], s->known ? content_of(&rows->service) : NULL);
    hold_content(&s->contents[1], spec ? content_of(&rows->spec) : NULL);
    if (s->known)
        set_mentions(s, spec);
}

/* Reads everything that is held of the service itself anew. */
static void reload(struct catalog *c, const struct state *state, const struct ulid *id)
{
    struct service *s = need_service(c, id);
    struct service_rows rows;

    stir(c, s);
    unmention(c, s);
    arena_reset(&c->scratch);
    read_rows(state, id, &c->scratch, &rows);
    take_rows(c, s, &rows);
    for (uint32_t k = 0; k < s->mentions_n; k++)
        TREE_INSERT(mention_tree, &c->mentions, &s->mentions[k]);
    state_edges(c, s);
    catalog_touch(c, s);
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
    if (old)
        placement_drop(c, s, old);
    if (p) {
        TREE_INSERT(placement_tree, &s->placements, p);
        if (ulid_equal(&p->row.node, &c->self))
            TREE_INSERT(here_tree, &c->here, p);
    }
    catalog_touch(c, s);
    drop_if_empty(c, s);
}

static void let_go(struct catalog *c, struct instance *i, kith_time now_us)
{
    struct sheets *fleet = &i->service->instances;

    if (i->state == INSTANCE_STATE_RUNNING)
        i->service->healthy_changed_us = now_us;
    leave_all(c, i);
    sheets_take(fleet, &instances_by_slot, fleet_place(fleet, i));
    instance_free(i);
}

static void hold(struct catalog *c, struct instance *i, kith_time healthy_changed_us)
{
    struct sheets *fleet = &i->service->instances;

    sheets_put(&c->instances, &instances_by_key,
               instances_place(&c->instances, instance_node(i), instance_id(i)), i);
    sheets_put(fleet, &instances_by_slot, fleet_place(fleet, i), i);
    i->service->healthy_changed_us = healthy_changed_us;
    c->taken = i;
}

static void take_instance(struct catalog *c, const struct row *row, kith_time now_us)
{
    struct instance *i = NULL, *old;
    struct ulid node, id, service;
    kith_time kept_us = 0;

    if (!instance_key(row->key, &node, &id))
        return;
    old = catalog_instance(c, &node, &id);
    c->taken_before = old ? (int)old->state : CATALOG_UNKNOWN;
    if (old && old->content->digest.hash == row->hash)
        return;
    if (!(row->flags & ROW_TOMBSTONE))
        i = instance_new(row, &service);
    struct service *former = old ? old->service : NULL, *now = i ? need_service(c, &service) : NULL;

    if (i) {
        bool was_healthy = old && old->state == INSTANCE_STATE_RUNNING;
        bool same = was_healthy == (i->state == INSTANCE_STATE_RUNNING);

        kept_us = same ? now->healthy_changed_us : now_us;
        i->service = now;
    }
    if (old)
        let_go(c, old, now_us);
    if (i)
        hold(c, i, kept_us);
    if (former && former != now) {
        catalog_touch(c, former);
        stir(c, former);
        drop_if_empty(c, former);
    }
    if (now) {
        catalog_touch(c, now);
        stir(c, now);
    }
}

void catalog_row(struct catalog *c, const struct state *state, const struct row *row,
                 kith_time now_us)
{
    struct ulid id;

    c->taken = NULL;
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
    struct ulid before_all = {0};
    struct sheets_place place = instances_place(&c->instances, node, &before_all);
    struct instance *i;
    struct service *s;

    for (; (i = sheets_at(&c->instances, place)) != NULL && ulid_equal(instance_node(i), node);
         place = sheets_next(&c->instances, place)) {
        if (i->state == INSTANCE_STATE_RUNNING)
            i->service->healthy_changed_us = now_us;
        stir(c, i->service);
    }
    TREE_FOREACH (s, service_tree, &c->services)
        catalog_touch(c, s);
}
