#ifndef KITH_GOSSIP_WATCH_H
#define KITH_GOSSIP_WATCH_H
/*
 * What this peer knows of the life of another: probes under way, round trips, misses, and what the
 * other observers say. A value in a tree; detect.c and verdict.c decide by it.
 * Round trips are smoothed as TCP does it (Jacobson 1988, RFC 6298), in integers.
 */
#include "base/tree.h"
#include "gossip/rings.h"

/* Misses in a row from which on a member is suspected. */
#define WATCH_MISSES 2
/* Answers to this many of the latest probes count, however late they are. */
#define WATCH_NONCES 16

enum says { SAYS_NOTHING, SAYS_MISSING, SAYS_FINE };

/* One observer of the watched, as far as this peer has heard of it. */
struct seat {
    struct ulid id;
    enum says says;
    kith_time said_us;
    kith_time heard_us; /* any word from it at all about this matter */
};

struct watch {
    struct ulid id;
    bool subject;                  /* this peer is one of its observers */
    bool down;                     /* its connection closed and has not opened again */
    uint64_t incarnation;          /* that all below is about */
    unsigned misses;               /* in a row */
    kith_time missing_since_us;    /* when the first probe that was missed went out */
    uint64_t nonces[WATCH_NONCES]; /* of the latest probes */
    uint32_t probes;     /* sent in all; the latest is nonces[(probes - 1) % WATCH_NONCES] */
    bool waiting;        /* for the answer to the latest */
    uint32_t generation; /* of its time-out */
    kith_time probed_us;
    kith_time asked_us; /* when another observer last asked about it; 0 */
    kith_time told_us;  /* when the other observers were first told that it is missed; 0 */
    bool deciding;      /* enough agree; a verdict is written unless another's comes first */
    kith_time srtt_us, rttvar_us;       /* 0: not measured yet */
    uint64_t digest_there, digest_here; /* as at its last answer */
    struct seat seats[RINGS_OBSERVERS]; /* its other observers */
    size_t seats_n;
    TREE_ENTRY(watch) by_id;
};

TREE_HEAD(watch_tree, watch);

struct watch *watch_find(struct watch_tree *tree, const struct ulid *id); /* NULL */
struct watch *watch_get(struct watch_tree *tree, const struct ulid *id);  /* made if need be */
struct watch *watch_first(struct watch_tree *tree);
struct watch *watch_next(struct watch *w);
void watch_drop(struct watch_tree *tree, struct watch *w);
void watch_clear(struct watch_tree *tree);

/* Forgets misses and what others said: another incarnation, or it answered. */
void watch_calm(struct watch *w);
/* The seats are taken by these observers; what those said that were seated already is kept. */
void watch_seat(struct watch *w, const struct ulid *observers, size_t n, const struct ulid *self);
struct seat *watch_seat_of(struct watch *w, const struct ulid *observer); /* NULL */

void watch_round_trip(struct watch *w, kith_time rtt_us);
/* How long to wait for an answer: max(floor, srtt + 4 var). */
kith_time watch_patience(const struct watch *w, kith_time floor_us);
bool watch_nonce_is_recent(const struct watch *w, uint64_t nonce);

#endif
