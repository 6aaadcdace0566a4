#ifndef KITH_HTTP_DIRECTORY_INSIDE_H
#define KITH_HTTP_DIRECTORY_INSIDE_H
/*
 * The inside of the directory; for directory.c, which is told, and directory_read.c, which is asked.
 */
#include "http/directory.h"

struct dir_view {
    struct dir_service service;
    struct arena mem;
};

static inline int compare_names(const struct dir_name *a, const struct dir_name *b)
{
    return bytes_compare(a->name, b->name);
}

static inline int compare_members(const struct dir_member *a, const struct dir_member *b)
{
    return ulid_compare(&a->says.id, &b->says.id);
}

/* Several that nothing is known of have the same. */
static inline int compare_changes(const struct dir_name *a, const struct dir_name *b)
{
    if (a->resource.index != b->resource.index)
        return a->resource.index < b->resource.index ? -1 : 1;
    return compare_names(a, b);
}

TREE_FUNCTIONS(dir_names, dir_name, by_name, compare_names)
TREE_FUNCTIONS(dir_changes, dir_name, by_index, compare_changes)
TREE_FUNCTIONS(dir_members, dir_member, by_id, compare_members)

static inline struct dir_name *directory_find_name(const struct directory *d, struct bytes name)
{
    struct dir_name key = {.name = name};

    return TREE_FIND(dir_names, (struct dir_names *)(uintptr_t)&d->names, &key);
}

static inline struct dir_member *directory_find_member(const struct directory *d,
                                                       const struct ulid *id)
{
    struct dir_member key = {.says = {.id = *id}};

    return TREE_FIND(dir_members, (struct dir_members *)(uintptr_t)&d->members, &key);
}

/* By portrait_host() of its name. */
static inline struct dir_member *directory_find_host(const struct directory *d,
                                                     const struct ulid *id)
{
    struct dir_member key = {.says = {.id = *id}};

    return TREE_FIND(dir_members, (struct dir_members *)(uintptr_t)&d->hosts, &key);
}

#endif
