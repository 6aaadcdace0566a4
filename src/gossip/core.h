#ifndef KITH_GOSSIP_CORE_H
#define KITH_GOSSIP_CORE_H
/*
 * What the parts of src/gossip share: who this peer is, what it may touch, what it counts. One per
 * peer, owned by gossip.c; parts borrow it for their whole life.
 */
#include "base/histogram.h"
#include "gossip/atlas.h"
#include "gossip/boots.h"
#include "gossip/guests.h"
#include "gossip/naming.h"
#include "gossip/ways.h"
#include "state/members.h"
#include "state/sync.h"
#include "state/turn.h"

/* Counters of `kith info`, by name. */
#define CORE_COUNTS(X)                                                                             \
    X(probes_sent)                                                                                 \
    X(probes_answered) /* by others, in time or late */                                            \
    X(probes_missed)                                                                               \
    X(probes_received)                                                                             \
    X(probe_late_us)    /* how late a second's probes were sent, at most */                        \
    X(suspicions)       /* of this peer: two misses in a row */                                    \
    X(suspicions_ended) /* the suspect answered after all */                                       \
    X(reports_received)                                                                            \
    X(accusations) /* told to members held for dead who spoke */                                   \
    X(verdicts_written)                                                                            \
    X(verdicts_withdrawn)                                                                          \
    X(verdicts_refuted) /* by who ran all the while: they were false, or it was cut off */         \
    X(refutations)      /* own incarnation raised */                                               \
    X(pauses)           /* this peer did not run for a while */                                    \
    X(doubt)            /* now: how far it stretches its own time-outs */                          \
    X(hellos_sent)                                                                                 \
    X(hellos_admitted)                                                                             \
    X(hellos_refused)                                                                              \
    X(rows_received)                                                                               \
    X(rows_new)                                                                                    \
    X(rows_relayed)                                                                                \
    X(broadcasts)                                                                                  \
    X(broadcasts_kept) /* not sent because nobody was heard */                                     \
    X(subscriptions)   /* now */                                                                   \
    X(repairs_asked)   /* a digest differed */                                                     \
    X(neighbours)      /* now; 0 in full view */                                                   \
    X(links_made)                                                                                  \
    X(links_ended)                                                                                 \
    X(tree_parents)      /* how often it chose another parent in the tree */                       \
    X(tree_cuts)         /* how often it lost its parent and knew no way in that round */          \
    X(tree_heirs)        /* how often it found a better root than itself */                        \
    X(payloads_received) /* broadcasts that came along the tree, copies counted */                 \
    X(payloads_new)      /* of these, for the first time */                                        \
    X(payloads_pulled)   /* of these, as answer to a graft */                                      \
    X(grafts_sent)                                                                                 \
    X(grafts_answered)                                                                             \
    X(payloads_missed)  /* announced, never got: left to repair */                                 \
    X(convergence_late) /* rows that took longer than CORE_LATE from their writer to here */       \
    X(tombstones)       /* now: deleted rows that wait until all have confirmed them */            \
    X(tombstones_collected)

#define CORE_LATE (5 * KITH_SEC) /* what deploy/prometheus calls slow */

struct core_counts {
#define CORE_COUNT_FIELD(name) uint64_t name;
    CORE_COUNTS(CORE_COUNT_FIELD)
#undef CORE_COUNT_FIELD
};

/* A round trip that the failure detector measured, for whoever looks for members that are near. */
#define CORE_TRIPS 16
struct core_trip {
    struct ulid id;
    kith_time rtt_us;
};

struct core {
    struct members *members; /* borrowed */
    struct sync *sync;       /* borrowed */
    struct boots *boots;
    struct atlas *atlas;
    struct ways *ways;
    struct ulid self, boot;
    bool wan, insecure;
    bool member;          /* in a cluster: its keys are known, the own row is written */
    bool leaving;         /* said goodbye */
    kith_time settles_us; /* let in just now: makes no connections that are to stand before; 0 */
    struct buf host;      /* URI of who let it in, to whom it tells what it hears until then */
    bool by_host;         /* this step's frame came from there */
    struct guests guests;
    uint64_t anew;      /* stamp of the last verdict that forgot this peer, see anew.h */
    bool begins_anew;   /* the rows are to be dropped, and the daemon to start once more */
    bool directed;      /* this step's frame came on a connection made for it, not from a PUB */
    kith_time heard_us; /* when any other member was heard last */
    kith_time well_since_us; /* most of those it probes answer in time since then; 0: they do not */
    bool pushed;             /* this step's frame was a push of rows */
    bool fresh;              /* what rows this step's frame brings are changes, not repair */
    struct core_trip trips[CORE_TRIPS];
    int32_t
        late_share; /* of the latest answers to its probes, those delayed as by a lost packet; in 65536ths */
    uint32_t trips_n; /* measured in all; the latest is trips[(trips_n - 1) % CORE_TRIPS] */
    struct naming naming;
    struct core_counts counts;
    struct histogram
        convergence; /* from a change at its writer, by its stamp, to its arrival here */
};

/* Where a member answers; len 0: it is unknown or tells no such address. */
struct bytes core_uri(const struct core *c, const struct ulid *id, enum addr_role role);
/* Its name for people, or its id when it has none. */
struct bytes core_name(const struct core *c, const struct ulid *id, struct ulid_text *mem);
bool core_alive(const struct core *c, const struct ulid *id);
/* An answer to a probe came; was a packet lost on the way? Half of it counts after 22 more. */
void core_saw_delay(struct core *c, bool late);
/* Three in ten answers come late: between 10 % of the packets are lost, where a fifth does, and 30 %, where half do. */
bool core_sees_loss(const struct core *c);
/* Live members but this one, which may be held for dead itself. */
size_t core_others(const struct core *c);
void core_measured(struct core *c, const struct ulid *id, kith_time rtt_us);
/* A live member other than this one, at random; NULL when there is none. */
const struct member *core_any(const struct core *c, struct turn *t);
/* A dead one that is not forgotten. */
const struct member *core_any_dead(const struct core *c, struct turn *t);
/* Writes that a member that is not alive is forgotten: up to its present incarnation, so that it may come back,
 * or for good, whoever still passes a row of it on. 0, or as state_put(): this peer cannot write now. */
int core_forget(const struct core *c, struct turn *t, const struct member *m, bool for_good,
                const char *why);

#endif
