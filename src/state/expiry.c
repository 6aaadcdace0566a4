#include "state/expiry.h"

#include "base/mem.h"

#include <assert.h>

struct lease {
    TREE_ENTRY(lease) by_time;
    int64_t expires_ms;
    struct entry *entry;
};

static int compare_leases(const struct lease *a, const struct lease *b)
{
    const struct row *ra = entry_row(a->entry), *rb = entry_row(b->entry);

    if (a->expires_ms != b->expires_ms)
        return a->expires_ms < b->expires_ms ? -1 : 1;
    if (ra->table != rb->table)
        return ra->table < rb->table ? -1 : 1;
    int c = bytes_compare(ra->ns, rb->ns);
    return c != 0 ? c : bytes_compare(ra->key, rb->key);
}

TREE_FUNCTIONS(lease_tree, lease, by_time, compare_leases)

void expiry_deinit(struct expiry *x)
{
    struct lease *l, *next;

    TREE_FOREACH_SAFE(l, lease_tree, &x->leases, next)
    {
        TREE_REMOVE(lease_tree, &x->leases, l);
        mem_free(l);
    }
}

void expiry_add(struct expiry *x, struct entry *e)
{
    if (entry_row(e)->expires_ms == 0)
        return;
    struct lease *l = mem_alloc(sizeof(*l));

    l->expires_ms = entry_row(e)->expires_ms;
    l->entry = e;
    TREE_INSERT(lease_tree, &x->leases, l);
}

void expiry_remove(struct expiry *x, const struct entry *e)
{
    struct lease probe = {.expires_ms = entry_row(e)->expires_ms,
                          .entry = (struct entry *)(uintptr_t)e};

    if (entry_row(e)->expires_ms == 0)
        return;
    struct lease *l = TREE_FIND(lease_tree, &x->leases, &probe);
    assert(l && l->entry == e);
    TREE_REMOVE(lease_tree, &x->leases, l);
    mem_free(l);
}

static kith_time wall_of(int64_t expires_ms)
{
    return expires_ms < KITH_NEVER / KITH_MS ? expires_ms * KITH_MS : KITH_NEVER;
}

static struct lease *first(const struct expiry *x)
{
    return TREE_FIRST(lease_tree, (struct lease_tree *)(uintptr_t)&x->leases);
}

struct entry *expiry_due(const struct expiry *x, kith_time wall_us)
{
    struct lease *l = first(x);

    return l && wall_of(l->expires_ms) <= wall_us ? l->entry : NULL;
}

kith_time expiry_next(const struct expiry *x)
{
    struct lease *l = first(x);

    return l ? wall_of(l->expires_ms) : KITH_NEVER;
}
