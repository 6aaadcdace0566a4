#ifndef KITH_CMD_SIM_REPORT_H
#define KITH_CMD_SIM_REPORT_H
/*
 * What kith-sim prints about one run: a line of text, and on failure why, and the command to repeat it;
 * or one JSON object.
 */
#include "sim/world.h"

struct sim_report {
    const struct world_options *options;
    const char *scenario; /* file, or NULL */
    const struct world_result *result;
    bool twice, same;
    bool measures;    /* print what was measured, in text too */
    double wall_s;    /* what it took on this machine; not part of the result that a seed gives */
    double rss_bytes; /* the process at its largest */
};

/* True: nothing was violated, all converged, both runs (if two) were the same. */
bool sim_report_print(const struct sim_report *r, bool json);

#endif
