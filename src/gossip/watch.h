#ifndef KITH_GOSSIP_WATCH_H
#define KITH_GOSSIP_WATCH_H
/*
 * What this peer knows of the life of another: the probe that is not answered yet, round trips, when it
 * was heard, what the other observers say. A value in a tree; detect.c and jury.c decide by it.
 *
 * Round trips are smoothed as TCP does it (Jacobson 1988, RFC 6298), in integers, to be shown. Patience
 * goes by the shortest one instead: what loss adds is no reason to wait longer for one who is silent.
 */
#include "base/tree.h"
#include "gossip/rings.h"

/* Answers to this many of the latest probes count, however late they are. */
#define WATCH_NONCES 16

enum says { SAYS_NOTHING, SAYS_MISSING, SAYS_FINE };

/* One observer of the watched, and what it said last. */
struct seat {
    struct ulid id;
    enum says says;
    kith_time said_us;
    bool hearsay;       /* another observer told that it said so */
    kith_time since_us; /* it took another's place then; 0: it was among the first */
};

struct watch {
    struct ulid id;
    TREE_ENTRY(watch)
    by_id; /* beside the id, and what each frame needs beside both: one look at memory */
    kith_time heard_us;            /* any frame of it at all */
    uint64_t route;                /* where its latest probe came from; 0: it never probed */
    bool subject;                  /* this peer is one of its observers */
    bool neighbour;                /* it observes a subject of this peer too */
    bool down;                     /* its connection closed and has not opened again */
    uint64_t incarnation;          /* that all below is about */
    kith_time owed_us;             /* when the oldest unanswered probe went out; 0: none is */
    kith_time probed_us;           /* when the latest went out */
    bool missed;                   /* owed for longer than patience: suspected */
    uint64_t nonces[WATCH_NONCES]; /* of the latest probes */
    uint32_t probes;     /* sent in all; the latest is nonces[(probes - 1) % WATCH_NONCES] */
    uint32_t generation; /* of its time-out */
    kith_time asked_us;  /* when another observer last asked about it; 0 */
    kith_time told_us;   /* when the other observers were last told that it is missed; 0 */
    bool deciding;       /* enough agree; a verdict is written unless another's comes first */
    kith_time srtt_us, rttvar_us; /* 0: not measured yet */
    kith_time base_us;            /* the round trip without losses and queues; 0: not measured */
    uint64_t digest_there, digest_here; /* as at its last answer */
    struct seat seats[RINGS_OBSERVERS]; /* its other observers */
    size_t seats_n;
};

TREE_HEAD(watch_tree, watch);

struct watch *watch_find(struct watch_tree *tree, const struct ulid *id); /* NULL */
struct watch *watch_get(struct watch_tree *tree, const struct ulid *id);  /* made if need be */
struct watch *watch_first(struct watch_tree *tree);
struct watch *watch_next(struct watch *w);
void watch_drop(struct watch_tree *tree, struct watch *w);
void watch_clear(struct watch_tree *tree);

/* It answered: nothing is owed. */
void watch_calm(struct watch *w);
/* Forgets what others said: that was about another incarnation. */
void watch_hush(struct watch *w);
/* The seats are taken by these observers; what those said that were seated already is kept. */
void watch_seat(struct watch *w, const struct ulid *observers, size_t n, const struct ulid *self,
                kith_time now_us);
struct seat *watch_seat_of(struct watch *w, const struct ulid *observer); /* NULL */

void watch_round_trip(struct watch *w, kith_time rtt_us);
/* How long an answer may take before its sender is suspected: the floor and four round trips, which is
 * the first two retransmissions of TCP each way. Beyond twice the floor it grows by two for each round
 * trip only. What was never measured may have a connection to make first, and be far. */
#define WATCH_PATIENCE_FIRST 3
kith_time watch_patience(const struct watch *w, kith_time floor_us);
bool watch_nonce_is_recent(const struct watch *w, uint64_t nonce);

#endif
