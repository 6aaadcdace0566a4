#ifndef KITH_GOSSIP_DETECT_H
#define KITH_GOSSIP_DETECT_H
/*
 * The failure detector: who answers.
 *
 * Each second, in one tick with a phase of its own, a peer probes those it observes (rings.h). What is
 * not answered in half of its time (watch_patience()) is asked once more at the bulk door: over TCP one
 * lost packet may hold up a connection for seconds, seldom both. After all of it the member is a suspect,
 * and the observers take counsel (jury.h). A closed connection is a hint: it is probed at once, and
 * waited for less long, since a process that lives connects again. An answer ends suspicion however late
 * it comes.
 * A few dead members are probed for ever, and whoever is held for dead and speaks is told so: they refute, and so the
 * halves of a split find each other again. What this peer mishears is its own affair: senses.h.
 * Answers also carry a digest of all rows: where two quiet peers differ, they repair at once.
 *
 * Timers: the tick; a probe's time-out; another look at who is silent; a verdict's turn.
 */
#include "gossip/core.h"

#define DETECT_PERIOD KITH_SEC
/* Chance of trying a dead member in a tick: 1 in this. */
#define DETECT_DEAD_ONE_IN 2

struct detect;

struct detect *detect_new(struct core *core);
void detect_free(struct detect *d);

void detect_enter(struct detect *d, struct turn *t); /* in the cluster: the first tick is set */
/* A member's row or state changed, or this peer's own. */
void detect_member(struct detect *d, struct turn *t, const struct ulid *id);
void detect_link(struct detect *d, struct turn *t, const struct event_link *link);

/* At the start of each step: was there a pause? */
void detect_wake(struct detect *d, struct turn *t);
/* An authentic frame of another member, before anything is made of what is in it. `route`: where a probe
 * came from; 0: any other frame. */
void detect_heard(struct detect *d, struct turn *t, const struct ulid *from, uint64_t route);
bool detect_receive(struct detect *d, struct turn *t,
                    const struct incoming *in); /* probe_ack, miss */

/* To some, drawn at random, of those with whom a connection for probes stands; who is missed is left out. */
void detect_tell_some(struct detect *d, struct turn *t, enum wire_kind kind, struct bytes payload,
                      size_t some);

void detect_time(struct detect *d, struct turn *t);
kith_time detect_deadline(const struct detect *d);

bool detect_suspects(const struct detect *d, const struct ulid *id);
uint64_t detect_rtt_us(const struct detect *d, const struct ulid *id); /* 0: not measured */
bool detect_is_alone(const struct detect *d); /* hears nobody, and holds others for dead */

#endif
