#ifndef KITH_CMD_KITH_HALT_H
#define KITH_CMD_KITH_HALT_H
/* Endings that are waited for: `kith stop --all` and `kith leave`. */
#include "cmd/kith_ask.h"

/* Stops every service and, without --keep-daemons, every daemon; waits until it is so, with a line on stderr
 * whenever something has changed. KITH_FAILED after --timeout (2m): says what is left. */
int halt_all(struct kith *k);

/* Waits until the peer asked no longer answers. */
int halt_wait_for_peer(struct kith *k, kith_time deadline_us);

#endif
