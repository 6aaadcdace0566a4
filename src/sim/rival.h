#ifndef KITH_SIM_RIVAL_H
#define KITH_SIM_RIVAL_H
/*
 * A run with SWIM members (swim.h) instead of ours, in the same virtual network under the same scenario, measured
 * by the same rules: `kith-sim --rival`. Everybody knows everybody at the start.
 *
 * Over connections, a first ping takes the handshake, and losses hold up; over datagrams they lose. Of the
 * faults of a scenario it knows cut, heal, loss, power, kill, deaf, dumb, pause, resume and pauses. Nothing else is
 * looked at than who believes what: there are no rows, services or disks.
 */
#include "sim/world.h"

/* options->scenario: not NULL. A fault that it does not know is a violation. */
void rival_run(const struct world_options *options, struct world_result *ret);

#endif
