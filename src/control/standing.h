#ifndef KITH_CONTROL_STANDING_H
#define KITH_CONTROL_STANDING_H
/*
 * How services stand, read off the catalog: who is healthy, who runs, who can be relied on, who needs
 * whom. Instances of a host that is dead, left or unknown count as gone. Pure questions; every peer
 * with the same rows answers them alike, but for service_ready(), which asks how long something lasted.
 */
#include "control/catalog.h"

/* When some, but not all, instances of a needed service are healthy, that has to last this long until
 * it is taken as what there is: so that users do not start, and restart, once for each of them. */
#define SERVICE_SETTLE (3 * KITH_SEC)

/* Alive, or this peer itself. */
bool node_lives(const struct catalog *c, const struct ulid *node);
struct bytes node_name(const struct catalog *c, const struct ulid *node); /* "?" when unknown */

/* Its host lives, and it is healthy, or has a process. */
bool instance_healthy(const struct catalog *c, const struct instance *i);
bool instance_runs(const struct catalog *c, const struct instance *i);
/* A placement speaks of it: it is meant to be there. */
bool instance_placed(const struct catalog *c, const struct instance *i);

/* Healthy and placed: what others are told to use. One that is about to stop because its slot moved is
 * none, so that its users change over once. */
bool instance_serves(const struct catalog *c, const struct instance *i);

/* It is to run: known here with its specification, not stopped, not an alias. */
bool service_active(const struct catalog *c, const struct service *s);
bool service_every_host(const struct service *s);
/* Instances wanted by its count; 0 when it is not to run. */
uint32_t service_wanted(const struct catalog *c, const struct service *s);
bool service_wants_slot(const struct catalog *c, const struct service *s, const struct slot *slot);
uint32_t service_healthy(const struct catalog *c, const struct service *s);
uint32_t service_serving(const struct catalog *c, const struct service *s);
uint32_t service_running(const struct catalog *c, const struct service *s);

/* What needs it can rely on it: all serve, or some do and that has lasted. When time alone will
 * make it so, *ret_at_us (may be NULL) is lowered to then. */
bool service_ready(const struct catalog *c, const struct service *s, kith_time now_us,
                   kith_time *ret_at_us);

/* `from` needs `to`, and that edge is not held out. */
bool service_needs(const struct catalog *c, const struct service *from, const struct service *to);

#endif
