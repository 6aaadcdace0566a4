#ifndef KITH_SIM_LOAD_H
#define KITH_SIM_LOAD_H
/*
 * The operator: applies services that need each other and goes on changing them, at any live host, as a
 * client of the ipc socket would. What is acknowledged is remembered by the checker.
 */
#include "sim/site.h"

#define LOAD_SERVICES 6

struct load;

struct load *load_new(struct site_world *w);
void load_free(struct load *l);

/* One request of the operator: `first` applies all services, else a random change of one. */
void load_act(struct load *l, bool first, kith_time now_us);
/* Applies given specifications instead of the operator's own (a scenario's). Copies them. */
void load_use(struct load *l, const struct service_spec *specs, size_t n);
/* One change at this host: a request that is refused for what is in it, and recorded as such. So one command
 * and two rows of its history go to everybody, in one payload, and nobody acts on them. */
void load_write(struct load *l, uint32_t host, kith_time now_us);
/* Asks a host that holds this one for dead to forget it, if there is one. */
void load_forget(struct load *l, uint32_t host, kith_time now_us);
void load_reply(void *load, uint32_t host, uint64_t route, struct bytes frame, kith_time now_us);
uint64_t load_sent(const struct load *l);
uint64_t load_failed(const struct load *l);

#endif
