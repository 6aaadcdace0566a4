#include "control/catalog.h"

#include "base/mem.h"

#include <assert.h>
#include <string.h>

void catalog_init(struct catalog *c, const struct members *members, struct lookups *lookups)
{
    *c = (struct catalog){
        .members = members, .graph = graph_new(), .specs = specs_new(), .lookups = lookups};
}

void catalog_rest(struct catalog *c)
{
    specs_rest(c->specs);
}

const struct service_spec *service_spec(const struct catalog *c, const struct service *s)
{
    return s->contents[1] ? specs_get(c->specs, s->contents[1]) : NULL;
}

/* ---- services that changed ---- */

static int compare_ids(const void *element, const void *key)
{
    const struct service *s = element;

    return ulid_compare(&s->id, key);
}

static const struct sheets_rule by_id = {.compare = compare_ids};

void catalog_touch(struct catalog *c, struct service *s)
{
    if (s->touched)
        return;
    s->touched = true;
    sheets_put(&c->touched, &by_id, sheets_from(&c->touched, &by_id, &s->id), s);
}

static void untouch(struct catalog *c, struct service *s)
{
    s->touched = false;
    sheets_take(&c->touched, &by_id, sheets_from(&c->touched, &by_id, &s->id));
}

struct service *catalog_take_touched(struct catalog *c, const struct ulid *after)
{
    struct sheets_place place = sheets_from(&c->touched, &by_id, after);
    struct service *s = sheets_at(&c->touched, place);

    if (s && ulid_equal(&s->id, after))
        s = sheets_at(&c->touched, sheets_next(&c->touched, place));
    if (s)
        untouch(c, s);
    return s;
}

/* ---- life ---- */

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
    struct sheets_place place;
    const struct instance *found =
        instances_find(&c->instances, instance_node(i), instance_id(i), &place);

    assert(found == i);
    (void)found;
    sheets_take(&c->instances, &instances_by_hash, place);
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
    sheets_take(&c->services, &by_id, sheets_from(&c->services, &by_id, &s->id));
    ulid_index_remove(&c->by_id, &s->id);
    c->known -= s->known;
    if (s->touched)
        untouch(c, s);
    unmention(c, s);
    specs_forget(c->specs);
    content_release(s->contents[0]);
    content_release(s->contents[1]);
    mem_free(s->mentions);
    mem_free(s);
}

void catalog_deinit(struct catalog *c)
{
    struct service *s;
    struct content *n;

    while ((s = sheets_at(&c->services, (struct sheets_place){0})) != NULL)
        service_free(c, s);
    sheets_deinit(&c->services);
    ulid_index_deinit(&c->by_id);
    NAMES_FOREACH(n, c)
    content_release(n);
    sheets_deinit(&c->names);
    sheets_deinit(&c->touched);
    sheets_deinit(&c->instances);
    arena_deinit(&c->scratch);
    specs_free(c->specs);
    graph_free(c->graph);
}

struct service *catalog_get(const struct catalog *c, const struct ulid *id)
{
    return (struct service *)(uintptr_t)ulid_index_find(&c->by_id, id);
}

/* ---- names ---- */

static int compare_name(const void *element, const void *key)
{
    return bytes_compare(content_key(element), *(const struct bytes *)key);
}

static const struct sheets_rule names_rule = {.compare = compare_name};

/* Which service a name's row names. It is asked for at every turn, so what kithd writes is read without the codec. */
static bool read_name(struct bytes value, struct ulid *ret)
{
    static const uint8_t head[] = {0x81, 0x01, 0xc4, sizeof(ret->b)}; /* {1: 16 bytes} */
    struct name_row row;
    struct arena mem = {0};
    struct wire_error err;

    if (value.len == sizeof(head) + sizeof(ret->b) && memcmp(value.data, head, sizeof(head)) == 0) {
        memcpy(ret->b, value.data + sizeof(head), sizeof(ret->b));
        return true;
    }
    bool good = !name_row_decode(&row, value, &mem, &err);

    if (good)
        *ret = row.service;
    arena_deinit(&mem);
    return good;
}

