#ifndef KITH_CONTROL_REMOVAL_H
#define KITH_CONTROL_REMOVAL_H
/*
 * How a removed service goes: its coordinator deletes all its rows when nothing of it runs any more.
 *
 * Another part of the cluster, cut off, may have gone on with it meanwhile. What it wrote is settled so:
 * - A placement, made with a higher epoch: goes, as does what was started by it (host.h).
 * - Another count, state or restart: the service stays removed, since its specification is gone; what was
 *   started by it stops first.
 * - A new specification: somebody wants it, so it lives on and has its name again, unless another service
 *   has taken that.
 */
#include "control/inside.h"

/* As the coordinator of a service, which may be one that only others' rows speak of. True: it is gone or
 * going, and may be freed: it is not to be looked at again. */
bool removal_settle(struct control *c, struct turn *t, struct service *s);

#endif
