#ifndef KITH_CONSUL_KEYS_BODY_H
#define KITH_CONSUL_KEYS_BODY_H
/*
 * Reads what Consul's clients send to open a session, and to change several keys at once: JSON of Consul's session/create and
 * txn. Pure but for the memory that jansson takes.
 *
 * Refused, with words: checks other than serfHealth (which is the node), sessions of another node, and whatever is no operation on keys.
 */
#include "base/arena.h"
#include "wire/wire.h"

#define CONSUL_LOCK_DELAY_MS 15000u /* as Consul */

/* `node`: the name of this host. An empty body is a session with nothing said. 0; or 1, and *why says what to write
 * instead. All in `mem`. */
int consul_read_session(struct session_row *ret, struct bytes body, struct bytes node,
                        struct arena *mem, const char **why);

/* As above. */
int consul_read_txn(struct change_keys *ret, struct bytes body, struct arena *mem,
                    const char **why);

#endif
