#ifndef KITH_GOSSIP_CENTRE_H
#define KITH_GOSSIP_CENTRE_H
/*
 * Who would be a better root of the tree (tree.h): a member from which the others are nearer. Those that probe
 * this peer or are probed by it stand for all, since the rings are drawn at random; they tell their places with
 * the probes (atlas.h), so nothing has to be asked. Each is judged by its mean distance to the others among them, and
 * one that is better than this peer by a quarter is named.
 */
#include "gossip/core.h"

/* False: none of them is, or too few places are known yet. */
bool centre_better(const struct core *core, struct turn *t, struct ulid *ret);

#endif
