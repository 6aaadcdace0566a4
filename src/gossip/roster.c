#include "gossip/roster.h"

#include "base/mem.h"
#include "state/hash.h"
#include "state/loads.h"

#include <stdlib.h>

void roster_init(struct roster *r)
{
    *r = (struct roster){.stale = true};
}

void roster_deinit(struct roster *r)
{
    mem_free(r->now.keys);
    mem_free(r->before.keys);
}

void roster_changed(struct roster *r)
{
    r->stale = true;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Of the sorted keys, byte by byte: the same on every machine. */
static uint32_t digest_of(const uint32_t *keys, size_t n)
{
    uint64_t digest = 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t at[] = {(uint8_t)(keys[i] >> 24), (uint8_t)(keys[i] >> 16), (uint8_t)(keys[i] >> 8),
                        (uint8_t)keys[i]};
        digest = digest * 31 + hash64(bytes_of(at, sizeof(at)));
    }
    return n == 0 ? 0 : (uint32_t)(digest | 1);
}

void roster_look(struct roster *r, const struct members *members)
{
    size_t n = 0, room = members_count(members);
    if (!r->stale)
        return;
    r->stale = false;
    uint32_t *keys = mem_alloc((room + 1) * sizeof(*keys));
    for (const struct member *m = members_first(members); m && n < room;
         m = members_next(members, m))
        keys[n++] = (uint32_t)(loads_host_key(&m->id) >> 16);
    qsort(keys, n, sizeof(*keys), compare);
    uint32_t digest = digest_of(keys, n);
    if (digest == r->now.digest) {
        mem_free(keys);
        return;
    }
    mem_free(r->before.keys);
    r->before = r->now;
    r->now = (struct roster_order){.keys = keys, .n = n, .digest = digest};
}

const struct roster_order *roster_find(const struct roster *r, uint32_t digest)
{
    if (digest == 0)
        return NULL;
    if (digest == r->now.digest)
        return &r->now;
    return digest == r->before.digest ? &r->before : NULL;
}

size_t roster_place(const struct roster_order *order, uint32_t key)
{
    size_t low = 0, high = order->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (order->keys[middle] < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low < order->n && order->keys[low] == key ? low : order->n;
}
