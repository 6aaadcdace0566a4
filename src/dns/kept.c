#include "dns/kept.h"

#include "base/mem.h"

#include <string.h>

struct entry {
    uint64_t hash;
    const uint64_t *word; /* in the map of this generation, and of no other */
    uint64_t value, generation;
    kith_time until_us;
    size_t size;
    struct cached cached;
    uint16_t type;
    uint8_t name_len;
    uint8_t name[];
};

struct kept {
    struct entry *entries[KEPT_SETS][KEPT_WAYS]; /* the newer one first */
    size_t bytes;
    uint64_t seed;
};

struct kept *kept_new(uint64_t seed)
{
    struct kept *c = mem_alloc(sizeof(*c));

    c->seed = seed;
    return c;
}

static void drop(struct kept *c, struct entry **place)
{
    struct entry *e = *place;

    *place = NULL;
    if (!e)
        return;
    c->bytes -= e->size;
    mem_free(e->cached.answers);
    mem_free(e);
}

static void drop_all(struct kept *c)
{
    for (size_t i = 0; i < KEPT_SETS; i++) {
        for (size_t k = 0; k < KEPT_WAYS; k++)
            drop(c, &c->entries[i][k]);
    }
}

void kept_free(struct kept *c)
{
    if (!c)
        return;
    drop_all(c);
    mem_free(c);
}

static uint64_t hash_of(const struct kept *c, const struct question *q)
{
    return lookup_mix(lookup_hash_text(c->seed ^ q->type, (const char *)q->lower, q->name_len));
}

static bool is_of(const struct entry *e, const struct question *q, uint64_t hash)
{
    return e && e->hash == hash && e->type == q->type && e->name_len == q->name_len &&
           memcmp(e->name, q->lower, q->name_len) == 0;
}

static bool holds(const struct entry *e, const struct lookup_map *map, kith_time now_us)
{
    return e->generation == map->generation && lookup_get_acquire(e->word) == e->value &&
           now_us < e->until_us;
}

struct cached *kept_find(struct kept *c, const struct question *q, const struct lookup_map *map,
                         kith_time now_us)
{
    uint64_t hash = hash_of(c, q);
    struct entry **set = c->entries[hash % KEPT_SETS];

    for (size_t k = 0; k < KEPT_WAYS; k++) {
        if (!is_of(set[k], q, hash))
            continue;
        if (holds(set[k], map, now_us))
            return &set[k]->cached;
        drop(c, &set[k]);
        return NULL;
    }
    return NULL;
}

struct cached *kept_put(struct kept *c, const struct question *q, const struct lookup_map *map,
                        const struct zone_answer *answer, const struct asked *asked,
                        kith_time now_us)
{
    size_t size = sizeof(struct entry) + q->name_len + answer->answers->size;
    uint64_t hash = hash_of(c, q);
    struct entry **set = c->entries[hash % KEPT_SETS];
    struct entry *e = mem_alloc(sizeof(*e) + q->name_len);

    *e = (struct entry){
        .hash = hash,
        .word = answer->word,
        .value = answer->value,
        .generation = map->generation,
        .until_us = answer->part ? now_us + KEPT_PART_US : KITH_NEVER,
        .size = size,
        .cached = {answer->answers, (uint8_t)asked->domain, asked->domain_at},
        .type = q->type,
        .name_len = q->name_len,
    };
    memcpy(e->name, q->lower, q->name_len);
    if (c->bytes + size > KEPT_BYTES_MAX)
        drop_all(c);
    drop(c, &set[1]);
    set[1] = set[0];
    set[0] = e;
    c->bytes += size;
    return &e->cached;
}
