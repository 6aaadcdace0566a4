#ifndef KITH_CONTROL_FLEET_H
#define KITH_CONTROL_FLEET_H
/*
 * Where the instances of one service belong (placements) and what there is of them (instances), as the
 * rows say, decoded. Both in order of slot, so that lists made of them are the same on every peer.
 *
 * A slot is what is to be filled: an ordinal, or a host when there is one instance per host.
 */
#include "base/arena.h"
#include "base/sheets.h"
#include "base/tree.h"
#include "state/state.h"
#include "wire/gen/service.h"

#define SLOT_ORDINAL_LEN 4
#define SLOT_NODE_LEN    16

struct slot {
    uint8_t len; /* SLOT_ORDINAL_LEN (big endian) or SLOT_NODE_LEN */
    uint8_t b[SLOT_NODE_LEN];
};

struct slot slot_ordinal(uint32_t number);
struct slot slot_node(const struct ulid *node);
bool slot_from(struct slot *ret, struct bytes bytes); /* false: of no known length */
struct bytes slot_bytes(const struct slot *slot);     /* borrowed */
int slot_compare(const struct slot *a, const struct slot *b);
uint32_t slot_number(const struct slot *slot); /* of an ordinal; UINT32_MAX for a node */
void slot_print(struct buf *out, const struct slot *slot); /* 0, 1, ... or the node's id */

struct placement {
    struct ulid service;
    struct slot slot;
    TREE_ENTRY(placement) by_slot;
    TREE_ENTRY(placement) by_service; /* of those on this host: service, slot */
    struct placement_row row;         /* in content and mem */
    uint64_t epoch;
    uint64_t hash;
    struct content *content; /* of its row, a reference */
    struct arena mem;        /* its lists; most have none */
};

struct service;

/* What is decided by; there may be hundreds of thousands, so what its row says is read there: by the functions below,
 * and all of it by instance_says(). */
struct instance {
    struct content *content;   /* of its row, a reference */
    struct service *service;   /* which holds it */
    uint16_t spec_at, slot_at; /* in the row's value; spec_at 0: it names none */
    uint8_t slot_len, ports_n;
    uint8_t state; /* an enum instance_state */
    bool given_up;
};

_Static_assert(sizeof(struct instance) <= 24, "there are hundreds of thousands");

static inline int placement_compare_slot(const struct placement *a, const struct placement *b)
{
    return slot_compare(&a->slot, &b->slot);
}

static inline int placement_compare_here(const struct placement *a, const struct placement *b)
{
    int order = ulid_compare(&a->service, &b->service);

    return order ? order : slot_compare(&a->slot, &b->slot);
}

TREE_HEAD(placement_tree, placement);
TREE_HEAD(here_tree, placement);
TREE_FUNCTIONS(placement_tree, placement, by_slot, placement_compare_slot)
TREE_FUNCTIONS(here_tree, placement, by_service, placement_compare_here)

/* Keys of the two tables. False: not such a key. */
bool placement_key(struct bytes key, struct ulid *ret_service, struct slot *ret_slot);
bool instance_key(struct bytes key, struct ulid *ret_node, struct ulid *ret_id);
void placement_key_put(struct buf *out, const struct ulid *service, const struct slot *slot);
void instance_key_put(struct buf *out, const struct ulid *node, const struct ulid *id);

/* A placement or an instance with what a row says, which a state handed out: it keeps the row's content. NULL:
 * the value is not one. */
struct placement *placement_new(const struct row *row);
void placement_free(struct placement *p);
/* *ret_service: whose it says it is; the caller sets i->service. */
struct instance *instance_new(const struct row *row, struct ulid *ret_service);
void instance_free(struct instance *i);
const struct ulid *instance_node(const struct instance *i);
const struct ulid *instance_id(const struct instance *i);
const struct ulid *instance_spec(const struct instance *i);
struct slot instance_slot(const struct instance *i);
/* All that its host says of it; lists in mem, the rest is readable as long as the instance. */
const struct instance_row *instance_says(const struct instance *i, struct arena *mem);

/* Lists of instances: of one service in order of slot and id, and of all in order of the hash of their rows' keys, in
 * which a joiner's rows come and single ones are found soonest. */
extern const struct sheets_rule instances_by_slot, instances_by_hash;
struct sheets_place fleet_place(const struct sheets *fleet, const struct instance *i);
/* NULL: there is none. *ret: where it stands, or would. */
struct instance *instances_find(const struct sheets *all, const struct ulid *node,
                                const struct ulid *id, struct sheets_place *ret);

/* for each instance `i` (a variable of the caller's) of such a list */
#define FLEET_FOREACH(i, list)                                                                     \
    for (struct sheets_place place_of_##i = {0}; ((i) = sheets_at((list), place_of_##i)) != NULL;  \
         place_of_##i = sheets_next((list), place_of_##i))

/* By its row alone: it has a process (whether its host lives is another question). */
bool instance_state_runs(enum instance_state state);

#endif
