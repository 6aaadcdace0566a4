#ifndef KITH_SIM_WORLD_H
#define KITH_SIM_WORLD_H
/*
 * One run of the simulator: hosts start, an operator applies services and changes them, faults happen;
 * then everything heals and convergence is demanded: the same tables everywhere, every service at its
 * count, no process that nobody wants.
 *
 * A warm world (scenario.h) begins as after a long uptime: every host knows every other one, nobody was
 * ever called dead, all daemons start in the same instant and nothing has to be told. It is one without
 * keys (--insecure), so there are no admissions.
 *
 * The same options give the same run, bit for bit, in any process on any machine.
 */
#include "sim/faults.h"
#include "sim/load.h"
#include "sim/plan.h"
#include "sim/race.h"
#include "spec/scenario.h"

/* A scenario's service file, read. */
struct world_apply {
    kith_time at_us;
    const struct service_spec *specs;
    uint32_t specs_n;
};

/* What runs on the hosts. */
enum world_rival {
    WORLD_KITH,
    WORLD_SWIM,      /* sim/swim.h, to compare with */
    WORLD_LIFEGUARD, /* the same with Lifeguard */
};

struct world_options {
    enum world_rival rival;
    bool datagrams; /* the rival's frames are lost one by one instead of being held up */
    uint32_t peers; /* 1 .. WORLD_PEERS_MAX */
    uint64_t seed;
    kith_time until_us;                /* when faults end and healing begins */
    bool calm;                         /* no random faults */
    bool race;                         /* clients race for a key and a lock, see race.h */
    uint32_t counters;                 /* only so many, and they count; 0: as `race` says */
    bool crashes;                      /* random faults are crashes only, see plan.h */
    const struct scenario *scenario;   /* instead of random faults; NULL */
    const struct world_apply *applies; /* instead of the operator's own services and changes */
    size_t applies_n;
    const struct net_map *map; /* how far hosts are from each other; NULL: drawn */
    size_t (*heap)(void);      /* what is allocated; NULL */
    struct buf *trace;         /* filled with every step as text; NULL */
};

#define WORLD_PEERS_MAX 5000
/* How long after healing everything must have converged. */
#define WORLD_CONVERGE_LIMIT (120 * KITH_SEC)

struct world_result {
    bool converged;
    bool not_asked;         /* the scenario ends before: converge: off */
    char *why;              /* not converged: what is still wrong, mem_free() */
    kith_time converged_us; /* after healing */
    kith_time virtual_us;
    uint64_t steps, hash;
    size_t
        heap_bytes; /* allocated when faults ended; not part of what a seed gives. 0: not asked, or a rival */
    uint64_t requests, refused, acknowledged;
    struct race_counts race; /* zero without one */
    char *violations[CHECK_VIOLATIONS_MAX];
    size_t violations_n;
    struct fault_counts faults;
    struct measure_result measured; /* until faults end */
};

void world_run(const struct world_options *options, struct world_result *ret);
void world_result_deinit(struct world_result *r);

#endif
