#ifndef KITH_PEER_PEER_H
#define KITH_PEER_PEER_H
/*
 * The machine: rows 1 to 4 composed into one deterministic peer. Events in, effects out.
 *
 * Decides nothing: it checks the envelope and who is behind a frame, hands each event to the part that
 * owns it, lets the parts react to changed rows until nothing changes, gathers the step's writes into
 * one store batch, and holds back effects until the batch they wait for is on disk (outbox.h).
 *
 * The same events give the same effects, bit for bit.
 *
 * Local rows it stores by name: `node/incarnation`, `ring/public`, `ring/secret`, `ring/issuer`,
 * `ring/certificate`, `cluster/id`; those of control start with `host/`.
 */
#include "wire/effect.h"
#include "wire/event.h"

struct contents;
struct loads;
struct peer;

/* shared: contents of rows held in common with other peers of this process and cluster (state.h), borrowed until
 * peer_free(); NULL: its own. */
struct peer *peer_new(struct contents *shared);
void peer_free(struct peer *p);

/* Appends to *ret, which the caller resets between steps. 0, or negative: an unexpected failure that is
 * only handed on. The first event must be EVENT_START, and no other may be. */
int peer_step(struct peer *p, const struct event *event, struct effects *ret);

/* When EVENT_TIME is wanted: monotonic, KITH_NEVER for not at all. It may lie in the past. */
kith_time peer_deadline(const struct peer *p);

/* For checkers and `kith-sim`: what this peer holds. Borrowed until the next step. */
const struct state *peer_state(const struct peer *p);
const struct members *peer_members(const struct peer *p);
const struct loads *peer_loads(const struct peer *p);

#endif
