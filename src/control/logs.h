#ifndef KITH_CONTROL_LOGS_H
#define KITH_CONTROL_LOGS_H
/*
 * The output of instances. Only an instance's host can read it: there a request becomes EFFECT_READ_LOG
 * and is answered by EVENT_LOG_READ; any other peer hands it on to that host (`forward`) and the answer
 * back. What is under way is bounded and given up after LOGS_PATIENCE.
 */
#include "state/turn.h"

#define LOGS_MAX      64
#define LOGS_PATIENCE (10 * KITH_SEC)
#define LOGS_TAIL     16384u
#define LOGS_READ_MAX 262144u

struct control;

struct log_wait {
    uint64_t number;      /* of the read, or the correlation of what was handed on */
    struct ulid instance; /* read here */
    struct ulid node;     /* handed on to; zero: read here */
    uint64_t route;       /* who asked */
    uint64_t correlation;
    bool forwarded; /* asked by another peer for its client */
    kith_time until_us;
};

struct log_waits { /* a zeroed one is valid and empty */
    struct log_wait waits[LOGS_MAX];
    uint32_t count;
    uint64_t last;
};

/* get_logs of somebody who may. `forwarded`: as a part of forward. */
void logs_get(struct control *c, struct turn *t, const struct incoming *in, bool forwarded);
void logs_read(struct control *c, struct turn *t, const struct event_log_read *e);
/* An answer to what was handed on. */
void logs_forwarded(struct control *c, struct turn *t, const struct incoming *in);
kith_time logs_settle(struct control *c, struct turn *t); /* gives up what is too old */

#endif
