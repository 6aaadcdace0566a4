#include "state/content.h"

#include "base/mem.h"
#include "state/hash.h"
#include "state/record_view.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define PLACES_MIN 1024u

/* A content that has its row with it, and that others can find if it has a home. */
struct whole {
    struct contents *home;
    struct whole *twin; /* the next in its place there */
    uint32_t references;
    struct row row;
    struct content content;
};

_Static_assert(offsetof(struct whole, row) + sizeof(struct row) == offsetof(struct whole, content),
               "content_whole() finds the row there");

struct contents {
    struct whole **places; /* by hash of the record */
    size_t places_n;       /* a power of two */
    size_t count;
};

static struct whole *whole_of(const struct content *c)
{
    return (struct whole *)((uint8_t *)(uintptr_t)c - offsetof(struct whole, content));
}

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

static struct whole **place_of(struct contents *all, uint64_t hash)
{
    return &all->places[hash & (all->places_n - 1)];
}

static void put(struct contents *all, struct whole *x)
{
    struct whole **place = place_of(all, x->content.digest.hash);

    x->twin = *place;
    *place = x;
}

static void grow(struct contents *all)
{
    struct whole **former = all->places;
    size_t former_n = all->places_n;

    all->places_n = 2 * former_n;
    all->places = mem_alloc(all->places_n * sizeof(*all->places));
    for (size_t i = 0; i < former_n; i++) {
        while (former[i]) {
            struct whole *x = former[i];

            former[i] = x->twin;
            put(all, x);
        }
    }
    mem_free(former);
}

static void leave_home(struct whole *x)
{
    struct whole **at = place_of(x->home, x->content.digest.hash);

    while (*at != x)
        at = &(*at)->twin;
    *at = x->twin;
    x->home->count--;
}

static struct content *find(struct contents *shared, uint64_t hash, struct bytes record)
{
    struct whole *x = *place_of(shared, hash);

    while (x &&
           (x->content.digest.hash != hash || !bytes_equal(content_record(&x->content), record)))
        x = x->twin;
    return x ? &x->content : NULL;
}

struct content *content_find(struct contents *shared, struct bytes record)
{
    return shared ? find(shared, hash64(record), record) : NULL;
}

/* ---- making and freeing ---- */

size_t content_storage_key(uint8_t *out, enum table_id table, struct bytes ns, struct bytes key)
{
    assert(ns.len > 0 && ns.len <= RECORD_NAMESPACE_MAX && key.len <= STATE_KEY_MAX);
    out[0] = (uint8_t)table;
    out[1] = (uint8_t)ns.len;
    memcpy(out + 2, ns.data, ns.len);
    if (key.len > 0)
        memcpy(out + 2 + ns.len, key.data, key.len);
    return 2 + ns.len + key.len;
}

uint64_t content_key_hash(enum table_id table, struct bytes ns, struct bytes key)
{
    uint8_t bytes[STORAGE_KEY_MAX];

    return hash64(bytes_of(bytes, content_storage_key(bytes, table, ns, key)));
}

/* Where the reader's block is noted: behind the record, in rows of table member alone. */
static size_t made_at(size_t record_len)
{
    size_t end = offsetof(struct content, bytes) + record_len;

    return (end + _Alignof(void *) - 1) & ~(_Alignof(void *) - 1);
}

static size_t size_of(enum table_id table, size_t record_len)
{
    if (table == TABLE_ID_MEMBER)
        return made_at(record_len) + sizeof(void *);
    return offsetof(struct content, bytes) + record_len;
}

static void fill(struct content *c, const struct row *row)
{
    memcpy(c->bytes, row->record.data, row->record.len);
    c->digest.hash = row->hash;
    c->digest.key_hash = content_key_hash(row->table, row->ns, row->key);
    c->table = (uint8_t)row->table & 63u;
    c->tombstone = (row->flags & ROW_TOMBSTONE) != 0;
}

/* The same place in a copy of the record. */
static struct bytes moved(struct bytes view, const uint8_t *from, const uint8_t *to)
{
    if (view.len == 0)
        return bytes_of(NULL, 0);
    return bytes_of(to + (view.data - from), view.len);
}

static struct content *new_whole(struct contents *home, const struct row *row)
{
    struct whole *x =
        mem_alloc(offsetof(struct whole, content) + size_of(row->table, row->record.len));
    struct content *c = &x->content;
    const uint8_t *from = row->record.data;

