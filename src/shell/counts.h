#ifndef KITH_SHELL_COUNTS_H
#define KITH_SHELL_COUNTS_H
/*
 * What the shell counts, as named numbers for `kith info`: queues by lane (lane.NAME.queued and so on),
 * connections and refused handshakes (shell.*).
 */
#include "base/arena.h"
#include "shell/transport.h"

/* Lists and names in mem. */
void counts_take(struct event_counted *ret, const struct transport *t, struct arena *mem);

#endif
