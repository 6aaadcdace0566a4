#ifndef KITH_GOSSIP_DETECT_INSIDE_H
#define KITH_GOSSIP_DETECT_INSIDE_H
/*
 * How the failure detector is divided: detect.c has whom to watch, and time; detect_probe.c asks, and decides who is
 * missed and what the observers make of it; detect_frames.c has what others say. Internal to these three.
 */
#include "base/timers.h"
#include "gossip/detect.h"
#include "gossip/jury.h"
#include "gossip/senses.h"

/* So many others that miss a member make a doubt of the own senses idle: they have theirs. */
#define DETECT_CONFIRMED 3

enum detect_timer { TIMER_TICK, TIMER_PROBE, TIMER_WEIGH, TIMER_VERDICT };

struct detect {
    struct core *core;
    struct rings *rings;
    struct watch_tree watches;
    struct jury jury;
    struct senses senses;
    struct timers timers;
    uint64_t nonce;
    struct ulid tried; /* the dead one that was tried last, with this nonce */
    uint64_t tried_nonce;
    uint32_t generation;
    bool entered;
    bool stale;  /* the rings changed: who is a subject is to be found anew */
    bool closed; /* and somebody was taken out of them */
    size_t suspects;
};

/* How long an answer of it may take now. */
kith_time detect_patience(const struct detect *d, const struct watch *w, kith_time now_us);
/* Its time-out is at `due_us` from now on. */
void detect_arm(struct detect *d, struct watch *w, kith_time due_us);
/* Asks it; what is owed already stays due when it was. */
void detect_probe(struct detect *d, struct turn *t, struct watch *w);
/* Sends one probe and keeps nothing of it but the count; p->nonce and the times are filled in. */
void detect_send_probe(struct detect *d, struct turn *t, const struct ulid *id, enum addr_role door,
                       struct probe *p);
/* It answered, or is not to be missed any more. */
void detect_calm(struct detect *d, struct watch *w);
/* Do enough agree by now? */
void detect_consider(struct detect *d, struct turn *t, struct watch *w);
/* Others miss it as well as this peer does: a time-out that was stretched for this one's senses is not any more, also
 * where they are well again since. */
void detect_hasten(struct detect *d, struct turn *t, struct watch *w);
/* Timers. */
void detect_timed_out(struct detect *d, struct turn *t, struct watch *w);
void detect_weigh(struct detect *d, struct turn *t, struct watch *w);
void detect_verdict_due(struct detect *d, struct turn *t, struct watch *w);
void detect_skip_settled(struct detect *d);

/* Who else observes it. */
void detect_seat(struct detect *d, struct watch *w, kith_time now_us);

#endif
