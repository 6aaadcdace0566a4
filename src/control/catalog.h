#ifndef KITH_CONTROL_CATALOG_H
#define KITH_CONTROL_CATALOG_H
/*
 * The registry's rows about services, decoded and joined: what everything in this folder decides by.
 *
 * Holds: service, its current specification and count, the placements and instances of every host,
 * names, and the dependency graph in which edges that would close a cycle are held out. Whoever writes
 * a row goes through control_put() (inside.h), so that the catalog is never behind the state.
 *
 * Does not decide anything; rows that it cannot read are passed over. A changed row costs O(log rows): what
 * is asked after every step (which services changed, what is placed here, who speaks of a name) has an
 * index of its own, since a registry of 172,000 instances cannot be walked each time.
 */
#include "base/ulid_index.h"
#include "control/fleet.h"
#include "control/lookups.h"
#include "control/specs.h"
#include "graph/graph.h"
#include "state/content.h"
#include "state/members.h"

/* A service is called so, or needs one of this name. */
struct mention {
    TREE_ENTRY(mention) by_name;
    struct bytes name; /* in a row that the service holds */
    struct service *service;
};

struct service_count {
    uint32_t count;
    bool every_host;
};

/* There may be tens of thousands, so what its specification says is read when it is asked for: service_spec(). */
struct service {
    struct ulid id;              /* first: it is found by an index of ids */
    struct service_row row;      /* in contents */
    struct service_count count;  /* of its count row */
    struct service_count stated; /* by its specification */
    struct mention *mentions;    /* its name, then its needs */
    uint32_t mentions_n;
    bool known;       /* it has a row; else only others' rows speak of it */
    bool counted;     /* it has a count row */
    bool touched;     /* something about it changed since place.h last looked */
    uint64_t stirred; /* the round of lookups.h that hears of it already, plus one; 0: none */
    struct content *contents[2]; /* references: of its row and of its specification's, or NULL */
    struct placement_tree placements;
    struct sheets instances;      /* in order of slot, see FLEET_FOREACH */
    kith_time healthy_changed_us; /* when the set of healthy instances last changed, as seen here */
};

_Static_assert(sizeof(struct service) <= 200, "there are tens of thousands");

static inline int mention_compare(const struct mention *a, const struct mention *b)
{
    int order = bytes_compare(a->name, b->name);

    return order ? order : ulid_compare(&a->service->id, &b->service->id);
}

TREE_HEAD(mention_tree, mention);
TREE_FUNCTIONS(mention_tree, mention, by_name, mention_compare)

struct catalog {
    const struct members *members;
    struct ulid self;
    struct sheets services; /* by id; see SERVICES_FOREACH */
    struct ulid_index by_id;
    uint32_t known;        /* of them */
    struct sheets touched; /* services, by id */
    struct sheets names;   /* the contents of their rows, by name; see NAMES_FOREACH */
    struct mention_tree mentions;
    struct sheets instances; /* of all hosts, by the hash of their keys */
    struct here_tree here;   /* placements on this host */
    struct graph *graph;
    struct specs *specs;     /* that were decoded in this step */
    struct lookups *lookups; /* hears of the names whose services change */
    struct arena scratch; /* of one call; kept, since blocks that come and go would leave holes */
    /* Of the last row, when it was an instance's that is there now: the state that was known until then, or
     * CATALOG_UNKNOWN. */
    const struct instance *taken;
    int taken_before;
};
#define CATALOG_UNKNOWN (-1)

/* for each name in order, as a content `n` (a variable of the caller's) whose key is the name */
#define NAMES_FOREACH(n, catalog) FLEET_FOREACH (n, &(catalog)->names)

/* for each service in order of ids, known or not; none may come or go meanwhile */
#define SERVICES_FOREACH(s, catalog) FLEET_FOREACH (s, &(catalog)->services)

/* For FLEET_FOREACH; s may be NULL: there are none. */
static inline const struct sheets *service_fleet(const struct service *s)
{
    static const struct sheets none;

    return s ? &s->instances : &none;
}

static inline struct instance *service_instances(const struct service *s) /* the first */
{
    return sheets_at(&s->instances, (struct sheets_place){0});
}

static inline struct placement *service_placements(const struct service *s) /* placement_tree */
{
    return TREE_FIRST(placement_tree, (struct placement_tree *)(uintptr_t)&s->placements);
}

void catalog_init(struct catalog *c, const struct members *members, struct lookups *lookups);
void catalog_deinit(struct catalog *c);

/* It is looked at again by place.h. */
void catalog_touch(struct catalog *c, struct service *s);
/* The first touched one after a service (zero: of all), which is touched no longer; NULL: none. In order of ids. */
struct service *catalog_take_touched(struct catalog *c, const struct ulid *after);

/* A row changed, or is there at start: `row` as the state holds it. Rows of other tables are ignored. */
void catalog_row(struct catalog *c, const struct state *state, const struct row *row,
                 kith_time now_us);
/* A member came or went: what runs there counts, or does not count any more. */
void catalog_member(struct catalog *c, const struct state *state, const struct ulid *node,
                    kith_time now_us);

struct service *catalog_get(const struct catalog *c, const struct ulid *id); /* known or not */
struct service *catalog_find(const struct catalog *c,
                             struct bytes name); /* known, the one in effect */
struct placement *catalog_placement(const struct service *s, const struct slot *slot);
struct instance *catalog_instance(const struct catalog *c, const struct ulid *node,
                                  const struct ulid *id);
/* Of an instance's row; NULL: it could not be read. */
struct instance *catalog_instance_of(const struct catalog *c, const struct row *row);
/* The instance that a placement speaks of; NULL: its host has not said anything yet. */
struct instance *catalog_placed(const struct catalog *c, const struct placement *p);
/* Its specification's row is here and can be read. */
static inline bool service_has_spec(const struct service *s)
{
    return s->contents[1] != NULL;
}

/* What it says; NULL: it is not here. Borrowed until catalog_rest(), or until a row of the service changes. */
const struct service_spec *service_spec(const struct catalog *c, const struct service *s);
/* Frees what was decoded: at the start of each step's decisions. */
void catalog_rest(struct catalog *c);

/* Another creation of the same name is the one in effect. */
bool service_is_alias(const struct catalog *c, const struct service *s);
/* A specification, current or former; NULL: not here. In `mem`. */
const struct service_spec *catalog_spec(const struct state *state, const struct ulid *service,
                                        const struct ulid *spec, struct arena *mem);

#endif
