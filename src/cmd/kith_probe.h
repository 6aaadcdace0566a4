#ifndef KITH_CMD_KITH_PROBE_H
#define KITH_CMD_KITH_PROBE_H
/*
 * What `kith probe` found out about each address: kith_probe.c asks, kith_probe_show.c tells.
 */
#include "base/time.h"
#include "client/seen.h"
#include "cmd/kith.h"

/* Round trips that are measured: as many as fit into the time, but a few in any case. */
#define PROBE_PINGS_MAX 100
#define PROBE_PINGS_MIN 10
#define PROBE_PINGS_US  (2 * KITH_SEC)

/* What is wrong with an address, or that nothing is. Each has its own remedy. */
enum probe_result {
    PROBE_OK,
    PROBE_UNREACHABLE,  /* nothing takes a connection */
    PROBE_SILENT,       /* it takes connections and says nothing */
    PROBE_STRANGER,     /* it is no ZeroMQ */
    PROBE_KEYS,         /* one side uses keys and the other does not */
    PROBE_FOREIGN,      /* other ring keys */
    PROBE_NO_KEY,       /* there is none here to knock with */
    PROBE_NOT_ADMITTED, /* the right ring, and this key is not let in */
    PROBE_CLUSTER,      /* answers in the name of another cluster */
    PROBE_VERSION,      /* no protocol version in common */
    PROBE_MUTE,         /* hands were shaken, and then no answer */
};

const char *probe_result_name(enum probe_result r); /* "not-admitted" */

struct probe_peer {
    const char *addr;
    enum probe_result result;
    const char *why; /* what was found, in the client's words */
    struct client_seen seen;
    bool local;                         /* by the daemon's own socket: no keys */
    kith_time rtts_us[PROBE_PINGS_MAX]; /* sorted */
    uint32_t rtts_n;
    int64_t ahead_us, ahead_error_us;  /* its clock, and how well that is known */
    const struct info *info;           /* NULL: not answered */
    const struct member_list *members; /* NULL: not answered */
};

/* A member that they do not see alike, or one field that should be the same. */
struct probe_difference {
    const char *what; /* "member h3", "cluster" */
    const char **saw; /* by peer, NULL for one that did not answer */
};

struct probe_report {
    struct probe_peer *peers;
    uint32_t peers_n;
    struct probe_difference *differences;
    uint32_t differences_n;
};

/* Compares those that answered; fills in the differences. */
void probe_compare(struct kith *k, struct probe_report *r);
/* Appends the report to k->out in the format asked for. */
void probe_show(struct kith *k, const struct probe_report *r);

#endif
