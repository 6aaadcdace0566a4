#ifndef KITH_CONTROL_ORDER_H
#define KITH_CONTROL_ORDER_H
/*
 * Order of start and stop, as this host sees the cluster. An instance starts when every service that its
 * own needs can be relied on. One that is told to stop does so when nothing that needs its service, and
 * is told to stop too, runs any more; what goes on running is not waited for, it would be for ever.
 */
#include "control/inside.h"

/* Needed services that it has to wait for: names, in mem, in the order of the specification. When time
 * alone will change the answer, *at_us is lowered to then. */
uint32_t order_waits(const struct control *c, const struct service_spec *spec, kith_time now_us,
                     struct arena *mem, const struct bytes **ret_names, kith_time *at_us);
bool order_may_stop(const struct control *c, const struct service *s);

#endif
