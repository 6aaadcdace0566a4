#ifndef KITH_SIM_PLAN_H
#define KITH_SIM_PLAN_H
/*
 * Which fault begins when, for how long, to whom. Every seed draws its own: which kinds it plays at all and
 * how often, so that seeds differ more than their dice do. A fault lasts long enough to be noticed.
 */
#include "sim/site.h"

struct plan_fault {
    enum fault kind;
    kith_time lasts_us;
    uint32_t who;  /* host, from 0 */
    uint32_t to;   /* cuts: the other side is hosts who .. to - 1 against the rest */
    int64_t value; /* loss in ppm, latency or clock step in us */
};

struct plan;

/* crashes: nothing but daemons that are killed, hosts that lose power and disks that are slow or full, often. */
struct plan *plan_new(struct site_world *w, bool crashes);
void plan_free(struct plan *p);

/* Time until the next random fault. */
kith_time plan_gap(struct plan *p);
void plan_draw(struct plan *p, struct plan_fault *ret);
/* The fault begins: SIM_FAULT_END or SIM_BOOT is scheduled for its end. */
void plan_begin(struct plan *p, const struct plan_fault *f, kith_time now_us);
void plan_end(struct plan *p, const struct sim_item *item);
/* All is well again: hosts that are down start, paused ones go on. */
void plan_heal(struct plan *p, kith_time now_us);

#endif