/* The name's place in the list, and the row that is there. */
static struct content *name_at(const struct catalog *c, struct bytes name, struct sheets_place *ret)
{
    *ret = sheets_from(&c->names, &names_rule, &name);
    struct content *n = sheets_at(&c->names, *ret);

    return n && bytes_equal(content_key(n), name) ? n : NULL;
}

static bool find_name(const struct catalog *c, struct bytes name, struct ulid *ret)
{
    struct sheets_place place;
    const struct content *n = name_at(c, name, &place);

    return n && read_name(content_value(n), ret);
}

struct service *catalog_find(const struct catalog *c, struct bytes name)
{
    struct ulid id;
    struct service *s = find_name(c, name, &id) ? catalog_get(c, &id) : NULL;

    return s && s->known ? s : NULL;
}

bool service_is_alias(const struct catalog *c, const struct service *s)
{
    struct ulid id;

    return find_name(c, s->row.name, &id) && !ulid_equal(&id, &s->id);
}

struct placement *catalog_placement(const struct service *s, const struct slot *slot)
{
    struct placement key = {.slot = *slot};

    return TREE_FIND(placement_tree, (struct placement_tree *)(uintptr_t)&s->placements, &key);
}

struct instance *catalog_instance(const struct catalog *c, const struct ulid *node,
                                  const struct ulid *id)
{
    struct sheets_place place;

    return instances_find(&c->instances, node, id, &place);
}

struct instance *catalog_instance_of(const struct catalog *c, const struct row *row)
{
    struct ulid node, id;

    return instance_key(row->key, &node, &id) ? catalog_instance(c, &node, &id) : NULL;
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
    sheets_put(&c->services, &by_id, sheets_from(&c->services, &by_id, id), s);
    ulid_index_add(&c->by_id, &s->id);
    return s;
}

static void drop_if_empty(struct catalog *c, struct service *s)
{
    if (!s->known && TREE_EMPTY(&s->placements) && s->instances.count == 0)
        service_free(c, s);
}

/* What applications are told of it may be another. */
static void stir(const struct catalog *c, struct service *s)
{
    uint64_t round = c->lookups ? c->lookups->round + 1 : 0;

    if (!s->known || (s->stirred && s->stirred == round))
        return;
    lookups_touch(c->lookups, s->row.name);
    s->stirred = round;
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
        if (find_name(c, s->mentions[k].name, &to[count]) && !ulid_equal(&to[count], &s->id))
            count++;
    }
    if (count == 0 && !graph_has_node(c->graph, &s->id))
        return; /* most services have no edges, and need no node then */
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
    struct sheets_place place;
    struct content *former = name_at(c, row->key, &place);
    struct ulid id;

    if (row->flags & ROW_TOMBSTONE) {
        if (!former)
            return;
        sheets_take(&c->names, &names_rule, place);
        content_release(former);
    } else if (read_name(row->value, &id)) {
        struct content *now = content_reference(content_of(row));

        if (former)
            sheets_replace(&c->names, &names_rule, place, now);
        else
            sheets_put(&c->names, &names_rule, place, now);
        content_release(former);
    }
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
        ret->spec_says = specs_decode(content_of(&ret->spec), mem);
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
    c->known += (uint32_t)rows->has_service - (uint32_t)s->known;
    s->known = rows->has_service;
    s->row = rows->says;
    s->stirred = 0; /* it may have another name now */
    s->stated =
        spec ? (struct service_count){spec->count, spec->every_host} : (struct service_count){0};
    specs_forget(c->specs);
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
    struct sheets_place place;

    (void)instances_find(&c->instances, instance_node(i), instance_id(i), &place);
    sheets_put(&c->instances, &instances_by_hash, place, i);
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

void catalog_member(struct catalog *c, const struct state *state, const struct ulid *node,
                    kith_time now_us)
{
    const struct row *row = state_first(state, TABLE_ID_INSTANCE, ulid_bytes(node));
    struct service *s;

    for (; row; row = state_next(state, row, ulid_bytes(node))) {
        const struct instance *i = catalog_instance_of(c, row);

        if (!i)
            continue;
        if (i->state == INSTANCE_STATE_RUNNING)
            i->service->healthy_changed_us = now_us;
        stir(c, i->service);
    }
    SERVICES_FOREACH(s, c)
    catalog_touch(c, s);
}
