#include "state/table.h"

#include "base/mem.h"
#include "state/hash.h"

#include <assert.h>
#include <string.h>

static int compare_entries(const struct entry *a, const struct entry *b)
{
    const struct row *ra = entry_row(a), *rb = entry_row(b);
    int c = bytes_compare(ra->ns, rb->ns);

    return c != 0 ? c : bytes_compare(ra->key, rb->key);
}

TREE_FUNCTIONS(entry_tree, entry, by_key, compare_entries)

static void entry_free(struct entry *e)
{
    content_release(e->content);
    mem_free(e);
}

static void free_morgue(struct table *t)
{
    while (t->morgue) {
        struct entry *e = entry_of_digest(t->morgue);

        t->morgue = e->digest.next;
        entry_free(e);
    }
}

void table_deinit(struct table *t)
{
    struct entry *e, *next;

    for (size_t i = 0; i < TABLE_COUNT; i++) {
        TREE_FOREACH_SAFE(e, entry_tree, &t->trees[i], next)
        {
            TREE_REMOVE(entry_tree, &t->trees[i], e);
            entry_free(e);
        }
    }
    free_morgue(t);
    digest_deinit(&t->digest);
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

struct entry *entry_new(struct content *content)
{
    struct entry *e = mem_alloc(sizeof(*e));

    e->content = content;
    e->digest.key_hash = key_hash(&content->row);
    e->digest.hash = content->row.hash;
    return e;
}

struct entry *entry_of_digest(struct digest_item *item)
{
    return (struct entry *)((uint8_t *)item - offsetof(struct entry, digest));
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
    uint8_t storage_key[STORAGE_KEY_MAX];
    uint64_t hash = hash64(bytes_of(storage_key, table_storage_key(storage_key, table, ns, key)));
    struct digest_item *item = digest_find(&t->digest, hash);

    for (; item && item->key_hash == hash; item = item->next) {
        struct entry *e = entry_of_digest(item);
        const struct row *row = entry_row(e);

        if (row->table == table && bytes_equal(row->ns, ns) && bytes_equal(row->key, key))
            return e;
    }
    return NULL;
}

struct entry *table_entry(const struct table *t, const struct row *row)
{
    struct entry *e = table_find(t, row->table, row->ns, row->key);

    return e && entry_row(e) == row ? e : NULL;
}

/* Hands an entry that is in no table to the morgue. */
static void discard(struct table *t, struct entry *e)
{
    e->digest.next = t->morgue;
    t->morgue = &e->digest;
}

void table_put(struct table *t, struct entry *e, struct entry *old)
{
    struct entry_tree *tree = tree_of(t, entry_row(e)->table);

    if (old) {
        TREE_REMOVE(entry_tree, tree, old);
        digest_remove(&t->digest, &old->digest);
        discard(t, old);
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
    TREE_REMOVE(entry_tree, tree_of(t, entry_row(e)->table), e);
    digest_remove(&t->digest, &e->digest);
    t->count--;
    struct content *gone = content_take(/* shared= */ NULL, entry_row(e)); /* told as deleted */
    gone->row.flags |= ROW_TOMBSTONE;
    gone->row.value = (struct bytes){0};
    table_keep_readable(t, e->content);
    e->content = gone;
    e->dropped = true;
    discard(t, e);
}

void table_keep_readable(struct table *t, struct content *content)
{
    discard(t, entry_new(content));
}

static bool is_listed(const struct entry *e)
{
    return e->slot[MARK_CHANGE] || e->slot[MARK_BATCH] || e->slot[MARK_PUSH];
}

void table_bury(struct table *t)
{
    struct digest_item **at = &t->morgue;

    while (*at) {
        struct entry *e = entry_of_digest(*at);

        if (is_listed(e)) {
            at = &e->digest.next;
            continue;
        }
        *at = e->digest.next;
        entry_free(e);
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
    struct content wanted = {.row = {.ns = ns, .key = key}};
    struct entry probe = {.content = &wanted};

    return TREE_FROM(entry_tree, tree_of(t, table), &probe);
}
