#ifndef KITH_GOSSIP_CENTRE_H
#define KITH_GOSSIP_CENTRE_H
/*
 * Who would be a better root of the tree (tree.h): a member from which the others are nearer, by their places
 * (atlas.h). CENTRE_CANDIDATES drawn at random are compared by their mean distance to the same CENTRE_OTHERS
 * members, also drawn; one that is better by an eighth is named. The root asks this again and again, so in the
 * end few are better.
 */
#include "gossip/core.h"

#define CENTRE_CANDIDATES 16
#define CENTRE_OTHERS     64

/* False: none of those drawn is, or places are not known yet. */
bool centre_better(const struct core *core, struct turn *t, struct ulid *ret);

#endif
