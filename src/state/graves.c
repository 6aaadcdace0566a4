#include "state/graves.h"

#include "base/mem.h"
#include "state/merge.h"

#include <assert.h>

struct grave {
    TREE_ENTRY(grave) by_time;
    int64_t deleted_ms;
    struct entry *entry;
};

static int compare_graves(const struct grave *a, const struct grave *b)
{
    const struct row *ra = entry_row(a->entry), *rb = entry_row(b->entry);

    if (a->deleted_ms != b->deleted_ms)
        return a->deleted_ms < b->deleted_ms ? -1 : 1;
    if (ra->table != rb->table)
        return ra->table < rb->table ? -1 : 1;
    int c = bytes_compare(ra->ns, rb->ns);
    return c != 0 ? c : bytes_compare(ra->key, rb->key);
}

TREE_FUNCTIONS(grave_tree, grave, by_time, compare_graves)

void graves_deinit(struct graves *g)
{
    struct grave *x, *next;

    TREE_FOREACH_SAFE(x, grave_tree, &g->by_time, next)
    {
        TREE_REMOVE(grave_tree, &g->by_time, x);
        mem_free(x);
    }
    g->count = 0;
}

int64_t graves_deleted_ms(const struct row *row, struct arena *mem)
{
    struct record r;
    struct wire_error err;
    int res = record_decode(&r, row->record, mem, &err);

    assert(res == 0); /* checked by row_read() */
    (void)res;
    return r.deleted_ms;
}

void graves_add(struct graves *g, struct entry *e, struct arena *mem)
{
    if (!row_is_tombstone(entry_row(e)))
        return;
    int64_t deleted_ms = graves_deleted_ms(entry_row(e), mem);
    if (deleted_ms <= 0)
        return;
    struct grave *x = mem_alloc(sizeof(*x));

    x->deleted_ms = deleted_ms;
    x->entry = e;
    TREE_INSERT(grave_tree, &g->by_time, x);
    g->count++;
}

void graves_remove(struct graves *g, const struct entry *e, struct arena *mem)
{
    struct grave probe = {.entry = (struct entry *)(uintptr_t)e};

    if (!row_is_tombstone(entry_row(e)))
        return;
    probe.deleted_ms = graves_deleted_ms(entry_row(e), mem);
    if (probe.deleted_ms <= 0)
        return;
    struct grave *x = TREE_FIND(grave_tree, &g->by_time, &probe);
    assert(x && x->entry == e);
    TREE_REMOVE(grave_tree, &g->by_time, x);
    mem_free(x);
    g->count--;
}

static struct grave *first(const struct graves *g)
{
    return TREE_FIRST(grave_tree, (struct grave_tree *)(uintptr_t)&g->by_time);
}

struct digest_sum graves_sum(const struct graves *g, int64_t until_ms)
{
    struct digest_sum sum = {0};
    struct grave *x;

    TREE_FOREACH_FROM(x, grave_tree, first(g))
    {
        if (x->deleted_ms > until_ms)
            break;
        sum.digest ^= x->entry->digest.hash;
        sum.count++;
    }
    return sum;
}

struct entry *graves_due(const struct graves *g, int64_t until_ms)
{
    struct grave *x = first(g);

    return x && x->deleted_ms <= until_ms ? x->entry : NULL;
}
