#ifndef KITH_SIM_PROCS_H
#define KITH_SIM_PROCS_H
/*
 * Processes of one host as kith-run keeps them: they outlive the daemon, keep their exit status
 * until it was read, listen a moment after they were started, obey signals, sometimes late.
 */
#include "base/rng.h"
#include "sim/faults.h"
#include "sim/queue.h"
#include "wire/effect.h"
#include "wire/event.h"

struct procs;

struct procs *procs_new(uint32_t host, struct rng *rng, struct queue *queue,
                        struct fault_counts *counts);
void procs_free(struct procs *p);

/* Start: NULL, or what is wrong with it (a safety violation): a port that another live process here
 * has, an instance that runs already. */
const char *procs_start(struct procs *p, const struct effect_start *start, uint32_t run,
                        kith_time now_us, kith_time wall_us);
void procs_claim(struct procs *p, const struct effect_claim *claim, uint32_t run, kith_time now_us);
void procs_signal(struct procs *p, const struct effect_signal *signal, kith_time now_us);
void procs_check(struct procs *p, const struct effect_check *check, uint32_t run, kith_time now_us);
void procs_clean(struct procs *p, const struct ulid *instance);

/* SIM_STARTED, SIM_CLAIMED, SIM_EXITED, SIM_CHECKED: fills the event to hand to the daemon. False:
 * it is not there any more. Lists in mem. */
bool procs_item(struct procs *p, const struct sim_item *item, struct event *ret, struct arena *mem);

void procs_power_off(struct procs *p); /* all are gone, and their run directories say nothing */
bool procs_fail_one(struct procs *p, bool sick,
                    kith_time now_us); /* one ends, or is sick for a while */
void procs_take_port(struct procs *p); /* somebody else binds a port: the next claim fails once */
size_t procs_running(const struct procs *p);

/* What a starting daemon finds. */
void procs_found(const struct procs *p, struct event_start *ret, struct arena *mem);

#endif
