#ifndef KITH_HTTP_DIRECTORY_H
#define KITH_HTTP_DIRECTORY_H
/*
 * What this peer knows of services and members, as the peer's thread tells it (EFFECT_LOOKUP): the one place that
 * answers are read from. Nobody is asked for it and nothing is waited for. Pure; one thread.
 *
 * Each thing that can be asked for is a resource with an index out of one counter, which grows exactly when an answer
 * about that resource changes: a service when its endpoints, their health, tags, meta, or their hosts' names, addresses or
 * tags do; the list of services with its names and tags; the list of nodes with theirs; a node with itself and the
 * endpoints on it. Where an endpoint stands among
 * others by distance changes no index.
 *
 * Whoever waits for a resource is in its list, and is told once when it changes; nobody else is.
 *
 * A service that went is remembered with its index, so that its watchers see the change, up to DIRECTORY_GONE_MAX of them;
 * names beyond that, and names that never were, have the index that was the counter's when the oldest was dropped.
 */
#include "base/arena.h"
#include "base/tree.h"
#include "wire/effect.h"

#include <bsd/sys/queue.h>

#define DIRECTORY_GONE_MAX 4096u

struct resource;

struct watcher { /* part of whoever waits; a zeroed one waits for nothing */
    LIST_ENTRY(watcher) others;
    struct resource *on;
};

struct resource {
    uint64_t index;
    LIST_HEAD(watchers, watcher) watchers;
};

struct dir_service {
    TREE_ENTRY(dir_service) by_name;
    TAILQ_ENTRY(dir_service) by_age; /* of those that are gone */
    struct bytes name;               /* in own memory, since watchers may outlive what is said */
    struct resource resource;
    bool there;                 /* it has endpoints, or Kith runs it; else only its index counts */
    struct lookup_service says; /* all endpoints, failing ones too, by node and instance; in mem */
    struct bytes
        listed;    /* as the list of services shows it: "+" when it has endpoints, else "-", and its
                                   tags with a NUL behind each; in mem */
    uint64_t told; /* in which round of telling all anew */
    struct arena mem;
};

struct dir_member {
    TREE_ENTRY(dir_member) by_id;
    struct resource resource;  /* itself, and what runs there */
    struct lookup_member says; /* in mem */
    uint64_t told;
    struct arena mem;
};

TREE_HEAD(dir_services, dir_service);
TREE_HEAD(dir_members, dir_member);
TAILQ_HEAD(dir_gone, dir_service);

typedef void directory_woken(void *arg, struct watcher *w);

struct directory {
    struct dir_services services;
    struct dir_members members;
    struct dir_gone gone;
    uint32_t gone_n, there_n;
    uint64_t index; /* the last one given */
    uint64_t floor; /* of names that nothing is known of */
    uint64_t round;
    bool ready; /* all has been told once: answers are whole */
    struct resource list, nodes;
    directory_woken *woken;
    void *arg;
};

/* Indexes begin after `start`: a wall clock in milliseconds, so that they do not go back when the daemon starts once more. */
void directory_init(struct directory *d, uint64_t start, directory_woken *woken, void *arg);
void directory_deinit(struct directory *d); /* nobody waits any more */

void directory_tell(struct directory *d, const struct effect_lookup *e);

/* In order of name, those that are there. NULL: none. */
const struct dir_service *directory_service(const struct directory *d, struct bytes name);
const struct dir_service *directory_first(const struct directory *d);
const struct dir_service *directory_next(const struct dir_service *s);

/* In order of id; of unknown members nothing is said. */
const struct dir_member *directory_member(const struct directory *d, const struct ulid *id);
/* By its name; NULL: nobody is called so. */
struct dir_member *directory_named(const struct directory *d, struct bytes name);
const struct dir_member *directory_first_member(const struct directory *d);
const struct dir_member *directory_next_member(const struct dir_member *m);

/* The resource of a name, whether there is such a service or not. Borrowed until the next call of this or of
 * directory_tell(), but for as long as somebody waits for it. */
struct resource *directory_resource(struct directory *d, struct bytes name);

/* Waits for the resource, until it is told or ended. */
void directory_watch(struct resource *r, struct watcher *w);
void directory_unwatch(struct watcher *w); /* fine when it waits for nothing */

#endif
