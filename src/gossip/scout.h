#ifndef KITH_GOSSIP_SCOUT_H
#define KITH_GOSSIP_SCOUT_H
/*
 * Looks for members that are near, for the near places among the neighbours (neighbours.h): what the failure
 * detector measures anyway costs nothing; of SCOUT_DRAWN members drawn at random the one that is nearest by its
 * place (atlas.h), and the near ones of the near (T-Man, Jelasity, 2005), are worth a ping each.
 *
 * A ping opens a connection, so there is at most one a look, and none to whom places put too far away to be
 * taken. While places are not known yet, whoever was heard of is measured.
 */
#include "gossip/core.h"
#include "gossip/nearby.h"

#define SCOUT_DRAWN 32

/* Nearer by a fifth, and by half a millisecond: else links would change for nothing. Nobody is nearer than one
 * that is not measured, 0. */
bool scout_nearer(kith_time rtt_us, kith_time than_us);

/* Whom to ping now to measure it: none of `except`, and by all that is known nearer than far_us. NULL: nobody.
 * Borrowed until `n` changes. */
const struct ulid *scout_look(struct nearby *n, const struct core *core, struct turn *t,
                              const struct ulid *except, size_t except_n, kith_time far_us);

#endif
