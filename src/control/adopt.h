#ifndef KITH_CONTROL_ADOPT_H
#define KITH_CONTROL_ADOPT_H
/*
 * Taking up, at start, what a former daemon of this host left: its instance rows say what was, the local
 * rows host/INSTANCE which starts were intended, kith-run's folders what really is.
 *
 *   running, and its row is here      goes on with its pid; checks begin anew
 *   ended, and its row is here        its exit status is taken, and leads to what it would have led to
 *   a row with a process, not found   the host was restarted: started again, which is no failure of its
 *   found without a row or intent     nobody's: killed, and cleaned away
 */
#include "control/inside.h"

void adopt(struct control *c, struct turn *t, const struct event_start *start);

#endif
