#ifndef KITH_GOSSIP_ORIGINS_H
#define KITH_GOSSIP_ORIGINS_H
/*
 * Which broadcasts of which origins have been here (spread.h), so that each is taken in and passed on once.
 *
 * A number counts as seen when it is, when it is 64 or more below the highest, or when it is of an earlier incarnation.
 * Nothing is missed before the first that is heard of an origin. Bounded: of more than ORIGINS_MAX the one that spoke
 * longest ago is given up; a replay of its broadcasts would bring no news and be relayed once more.
 */
#include "base/tree.h"
#include "wire/gen/overlay.h"

#define ORIGINS_MAX 512

struct origin;
TREE_HEAD(origin_tree, origin);

struct origins { /* a zeroed one is empty */
    struct origin_tree tree;
    uint32_t n;
    struct origin *quietest, *latest; /* who spoke last the longest ago, and just now */
};

void origins_deinit(struct origins *s); /* it is empty then, and can be used again */

bool origins_seen(const struct origins *s, const struct cast_id *id);
void origins_mark(struct origins *s, const struct cast_id *id);

#endif
