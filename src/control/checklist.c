#include "control/checklist.h"

#include "wire/effect.h"

#include <string.h>

struct bytes checklist_own_id(struct bytes name, struct arena *mem)
{
    return bytes_str(arena_printf(mem, CHECKLIST_OWN BYTES_FMT, BYTES_ARG(name)));
}

/* ---- lists ---- */

struct endpoint_check *checklist_find(const struct checklist *list, struct bytes id)
{
    for (uint32_t i = 0; i < list->n; i++) {
        if (bytes_equal(list->items[i].id, id))
            return &list->items[i];
    }
    return NULL;
}

struct endpoint_check *checklist_add(struct checklist *list, const struct endpoint_check *check)
{
    struct endpoint_check *there = checklist_find(list, check->id);

    if (!there && list->n == CHECKLIST_MAX)
        return NULL;
    if (!there)
        there = &list->items[list->n++];
    *there = *check;
    return there;
}

void checklist_remove(struct checklist *list, struct bytes id)
{
    struct endpoint_check *there = checklist_find(list, id);

    if (!there)
        return;
    size_t behind = list->n - (size_t)(there - list->items) - 1;

    memmove(there, there + 1, behind * sizeof(*there));
    list->n--;
}

void checklist_keep(struct checklist *list, const struct checklist *was, bool all)
{
    for (uint32_t i = 0; i < list->n; i++) {
        const struct endpoint_check *former = checklist_find(was, list->items[i].id);

        if (!former || (!all && !list->items[i].ttl_ms))
            continue;
        list->items[i].health = former->health;
        list->items[i].output = former->output;
    }
}

/* ---- rows ---- */

/* Rows of former versions have the name of a check that was registered by itself in their meta. */
static struct bytes named_in_meta(const struct registration_row *row)
{
    for (uint32_t i = 0; i < row->meta_n; i++) {
        if (bytes_equal_str(row->meta[i].key, LOOKUP_META_CHECK))
            return row->meta[i].value;
    }
    return (struct bytes){0};
}

bool checklist_is_plain(const struct registration_row *row)
{
    return !row->checks_n && !named_in_meta(row).len;
}

static bool has_one(const struct registration_row *row)
{
    return row->keep || row->health != ENDPOINT_HEALTH_PASSING || row->output.len;
}

struct checklist checklist_of(const struct registration_row *row, struct arena *mem)
{
    struct checklist list = {.items = arena_array(mem, CHECKLIST_MAX, sizeof(*list.items))};
    struct bytes named = named_in_meta(row);

    for (uint32_t i = 0; i < row->checks_n && i < CHECKLIST_MAX; i++)
        list.items[list.n++] = row->checks[i];
    if (list.n || !has_one(row))
        return list;
    list.items[list.n++] = (struct endpoint_check){
        .id = named.len ? named : checklist_own_id(row->name, mem),
        .ttl_ms = row->keep ? row->ttl_ms : 0,
        .reap_ms = row->keep ? row->reap_ms : 0,
        .health = row->health,
        .output = row->output,
    };
    return list;
}

/* The first of the worst; NULL: there is none. */
static const struct endpoint_check *worst_of(const struct checklist *list)
{
    const struct endpoint_check *worst = NULL;

    for (uint32_t i = 0; i < list->n; i++) {
        if (!worst || list->items[i].health > worst->health)
            worst = &list->items[i];
    }
    return worst;
}

/* The only one, of which the row's own fields say all; or NULL. */
static const struct endpoint_check *plain_one(const struct registration_row *row,
                                              const struct checklist *list, struct arena *mem)
{
    const struct endpoint_check *one = list->items;

    return list->n == 1 && row->name.len && !one->name.len && !one->notes.len &&
                   bytes_equal(one->id, checklist_own_id(row->name, mem))
               ? one
               : NULL;
}

static void drop_meta(struct registration_row *row, struct arena *mem)
{
    struct pair *meta = arena_array(mem, row->meta_n, sizeof(*meta));
    uint32_t n = 0;

    for (uint32_t i = 0; i < row->meta_n; i++) {
        if (!bytes_equal_str(row->meta[i].key, LOOKUP_META_CHECK))
            meta[n++] = row->meta[i];
    }
    row->meta = meta;
    row->meta_n = n;
}

void checklist_put(struct registration_row *row, const struct checklist *list, struct arena *mem)
{
    const struct endpoint_check *worst = worst_of(list), *plain = plain_one(row, list, mem);
    bool timed = plain && (row->keep || plain->ttl_ms || plain->reap_ms);

    if (row->keep || timed) { /* else the TTL is the registration's own */
        row->ttl_ms = timed ? plain->ttl_ms : 0;
        row->reap_ms = timed ? plain->reap_ms : 0;
    }
    row->keep = timed;
    row->health = worst ? worst->health : ENDPOINT_HEALTH_PASSING;
    row->output = worst ? worst->output : (struct bytes){0};
    row->checks = list->items;
    row->checks_n = plain ? 0 : list->n;
    if (named_in_meta(row).len)
        drop_meta(row, mem);
}
