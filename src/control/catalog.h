#ifndef KITH_CONTROL_CATALOG_H
#define KITH_CONTROL_CATALOG_H
/*
 * The registry's rows about services, decoded and joined: what everything in this folder decides by.
 *
 * Holds: service, its current specification and count, the placements and instances of every host,
 * names, and the dependency graph in which edges that would close a cycle are held out. Whoever writes
 * a row goes through control_put() (inside.h), so that the catalog is never behind the state.
 *
 * Does not decide anything; rows that it cannot read are passed over.
 */
#include "control/fleet.h"
#include "control/lookups.h"
#include "graph/graph.h"
#include "state/members.h"

struct service {
    struct ulid id;
    TREE_ENTRY(service) by_id;
    bool known;                      /* it has a row; else only others' rows speak of it */
    struct service_row row;          /* in mem */
    struct ulid former_spec;         /* before the last change of row.spec, as seen here */
    const struct service_spec *spec; /* in mem; NULL when that row is not here yet */
    struct graph_rank rank;          /* of the specification */
    bool counted;                    /* it has a count row */
    struct count_row count;
    struct arena mem;
    struct placement_tree placements;
    struct fleet_tree instances;
    kith_time healthy_changed_us; /* when the set of healthy instances last changed, as seen here */
    bool touched;                 /* something about it changed since place.h last looked */
};

struct service_name {
    struct bytes name;
    struct ulid service;
    TREE_ENTRY(service_name) by_name;
};

static inline int service_compare(const struct service *a, const struct service *b)
{
    return ulid_compare(&a->id, &b->id);
}

static inline int service_name_compare(const struct service_name *a, const struct service_name *b)
{
    return bytes_compare(a->name, b->name);
}

TREE_HEAD(service_tree, service);
TREE_HEAD(name_tree, service_name);
TREE_FUNCTIONS(service_tree, service, by_id, service_compare)
TREE_FUNCTIONS(name_tree, service_name, by_name, service_name_compare)

struct catalog {
    const struct members *members;
    struct ulid self;
    struct service_tree services;
    struct name_tree names;
    struct instance_tree instances; /* of all hosts */
    struct graph *graph;
    struct lookups *lookups; /* hears of the names whose services change */
};

/* Walks: TREE_FOREACH_FROM (s, service_tree, catalog_services(c)). */
static inline struct service *catalog_services(const struct catalog *c)
{
    return TREE_FIRST(service_tree, (struct service_tree *)(uintptr_t)&c->services);
}

static inline struct instance *service_instances(const struct service *s) /* fleet_tree */
{
    return TREE_FIRST(fleet_tree, (struct fleet_tree *)(uintptr_t)&s->instances);
}

static inline struct placement *service_placements(const struct service *s) /* placement_tree */
{
    return TREE_FIRST(placement_tree, (struct placement_tree *)(uintptr_t)&s->placements);
}

void catalog_init(struct catalog *c, const struct members *members, struct lookups *lookups);
void catalog_deinit(struct catalog *c);

/* A row changed, or is there at start: `row` as the state holds it. Rows of other tables are ignored. */
void catalog_row(struct catalog *c, const struct state *state, const struct row *row,
                 kith_time now_us);
/* A member came or went: what runs there counts, or does not count any more. */
void catalog_member(struct catalog *c, const struct ulid *node, kith_time now_us);

struct service *catalog_get(const struct catalog *c, const struct ulid *id); /* known or not */
struct service *catalog_find(const struct catalog *c,
                             struct bytes name); /* known, the one in effect */
struct placement *catalog_placement(const struct service *s, const struct slot *slot);
struct instance *catalog_instance(const struct catalog *c, const struct ulid *node,
                                  const struct ulid *id);
/* The instance that a placement speaks of; NULL: its host has not said anything yet. */
struct instance *catalog_placed(const struct catalog *c, const struct placement *p);
/* Another creation of the same name is the one in effect. */
bool service_is_alias(const struct catalog *c, const struct service *s);
/* A specification, current or former; NULL: not here. In `mem`. */
const struct service_spec *catalog_spec(const struct state *state, const struct ulid *service,
                                        const struct ulid *spec, struct arena *mem);

#endif
