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
 * With `ways: 2` each peer listens by tcp and WebSocket, with 3 by ipc too (between any hosts, here):
 * {kind: close_way, who: 3, way: tcp} then closes one.
 *
 * Peers are numbered from 0; `who` and `to` are a number, a list of numbers and ranges ([3, 10..19]), a
 * share (5%: so many are drawn from the seed), or all. Which of who, to, value and the rest a kind takes
 * stands beside it below; more or less is refused.
 *
 * With `race: true` a client at each peer races with the others for a key and a lock (src/sim/race.h).
 *
 * What is measured rather than checked has more keys:
 *
 *     peers: 1000
 *     until: 60s
 *     warm: true          everybody knows everybody from the start, as after a long uptime, without keys
 *     latency: planetlab  round trips measured between 490 hosts; else each seed draws a site of its own
 *     check: off          no safety checkers: they hold all that was ever written
 *     services: none      no operator who applies services and changes them
 *     converge: off       the run ends at `until`; else all heals then, and convergence is demanded
 *     measure: 10s        bytes and frames are counted from here on
 *     faults:
 *       - {at: 20s, kind: power, who: 10%}
 *       - {at: 20s, kind: pauses, who: 5%, min: 200ms, max: 30s}
 *       - {at: 30s, kind: write, who: 7}
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
    SCENARIO_DEAF,        /* who: nothing reaches it, and what it sends arrives */
    SCENARIO_DUMB,        /* who: everything reaches it, and nothing that it sends arrives */
    SCENARIO_CLOSE_WAY, /* who, way: nothing comes or goes by what others connect to by tcp, ws or ipc */
    SCENARIO_PAUSES, /* who, min, max: stands still and goes on, again and again, for times drawn between both */
    SCENARIO_BOUNCE, /* who, value: each is killed, and starts again, at a moment within that time */
    SCENARIO_FORGET, /* who: an operator at a host that holds it for dead has it forgotten */
    SCENARIO_WRITE, /* who: a client changes one record there, and its way to all others is measured */
    SCENARIO_HEAL, /* all cuts, losses, delays, pauses and disk faults end */
    SCENARIO_KINDS
};

/* Both ends included. */
struct scenario_range {
    uint32_t first, last;
};

struct scenario_peers {
    bool all;
    uint32_t share_ppm; /* not 0: so many, drawn */
    const struct scenario_range *list;
    uint32_t list_n;
};

enum scenario_latency {
    SCENARIO_LATENCY_DRAWN,     /* from the seed: a rack, a campus or several cities */
    SCENARIO_LATENCY_PLANETLAB, /* measured */
};

enum scenario_way { SCENARIO_TCP, SCENARIO_WS, SCENARIO_IPC };

enum scenario_switch { SCENARIO_ON, SCENARIO_OFF };

struct scenario_fault {
    kith_time at_us;
    enum scenario_kind kind;
    struct scenario_peers who;
    struct scenario_peers to;
    int64_t value;
    kith_time min_us, max_us;
    enum scenario_way way;
};

struct scenario_apply {
    kith_time at_us;
    struct bytes file;
};

struct scenario {
    uint32_t peers; /* 0: not given */
    uint32_t ways;  /* that each peer listens by: tcp, then ws, then ipc; 0: not given, tcp */
    bool has_seed;
    uint64_t seed;
    kith_time until_us;                  /* 0: not given */
    const struct scenario_fault *faults; /* by time, of equal times in the order of the file */
    uint32_t faults_n;
    const struct scenario_apply *applies; /* likewise */
    uint32_t applies_n;
    bool warm, race;
    enum scenario_switch check, converge, services;
    enum scenario_latency latency;
    kith_time measure_us;
};

const char *scenario_kind_name(enum scenario_kind kind); /* as in the file: "cut_one_way" */

/* The result, and all that it points to, lives in `mem`. 0, or SPEC_BAD with the reasons in `errors`,
 * or negative when the parser could not be made. */
int scenario_read(struct scenario *ret, struct bytes text, struct arena *mem,
                  struct spec_errors *errors);

#endif