    fill(c, row);
    c->whole = 1;
    x->home = home;
    x->references = 1;
    x->row = *row;
    x->row.ns = moved(row->ns, from, c->bytes);
    x->row.key = moved(row->key, from, c->bytes);
    x->row.value = moved(row->value, from, c->bytes);
    x->row.record = bytes_of(c->bytes, row->record.len);
    x->row.content = c;
    return c;
}

struct content *content_take_whole(const struct row *row)
{
    return new_whole(/* home= */ NULL, row);
}

static struct content *share(struct contents *all, const struct row *row)
{
    struct content *c = new_whole(all, row);

    if (all->count == all->places_n)
        grow(all);
    all->count++;
    put(all, whole_of(c));
    return c;
}

/* Where a part of a record begins; UINT8_MAX + 1: too far away to be noted. */
static size_t offset_in(const struct row *row, struct bytes part)
{
    if (part.len == 0)
        return 0;
    size_t at = (size_t)(part.data - row->record.data);
    return at <= UINT8_MAX ? at : UINT8_MAX + 1;
}

/* Nearly every record: its parts begin early, as we write them, and are not large. */
static bool is_compact(const struct row *row)
{
    return row->record.len <= UINT16_MAX && row->key.len <= UINT8_MAX &&
           offset_in(row, row->value) <= UINT8_MAX && offset_in(row, row->key) <= UINT8_MAX &&
           offset_in(row, row->ns) <= UINT8_MAX;
}

struct content *content_take(struct contents *shared, struct blocks *blocks, const struct row *row)
{
    struct content *c = shared ? find(shared, row->hash, row->record) : NULL;

    if (c)
        return content_reference(c);
    if (shared)
        return share(shared, row);
    if (!is_compact(row))
        return content_take_whole(row);
    c = blocks_take(blocks, size_of(row->table, row->record.len));
    fill(c, row);
    c->references = 1;
    c->len = (uint16_t)row->record.len;
    c->value_at = (uint8_t)offset_in(row, row->value);
    c->value_len = (uint16_t)row->value.len;
    c->key_at = (uint8_t)offset_in(row, row->key);
    c->key_len = (uint8_t)row->key.len;
    c->ns_at = (uint8_t)offset_in(row, row->ns);
    c->ns_len = (uint8_t)row->ns.len;
    return c;
}

struct content *content_reference(struct content *c)
{
    if (c->whole) {
        assert(whole_of(c)->references < UINT32_MAX);
        whole_of(c)->references++;
    } else {
        assert(c->references < UINT16_MAX); /* lists of one state, and what reads them */
        c->references++;
    }
    return c;
}

uint32_t content_references(const struct content *c)
{
    return c->whole ? whole_of(c)->references : c->references;
}

static bool was_last(struct content *c)
{
    return c->whole ? --whole_of(c)->references == 0 : --c->references == 0;
}

void content_release(struct content *c)
{
    if (!c || !was_last(c))
        return;
    if (c->table == TABLE_ID_MEMBER)
        mem_free(content_made(c));
    if (!c->whole) {
        blocks_give(c, size_of(content_table(c), content_record(c).len));
        return;
    }
    if (whole_of(c)->home)
        leave_home(whole_of(c));
    mem_free(whole_of(c));
}

void *content_note(const struct content *c, size_t size)
{
    if (c->whole)
        return mem_alloc(size);
    return blocks_take_beside(c, size_of(content_table(c), content_record(c).len), size);
}

void content_unnote(const struct content *c, void *note, size_t size)
{
    if (c->whole)
        mem_free(note);
    else
        blocks_give_beside(c, size_of(content_table(c), content_record(c).len), note, size);
}

/* ---- reading ---- */

struct content *content_of(const struct row *row)
{
    assert(row->content);
    return row->content;
}

void content_read(struct content *c, struct row *ret)
{
    if (c->whole) {
        *ret = whole_of(c)->row;
        return;
    }
    *ret = (struct row){
        .table = content_table(c),
        .ns = content_ns(c),
        .key = content_key(c),
        .value = content_value(c),
        .hash = c->digest.hash,
        .record = content_record(c),
        .content = c,
    };
    record_view(ret);
}

const struct row *content_row(struct content *c, struct arena *mem)
{
    if (c->whole)
        return &whole_of(c)->row;
    struct row *row = arena_alloc(mem, sizeof(*row));

    content_read(c, row);
    return row;
}

static void **made_of(const struct content *c)
{
    assert(c->table == TABLE_ID_MEMBER);
    return (void **)(void *)((uint8_t *)(uintptr_t)c + made_at(content_record(c).len));
}

void *content_made(const struct content *c)
{
    return *made_of(c);
}

void content_keep(struct content *c, void *made)
{
    assert(!content_made(c));
    *made_of(c) = made;
}
