#ifndef KITH_CONTROL_REGISTRATION_H
#define KITH_CONTROL_REGISTRATION_H
/*
 * Endpoints that Kith did not start: somebody told their host's peer that a service answers there. One own
 * row each (table registration), durable before the answer; look-ups and `kith endpoints` list them beside
 * the service's instances, if there are any: the service need not be one of Kith's.
 *
 * The peer that took a registration answers for it: while that peer is not alive its registrations are not
 * shown, and they are there again with it. With a TTL the registrant has to say the same again in time; else
 * its peer deletes the row, as `deregister_endpoint` does. Saying the same again writes nothing, so it costs the
 * cluster nothing. After a start of the peer every TTL begins anew.
 *
 * A registrant can say how its endpoint does (`report_endpoint`, which also renews): a critical one is shown to
 * those who ask for all, and look-ups do not find it. One that is registered with `keep` becomes critical instead
 * of ending when it is not renewed, and ends after `reap_ms` in a row critical, if that is given. One with several checks
 * has a list of them and is as its worst one (checklist.h); checkroll.h keeps their times.
 *
 * The checks of the host are a registration too, of no service and of id zero: the worst of them makes what answers on that host as bad as
 * itself (decision 0096). One of no service and of another id stands for a host that is no member, so that it is known though nothing answers there (0091).
 *
 * Saying something else by the same name changes the registration. At most REGISTRATIONS_MAX are taken here;
 * what the members of the cluster hold together is not bounded by this.
 */
#include "base/arena.h"
#include "base/sheets.h"
#include "base/tree.h"
#include "state/turn.h"
#include "wire/gen/service.h"

#define REGISTRATIONS_MAX       262144u
#define REGISTRATION_TTL_MIN_MS 500u /* less is more likely seconds that were meant */

struct control;
struct row;
struct catalog;

struct registration_due; /* of an own one that will lapse or end */

/* Of each what lists are ordered by; there may be hundreds of thousands. The rest is read when it is asked for:
 * registration_says(). */
struct registration {
    struct content *content;      /* of its row, a reference; its key is node and id */
    struct registration_due *due; /* NULL: never */
    uint16_t service_at;          /* the service's name, in the row's value */
    uint8_t service_len;
    uint8_t ports_n;
    uint32_t service_hash : 31; /* of its name */
    uint32_t listed : 1;        /* its row has a list of checks */
};

TREE_HEAD(due_tree, registration_due);

struct registrations {      /* a zeroed one is valid and empty */
    struct sheets all;      /* those of a node together */
    struct sheets services; /* those of a service together, by node and id */
    struct due_tree due;    /* own ones that are due at some time */
    uint32_t here;          /* how many of them this peer answers for */
    uint32_t hosts;         /* how many of them have the checks of a member */
};

const struct ulid *registration_node(const struct registration *r); /* which answers for it */
const struct ulid *registration_id(const struct registration *r);   /* a digest of its name */
/* All that was said of it; lists in mem, the rest is readable as long as the registration, and for the rest of the
 * step. */
const struct registration_row *registration_says(const struct registration *r, struct arena *mem);

void registrations_deinit(struct registrations *r);

/* A row of table registration changed, or is there at start. */
void registrations_row(struct control *c, const struct turn *t, const struct row *row);
/* A member came or went: its registrations are shown, or not any more. */
void registrations_member(struct control *c, const struct ulid *node);
/* Those of every service, for who tells all anew. */
void registrations_touch_all(struct control *c);
/* Ends those of this peer whose TTL has passed, or calls them critical. Returns when the next is due. */
kith_time registrations_settle(struct control *c, struct turn *t);

/* The registrations of a service, in order of node and id, of hosts that live; NULL at the end. None may come or go
 * meanwhile. */
struct registrations_walk {
    const struct control *c;
    struct bytes service;
    struct sheets_place next;
};

struct registrations_walk registrations_of(const struct control *c, struct bytes service);
const struct registration *registrations_next(struct registrations_walk *walk);
/* There is one. */
bool registrations_any(const struct control *c, struct bytes service);

/* The checks of a host; NULL: it has none. Lists in mem. */
const struct registration_row *registrations_host(const struct control *c, const struct ulid *node,
                                                  struct arena *mem);
/* What answers on the host is at most as well as this. */
enum endpoint_health registrations_host_health(const struct control *c, const struct ulid *node);
/* A host that is no member, by the id of its registration, of any peer that lives; NULL: there is none. Lists in mem. */
const struct registration_row *registrations_elsewhere(const struct control *c,
                                                       const struct ulid *id, struct arena *mem);
/* Of its meta; empty: it has none of that name. */
struct bytes registration_meta(const struct registration_row *row, const char *name);
/* It stands for a host that is no member, whose checks are not those of the peer that answers for it. */
bool registration_is_foreign(const struct registration_row *row);

/* -- for registrar.h: this peer's own -- */

/* NULL: none of that id. */
struct registration *registrations_find(const struct control *c, const struct ulid *id);
struct bytes registration_service(const struct registration *r);
/* It is critical and stays until it is reaped, if ever; a TTL has nothing to say then. */
bool registration_is_lapsed(const struct registration_row *row);
/* Its time begins anew. */
void registrations_renew(struct control *c, const struct turn *t, struct registration *r);
/* The row's key; for the caller to free. */
struct buf registrations_key(const struct control *c, const struct ulid *id);
/* Says something else of one that is held, and holds it so. As state_put(). */
int registrations_rewrite(struct control *c, struct turn *t, const struct registration *r,
                          const struct registration_row *row);
/* As state_delete(). */
int registrations_end(struct control *c, struct turn *t, const struct ulid *id);

#endif
