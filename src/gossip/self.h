#ifndef KITH_GOSSIP_SELF_H
#define KITH_GOSSIP_SELF_H
/*
 * This peer's own place in the cluster: its member row, its incarnation, its answers to probes.
 *
 * Decides when to raise the incarnation: at a verdict against itself, at a probe that calls it dead,
 * and when enough observers suspect it that they may be right (half of them, two at least, or the only one there
 * is); a single observer's doubt is ended by the answer to its next probe. Raises for suspicion have a
 * growing distance, so that one who hears nothing cannot make it write for ever. After it rose from a
 * verdict it does so again only when it hears the others well, or much later: who loses most of its
 * packets stays dead instead of going on and off. An incarnation far above the own is refused. A raised
 * incarnation is on disk before anyone hears of it.
 *
 * Tells members that are held for dead, and ask as if they were not, that they are: else they would stay so.
 *
 * Announces itself: until somebody probes it at its present incarnation, it sends its row to a few
 * live members, who pass it on. So a peer that comes back is known although nobody listens to it yet. One that
 * was let in just now tells that member first, and others only when nobody has probed it for a while.
 */
#include "gossip/core.h"

struct self;

struct self *self_new(struct core *core);
void self_free(struct self *s);

/* Keeps what the member row will say. Nothing is written before self_enter(). */
void self_start(struct self *s, struct turn *t, const struct event_start *start);
/* The cluster is known: writes the member row. */
void self_enter(struct self *s, struct turn *t);
/* Writes it once more, with `left`, and tells a few members directly as well as all that listen. */
void self_leave(struct self *s, struct turn *t);

/* probe, and miss about oneself. False: not its kind. */
bool self_receive(struct self *s, struct turn *t, const struct incoming *in);
/* A row about oneself in table member or verdict changed. */
void self_changed(struct self *s, struct turn *t, const struct row *row);
/* The own member row, at once, to this bulk URI. */
void self_tell(struct self *s, struct turn *t, struct bytes bulk_uri);
/* The same to who let this peer in, on the connection on which it said hello. */
void self_arrive(struct self *s, struct turn *t, struct bytes hello_uri);

void self_time(struct self *s, struct turn *t);
kith_time self_deadline(const struct self *s);

#endif
