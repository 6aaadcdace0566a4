#include "state/digest.h"

#include "base/mem.h"

#include <assert.h>

struct digest_branch {
    struct digest_node child[DIGEST_FANOUT];
};

static uint32_t shift_of(uint32_t depth)
{
    return 64 - DIGEST_BITS -
           DIGEST_BITS * depth; /* of the bits that choose among a node's children */
}

static uint32_t child_of(uint32_t depth, uint64_t key_hash)
{
    return (uint32_t)(key_hash >> shift_of(depth)) & (DIGEST_FANOUT - 1);
}

uint64_t digest_child(uint32_t depth, uint64_t prefix, uint32_t i)
{
    return prefix | (uint64_t)i << shift_of(depth);
}

uint64_t digest_last(uint32_t depth, uint64_t prefix)
{
    return depth >= DIGEST_DEPTH_MAX ? prefix : prefix | UINT64_MAX >> (DIGEST_BITS * depth);
}

bool digest_is_node(uint32_t depth, uint64_t prefix)
{
    if (depth > DIGEST_DEPTH_MAX)
        return false;
    return depth == DIGEST_DEPTH_MAX || (prefix & UINT64_MAX >> (DIGEST_BITS * depth)) == 0;
}

static void node_deinit(struct digest_node *node)
{
    if (!node->branch)
        return;
    for (uint32_t i = 0; i < DIGEST_FANOUT; i++)
        node_deinit(&node->branch->child[i]);
    mem_free(node->branch);
}

void digest_deinit(struct digest *d)
{
    node_deinit(&d->root);
    *d = (struct digest){0};
}

static void chain_insert(struct digest_node *leaf, struct digest_item *item)
{
    struct digest_item **at = &leaf->items;

    while (*at && (*at)->key_hash < item->key_hash)
        at = &(*at)->next;
    item->next = *at;
    *at = item;
}

static void chain_remove(struct digest_node *leaf, struct digest_item *item)
{
    struct digest_item **at = &leaf->items;

    while (*at != item)
        at = &(*at)->next;
    *at = item->next;
    item->next = NULL;
}

static void count_in(struct digest_node *node, const struct digest_item *item)
{
    node->digest ^= item->hash;
    node->count++;
}

static void split(struct digest_node *leaf, uint32_t depth)
{
    struct digest_item *item = leaf->items;

    leaf->branch = mem_alloc(sizeof(*leaf->branch));
    leaf->items = NULL;
    while (item) {
        struct digest_item *next = item->next;
        struct digest_node *child = &leaf->branch->child[child_of(depth, item->key_hash)];

        count_in(child, item);
        chain_insert(child, item);
        item = next;
    }
}

void digest_add(struct digest *d, struct digest_item *item)
{
    struct digest_node *node = &d->root;
    uint32_t depth = 0;

    count_in(node, item);
    for (;;) {
        if (!node->branch && node->count > DIGEST_LEAF_MAX && depth < DIGEST_DEPTH_MAX)
            split(node, depth);
        if (!node->branch)
            break;
        node = &node->branch->child[child_of(depth, item->key_hash)];
        depth++;
        count_in(node, item);
    }
    chain_insert(node, item);
}

void digest_remove(struct digest *d, struct digest_item *item)
{
    struct digest_node *node = &d->root;

    for (uint32_t depth = 0;; depth++) {
        assert(node->count > 0);
        node->digest ^= item->hash;
        node->count--;
        if (!node->branch)
            break;
        node = &node->branch->child[child_of(depth, item->key_hash)];
    }
    chain_remove(node, item);
}

/* The first item of the node at or after a key hash. */
static struct digest_item *node_from(const struct digest_node *node, uint32_t depth,
                                     uint64_t key_hash, bool whole)
{
    struct digest_item *found = NULL;

    if (!node->branch) {
        found = node->items;
        while (found && !whole && found->key_hash < key_hash)
            found = found->next;
        return found;
    }
    uint32_t first = whole ? 0 : child_of(depth, key_hash);
    for (uint32_t i = first; i < DIGEST_FANOUT && !found; i++)
        found = node_from(&node->branch->child[i], depth + 1, key_hash, whole || i > first);
    return found;
}

struct digest_item *digest_from(const struct digest *d, uint64_t key_hash)
{
    return node_from(&d->root, 0, key_hash, /* whole= */ false);
}

struct digest_item *digest_find(const struct digest *d, uint64_t key_hash)
{
    struct digest_item *item = digest_from(d, key_hash);

    return item && item->key_hash == key_hash ? item : NULL;
}

/* The node itself, or the leaf above it that holds its rows: *ret_depth says at which depth. */
static const struct digest_node *descend(const struct digest *d, uint32_t depth, uint64_t prefix,
                                         uint32_t *ret_depth)
{
    const struct digest_node *node = &d->root;
    uint32_t at = 0;

    while (at < depth && node->branch) {
        node = &node->branch->child[child_of(at, prefix)];
        at++;
    }
    *ret_depth = at;
    return node;
}

static bool covers(uint32_t depth, uint64_t prefix, const struct digest_item *item)
{
    return item->key_hash >= prefix && item->key_hash <= digest_last(depth, prefix);
}

struct digest_sum digest_sum(const struct digest *d, uint32_t depth, uint64_t prefix)
{
    uint32_t at;
    const struct digest_node *node = descend(d, depth, prefix, &at);
    struct digest_sum sum = {0};

    if (at == depth)
        return (struct digest_sum){node->digest, node->count};
    for (const struct digest_item *item = node->items; item; item = item->next) {
        if (covers(depth, prefix, item)) {
            sum.digest ^= item->hash;
            sum.count++;
        }
    }
    return sum;
}

void digest_children(const struct digest *d, uint32_t depth, uint64_t prefix,
                     struct digest_sum *ret)
{
    assert(depth < DIGEST_DEPTH_MAX);
    for (uint32_t i = 0; i < DIGEST_FANOUT; i++)
        ret[i] = digest_sum(d, depth + 1, digest_child(depth, prefix, i));
}
