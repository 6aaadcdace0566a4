#include "shell/routes.h"
#include "base/mem.h"
#include "base/tree.h"
#include <assert.h>
#include <string.h>

struct route {
    uint64_t number;
    uint32_t door;
    struct bytes id; /* of own memory */
    kith_time used_us;
    struct route *older, *newer; /* by last use */
    TREE_ENTRY(route) by_number;
    TREE_ENTRY(route) by_id;
};

static int compare_number(const struct route *a, const struct route *b)
{
    return a->number < b->number ? -1 : a->number > b->number;
}

static int compare_id(const struct route *a, const struct route *b)
{
    if (a->door != b->door)
        return a->door < b->door ? -1 : 1;
    return bytes_compare(a->id, b->id);
}

TREE_DEFINE(number_tree, route, by_number, compare_number)
TREE_DEFINE(id_tree, route, by_id, compare_id)

struct routes {
    struct number_tree by_number;
    struct id_tree by_id;
    struct route *oldest, *newest;
    size_t count;
    uint64_t last_number;
};

struct routes *routes_new(void)
{
    return mem_alloc(sizeof(struct routes));
}

static void unlink_use(struct routes *r, struct route *x)
{
    if (x->older != NULL)
        x->older->newer = x->newer;
    else
        r->oldest = x->newer;
    if (x->newer != NULL)
        x->newer->older = x->older;
    else
        r->newest = x->older;
    x->older = x->newer = NULL;
}

static void link_newest(struct routes *r, struct route *x)
{
    x->older = r->newest;
    if (r->newest != NULL)
        r->newest->newer = x;
    else
        r->oldest = x;
    r->newest = x;
}

static void forget(struct routes *r, struct route *x)
{
    unlink_use(r, x);
    TREE_REMOVE(number_tree, &r->by_number, x);
    TREE_REMOVE(id_tree, &r->by_id, x);
    r->count--;
    mem_free(x);
}

void routes_free(struct routes *r)
{
    if (r == NULL)
        return;
    while (r->oldest != NULL)
        forget(r, r->oldest);
    mem_free(r);
}

static struct route *add(struct routes *r, uint32_t door, struct bytes id)
{
    assert(id.len <= ROUTES_ID_MAX);
    if (r->count >= ROUTES_MAX)
        forget(r, r->oldest);
    struct route *x = mem_alloc(sizeof *x + id.len);
    memcpy(x + 1, id.data, id.len);
    x->number = ++r->last_number;
    x->door = door;
    x->id = bytes_of(x + 1, id.len);
    TREE_INSERT(number_tree, &r->by_number, x);
    TREE_INSERT(id_tree, &r->by_id, x);
    r->count++;
    return x;
}

uint64_t routes_number(struct routes *r, uint32_t door, struct bytes id, kith_time now_us)
{
    struct route key = {.door = door, .id = id};
    struct route *x = TREE_FIND(id_tree, &r->by_id, &key);
    if (x == NULL)
        x = add(r, door, id);
    else
        unlink_use(r, x);
    x->used_us = now_us;
    link_newest(r, x);
    return x->number;
}

bool routes_find(struct routes *r, uint64_t number, uint32_t *ret_door, struct bytes *ret_id)
{
    struct route key = {.number = number};
    struct route *x = TREE_FIND(number_tree, &r->by_number, &key);
    if (x == NULL)
        return false;
    *ret_door = x->door;
    *ret_id = x->id;
    return true;
}

void routes_expire(struct routes *r, kith_time now_us)
{
    while (r->oldest != NULL && now_us - r->oldest->used_us > ROUTES_IDLE_US)
        forget(r, r->oldest);
}

size_t routes_count(const struct routes *r)
{
    return r->count;
}
