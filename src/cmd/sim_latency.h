#ifndef KITH_CMD_SIM_LATENCY_H
#define KITH_CMD_SIM_LATENCY_H
/*
 * Round trips measured between 490 PlanetLab hosts (uofa-rzhu3/NetLatency-Data, MIT), which are no part of
 * this repository: latency/PlanetLabData_1.gz in $KITH_DATA, or in ../shared/data beside the source tree.
 * A text of one line per host with a round trip to each in ms; the table is not quite symmetric, and each
 * direction keeps its own.
 */
#include "sim/net.h"

struct sim_latency {
    struct net_map map;
    uint32_t *rtt_us;
};

/* 0; or 1, and why stands on stderr: the file is not there, or is not such a table. */
int sim_latency_load(struct sim_latency *ret);
void sim_latency_deinit(struct sim_latency *l);

#endif
