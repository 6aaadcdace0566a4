#ifndef KITH_HTTP_EVENT_LIST_H
#define KITH_HTTP_EVENT_LIST_H
/*
 * The latest events that this peer saw, for /v1/event/list: EVENTS_MAX of them, in memory only, in the order in which they came
 * here. Events are messages of a topic (gossip/topics.h): each at most once, and none that was sent while this
 * peer was away. Pure; one thread.
 *
 * All of them are one resource, those of a name another, whose index changes when one comes, and when the oldest gives way to it.
 * Names are watched when they are first asked for, EVENTS_NAMES_MAX of them; the one not asked for for longest gives way, unless somebody
 * waits for it. One that is made anew has a new index.
 */
#include "http/directory.h"

#define EVENTS_MAX       256u /* as Consul */
#define EVENTS_NAMES_MAX 256u

struct event_seen {
    TAILQ_ENTRY(event_seen) others;
    struct user_event says; /* in mem */
    uint64_t index;         /* when it came */
    struct arena mem;
};

struct event_name;

TAILQ_HEAD(event_seen_list, event_seen);
TAILQ_HEAD(event_names, event_name);

struct event_list {
    struct directory *directory; /* its counter, and who is told of what is waited for */
    struct event_seen_list seen; /* the oldest first */
    struct event_names names;    /* the one that was asked for last at the end */
    uint32_t seen_n, names_n;
    struct resource all;
};

void event_list_init(struct event_list *e, struct directory *directory);
void event_list_deinit(struct event_list *e); /* nobody waits any more */

/* Copies it. */
void event_list_add(struct event_list *e, const struct user_event *says);

/* Of all, or of a name. Borrowed until the next call, or for as long as somebody waits. */
struct resource *event_list_resource(struct event_list *e, struct bytes name);

/* Whether a text is of a filter: anything is of the empty one; else it has to have the filter in it, at its begin
 * with ^ before, at its end with $ behind. */
bool event_match(struct bytes filter, struct bytes text);
/* A filter that can be read so. Consul takes regular expressions; of these that is what is understood here. */
bool event_filter_ok(struct bytes filter);

#endif
