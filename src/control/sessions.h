#ifndef KITH_CONTROL_SESSIONS_H
#define KITH_CONTROL_SESSIONS_H
/*
 * Sessions: whose locks end with them. Source: Consul's sessions, 1.15. One own row each (table session), at the peer that it was
 * opened at: that one counts its TTL, and renews or ends it for whoever asks; others hand such requests to it.
 *
 * A session ends when it is ended, when its TTL passes without being renewed, and, unless it is `unwatched`, when its node is held for
 * dead: then everybody takes it for ended, and the node ends it for good when it hears of that. It outlasts a restart of its peer
 * that nobody noticed; its TTL begins anew then.
 *
 * At most SESSIONS_MAX are opened at one peer.
 */
#include "state/turn.h"

#define SESSIONS_MAX 4096u
#define SESSION_TTL_MIN_MS                                                                         \
    1000u /* Consul's 10 s would be too long to wait for in a small cluster */
#define SESSION_TTL_MAX_MS   86400000u /* a day, as Consul */
#define SESSION_DELAY_MAX_MS 60000u    /* a minute, as Consul */
/* A lock whose session's row has not come yet is let be for so long. */
#define SESSION_UNKNOWN (10 * KITH_SEC)

struct control;
struct row;

struct session_due { /* an own one */
    struct ulid id;
    kith_time at_us; /* KITH_NEVER: without a TTL */
};

struct sessions {            /* a zeroed one is valid and empty */
    struct session_due *own; /* owned */
    uint32_t own_n, own_cap;
};

void sessions_deinit(struct sessions *s);
/* Those of the last run go on. */
void sessions_start(struct control *c, struct turn *t);
/* A row of table session has changed. */
void sessions_row(struct control *c, struct turn *t, const struct row *row);
/* Ends those whose TTL has passed, and all when this peer is held for dead. */
kith_time sessions_settle(struct control *c, struct turn *t);

/* Requests of clients: open_session, renew_session, end_session. */
void sessions_open(struct control *c, struct turn *t, const struct incoming *in);
void sessions_renew(struct control *c, struct turn *t, const struct incoming *in, bool forwarded);
void sessions_end(struct control *c, struct turn *t, const struct incoming *in, bool forwarded);

/* The session's row; NULL: it is not known here. */
const struct row *sessions_find(struct turn *t, const struct ulid *id);
/* It is there, and its node lives or does not matter. */
bool sessions_valid(const struct control *c, struct turn *t, const struct ulid *id,
                    struct ulid *ret_node, struct session_row *ret);
/* Of one whose row is there. */
bool session_lives(const struct control *c, const struct ulid *node, const struct session_row *row);

#endif
