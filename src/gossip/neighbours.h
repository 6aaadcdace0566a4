#ifndef KITH_GOSSIP_NEIGHBOURS_H
#define KITH_GOSSIP_NEIGHBOURS_H
/*
 * The active view of a large cluster: a few members with which this peer keeps connections, and they with
 * it. Two of them are near, by measured round trips, so that what is spread takes short steps; the others
 * are random, so that the whole stays connected whatever fails.
 *
 * Sources: HyParView (Leitao, Pereira, Rodrigues, 2007) for symmetric links, requests with and without
 * need, and replacement by random members; X-BOT (Leitao et al., 2009) for exchanging neighbours for
 * nearer ones, here between two and not four; where near ones are looked for: scout.h. There is no passive view
 * and no shuffling: the replicated member list is one that is complete (docs/decisions/0019).
 *
 * A link stands when the asked says yes; both ping it every NEIGHBOURS_PING and end it when three pings in a
 * row stay without a sign of life, or when the other does not hold it. Answers carry a digest of all rows:
 * where two neighbours differ and have been quiet, they repair.
 *
 * Bounded: NEIGHBOURS_MAX links, NEIGHBOURS_ASKS requests under way, NEARBY_MAX candidates. Whoever took on more
 * links than NEIGHBOURS_WANTED + 1 because others needed them ends the surplus later: what is spread costs a peer
 * as much as it has links. Those that the tree takes end last: all below one have no parent then. One candidate for a near place is measured in each NEIGHBOURS_EXPLORE, and one asked in
 * each NEIGHBOURS_NEAR_ASK: each opens a connection, and a peer that is far from all would ask all for ever.
 */
#include "gossip/core.h"
#include "gossip/nearby.h"

#define NEIGHBOURS_NEAR   2
#define NEIGHBOURS_WANTED 5
/* Taken on when others need it; one more than wanted is taken on anyway, or the last ones would not find
 * anybody with room. */
#define NEIGHBOURS_MAX      8
#define NEIGHBOURS_ASKS     8
#define NEIGHBOURS_PING     (5 * KITH_SEC)
#define NEIGHBOURS_PING_MIN (3 * KITH_SEC) /* with a beacon */
#define NEIGHBOURS_EXPLORE  (60 * KITH_SEC)
/* What is regular waits so long for the next thing that wakes the peer anyway: its probes do each second. */
#define NEIGHBOURS_SLACK    KITH_SEC
#define NEIGHBOURS_NEAR_ASK (15 * KITH_SEC)
/* At first it looks around faster. */
#define NEIGHBOURS_YOUNG         (30 * KITH_SEC)
#define NEIGHBOURS_EXPLORE_YOUNG (4 * KITH_SEC)
/* Round trips of which the smallest counts: the others were delayed on the way. */
#define NEIGHBOURS_TRIPS 8

struct neighbour {
    struct ulid id; /* zero: this slot is free */
    bool near;
    kith_time since_us;
    kith_time heard_us; /* any sign of life */
    kith_time trips_us[NEIGHBOURS_TRIPS];
    uint32_t trips;                     /* measured in all */
    uint32_t pings;                     /* since it was heard */
    uint64_t route;                     /* on which its last ping came; 0: none did */
    kith_time again_us;                 /* to be pinged before its turn; KITH_NEVER */
    uint64_t digest_there, digest_here; /* as at its last answer */
    uint32_t differed;                  /* answers in a row with another digest than ours */
};

struct link_request {
    struct ulid id; /* zero: free */
    bool near;
    kith_time until_us;
};

struct neighbours {
    struct core *core;
    bool on;
    uint8_t tags
        [NEIGHBOURS_MAX]; /* the last byte of each slot's id: most who are none are told by it */
    struct neighbour slots[NEIGHBOURS_MAX];
    struct ulid former[NEIGHBOURS_MAX]; /* whose slot it was before */
    uint32_t made, ended;               /* slots, as bits, since neighbours_take_changes() */
    uint32_t in_use; /* slots, as bits, that payloads take; overlay.c says so. Others end before */
    struct link_request asks[NEIGHBOURS_ASKS];
    struct nearby nearby;
    kith_time started_us, ping_us, explore_us;
    kith_time tick_us;     /* something is due */
    kith_time latest_us;   /* and the peer is woken for it */
    kith_time near_ask_us; /* nobody is asked for a near place before */
    bool repaired;         /* compared with a neighbour since start */
};

void neighbours_init(struct neighbours *n, struct core *core);

/* The cluster is large: looks for neighbours from now on. */
void neighbours_start(struct neighbours *n, struct turn *t);
/* It is not, or this peer leaves: ends all links. */
void neighbours_stop(struct neighbours *n, struct turn *t);

/* link_* messages. False: another kind. */
bool neighbours_receive(struct neighbours *n, struct turn *t, const struct incoming *in);
/* An authentic frame of a member came. */
void neighbours_heard(struct neighbours *n, const struct ulid *id, kith_time now_us);
/* A member's row or state changed. */
void neighbours_member(struct neighbours *n, struct turn *t, const struct ulid *id);
/* A beacon passes through all neighbours just now: pings that are due soon go with it, since whoever is awake for one
 * frame takes others nearly for nothing. */
void neighbours_awake(struct neighbours *n, kith_time now_us);
/* An own connection closed: a neighbour behind it is pinged at once. */
void neighbours_link(struct neighbours *n, struct turn *t, const struct event_link *link);

/* Which slots were emptied (`former` tells whose they were) and which filled since the last call. */
void neighbours_take_changes(struct neighbours *n, uint32_t *ret_ended, uint32_t *ret_made);

size_t neighbours_count(const struct neighbours *n);
int neighbours_slot(const struct neighbours *n, const struct ulid *id); /* -1: none */
bool neighbours_has(const struct neighbours *n, int slot);
/* The smallest of the latest round trips; one not measured yet counts NEIGHBOURS_RTT_UNKNOWN. */
#define NEIGHBOURS_RTT_UNKNOWN (200 * KITH_MS)
kith_time neighbours_rtt_us(const struct neighbours *n, int slot);
/* To the neighbour in this slot, on the connection that stands. */
void neighbours_send(const struct neighbours *n, struct turn *t, int slot, enum wire_kind kind,
                     struct bytes payload);

/* The same on the connection that the neighbour made, where little else is sent, once it pinged there. What is lost
 * there does not hold up what goes by neighbours_send(). */
void neighbours_send_aside(const struct neighbours *n, struct turn *t, int slot,
                           enum wire_kind kind, struct bytes payload);

void neighbours_time(struct neighbours *n, struct turn *t);
kith_time neighbours_deadline(const struct neighbours *n);

#endif
