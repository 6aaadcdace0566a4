#ifndef KITH_CONTROL_CHECK_NOW_H
#define KITH_CONTROL_CHECK_NOW_H
/*
 * Health checks that somebody asks for (`check_now`), of one instance or of all placed ones of a service, before their
 * interval is over. A check of an instance here is run at once, or joined when one is under way; what it finds counts as any
 * other result does (health.h), so the row is written and told to others by the ways of all rows. An instance elsewhere is
 * asked for at its host, by `forward`, one request for each.
 *
 * The answer comes when every check has ended, and what they changed is on this peer's disk. Each of them has its own end: a
 * check here when it has run, is lost (HEALTH_LOST), or its process is gone; one elsewhere when its host has answered, is no longer
 * alive, or is silent for longer than that and CHECK_NOW_WAY. So nobody waits for ever, and CHECK_ASKS_MAX can.
 */
#include "state/turn.h"

#define CHECK_ASKS_MAX    64u  /* requests under way; each is for up to CHECK_TARGETS_MAX checks */
#define CHECK_TARGETS_MAX 256u /* of check_results in proto/client.toml */
#define CHECK_NOW_WAY     (2 * KITH_SEC)
/* Numbers of what is handed on; those of handover.h are above, those of logs.h below. */
#define CHECK_NOW_FIRST (UINT64_C(1) << 61)

struct control;
struct check_ask;

struct check_asks {          /* a zeroed one is valid and empty */
    struct check_ask *items; /* owned */
    uint32_t count;
    uint64_t last;
};

void check_asks_deinit(struct check_asks *a);

/* check_now of somebody who may. `forwarded`: as a part of forward. */
void check_now_ask(struct control *c, struct turn *t, const struct incoming *in, bool forwarded);
/* A check here has ended; after the instance knows of it. */
void check_now_checked(struct control *c, struct turn *t, const struct event_checked *e);
/* Message forwarded. False: it is none of these. */
bool check_now_forwarded(struct control *c, struct turn *t, const struct incoming *in);
/* Gives up what will not come any more; returns when to come again. */
kith_time check_now_settle(struct control *c, struct turn *t);

#endif
