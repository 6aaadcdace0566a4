#ifndef KITH_CONTROL_LOOKUPS_H
#define KITH_CONTROL_LOOKUPS_H
/*
 * What the applications of this host read: for each name whose service changed, its healthy endpoints in
 * one EFFECT_LOOKUP, the nearest first. Out of what has changed it makes what has to be told; whether a row
 * really differs from the one that is shown, the writer decides.
 *
 * An endpoint is one port of an instance that is healthy on a host that lives, as `kith endpoints` lists
 * them; an instance without ports is listed once, by its address. What runs on such a host and is not healthy
 * is told apart from these. Members are told of as well, for those who show them.
 *
 * At most LOOKUPS_BATCH services and as many members a step, so that a large registry does not stop the peer; the rest is due at
 * once. Where changes follow on one another, each is told LOOKUPS_GATHER later at most, and a service that changes
 * often is told of once in that time; the first change after a pause is told at once. When more than a batch changed at
 * once, LOOKUPS_FLOOD takes the place of that time: a peer joins, and a service's rows come in any order. It is not held back until
 * the store has it: a look-up is a reading of this peer's own memory.
 */
#include "base/time.h"
#include "base/tree.h"
#include "state/turn.h"

#define LOOKUPS_BATCH  512u
#define LOOKUPS_GATHER (20 * KITH_MS) /* who waits for a change is to hear of it within 50 */
#define LOOKUPS_FLOOD  KITH_SEC       /* instead, after more than a batch at once */
#define LOOKUPS_RETRY  (1 * KITH_SEC) /* after the host could not write: all is told anew */
#define LOOKUPS_SPACE  "default"      /* the one namespace until there are more */

struct control;
struct lookups_name;
struct lookups_node;

TREE_HEAD(lookups_tree, lookups_name);
TREE_HEAD(lookups_nodes, lookups_node);

struct lookups { /* a zeroed one is valid and off */
    bool on;     /* this host has applications that read */
    bool anew;   /* the next effect is the first of all */
    bool whole;  /* all has been told once */
    bool flood;  /* and then there was more to tell than a batch */
    kith_time after_us;
    uint64_t
        round; /* counts up as names are told, so that who knows that his is waiting need not say it again */
    struct lookups_tree names; /* to be told */
    struct lookups_nodes nodes;
};

void lookups_deinit(struct lookups *l);
/* Something about the service that is, or was, of this name has changed. May be given NULL. */
void lookups_touch(struct lookups *l, struct bytes name);
/* So has something about the member. */
void lookups_touch_member(struct lookups *l, const struct ulid *id);

/* Everything is to be told, beginning now (at start), or some time after it could not be written. */
void lookups_begin(struct control *c, kith_time at_us);
/* Tells a batch. */
void lookups_tell(struct control *c, struct turn *t);
kith_time lookups_deadline(const struct lookups *l); /* 0: there is more to tell */

#endif
