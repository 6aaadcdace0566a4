#include "gossip/boots.h"

#include "base/mem.h"
#include "base/tree.h"

struct known {
    struct ulid id;
    uint64_t incarnation;
    struct ulid boot;   /* of the row with the highest incarnation */
    struct ulid former; /* the boot before that; zero */
    struct ulid banned; /* zero */
    TREE_ENTRY(known) by_id;
};

static int compare_id(const struct known *a, const struct known *b)
{
    return ulid_compare(&a->id, &b->id);
}

TREE_DEFINE(known_tree, known, by_id, compare_id)

struct boots {
    struct known_tree known;
};

struct boots *boots_new(void)
{
    return mem_alloc(sizeof(struct boots));
}

void boots_free(struct boots *b)
{
    struct known *k, *next;
    TREE_FOREACH_SAFE(k, known_tree, &b->known, next)
    {
        TREE_REMOVE(known_tree, &b->known, k);
        mem_free(k);
    }
    mem_free(b);
}

static struct known *get(const struct boots *b, const struct ulid *id)
{
    struct known key = {.id = *id};
    /* The macro wants a tree it could change; finding does not. */
    struct known_tree tree = b->known;
    return TREE_FIND(known_tree, &tree, &key);
}

bool boots_row(struct boots *b, const struct ulid *id, uint64_t incarnation,
               const struct ulid *boot)
{
    struct known *k = get(b, id);
    if (!k) {
        k = mem_alloc(sizeof(*k));
        *k = (struct known){.id = *id, .incarnation = incarnation, .boot = *boot};
        TREE_INSERT(known_tree, &b->known, k);
        return false;
    }
    if (incarnation <= k->incarnation)
        return false;
    k->incarnation = incarnation;
    if (ulid_equal(boot, &k->boot))
        return false;
    bool proof = ulid_equal(boot, &k->former);
    k->former = k->boot;
    k->boot = *boot;
    if (!proof)
        return false;
    struct ulid later = ulid_compare(&k->former, boot) > 0 ? k->former : *boot;
    bool fresh = !ulid_equal(&later, &k->banned);
    k->banned = later;
    return fresh;
}

bool boots_banned(const struct boots *b, const struct ulid *id, const struct ulid *boot)
{
    const struct known *k = get(b, id);
    return k && ulid_equal(&k->banned, boot) && !ulid_is_zero(boot);
}
