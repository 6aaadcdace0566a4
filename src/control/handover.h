#ifndef KITH_CONTROL_HANDOVER_H
#define KITH_CONTROL_HANDOVER_H
/*
 * Hands a client's request about keys or a session to the peer that decides about it, and its answer back to the client. The rows that
 * come with the answer are taken in first, so that the client finds them at the peer that it asked.
 *
 * Bounds: HANDOVERS_MAX at a time. Who has no answer after HANDOVER_TIME is told that it may have happened.
 */
#include "state/turn.h"

#define HANDOVERS_MAX 512u
#define HANDOVER_TIME (5 * KITH_SEC) /* longer than a keeper takes to give up */
/* Numbers of those of logs.h are below. */
#define HANDOVER_FIRST (UINT64_C(1) << 62)

/* Where a run begins to count what it asks others: an answer that was meant for the run before is taken for none of this one's. */
uint64_t handover_first(const struct turn *t);

struct control;

struct handover {
    uint64_t number;
    struct ulid node;
    uint64_t route, correlation; /* of the client's */
    kith_time until_us;
};

struct handovers {          /* a zeroed one is valid and empty */
    struct handover *items; /* owned */
    uint32_t count;
    uint64_t last;
};

void handovers_deinit(struct handovers *h);

/* To a member that lives. `payload` is of the kind's message; what is told in it leaves when it is on disk here. */
void handover_send(struct control *c, struct turn *t, const struct incoming *in,
                   const struct ulid *node, enum wire_kind kind, struct bytes payload);
/* Message forwarded. False: it is none of these. */
bool handover_receive(struct control *c, struct turn *t, const struct incoming *in);
kith_time handover_settle(struct control *c, struct turn *t);

#endif
