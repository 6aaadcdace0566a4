#ifndef KITH_DNS_NODES_H
#define KITH_DNS_NODES_H
/*
 * The members of the cluster as the look-up file has them: by name, and by address. Addresses have no index there, so
 * the members are gathered here from time to time: when something is asked for, the file has changed, and NODES_FRESH_US
 * have passed, or ten times as long as gathering takes. One thread.
 */
#include "base/arena.h"
#include "base/time.h"
#include "store/lookup_map.h"
#include "wire/effect.h"

#include <netinet/in.h>

#define NODES_FRESH_US KITH_SEC

struct nodes;

struct nodes *nodes_new(void);
void nodes_free(struct nodes *m); /* may be given NULL */

/* Looks at the file when it is time. The map is open. */
void nodes_refresh(struct nodes *m, const struct lookup_map *map, kith_time now_us);

/* Those of this name or address, but for who left; fills up to `max`; borrowed until the next refresh. */
size_t nodes_named(const struct nodes *m, struct bytes name, const struct lookup_member **ret,
                   size_t max);
size_t nodes_at(const struct nodes *m, int family, const struct in6_addr *addr,
                const struct lookup_member **ret, size_t max);

/* Of the members that have not left, half or more are not alive: this side is cut off from them, or they ended together. */
bool nodes_cut_off(const struct nodes *m);

#endif
