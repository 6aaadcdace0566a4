#ifndef KITH_SIM_SCRIPT_H
#define KITH_SIM_SCRIPT_H
/*
 * Faults of a scenario file (spec/scenario.h): each is one act, and lasts until another one ends it.
 */
#include "sim/site.h"
#include "spec/scenario.h"

/* A mark for each host that is meant. The caller frees it with mem_free(). */
bool *script_pick(struct rng *rng, uint32_t hosts, const struct scenario_peers *peers);

void script_pause(struct site_world *w, const struct sim_item *item);  /* SIM_PAUSE */
void script_bounce(struct site_world *w, const struct sim_item *item); /* SIM_BOUNCE */
void script_play(struct site_world *w, const struct scenario_fault *f, kith_time now_us);

#endif
