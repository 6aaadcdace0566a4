#ifndef KITH_CMD_KITH_ASK_H
#define KITH_CMD_KITH_ASK_H
/*
 * Requests to the peer. The connection is opened by the first one. A request that the peer cannot take right now
 * (it has not joined yet, a queue is full) is made again until the time is over: changes carry an id, so that
 * asking twice does a thing once.
 */
#include "base/time.h"
#include "cmd/kith.h"

/* A request's own time-out, unless --timeout says otherwise. */
#define ASK_TIMEOUT_MS 5000

struct ask {
    enum kith_client_result result; /* KITH_CLIENT_OK: there is an answer */
    enum wire_kind kind;            /* of the answer; WIRE_FAILED: refused */
    const void *answer;             /* decoded, in k->mem */
};

/* One attempt; says nothing. `request` is the struct of `kind`, within its bounds. */
struct ask ask_once(struct kith *k, enum wire_kind kind, const void *request, int timeout_ms);

/* Asks until the time-out; returns the answer of the expected kind, or NULL: then what is wrong has been said on
 * stderr, and *ret_status is KITH_FAILED or KITH_USAGE. */
const void *ask(struct kith *k, enum wire_kind kind, const void *request, enum wire_kind expected,
                int *ret_status);

/* The same for what takes the peer long: so long is an answer waited for, and only what cannot be done right now is asked again within
 * ask()'s time. */
const void *ask_long(struct kith *k, enum wire_kind kind, const void *request,
                     enum wire_kind expected, int answer_ms, int *ret_status);

/* ask(), and prints the answer. */
int ask_and_show(struct kith *k, enum wire_kind kind, const void *request, enum wire_kind expected,
                 enum view_shape shape);

/* For streams: a frame that is not waited for, and the next one that comes until then (KITH_CLIENT_TIMEOUT: none). */
void ask_tell(struct kith *k, enum wire_kind kind, const void *message);
struct ask ask_next(struct kith *k, kith_time until_us);

/* Closes the connection, so that the next request opens a new one. */
void ask_hang_up(struct kith *k);

/* A clock and waiting, for those who ask again and again. */
kith_time ask_now(void); /* monotonic */
void ask_pause(void);    /* a moment, about a third of a second */

/* The time-out in ms: --timeout, or else the given one. */
int ask_timeout_ms(const struct kith *k, int otherwise_ms);

/* What --ack and --wait converged ask for. KITH_DONE; KITH_USAGE: they are wrong, which has been said. */
int ask_ack(const struct kith *k, struct ack *ret);

/* A fresh id of a command. */
struct ulid ask_fresh_id(void);
int64_t ask_wall_ms(void);

#endif
