#ifndef KITH_HTTP_SHELF_H
#define KITH_HTTP_SHELF_H
/*
 * Keys and sessions as this peer knows them, as the peer's thread tells it (EFFECT_KEYS): what /v1/kv and /v1/session answer from.
 * Nobody is asked for it. Pure; one thread. Beside the directory, whose counter gives its resources their indexes, too.
 *
 * Each question that can be waited on is a resource of its own, whose index changes exactly when its answer does:
 *
 *     a key           its value, flags, lock, and whether it is there
 *     a tree          all keys that begin so, with their values
 *     names           the names of keys that begin so; with a separator, each up to the first one behind the prefix
 *     a session, the sessions of a node, all of them
 *
 * Trees, names and nodes are made when they are first asked for, SHELF_VIEWS_MAX of them; the one that was not asked for
 * for longest gives way, unless somebody waits for it. One that is made anew has a new index. Keys that are gone are
 * remembered with their index, SHELF_GONE_MAX of them.
 */
#include "http/directory.h"

#define SHELF_GONE_MAX  4096u
#define SHELF_VIEWS_MAX 1024u

struct shelf_key {
    TREE_ENTRY(shelf_key) by_name;
    TAILQ_ENTRY(shelf_key) by_age; /* of those that are gone */
    struct bytes name;             /* owned */
    bool there;
    struct key_info info; /* its name and value are owned */
    struct resource resource;
    uint64_t told; /* in which round of telling all anew */
};

struct shelf_session {
    TREE_ENTRY(shelf_session) by_id;
    struct told_session says; /* in mem */
    struct resource resource;
    uint64_t told;
    struct arena mem;
};

enum shelf_kind { SHELF_TREE, SHELF_NAMES, SHELF_NODE };

struct shelf_view;

TREE_HEAD(shelf_keys, shelf_key);
TREE_HEAD(shelf_sessions, shelf_session);
TREE_HEAD(shelf_views, shelf_view);
TAILQ_HEAD(shelf_gone, shelf_key);
TAILQ_HEAD(shelf_used, shelf_view);

struct shelf {
    struct directory *directory; /* its counter, and who is told of what is waited for */
    struct shelf_keys keys;
    struct shelf_sessions sessions;
    struct shelf_views views;
    struct shelf_gone gone;
    struct shelf_used used; /* the one that was asked for last at the end */
    uint32_t gone_n, views_n;
    uint64_t floor; /* of keys that nothing is known of */
    uint64_t round;
    uint64_t number;        /* of the last effect that was taken in */
    bool ready;             /* all has been told once */
    struct resource caught; /* changes with each of them */
    struct resource all_sessions;
};

void shelf_init(struct shelf *s, struct directory *directory);
void shelf_deinit(struct shelf *s); /* nobody waits any more */

void shelf_tell(struct shelf *s, const struct effect_keys *e);

/* NULL: there is no such key. */
const struct key_info *shelf_find(const struct shelf *s, struct bytes name);
/* In order of name, those that begin so; NULL at the end. */
const struct key_info *shelf_first(const struct shelf *s, struct bytes prefix);
const struct key_info *shelf_next(const struct shelf *s, const struct key_info *k,
                                  struct bytes prefix);
/* A name as a list with this separator shows it: up to the first one behind the prefix, and with it. */
struct bytes shelf_fold(struct bytes name, struct bytes prefix, struct bytes separator);

/* NULL: there is none. */
const struct told_session *shelf_session(const struct shelf *s, const struct ulid *id);
const struct told_session *shelf_first_session(const struct shelf *s);
const struct told_session *shelf_next_session(const struct shelf *s, const struct told_session *t);

/* Resources, borrowed until the next call of these or of shelf_tell(), or for as long as somebody waits. */
struct resource *shelf_key_resource(struct shelf *s, struct bytes name);
struct resource *shelf_view_resource(struct shelf *s, enum shelf_kind kind, struct bytes prefix,
                                     struct bytes separator);
struct resource *shelf_session_resource(struct shelf *s, const struct ulid *id);

#endif
