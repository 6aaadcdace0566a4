/* What there is, for those who ask: services from the look-up file, and members. */
#include "http/directory_inside.h"
#include "store/lookup_map.h"

/* NULL: it cannot be read, or went meanwhile, of which the directory is about to hear. */
static const struct dir_service *view(struct directory *d, struct dir_name *n)
{
    struct dir_view *v = d->view;
    struct lookup_service says;

    arena_reset(&v->mem);
    int problem = d->host.read(d->host.arg, n->name, &v->mem, &says);

    d->torn = d->torn || (problem && problem != LOOKUP_NONE);
    if (problem)
        return NULL;
    v->service = (struct dir_service){.name = n->name,
                                      .index = n->resource.index,
                                      .says = portrait_in_order(&says, &v->mem),
                                      .directory = d,
                                      .at = n};
    return &v->service;
}

/* The first from `n` on that can be read; on a node, unless NULL. */
static const struct dir_service *view_from(struct directory *d, struct dir_name *n,
                                           const struct ulid *node)
{
    const struct dir_service *s = NULL;

    for (; n && !s; n = TREE_NEXT(dir_names, &d->names, n)) {
        if (n->portrait && (!node || portrait_is_on(n->portrait, node)))
            s = view(d, n);
    }
    return s;
}

const struct dir_service *directory_service(struct directory *d, struct bytes name)
{
    struct dir_name *n = directory_find_name(d, name);

    return n && n->portrait ? view(d, n) : NULL;
}

static struct dir_name *name_behind(const struct directory *d, struct bytes name)
{
    struct dir_name key = {.name = name};
    struct dir_name *n = TREE_FROM(dir_names, (struct dir_names *)(uintptr_t)&d->names, &key);

    while (n && (!n->portrait || bytes_equal(n->name, name)))
        n = TREE_NEXT(dir_names, &d->names, n);
    return n;
}

const struct dir_service *directory_behind(struct directory *d, struct bytes name,
                                           const struct ulid *node)
{
    return view_from(d, name_behind(d, name), node);
}

const struct dir_service *directory_first(struct directory *d)
{
    return directory_first_on(d, NULL);
}

const struct dir_service *directory_next(const struct dir_service *s)
{
    return directory_next_on(s, NULL);
}

const struct dir_service *directory_first_on(struct directory *d, const struct ulid *node)
{
    return view_from(d, TREE_FIRST(dir_names, &d->names), node);
}

const struct dir_service *directory_next_on(const struct dir_service *s, const struct ulid *node)
{
    return view_from(s->directory, TREE_NEXT(dir_names, &s->directory->names, s->at), node);
}

static const struct dir_name *from(struct dir_name *n)
{
    while (n && !n->portrait)
        n = TREE_NEXT(dir_names, /* tree= */ NULL, n);
    return n;
}

const struct dir_name *directory_name_after(const struct directory *d, struct bytes name)
{
    return name_behind(d, name);
}

const struct dir_name *directory_changed_after(const struct directory *d, uint64_t index)
{
    struct dir_name key = {.resource = {.index = index + 1}};

    return TREE_FROM(dir_changes, (struct dir_changes *)(uintptr_t)&d->changes, &key);
}

const struct dir_name *directory_first_name(const struct directory *d)
{
    return from(TREE_FIRST(dir_names, (struct dir_names *)(uintptr_t)&d->names));
}

const struct dir_name *directory_next_name(const struct dir_name *n)
{
    return from(TREE_NEXT(dir_names, /* tree= */ NULL, (struct dir_name *)(uintptr_t)n));
}

const struct dir_member *directory_member(const struct directory *d, const struct ulid *id)
{
    return directory_find_member(d, id);
}

struct dir_member *directory_named(const struct directory *d, struct bytes name)
{
    struct dir_member *m;

    TREE_FOREACH (m, dir_members, (struct dir_members *)(uintptr_t)&d->members) {
        if (bytes_equal(m->says.name, name))
            return m;
    }
    return NULL;
}

struct dir_member *directory_elsewhere(const struct directory *d, struct bytes name)
{
    struct ulid id = portrait_host(name);

    return directory_named(d, name) ? NULL : directory_find_host(d, &id);
}

const struct dir_member *directory_first_elsewhere(const struct directory *d)
{
    return TREE_FIRST(dir_members, (struct dir_members *)(uintptr_t)&d->hosts);
}

const struct dir_member *directory_first_member(const struct directory *d)
{
    return TREE_FIRST(dir_members, (struct dir_members *)(uintptr_t)&d->members);
}

const struct dir_member *directory_next_member(const struct dir_member *m)
{
    return TREE_NEXT(dir_members, /* tree= */ NULL, (struct dir_member *)(uintptr_t)m);
}
