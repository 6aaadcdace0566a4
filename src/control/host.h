#ifndef KITH_CONTROL_HOST_H
#define KITH_CONTROL_HOST_H
/*
 * What runs on this host. It has the last word: of the placements that name it, it admits those that fit
 * into what it really has left and refuses the others; its own instance rows say what is so.
 *
 * An instance runs as long as its slot's placement names it and its service is to run. When the
 * placement moves on it stops at once; when its service is stopped or removed, the host leaves or the
 * cluster halts, it stops when its turn has come (order.h). At start (adopt.h) the host takes up what it
 * left running; what it last ran and finds no more it starts again after HOST_HOLD, which gives the
 * others the time to say that it has moved.
 */
#include "control/inside.h"

#define HOST_HOLD (1500 * KITH_MS)
#define HOST_RETAIN                                                                                \
    (60 * KITH_SEC) /* how long an ended instance that is not wanted any more is shown */

/* Takes up placements, starts, stops, restarts. Returns when to come again. */
kith_time host_settle(struct control *c, struct turn *t);
/* No process of this host is left. */
bool host_idle(const struct control *c);

#endif
