#ifndef KITH_CONTROL_FLEET_H
#define KITH_CONTROL_FLEET_H
/*
 * Where the instances of one service belong (placements) and what there is of them (instances), as the
 * rows say, decoded. Both in order of slot, so that lists made of them are the same on every peer.
 *
 * A slot is what is to be filled: an ordinal, or a host when there is one instance per host.
 */
#include "base/arena.h"
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

/* What is decided by; there may be hundreds of thousands. The rest of the row is read when it is shown:
 * instance_says(). */
struct instance {
    struct ulid node, id;
    struct ulid service, spec;
    TREE_ENTRY(instance) by_key;  /* in the catalog: node, id */
    TREE_ENTRY(instance) by_slot; /* in its service: slot, id */
    struct content *content;      /* of its row, a reference */
    uint64_t restart_stamp, values_hash;
    enum instance_state state;
    uint32_t ports_n;
    struct slot slot;
    bool given_up;
};

static inline int placement_compare_slot(const struct placement *a, const struct placement *b)
{
    return slot_compare(&a->slot, &b->slot);
}

static inline int placement_compare_here(const struct placement *a, const struct placement *b)
{
    int order = ulid_compare(&a->service, &b->service);

    return order ? order : slot_compare(&a->slot, &b->slot);
}

static inline int instance_compare_key(const struct instance *a, const struct instance *b)
{
    int order = ulid_compare(&a->node, &b->node);

    return order ? order : ulid_compare(&a->id, &b->id);
}

static inline int instance_compare_slot(const struct instance *a, const struct instance *b)
{
    int order = slot_compare(&a->slot, &b->slot);

    return order ? order : ulid_compare(&a->id, &b->id);
}

TREE_HEAD(placement_tree, placement);
TREE_HEAD(here_tree, placement);
TREE_HEAD(instance_tree, instance);
TREE_HEAD(fleet_tree, instance);
TREE_FUNCTIONS(placement_tree, placement, by_slot, placement_compare_slot)
TREE_FUNCTIONS(here_tree, placement, by_service, placement_compare_here)
TREE_FUNCTIONS(instance_tree, instance, by_key, instance_compare_key)
TREE_FUNCTIONS(fleet_tree, instance, by_slot, instance_compare_slot)

/* Keys of the two tables. False: not such a key. */
bool placement_key(struct bytes key, struct ulid *ret_service, struct slot *ret_slot);
bool instance_key(struct bytes key, struct ulid *ret_node, struct ulid *ret_id);
void placement_key_put(struct buf *out, const struct ulid *service, const struct slot *slot);
void instance_key_put(struct buf *out, const struct ulid *node, const struct ulid *id);

/* A placement or an instance with what a row says, which a state handed out: it keeps the row's content. NULL:
 * the value is not one. */
struct placement *placement_new(const struct row *row);
void placement_free(struct placement *p);
struct instance *instance_new(const struct row *row);
void instance_free(struct instance *i);
/* All that its host says of it; lists in mem, the rest is readable as long as the instance. */
const struct instance_row *instance_says(const struct instance *i, struct arena *mem);

/* By its row alone: it has a process (whether its host lives is another question). */
bool instance_state_runs(enum instance_state state);

#endif
