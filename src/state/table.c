#include "state/table.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

struct row_key {
    struct bytes ns, key;
};

static int compare(const void *element, const void *key)
{
    const struct row_key *wanted = key;
    int c = bytes_compare(content_ns(element), wanted->ns);

    return c != 0 ? c : bytes_compare(content_key(element), wanted->key);
}

static const struct sheets_rule rule = {.compare = compare};

static struct row_key key_of(const struct content *c)
{
    return (struct row_key){content_ns(c), content_key(c)};
}

/* ---- rows whose place is not known yet ---- */

/* Kept for the next ones; after very many, given back. */
#define FRESH_KEPT 64u

static int compare_fresh(const void *a, const void *b)
{
    struct row_key key = key_of(*(struct content *const *)b);

    return compare(*(struct content *const *)a, &key);
}

/* Sorted, each is found near the one before, in lines of memory that are in the cache already. */
static void put_in_order(struct table_rows *rows)
{
    qsort(rows->fresh, rows->fresh_n, sizeof(struct content *), compare_fresh);
    for (uint32_t i = 0; i < rows->fresh_n; i++) {
        struct row_key key = key_of(rows->fresh[i]);

        sheets_put(&rows->by_key, &rule, sheets_from(&rows->by_key, &rule, &key), rows->fresh[i]);
    }
    rows->fresh_n = 0;
    if (rows->fresh_cap <= FRESH_KEPT)
        return;
    mem_free(rows->fresh);
    rows->fresh = NULL;
    rows->fresh_cap = 0;
}

/* For whoever needs the order. It changes nothing that is seen from outside, so readers may do it too. */
static struct sheets *ordered(const struct table *t, enum table_id table)
{
    struct table_rows *rows = &((struct table *)(uintptr_t)t)->rows[table];

    if (rows->fresh_n > 0)
        put_in_order(rows);
    return &rows->by_key;
}

static void add_fresh(struct table_rows *rows, struct content *c)
{
    if (rows->fresh_n == TABLE_FRESH_MAX)
        put_in_order(rows);
    if (rows->fresh_n == rows->fresh_cap) {
        rows->fresh_cap = rows->fresh_cap ? 2 * rows->fresh_cap : 4;
        rows->fresh = mem_grow(rows->fresh, rows->fresh_cap, sizeof(struct content *));
    }
    rows->fresh[rows->fresh_n++] = c;
}

/* ---- life ---- */

static void rows_deinit(struct table_rows *rows)
{
    for (uint32_t i = 0; i < rows->by_key.n; i++) {
        for (uint32_t k = 0; k < rows->by_key.sheets[i].n; k++)
            content_release(rows->by_key.sheets[i].at[k]);
    }
    sheets_deinit(&rows->by_key);
    for (uint32_t i = 0; i < rows->fresh_n; i++)
        content_release(rows->fresh[i]);
    mem_free(rows->fresh);
}

void table_deinit(struct table *t)
{
    digest_deinit(&t->digest);
    for (size_t i = 0; i < TABLE_COUNT; i++)
        rows_deinit(&t->rows[i]);
    table_bury(t);
    mem_free(t->morgue);
}

struct content *table_find(const struct table *t, enum table_id table, struct bytes ns,
                           struct bytes key)
{
    struct digest_walk walk;
    uint64_t hash = content_key_hash(table, ns, key);
    struct digest_item *item = digest_find(&t->digest, hash, &walk);

    for (; item && item->key_hash == hash; item = digest_next(&walk)) {
        struct content *c = (struct content *)item;

        if (content_table(c) == table && bytes_equal(content_ns(c), ns) &&
            bytes_equal(content_key(c), key))
            return c;
    }
    return NULL;
}

void table_keep_readable(struct table *t, struct content *content)
{
    if (t->morgue_n == t->morgue_cap) {
        t->morgue_cap = t->morgue_cap ? 2 * t->morgue_cap : 16;
        t->morgue = mem_grow(t->morgue, t->morgue_cap, sizeof(struct content *));
    }
    t->morgue[t->morgue_n++] = content;
}

static void replace(struct table *t, struct content *c, struct content *old)
{
    struct sheets *rows = ordered(t, content_table(c));
    struct row_key key = key_of(c);
    struct sheets_place place = sheets_from(rows, &rule, &key);

    assert(sheets_at(rows, place) == old);
    sheets_replace(rows, &rule, place, c);
    digest_remove(&t->digest, &old->digest);
    table_keep_readable(t, old);
}

void table_put(struct table *t, struct content *c, struct content *old)
{
    assert(content_table(c) < TABLE_COUNT);
    if (old)
        replace(t, c, old);
    else
        add_fresh(&t->rows[content_table(c)], c);
    digest_add(&t->digest, &c->digest);
}

void table_drop(struct table *t, struct content *c)
{
    struct sheets *rows = ordered(t, content_table(c));
    struct row_key key = key_of(c);
    struct sheets_place place = sheets_from(rows, &rule, &key);

    assert(sheets_at(rows, place) == c);
    sheets_take(rows, &rule, place);
    digest_remove(&t->digest, &c->digest);
    table_keep_readable(t, c);
}

/* Kept for the next step; after a step that replaced very many, given back. */
#define MORGUE_KEPT 1024u

void table_bury(struct table *t)
{
    for (size_t i = 0; i < t->morgue_n; i++)
        content_release(t->morgue[i]);
    t->morgue_n = 0;
    if (t->morgue_cap <= MORGUE_KEPT)
        return;
    mem_free(t->morgue);
    t->morgue = NULL;
    t->morgue_cap = 0;
}

struct content *table_first(const struct table *t, enum table_id table)
{
    struct table_walk walk;

    return table_walk(&walk, t, table);
}

struct content *table_next(const struct table *t, const struct content *c)
{
    const struct sheets *rows = ordered(t, content_table(c));
    struct row_key key = key_of(c);
    struct sheets_place place = sheets_from(rows, &rule, &key);
    struct content *at = sheets_at(rows, place);

    return at && compare(at, &key) == 0 ? sheets_at(rows, sheets_next(rows, place)) : at;
}

struct content *table_from(const struct table *t, enum table_id table, struct bytes ns,
                           struct bytes key)
{
    const struct sheets *rows = ordered(t, table);
    struct row_key wanted = {ns, key};

    return sheets_at(rows, sheets_from(rows, &rule, &wanted));
}

struct content *table_walk(struct table_walk *ret, const struct table *t, enum table_id table)
{
    *ret = (struct table_walk){.rows = ordered(t, table)};
    return sheets_at(ret->rows, ret->place);
}

struct content *table_walk_on(struct table_walk *walk)
{
    walk->place = sheets_next(walk->rows, walk->place);
    return sheets_at(walk->rows, walk->place);
}
