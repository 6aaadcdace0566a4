#include "state/table.h"

#include "base/mem.h"
#include "state/hash.h"

#include <assert.h>
#include <string.h>

static int compare_entries(const struct entry *a, const struct entry *b)
{
    int c = bytes_compare(a->row.ns, b->row.ns);

    return c != 0 ? c : bytes_compare(a->row.key, b->row.key);
}

TREE_FUNCTIONS(entry_tree, entry, by_key, compare_entries)

static void free_morgue(struct table *t)
{
    while (t->morgue) {
        struct entry *e = t->morgue;

        t->morgue = e->next_dead;
        mem_free(e);
    }
}

void table_deinit(struct table *t)
{
    struct entry *e, *next;

    for (size_t i = 0; i < TABLE_COUNT; i++) {
        TREE_FOREACH_SAFE(e, entry_tree, &t->trees[i], next)
        {
            TREE_REMOVE(entry_tree, &t->trees[i], e);
            mem_free(e);
        }
    }
    free_morgue(t);
    digest_deinit(&t->digest);
}

/* The same place in a copy of the record. */
static struct bytes moved(struct bytes view, const uint8_t *from, const uint8_t *to)
{
    return view.len == 0 ? (struct bytes){0} : bytes_of(to + (view.data - from), view.len);
}

size_t table_storage_key(uint8_t *out, enum table_id table, struct bytes ns, struct bytes key)
{
    assert(ns.len > 0 && ns.len <= RECORD_NAMESPACE_MAX && key.len <= STATE_KEY_MAX);
    out[0] = (uint8_t)table;
    out[1] = (uint8_t)ns.len;
    memcpy(out + 2, ns.data, ns.len);
    if (key.len > 0)
        memcpy(out + 2 + ns.len, key.data, key.len);
    return 2 + ns.len + key.len;
}

static uint64_t key_hash(const struct row *row)
{
    uint8_t key[STORAGE_KEY_MAX];

    return hash64(bytes_of(key, table_storage_key(key, row->table, row->ns, row->key)));
}

struct entry *entry_new(const struct row *row)
{
    struct entry *e = mem_alloc(sizeof(*e) + row->record.len);
    const uint8_t *from = row->record.data;

    memcpy(e->bytes, from, row->record.len);
    e->row = *row;
    e->row.ns = moved(row->ns, from, e->bytes);
    e->row.key = moved(row->key, from, e->bytes);
    e->row.value = moved(row->value, from, e->bytes);
    e->row.record = bytes_of(e->bytes, row->record.len);
    e->digest.key_hash = key_hash(row);
    e->digest.hash = row->hash;
    return e;
}

const struct entry *entry_of(const struct row *row)
{
    return (const struct entry *)row; /* the row is its first member */
}

struct entry *entry_of_digest(struct digest_item *item)
{
    return (struct entry *)((uint8_t *)item - offsetof(struct entry, digest));
}

static struct entry look_for(struct bytes ns, struct bytes key)
{
    return (struct entry){.row = {.ns = ns, .key = key}};
}

/* libbsd's trees are read through pointers that are not const. */
static struct entry_tree *tree_of(const struct table *t, enum table_id table)
{
    assert((size_t)table < TABLE_COUNT);
    return (struct entry_tree *)(uintptr_t)&t->trees[table];
}

struct entry *table_find(const struct table *t, enum table_id table, struct bytes ns,
                         struct bytes key)
{
    struct entry probe = look_for(ns, key);

    return TREE_FIND(entry_tree, tree_of(t, table), &probe);
}

void table_put(struct table *t, struct entry *e, struct entry *old)
{
    struct entry_tree *tree = tree_of(t, e->row.table);

    if (old) {
        TREE_REMOVE(entry_tree, tree, old);
        digest_remove(&t->digest, &old->digest);
        table_discard(t, old);
        t->count--;
    }
    struct entry *twin = TREE_INSERT(entry_tree, tree, e);
    assert(!twin);
    (void)twin;
    digest_add(&t->digest, &e->digest);
    t->count++;
}

void table_drop(struct table *t, struct entry *e)
{
    TREE_REMOVE(entry_tree, tree_of(t, e->row.table), e);
    digest_remove(&t->digest, &e->digest);
    t->count--;
    e->dropped = true;
    e->row.flags |= ROW_TOMBSTONE;
    e->row.value = (struct bytes){0};
    table_discard(t, e);
}

void table_discard(struct table *t, struct entry *e)
{
    e->next_dead = t->morgue;
    t->morgue = e;
}

static bool is_listed(const struct entry *e)
{
    return e->slot[MARK_CHANGE] || e->slot[MARK_BATCH] || e->slot[MARK_PUSH];
}

void table_bury(struct table *t)
{
    struct entry **at = &t->morgue;

    while (*at) {
        struct entry *e = *at;

        if (is_listed(e)) {
            at = &e->next_dead;
            continue;
        }
        *at = e->next_dead;
        mem_free(e);
    }
}

struct entry *table_first(const struct table *t, enum table_id table)
{
    return TREE_FIRST(entry_tree, tree_of(t, table));
}

struct entry *table_next(const struct entry *e)
{
    return TREE_NEXT(entry_tree, NULL, (struct entry *)(uintptr_t)e);
}

struct entry *table_from(const struct table *t, enum table_id table, struct bytes ns,
                         struct bytes key)
{
    struct entry probe = look_for(ns, key);

    return TREE_FROM(entry_tree, tree_of(t, table), &probe);
}
