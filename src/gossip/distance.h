#ifndef KITH_GOSSIP_DISTANCE_H
#define KITH_GOSSIP_DISTANCE_H
/* The answer to get_rtt: how far members are from one another, by the places in the registry (atlas.h). */
#include "gossip/request.h"

void distance_asked(const struct request *r, struct turn *t, const struct incoming *in);

#endif
