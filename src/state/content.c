#include "state/content.h"

#include "base/mem.h"
#include "state/hash.h"
#include "state/table.h"

#include <assert.h>
#include <string.h>

#define PLACES_MIN 1024u

struct contents {
    struct content **places; /* by hash of the record */
    size_t places_n;         /* a power of two */
    size_t count;
};

struct contents *contents_new(void)
{
    struct contents *all = mem_alloc(sizeof(*all));

    all->places_n = PLACES_MIN;
    all->places = mem_alloc(all->places_n * sizeof(*all->places));
    return all;
}

void contents_free(struct contents *all)
{
    if (!all)
        return;
    assert(all->count == 0); /* whoever shares goes first */
    mem_free(all->places);
    mem_free(all);
}

size_t contents_count(const struct contents *all)
{
    return all->count;
}

static struct content **place_of(struct contents *all, uint64_t hash)
{
    return &all->places[hash & (all->places_n - 1)];
}

static void put(struct contents *all, struct content *c)
{
    struct content **place = place_of(all, c->row.hash);

    c->twin = *place;
    *place = c;
}

static void grow(struct contents *all)
{
    struct content **former = all->places;
    size_t former_n = all->places_n;

    all->places_n = 2 * former_n;
    all->places = mem_alloc(all->places_n * sizeof(*all->places));
    for (size_t i = 0; i < former_n; i++) {
        while (former[i]) {
            struct content *c = former[i];

            former[i] = c->twin;
            put(all, c);
        }
    }
    mem_free(former);
}

static void leave_home(struct content *c)
{
    struct content **at = place_of(c->home, c->row.hash);

    while (*at != c)
        at = &(*at)->twin;
    *at = c->twin;
    c->home->count--;
}

static struct content *find(struct contents *shared, uint64_t hash, struct bytes record)
{
    struct content *c = *place_of(shared, hash);

    while (c && (c->row.hash != hash || !bytes_equal(c->row.record, record)))
        c = c->twin;
    return c;
}

struct content *content_find(struct contents *shared, struct bytes record)
{
    return shared ? find(shared, hash64(record), record) : NULL;
}

/* The same place in a copy of the record. */
static struct bytes moved(struct bytes view, const uint8_t *from, const uint8_t *to)
{
    if (view.len == 0)
        return bytes_of(NULL, 0);
    return bytes_of(to + (view.data - from), view.len);
}

static struct content *copy_of(const struct row *row)
{
    struct content *c = mem_alloc(sizeof(*c) + row->record.len);
    const uint8_t *from = row->record.data;
    uint8_t key[STORAGE_KEY_MAX];

    memcpy(c->bytes, from, row->record.len);
    c->row = *row;
    c->row.ns = moved(row->ns, from, c->bytes);
    c->row.key = moved(row->key, from, c->bytes);
    c->row.value = moved(row->value, from, c->bytes);
    c->row.record = bytes_of(c->bytes, row->record.len);
    c->key_hash = hash64(bytes_of(key, table_storage_key(key, row->table, row->ns, row->key)));
    c->references = 1;
    return c;
}

struct content *content_take(struct contents *shared, const struct row *row)
{
    struct content *c = shared ? find(shared, row->hash, row->record) : NULL;

    if (c)
        return content_reference(c);
    c = copy_of(row);
    if (shared) {
        if (shared->count == shared->places_n)
            grow(shared);
        c->home = shared;
        shared->count++;
        put(shared, c);
    }
    return c;
}

struct content *content_reference(struct content *c)
{
    assert(c->references < UINT32_MAX);
    c->references++;
    return c;
}

void content_release(struct content *c)
{
    if (!c || --c->references > 0)
        return;
    if (c->home)
        leave_home(c);
    if (c->made)
        c->made_free(c->made);
    mem_free(c);
}

struct content *content_of(const struct row *row)
{
    return (struct content *)(uintptr_t)row; /* the row is its first member */
}

void content_keep(struct content *c, void *made, void (*made_free)(void *made))
{
    assert(!c->made);
    c->made = made;
    c->made_free = made_free;
}
