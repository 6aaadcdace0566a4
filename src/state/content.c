#include "state/content.h"

#include "base/mem.h"
#include "state/hash.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define PLACES_MIN 1024u

/* Before a content that others can find. */
struct sharing {
    struct contents *home;
    struct sharing *twin; /* the next in its place there */
    struct content content;
};

struct contents {
    struct sharing **places; /* by hash of the record */
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

static struct sharing **place_of(struct contents *all, uint64_t hash)
{
    return &all->places[hash & (all->places_n - 1)];
}

static void put(struct contents *all, struct sharing *x)
{
    struct sharing **place = place_of(all, x->content.row.hash);

    x->twin = *place;
    *place = x;
}

static void grow(struct contents *all)
{
    struct sharing **former = all->places;
    size_t former_n = all->places_n;

    all->places_n = 2 * former_n;
    all->places = mem_alloc(all->places_n * sizeof(*all->places));
    for (size_t i = 0; i < former_n; i++) {
        while (former[i]) {
            struct sharing *x = former[i];

            former[i] = x->twin;
            put(all, x);
        }
    }
    mem_free(former);
}

static void leave_home(struct sharing *x)
{
    struct sharing **at = place_of(x->home, x->content.row.hash);

    while (*at != x)
        at = &(*at)->twin;
    *at = x->twin;
    x->home->count--;
}

static struct content *find(struct contents *shared, uint64_t hash, struct bytes record)
{
    struct sharing *x = *place_of(shared, hash);

    while (x && (x->content.row.hash != hash || !bytes_equal(x->content.row.record, record)))
        x = x->twin;
    return x ? &x->content : NULL;
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

static void fill(struct content *c, const struct row *row)
{
    const uint8_t *from = row->record.data;

    memcpy(c->bytes, from, row->record.len);
    c->row = *row;
    c->row.ns = moved(row->ns, from, c->bytes);
    c->row.key = moved(row->key, from, c->bytes);
    c->row.value = moved(row->value, from, c->bytes);
    c->row.record = bytes_of(c->bytes, row->record.len);
    c->references = 1;
}

static struct content *share(struct contents *all, const struct row *row)
{
    struct sharing *x = mem_alloc(sizeof(*x) + row->record.len);

    fill(&x->content, row);
    if (all->count == all->places_n)
        grow(all);
    x->content.shared = true;
    x->home = all;
    all->count++;
    put(all, x);
    return &x->content;
}

struct content *content_take(struct contents *shared, const struct row *row)
{
    struct content *c = shared ? find(shared, row->hash, row->record) : NULL;

    if (c)
        return content_reference(c);
    if (shared)
        return share(shared, row);
    c = mem_alloc(sizeof(*c) + row->record.len);
    fill(c, row);
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
    mem_free(c->made);
    if (!c->shared) {
        mem_free(c);
        return;
    }
    struct sharing *x = (struct sharing *)((uint8_t *)c - offsetof(struct sharing, content));
    leave_home(x);
    mem_free(x);
}

struct content *content_of(const struct row *row)
{
    return (struct content *)(uintptr_t)row; /* the row is its first member */
}

void content_keep(struct content *c, void *made)
{
    assert(!c->made);
    c->made = made;
}
