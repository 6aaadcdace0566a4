#ifndef KITH_CONTROL_ROLLING_H
#define KITH_CONTROL_ROLLING_H
/*
 * Restarting the instances of a service one at a time, on many hosts, without a leader. An instance is
 * behind when its service has another specification (one that changes the process), a newer restart
 * stamp, or other endpoint values than it was started with. Its host restarts it when it is its turn:
 * every lower slot runs healthy with what is current, and nothing of the service is on its way up or
 * down. Everybody reads that off the rows alone; a slot that is stuck is waited for ROLLING_PATIENCE.
 *
 * A service whose needed endpoint is absent for a moment keeps its old values until there are new ones.
 */
#include "control/inside.h"

#define ROLLING_PATIENCE (30 * KITH_SEC)

enum rolling {
    ROLLING_CURRENT, /* nothing to do */
    ROLLING_WAITS,   /* behind, but it is another's turn */
    ROLLING_RESTART,
    ROLLING_SIGNAL, /* only values changed, and the service wants a SIGHUP for that */
};

/* For an instance whose process is up. *ret_why is static text. *at_us is lowered to when to ask again. */
enum rolling rolling_turn(struct control *c, struct turn *t, struct local *i, const char **ret_why,
                          kith_time *at_us);

#endif
