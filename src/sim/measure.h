#ifndef KITH_SIM_MEASURE_H
#define KITH_SIM_MEASURE_H
/*
 * What a run is judged by, beside whether it kept its promises: how long until every survivor knows a
 * death, how long a change takes to each peer and in how many copies it came, who was called dead that
 * was not, what each peer sent, how many connections it held, how long until all see the same again.
 *
 * It looks at what a peer holds (its derived members and the rows that it gives to its disk), never at
 * why. All times are virtual. It decides nothing and changes nothing: a run is the same without it.
 *
 * What counts as what:
 * - a death: a daemon ends, however. One that starts again before all survivors know is not counted.
 *   death_suspected is when the first observer told another that it misses it, death_found when the first holds it
 *   for dead, death_known when each other does, verdict_spread the time between these two.
 * - a verdict is false when its subject ran, was not paused, and could be heard by the writer when the
 *   verdict was first written: not cut off from it both ways, and not odd. A peer is odd while it is deaf or
 *   dumb or loses half of its packets or more; what others say of it then is no mistake.
 * - a flap: a peer that runs turns dead in the eyes of another that is not odd. Of each peer the worst other
 *   counts.
 * - one view: all that run hold each other for alive, at the incarnation with which they started or a later one, and
 *   nobody else. So who restarted has to be heard of before it counts, and who should have but did not never does.
 * - a split: hosts that are cut off from each other. All that run on both sides should hold each
 *   other for dead by the time it heals; a pair counts once for each of its two.
 * - copies: frames received by a peer that have the changed record in them.
 * - load_age: how old a host's load is in the eyes of each other, while both run; load_age_needed: an endpoint's
 *   where a service runs that needs it. Each peer is looked at every MEASURE_LOADS_EVERY, in tenths of a second.
 * - bytes: of frames, envelope included, without what TCP, ZMTP and CURVE add; a published frame counts once
 *   for each subscriber. sent_worst_kind_*: of the peer that sent most.
 * - connections: most at any moment, made by the peer and by others; connections_worst_*: of the peer that had most, at
 *   that moment, by socket and by who made them.
 */
#include "sim/net.h"
#include "state/loads.h"
#include "state/members.h"

#define MEASURE_LOADS_EVERY (3 * KITH_SEC)
/* Each peer looks at so many others: beyond it at every second one, at every third, each at others. */
#define MEASURE_LOADS_MAX 1000u

struct measure;

/* net: to ask who is cut off; borrowed. Frames and connections are counted from from_us on. */
struct measure *measure_new(uint32_t hosts, const struct net *net, kith_time from_us);
void measure_free(struct measure *m);

void measure_host(struct measure *m, uint32_t host, const struct ulid *node);
/* The daemon starts or ends; when it has started, measure_view() says what it believes. */
void measure_runs(struct measure *m, uint32_t host, bool runs, kith_time now_us);
void measure_view(struct measure *m, uint32_t host, const struct members *members,
                  kith_time now_us);
/* For machines that keep no members: what it believes of another changed. */
void measure_belief(struct measure *m, uint32_t host, uint32_t subject, bool alive,
                    uint64_t incarnation, kith_time now_us);
void measure_pauses(struct measure *m, uint32_t host, bool paused, kith_time now_us);
/* A cut begins; all cuts are about to be healed. */
void measure_cut(struct measure *m, kith_time now_us);
void measure_heals(struct measure *m);
/* It is about to be killed and started again: until then nobody's view of it is right. */
void measure_bounces(struct measure *m, uint32_t host, kith_time now_us);
/* From here on it is measured how long it takes until all that run see each other as they run now, and nobody else. */
void measure_mark(struct measure *m, const char *what, kith_time now_us);
/* A client asks this host for a change that writes this row. */
void measure_write(struct measure *m, uint32_t host, struct bytes storage_key, kith_time now_us);

void measure_step(struct measure *m, uint32_t host, const struct effects *effects,
                  const struct members *members, kith_time now_us);
/* Now and then: what is known here of how busy all are. Does nothing before from_us and when it is too early.
 * own_us: the present by the peer's own clock. */
void measure_loads(struct measure *m, uint32_t host, const struct loads *loads,
                   const struct state *state, kith_time now_us, kith_time own_us);
void measure_received(struct measure *m, uint32_t host, struct bytes frame, kith_time now_us);
void measure_sent(struct measure *m, uint32_t from, uint32_t to, struct bytes frame,
                  kith_time now_us);
void measure_connection(struct measure *m, uint32_t from, uint32_t to, enum net_role role, bool up);

/* One line of the result. Values are in `unit`; times in ms with three decimals, so in us here. */
struct measure_row {
    const char *name;
    const char *unit; /* "ms", "B/s", "" */
    uint64_t n;       /* samples */
    uint64_t missing; /* that never came: who does not know of a death at the end, ... */
    double mean, p50, p99, p999, max;
};

struct measure_false {
    uint32_t subject, writer;
    kith_time at_us;
    kith_time resumed_us; /* how long the subject had been running again; -1: it never paused */
    uint32_t holders;     /* who else took it over, the odd ones left out */
};
#define MEASURE_FALSE_KEPT 32

struct measure_result {
    struct measure_row rows[128];
    size_t rows_n;
    struct measure_false wrong[MEASURE_FALSE_KEPT]; /* the first */
    size_t wrong_n;
    char *names[128]; /* of rows, where they had to be made */
    size_t names_n;
};

void measure_finish(struct measure *m, kith_time now_us, struct measure_result *ret);
void measure_result_deinit(struct measure_result *r);

#endif
