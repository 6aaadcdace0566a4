#ifndef KITH_SPEC_SCENARIO_H
#define KITH_SPEC_SCENARIO_H
/*
 * A scenario of the simulator: one YAML document of what happens when. kith-sim's flags win over
 * peers, seed and until.
 *
 *     peers: 5
 *     seed: 7
 *     until: 60s
 *     apply:
 *       - {at: 2s, file: shop.yaml}                    path relative to the scenario's own
 *     faults:
 *       - {at: 10s, kind: cut, who: [0, 1], to: [2, 3, 4]}
 *       - {at: 20s, kind: loss, who: all, value: 30%}
 *       - {at: 30s, kind: clock, who: 3, value: -5s}
 *       - {at: 40s, kind: heal}
 *
 * Peers are numbered from 0; `who` and `to` are a number, a list of numbers, or all. Which of who,
 * to and value a kind takes stands beside it below; more or less is refused.
 */
#include "base/time.h"
#include "spec/errors.h"

#define SCENARIO_MAX_PEERS 10000
#define SCENARIO_MAX_STEPS 1000

enum scenario_kind {
    SCENARIO_KILL,        /* who: the daemon dies, host and services live on */
    SCENARIO_RESTART,     /* who: a daemon or host that is down starts */
    SCENARIO_POWER,       /* who: the host is gone with all that runs there */
    SCENARIO_PAUSE,       /* who: the daemon stands still ... */
    SCENARIO_RESUME,      /* who: ... and goes on */
    SCENARIO_LEAVE,       /* who: the daemon says goodbye and stops */
    SCENARIO_CUT,         /* who, to: nothing passes between the two groups */
    SCENARIO_CUT_ONE_WAY, /* who, to: nothing passes from who to to */
    SCENARIO_LOSS,        /* who, value: share of packets lost, ppm ("30%") */
    SCENARIO_LATENCY,     /* who, value: added to everything it sends, us ("50ms") */
    SCENARIO_BREAK,       /* who: its connections are reset */
    SCENARIO_CLOCK,       /* who, value: its wall clock is stepped, us, may be negative ("-5s") */
    SCENARIO_DISK_SLOW,   /* who */
    SCENARIO_DISK_FULL,   /* who */
    SCENARIO_EXIT,        /* who: one of its processes ends by itself */
    SCENARIO_SICK,        /* who: the checks of one of its processes fail */
    SCENARIO_PORT_TAKEN,  /* who: somebody else holds a port */
    SCENARIO_HEAL,        /* all cuts, losses, delays and disk faults end */
    SCENARIO_KINDS
};

struct scenario_peers {
    bool all;
    const uint32_t *list;
    uint32_t list_n;
};

struct scenario_fault {
    kith_time at_us;
    enum scenario_kind kind;
    struct scenario_peers who;
    struct scenario_peers to;
    int64_t value;
};

struct scenario_apply {
    kith_time at_us;
    struct bytes file;
};

struct scenario {
    uint32_t peers; /* 0: not given */
    bool has_seed;
    uint64_t seed;
    kith_time until_us;                  /* 0: not given */
    const struct scenario_fault *faults; /* by time, of equal times in the order of the file */
    uint32_t faults_n;
    const struct scenario_apply *applies; /* likewise */
    uint32_t applies_n;
};

const char *scenario_kind_name(enum scenario_kind kind); /* as in the file: "cut_one_way" */

/* The result, and all that it points to, lives in `mem`. 0, or SPEC_BAD with the reasons in `errors`,
 * or negative when the parser could not be made. */
int scenario_read(struct scenario *ret, struct bytes text, struct arena *mem,
                  struct spec_errors *errors);

#endif
