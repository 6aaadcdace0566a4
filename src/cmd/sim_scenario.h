#ifndef KITH_CMD_SIM_SCENARIO_H
#define KITH_CMD_SIM_SCENARIO_H
/*
 * kith-sim --scenario FILE: reads the file and the service files that it names.
 */
#include "sim/world.h"

struct sim_scenario { /* a zeroed one is none */
    bool loaded;
    struct arena mem;
    struct scenario scenario;
    struct world_apply *applies;
};

/* 0, or 1: what is wrong stands on standard error. */
int sim_scenario_load(struct sim_scenario *s, const char *path);
void sim_scenario_deinit(struct sim_scenario *s);

/* Fills in what the options leave open. Borrows from s. */
void sim_scenario_use(const struct sim_scenario *s, struct world_options *options);

#endif
