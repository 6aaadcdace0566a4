#ifndef KITH_HTTP_DIRECTORY_H
#define KITH_HTTP_DIRECTORY_H
/*
 * What can be asked for, and who waits for it: services and members, as the peer's thread tells of them (EFFECT_LOOKUP).
 * A service's endpoints are not in here: they are read from the look-up file, which is written before
 * the directory is told (shell/lookups.h), so an answer is never older than its index. One thread.
 *
 * Each thing that can be asked for is a resource with an index out of one counter, which grows exactly when an answer
 * about that resource changes: a service when its endpoints, their health, tags, meta, or their hosts' names, addresses or
 * tags or checks do; the list of services with its names and tags; the list of nodes with theirs; a node with itself and the
 * endpoints on it; the checks of a state with each service that has some of that state before or after, and with the nodes
 * that come to or leave it. Where an endpoint stands among
 * others by distance changes no index. While all is told anew readers have the former file, so what changed gets its
 * new index when that is over.
 * Hosts that are no members but were registered are nodes, too, in a list of their own.
 *
 * Whoever waits for a resource is in its list, and is told once when it changes; nobody else is. Services are in the order of
 * their changes, too, so that what changed behind an index is found without looking at the others.
 *
 * A service that went is remembered with its index, so that its watchers see the change, up to DIRECTORY_GONE_MAX of them;
 * names beyond that, and names that never were, have the index that was the counter's when the oldest was dropped.
 */
#include "base/arena.h"
#include "base/tree.h"
#include "http/portrait.h"

#include <bsd/sys/queue.h>

#define DIRECTORY_GONE_MAX 4096u

struct resource;

struct watcher { /* part of whoever waits; a zeroed one waits for nothing */
    LIST_ENTRY(watcher) others;
    struct resource *on;
    void *owner; /* for whoever is told (directory_host.woken) */
};

struct resource {
    uint64_t index;
    bool changed; /* gets another index when all has been told */
    bool of_name; /* it is a dir_name's */
    LIST_HEAD(watchers, watcher) watchers;
};

struct dir_name { /* of a service that is there, or of one that somebody asked for */
    TREE_ENTRY(dir_name) by_name, by_index;
    TAILQ_ENTRY(dir_name) by_age; /* of those that are not there */
    struct bytes name;
    struct resource resource;
    struct portrait *portrait; /* NULL: there is no such service */
    uint64_t told;             /* in which round of telling all anew */
};

/* A service as the look-up file has it. */
struct dir_service {
    struct bytes name;
    uint64_t index;
    struct lookup_service says; /* all endpoints, failing ones too, by node and instance */
    struct directory *directory;
    struct dir_name *at;
};

struct dir_member {
    TREE_ENTRY(dir_member) by_id;
    struct resource resource;  /* itself, and what runs there */
    struct resource own;       /* itself: nobody waits for that */
    struct lookup_member says; /* in mem */
    struct ulid by;            /* of a host that is no member: as which it was told */
    uint64_t told;
    struct arena mem;
};

TREE_HEAD(dir_names, dir_name);
TREE_HEAD(dir_changes, dir_name);
TREE_HEAD(dir_members, dir_member);
TAILQ_HEAD(dir_gone, dir_name);

/* What connects it with the rest; `arg` goes with each call. */
struct directory_host {
    void (*woken)(void *arg, struct watcher *w);
    /* Reads the service from the look-up file (store/lookup_read.h). 0, or an enum lookup_problem. */
    int (*read)(void *arg, struct bytes name, struct arena *mem, struct lookup_service *ret);
    void *arg;
};

struct directory {
    struct dir_names names;
    struct dir_changes changes; /* names by their index */
    struct dir_members members;
    struct dir_members hosts; /* that are no members; their id is portrait_host() of their name */
    struct dir_gone gone;
    uint32_t gone_n, there_n;
    uint64_t healths[PORTRAIT_HEALTHS]; /* endpoints of all services by their health */
    uint64_t index;                     /* the last one given */
    uint64_t floor;                     /* of names that nothing is known of */
    uint64_t round;
    bool anew;  /* all is being told, once more perhaps */
    bool ready; /* all has been told once: answers are whole */
    bool torn;  /* something could not be read since this was last set to false */
    struct resource list, nodes;
    struct resource any; /* changes with each service and with the list of nodes */
    struct resource checks[PORTRAIT_HEALTHS], all_checks;
    struct directory_host host;
    struct dir_view *view; /* of what was read last */
};

/* Indexes begin after `start`: a wall clock in milliseconds, so that they do not go back when the daemon starts once more. */
void directory_init(struct directory *d, uint64_t start, const struct directory_host *host);
void directory_deinit(struct directory *d); /* nobody waits any more */

void directory_tell(struct directory *d, const struct effect_lookup *e);

/* ---- services, in order of name. NULL: none (more), or the file cannot be read ---- */

/* Reads it. Borrowed until the next call that reads one. */
const struct dir_service *directory_service(struct directory *d, struct bytes name);
const struct dir_service *directory_first(struct directory *d);
const struct dir_service *directory_next(const struct dir_service *s);
/* The first behind this name; `node` NULL: on any. */
const struct dir_service *directory_behind(struct directory *d, struct bytes name,
                                           const struct ulid *node);
/* The same of those only that have endpoints on a node; the others are not read. */
const struct dir_service *directory_first_on(struct directory *d, const struct ulid *node);
const struct dir_service *directory_next_on(const struct dir_service *s, const struct ulid *node);

/* Those that are there by name only: what the portrait tells, nothing is read. */
const struct dir_name *directory_first_name(const struct directory *d);
const struct dir_name *directory_next_name(const struct dir_name *n);

/* The first that is there behind this name. */
const struct dir_name *directory_name_after(const struct directory *d, struct bytes name);
/* The one that changed first of those that have changed since; what is gone, too. */
const struct dir_name *directory_changed_after(const struct directory *d, uint64_t index);

/* ---- members ---- */

/* In order of id; of unknown members nothing is said. */
const struct dir_member *directory_member(const struct directory *d, const struct ulid *id);
/* By its name; NULL: nobody is called so. */
struct dir_member *directory_named(const struct directory *d, struct bytes name);
const struct dir_member *directory_first_member(const struct directory *d);
const struct dir_member *directory_next_member(const struct dir_member *m);

/* The same of hosts that are no members, by name; one whose name a member has is not there. */
struct dir_member *directory_elsewhere(const struct directory *d, struct bytes name);
const struct dir_member *directory_first_elsewhere(const struct directory *d);

/* The resource of a name, whether there is such a service or not. Borrowed until the next call of this or of
 * directory_tell(), but for as long as somebody waits for it. */
struct resource *directory_resource(struct directory *d, struct bytes name);

/* A resource that another part has by this directory's counter: it has the next index, and who waits for it is told. */
void directory_change(struct directory *d, struct resource *r);

/* Who waits for it is told, and its index stays. */
void directory_wake(struct directory *d, struct resource *r);

/* Waits for the resource, until it is told or ended. */
void directory_watch(struct resource *r, struct watcher *w);
void directory_unwatch(struct watcher *w); /* fine when it waits for nothing */

#endif
