#ifndef KITH_CONTROL_KEEPER_H
#define KITH_CONTROL_KEEPER_H
/*
 * Decides what is conditional about keys: compare and set, locks, transactions. One peer at a time does, the first of the live
 * members by rendezvous hashing of a fixed id (place.h); the others hand their clients' requests to it (keys.h).
 *
 * No two keepers ever decide against each other, also when members differ about who it is, and whatever is lost, late or restarted: a
 * decision takes three rounds, each answered by more than half of all members that are known, the dead among them.
 *
 *     read   what do you hold of these keys? And follow nobody with an earlier ballot any more.
 *     hold   keep these rows, shown to nobody. When a majority does it is decided, and clients are answered.
 *     show   the rows are taken in by all; before a majority has them, nothing else is held.
 *
 * A keeper that finds in `read` that something was to be held, and not that a majority has shown it, finishes that first, whole: so
 * what one transaction writes is written by whoever comes after, or by nobody. Source: Lamport, "Paxos Made Simple" (2001), one register
 * without a log, as in Rystsov, "CASPaxos" (2018), whose value here is the rows of whichever keys are asked about.
 *
 * A side of a cut cluster that has no majority refuses, and has written nothing. A majority is one of those whom the keeper or
 * anybody who answers knows, whoever knows most. What does not hold is in docs/decisions/0075: above all, plain writes do not go
 * through here, and who is forgotten or has left is not counted any more.
 *
 * Requests that come while a decision is under way are decided together after it, at most KEEPER_BATCH_OPS operations, so that
 * many clients cost no more rounds than one.
 */
#include "base/arena.h"
#include "control/holder.h"
#include "state/turn.h"

#define KEEPER_REQUESTS_MAX 256u
#define KEEPER_BATCH_OPS    64u
#define KEEPER_BATCH_BYTES  262144u
#define KEEPER_TIME         (3 * KITH_SEC)  /* for a request, until it is decided */
#define KEEPER_RETRY        (250 * KITH_MS) /* who has not answered is asked again */
#define KEEPER_LEFT                                                                                \
    (2 * KITH_SEC) /* what is held for so long and not shown was left: it is finished */
#define KEEPER_AGAIN (100 * KITH_MS) /* after another ballot was met: up to twice this */

struct control;
struct keeper_work;

struct quorum { /* members that count, as seen here: this one, those that live, and the dead */
    uint32_t known, alive;
};

struct quorum quorum_of(const struct control *c);

struct keeper_request {
    uint64_t route, correlation;
    bool inside;          /* nobody waits for an answer */
    bool forwarded;       /* from another peer */
    struct bytes payload; /* a change_keys, owned */
    kith_time until_us;
};

enum keeper_phase { KEEPER_IDLE, KEEPER_READ, KEEPER_HOLD, KEEPER_SHOW };

struct keeper_member { /* who was asked in this phase */
    struct ulid node;
    bool answered;
};

struct keeper {                           /* a zeroed one is valid: nothing to decide */
    struct keeper_request *queue, *batch; /* owned */
    uint32_t queue_n, batch_n;
    enum keeper_phase phase;
    bool reigns; /* `ballot` was refused by nobody yet */
    struct ballot ballot, settled;
    uint64_t number, settled_number; /* of the last that was held, and shown to a majority */
    uint64_t round;                  /* the highest that was met */
    uint64_t ask;                    /* correlation of this phase's questions */
    struct buf question;
    struct keeper_member *members; /* owned */
    uint32_t members_n, answered_n, refused_n, known;
    struct ballot held; /* the latest that answers to read spoke of */
    uint64_t held_number;
    uint32_t held_shown; /* how many have shown it */
    bool too_many;
    bool blind;            /* this peer could not take in what a member holds: its clock is wrong */
    struct bytes *records; /* in mem: those found held, then those to be held */
    uint32_t records_n;
    struct keeper_work *work; /* in mem */
    struct arena mem;
    uint64_t token; /* own disk, before anybody hears of it */
    kith_time asked_us, until_us, again_us;
    uint64_t decisions, refusals, adoptions; /* counted, for `kith info` */
};

void keeper_deinit(struct keeper *k);

/* Takes the request, of a client or handed on by another peer; it is answered later. `in` NULL: nobody waits. */
void keeper_take(struct control *c, struct turn *t, const struct incoming *in, bool forwarded,
                 struct bytes payload);
/* Answer of a member: message keys_told. */
void keeper_told(struct control *c, struct turn *t, const struct incoming *in);
/* Goes on with what is under way. Returns when to come again. */
kith_time keeper_settle(struct control *c, struct turn *t);

#endif
