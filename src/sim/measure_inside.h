#ifndef KITH_SIM_MEASURE_INSIDE_H
#define KITH_SIM_MEASURE_INSIDE_H
/* What measure.c gathers and measure_result.c reads. */
#include "base/tree.h"
#include "sim/measure.h"

#define MEASURE_LANES   8
#define MEASURE_KINDS   256
#define MEASURE_SOCKETS (NET_PUB + 1)
/* Copies of a change are counted for so long after it. */
#define MEASURE_COPIES_FOR (60 * KITH_SEC)
/* A peer that loses so many of its packets is odd. */
#define MEASURE_ODD_PPM 500000u

/* Ages, in tenths of a second; the last holds all that are older. */
#define MEASURE_AGES 601
struct ages {
    uint64_t counts[MEASURE_AGES];
    uint64_t missing;
};

struct measured_host {
    TREE_ENTRY(measured_host) by_node;
    struct ulid node;
    uint32_t index;
    bool runs, paused;
    kith_time runs_since_us;
    kith_time restart_after_us; /* it is to have restarted after that */
    uint16_t incarnation;       /* with which it started; 1 until it is known */
    kith_time resumed_us;       /* -1: never paused */
    uint32_t wrong;             /* others whom it holds for what they are not */
    uint32_t connections, connections_max;
    uint16_t open[MEASURE_SOCKETS][2],
        open_max[MEASURE_SOCKETS][2]; /* by role; made here, by others */
    uint64_t lane_bytes[MEASURE_LANES];
    uint64_t load_bytes;
    uint64_t kind_bytes[MEASURE_KINDS];
    kith_time loads_us; /* when its loads are looked at next */
    uint64_t bytes, frames;
    struct death *death;      /* it is down */
    struct verdict *verdicts; /* against it, newest first */
};

TREE_HEAD(host_tree, measured_host);

/* Times since at_us, in us and plus one; 0: it does not know. */
struct death {
    struct death *next;
    uint32_t host;
    bool over; /* started again */
    kith_time at_us;
    uint32_t suspected; /* the first observer told another */
    uint32_t known[];
};

struct verdict {
    struct verdict *next;
    uint64_t incarnation;
    bool false_;
    struct measure_false about;
};

struct write {
    struct write *next;
    uint32_t host;
    kith_time at_us;
    struct bytes key, record; /* record: once it is written */
    uint16_t *copies;
    uint32_t held[]; /* as in struct death */
};

struct mark {
    struct mark *next;
    const char *what;
    kith_time at_us;
    kith_time after_us; /* -1: not yet */
};

struct measure {
    uint32_t hosts_n;
    struct measured_host *hosts;
    struct host_tree nodes;
    const struct net *net;
    kith_time from_us;
    bool counts; /* frames and connections, since then */
    uint16_t
        *held; /* [observer * hosts_n + subject]: the incarnation it holds for alive; 0: none */
    uint8_t *flaps; /* [observer * hosts_n + subject] */
    uint64_t wrong; /* of all that run */
    struct death *deaths;
    struct write *writes;
    struct mark *marks;
    bool cut;
    kith_time cut_us;   /* when the latest cut began */
    kith_time split_us; /* from then to the last who held one cut off from it for dead */
    uint64_t split_pairs, split_unseen; /* at healing */
    struct ages load_ages, needed_ages;
    uint64_t verdicts, false_n, late_n, false_held;
    struct measure_false first[MEASURE_FALSE_KEPT];
    uint64_t kind_frames[MEASURE_KINDS];
};

#endif
