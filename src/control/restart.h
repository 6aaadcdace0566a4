#ifndef KITH_CONTROL_RESTART_H
#define KITH_CONTROL_RESTART_H
/*
 * What happens when a process ends by itself: it is started again after the wait that the
 * specification lists, the last one repeating, until that happened `max` times within `per_ms`; then
 * the instance has failed. Ends that are longer ago than `per_ms` are forgotten, so an instance that
 * runs well for a while begins the list anew. Pure; the caller keeps the history.
 */
#include "base/time.h"
#include "wire/gen/service.h"

/* As many ends are remembered; a larger `max` means this. */
#define RESTARTS_KEPT 32

#define RESTART_WAIT (1 * KITH_SEC) /* where the specification lists none */

struct restarts { /* a zeroed one is valid and empty */
    kith_time at_us[RESTARTS_KEPT];
    uint32_t count;
};

/* A process ended. True: start it again after *ret_wait_us. False: it has failed. */
bool restart_again(struct restarts *r, const struct restart_policy *policy, kith_time now_us,
                   kith_time *ret_wait_us);
void restart_forget(struct restarts *r); /* by a new specification, or a person's restart */

#endif
