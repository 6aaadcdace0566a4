#ifndef KITH_DNS_DESK_H
#define KITH_DNS_DESK_H
/* What the sockets of DNS share: who answers, who limits, who sends on, and what is counted. The DNS thread's. */
#include "dns/rate.h"
#include "dns/respond.h"
#include "shell/times.h"

#define DESK_ADDRESSES_MAX 4

struct forward;

struct desk_counts {
    uint64_t udp, tcp;               /* queries */
    uint64_t dropped, slipped;       /* by the rate limit */
    uint64_t streams;                /* now */
    uint64_t turned_away;            /* streams that were closed for others */
    uint64_t forwarded, unforwarded; /* sent on; could not be, or nobody answered */
};

struct desk {
    struct responder *responder;
    struct rate *rate;       /* NULL: no limit */
    bool rate_own;           /* for clients of this host, too */
    struct forward *forward; /* NULL: nothing is sent on */
    kith_time now_us;        /* of this turn */
    struct desk_counts counts;
    struct times times; /* from a query's arrival in the thread to its answer's departure */
};

#endif
