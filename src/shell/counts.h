#ifndef KITH_SHELL_COUNTS_H
#define KITH_SHELL_COUNTS_H
/*
 * What the shell counts, as named numbers for `kith info`: queues by lane (lane.NAME.queued and so on),
 * connections and refused handshakes (shell.*), syncs and space of the registry on disk (store.*).
 */
#include "base/arena.h"
#include "shell/transport.h"
#include "store/store.h"

/* Lists and names in mem. `store` may be NULL: then nothing is told of it. */
void counts_take(struct event_counted *ret, const struct transport *t, const struct store *store,
                 struct arena *mem);

#endif
