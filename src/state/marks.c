#include "state/marks.h"

#include "base/mem.h"

#include <assert.h>

static int compare(const struct marked *a, const struct marked *b)
{
    const struct content *ca = a->content, *cb = b->content;

    if (ca->digest.key_hash != cb->digest.key_hash)
        return ca->digest.key_hash < cb->digest.key_hash ? -1 : 1;
    if (ca->table != cb->table)
        return (int)ca->table - (int)cb->table;
    int c = bytes_compare(content_ns(ca), content_ns(cb));
    return c != 0 ? c : bytes_compare(content_key(ca), content_key(cb));
}

TREE_FUNCTIONS(marked_tree, marked, by_key, compare)

static void leave_queue(struct marks *m, struct marked *x)
{
    if (!x->token)
        return;
    *(x->earlier ? &x->earlier->later : &m->first) = x->later;
    *(x->later ? &x->later->earlier : &m->last) = x->earlier;
    x->earlier = x->later = NULL;
    x->token = 0;
}

static void free_one(struct marks *m, struct marked *x)
{
    TREE_REMOVE(marked_tree, &m->rows, x);
    content_release(x->content);
    mem_free(x);
}

static void free_if_done(struct marks *m, struct marked *x)
{
    if (!x->token && !x->slot[MARK_CHANGE] && !x->slot[MARK_BATCH] && !x->slot[MARK_PUSH])
        free_one(m, x);
}

void marks_deinit(struct marks *m)
{
    struct marked *x, *next;

    TREE_FOREACH_SAFE(x, marked_tree, &m->rows, next)
    free_one(m, x);
    for (int i = 0; i < MARK_COUNT; i++)
        mem_free(m->lists[i].items);
    *m = (struct marks){0};
}

struct marked *marks_find(const struct marks *m, const struct content *c)
{
    struct marked key = {.content = (struct content *)(uintptr_t)c};

    return TREE_FIND(marked_tree, (struct marked_tree *)(uintptr_t)&m->rows, &key);
}

static void renew(struct marked *x, struct content *c, bool dropped)
{
    if (x->content != c) {
        content_release(x->content);
        x->content = content_reference(c);
    }
    x->dropped = dropped;
}

struct marked *marks_renew(struct marks *m, struct content *c, bool dropped)
{
    struct marked *x = marks_find(m, c);

    if (x)
        renew(x, c, dropped);
    return x;
}

struct marked *marks_add(struct marks *m, enum mark which, struct content *c, bool dropped)
{
    struct mark_list *list = &m->lists[which];
    struct marked *x = marks_renew(m, c, dropped);

    if (!x) {
        x = mem_alloc(sizeof(*x));
        x->content = content_reference(c);
        x->dropped = dropped;
        TREE_INSERT(marked_tree, &m->rows, x);
    }
    if (x->slot[which])
        return x;
    if (list->count == list->cap) {
        list->cap = list->cap ? 2 * list->cap : 16;
        list->items = mem_grow(list->items, list->cap, sizeof(struct marked *));
    }
    assert(list->count < UINT32_MAX);
    list->items[list->count++] = x;
    x->slot[which] = (uint32_t)list->count;
    return x;
}

void marks_remove(struct marks *m, enum mark which, struct marked *x)
{
    if (!x || !x->slot[which])
        return;
    m->lists[which].items[x->slot[which] - 1] = NULL;
    x->slot[which] = 0;
    free_if_done(m, x);
}

/* Kept for the next time; after very many, given back. */
#define LIST_KEPT 4096u

void marks_clear(struct marks *m, enum mark which)
{
    struct mark_list *list = &m->lists[which];

    for (size_t i = 0; i < list->count; i++) {
        struct marked *x = list->items[i];

        if (x) {
            x->slot[which] = 0;
            free_if_done(m, x);
        }
    }
    list->count = 0;
    if (list->cap <= LIST_KEPT)
        return;
    mem_free(list->items);
    *list = (struct mark_list){0};
}

void marks_sent(struct marks *m, struct marked *x, uint64_t token)
{
    assert(!m->last || m->last->token <= token);
    leave_queue(m, x);
    x->token = token;
    x->earlier = m->last;
    *(m->last ? &m->last->later : &m->first) = x;
    m->last = x;
}

void marks_arrived(struct marks *m, uint64_t token)
{
    while (m->first && m->first->token <= token) {
        struct marked *x = m->first;

        leave_queue(m, x);
        free_if_done(m, x);
    }
}

void marks_failed(struct marks *m, uint64_t token)
{
    struct marked *next;

    for (struct marked *x = m->first; x; x = next) {
        next = x->later;
        if (x->token >= token)
            (void)marks_add(m, MARK_BATCH, x->content, x->dropped);
    }
}
