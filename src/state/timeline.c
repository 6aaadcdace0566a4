#include "state/timeline.h"

#include "base/mem.h"

#include <assert.h>

struct moment {
    TREE_ENTRY(moment) by_time;
    int64_t at_ms;
    struct content *content;
};

static int compare(const struct moment *a, const struct moment *b)
{
    const struct content *ca = a->content, *cb = b->content;

    if (a->at_ms != b->at_ms)
        return a->at_ms < b->at_ms ? -1 : 1;
    if (ca->table != cb->table)
        return ca->table < cb->table ? -1 : 1;
    int c = bytes_compare(content_ns(ca), content_ns(cb));
    return c != 0 ? c : bytes_compare(content_key(ca), content_key(cb));
}

TREE_FUNCTIONS(moment_tree, moment, by_time, compare)

void timeline_deinit(struct timeline *l)
{
    struct moment *m, *next;

    TREE_FOREACH_SAFE(m, moment_tree, &l->moments, next)
    {
        TREE_REMOVE(moment_tree, &l->moments, m);
        mem_free(m);
    }
    l->count = 0;
}

void timeline_add(struct timeline *l, int64_t at_ms, struct content *c)
{
    if (at_ms <= 0)
        return;
    struct moment *m = mem_alloc(sizeof(*m));

    m->at_ms = at_ms;
    m->content = c;
    TREE_INSERT(moment_tree, &l->moments, m);
    l->count++;
}

void timeline_remove(struct timeline *l, int64_t at_ms, const struct content *c)
{
    struct moment probe = {.at_ms = at_ms, .content = (struct content *)(uintptr_t)c};

    if (at_ms <= 0)
        return;
    struct moment *m = TREE_FIND(moment_tree, &l->moments, &probe);
    assert(m && m->content == c);
    TREE_REMOVE(moment_tree, &l->moments, m);
    mem_free(m);
    l->count--;
}

static struct moment *first(const struct timeline *l)
{
    return TREE_FIRST(moment_tree, (struct moment_tree *)(uintptr_t)&l->moments);
}

struct content *timeline_due(const struct timeline *l, int64_t until_ms)
{
    struct moment *m = first(l);

    return m && m->at_ms <= until_ms ? m->content : NULL;
}

int64_t timeline_next_ms(const struct timeline *l)
{
    struct moment *m = first(l);

    return m ? m->at_ms : 0;
}

struct digest_sum timeline_sum(const struct timeline *l, int64_t until_ms)
{
    struct digest_sum sum = {0};
    struct moment *m;

    TREE_FOREACH_FROM(m, moment_tree, first(l))
    {
        if (m->at_ms > until_ms)
            break;
        sum.digest ^= m->content->digest.hash;
        sum.count++;
    }
    return sum;
}
