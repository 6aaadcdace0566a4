#include "state/table.h"

#include "base/mem.h"

#include <assert.h>

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

static void release_all(const struct sheets *rows)
{
    for (uint32_t i = 0; i < rows->n; i++) {
        for (uint32_t k = 0; k < rows->sheets[i].n; k++)
            content_release(rows->sheets[i].at[k]);
    }
}

void table_deinit(struct table *t)
{
    digest_deinit(&t->digest);
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        release_all(&t->by_key[i]);
        sheets_deinit(&t->by_key[i]);
    }
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

void table_put(struct table *t, struct content *c, struct content *old)
{
    struct sheets *rows = &t->by_key[content_table(c)];
    struct row_key key = key_of(c);
    struct sheets_place place = sheets_from(rows, &rule, &key);

    assert(content_table(c) < TABLE_COUNT);
    if (old) {
        assert(sheets_at(rows, place) == old);
        sheets_replace(rows, &rule, place, c);
        digest_remove(&t->digest, &old->digest);
        table_keep_readable(t, old);
    } else {
        sheets_put(rows, &rule, place, c);
    }
    digest_add(&t->digest, &c->digest);
}

void table_drop(struct table *t, struct content *c)
{
    struct sheets *rows = &t->by_key[content_table(c)];
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
    const struct sheets *rows = &t->by_key[content_table(c)];
    struct row_key key = key_of(c);
    struct sheets_place place = sheets_from(rows, &rule, &key);
    struct content *at = sheets_at(rows, place);

    return at && compare(at, &key) == 0 ? sheets_at(rows, sheets_next(rows, place)) : at;
}

struct content *table_from(const struct table *t, enum table_id table, struct bytes ns,
                           struct bytes key)
{
    struct row_key wanted = {ns, key};

    return sheets_at(&t->by_key[table], sheets_from(&t->by_key[table], &rule, &wanted));
}

struct content *table_walk(struct table_walk *ret, const struct table *t, enum table_id table)
{
    *ret = (struct table_walk){.rows = &t->by_key[table]};
    return sheets_at(ret->rows, ret->place);
}

struct content *table_walk_on(struct table_walk *walk)
{
    walk->place = sheets_next(walk->rows, walk->place);
    return sheets_at(walk->rows, walk->place);
}
