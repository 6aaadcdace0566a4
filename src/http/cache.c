#include "http/cache.h"

/* FNV-1a: a dozen nanoseconds for what is asked, and who makes two collide only hurts himself. */
unsigned cache_place(struct bytes asked)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < asked.len; i++)
        h = (h ^ asked.data[i]) * 16777619u;
    return (h ^ h >> 16) % CACHE_SLOTS;
}

void cache_deinit(struct cache *c)
{
    for (unsigned i = 0; i < CACHE_SLOTS; i++) {
        buf_deinit(&c->entries[i].asked);
        buf_deinit(&c->entries[i].body);
    }
    c->bytes = 0;
}

const struct cache_entry *cache_find(const struct cache *c, struct bytes asked, uint64_t index)
{
    const struct cache_entry *e = &c->entries[cache_place(asked)];

    return e->index == index && e->asked.len && bytes_equal(buf_bytes(&e->asked), asked) ? e : NULL;
}

void cache_put(struct cache *c, struct bytes asked, uint64_t index, const char *type,
               struct bytes body)
{
    struct cache_entry *e = &c->entries[cache_place(asked)];

    if (body.len > CACHE_BYTES_MAX)
        return;
    if (c->bytes - e->body.len + body.len > CACHE_BYTES_MAX)
        cache_deinit(c);
    c->bytes += body.len - e->body.len;
    buf_reset(&e->asked);
    buf_append(&e->asked, asked.data, asked.len);
    buf_deinit(&e->body); /* what it had room for is not counted */
    buf_append(&e->body, body.data, body.len);
    e->index = index;
    e->type = type;
}
