#include "state/digest.h"

#include <assert.h>

static uint64_t key_hash_of(const void *element)
{
    return ((const struct digest_item *)element)->key_hash;
}

static uint64_t hash_of(const void *element)
{
    return ((const struct digest_item *)element)->hash;
}

static const struct sheets_rule rule = {.number = hash_of, .order = key_hash_of};

static uint32_t shift_of(uint32_t depth)
{
    return 64 - DIGEST_BITS -
           DIGEST_BITS * depth; /* of the bits that choose among a node's children */
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

void digest_deinit(struct digest *d)
{
    sheets_deinit(&d->rows);
    *d = (struct digest){0};
}

void digest_add(struct digest *d, struct digest_item *item)
{
    sheets_put(&d->rows, &rule, sheets_from(&d->rows, &rule, &item->key_hash), item);
    d->digest ^= item->hash;
}

void digest_remove(struct digest *d, struct digest_item *item)
{
    struct sheets_place place = sheets_from(&d->rows, &rule, &item->key_hash);

    while (sheets_at(&d->rows, place) != item)
        place = sheets_next(&d->rows, place);
    sheets_take(&d->rows, &rule, place);
    d->digest ^= item->hash;
}

struct digest_item *digest_from(const struct digest *d, uint64_t key_hash,
                                struct digest_walk *ret_walk)
{
    struct sheets_place place = sheets_from(&d->rows, &rule, &key_hash);

    if (ret_walk)
        *ret_walk = (struct digest_walk){.digest = d, .place = place};
    return sheets_at(&d->rows, place);
}

struct digest_item *digest_find(const struct digest *d, uint64_t key_hash,
                                struct digest_walk *ret_walk)
{
    struct digest_item *item = digest_from(d, key_hash, ret_walk);

    return item && item->key_hash == key_hash ? item : NULL;
}

struct digest_item *digest_next(struct digest_walk *walk)
{
    walk->place = sheets_next(&walk->digest->rows, walk->place);
    return sheets_at(&walk->digest->rows, walk->place);
}

struct digest_item *digest_at(const struct digest_walk *walk)
{
    return sheets_at(&walk->digest->rows, walk->place);
}

/* The place behind the last row of a node. */
static struct sheets_place end_of(const struct digest *d, uint64_t last)
{
    if (last < UINT64_MAX) {
        last++;
        return sheets_from(&d->rows, &rule, &last);
    }
    return (struct sheets_place){.sheet = d->rows.n};
}

struct digest_sum digest_sum(const struct digest *d, uint32_t depth, uint64_t prefix)
{
    size_t count;

    if (depth == 0)
        return (struct digest_sum){d->digest, d->rows.count};
    uint64_t digest = sheets_sum(&d->rows, &rule, sheets_from(&d->rows, &rule, &prefix),
                                 end_of(d, digest_last(depth, prefix)), &count);
    return (struct digest_sum){digest, count};
}

void digest_children(const struct digest *d, uint32_t depth, uint64_t prefix,
                     struct digest_sum *ret)
{
    assert(depth < DIGEST_DEPTH_MAX);
    for (uint32_t i = 0; i < DIGEST_FANOUT; i++)
        ret[i] = digest_sum(d, depth + 1, digest_child(depth, prefix, i));
}
