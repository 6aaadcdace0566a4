#ifndef KITH_SHELL_ZAP_H
#define KITH_SHELL_ZAP_H
/*
 * libzmq's question who may connect (ZAP, RFC 27 of rfc.zeromq.org), answered in the peer's own
 * thread, which alone knows who is admitted.
 *
 * Domain ZAP_ROUTER: any key passes and becomes the User-Id of its frames; what it may do is decided
 * on each frame. Domain ZAP_PUB: only admitted keys, because a PUB has no frames to decide on. A newcomer
 * connects to everybody as soon as one peer let it in, often before the others hear of its admission: so a
 * key that is not admitted waits a moment for its answer, which spares both sides a second handshake.
 */
#include "base/time.h"
#include "wire/codec.h"

#define ZAP_ROUTER "router"
#define ZAP_PUB    "pub"

#define ZAP_PATIENCE_US KITH_SEC /* libzmq itself gives up after SOCKETS_HANDSHAKE_MS */
#define ZAP_WAITING_MAX 64       /* the next one is refused at once */
#define ZAP_QUIET_US    (2 * KITH_SEC)

struct zap;

/* Called for each connection that is refused. */
typedef void zap_refused(void *arg, const char *address, const char *why);
/* Called before the socket is closed to be made anew. */
typedef void zap_closing(void *arg);

struct zap *zap_new(void *ctx, zap_refused *refused, zap_closing *closing, void *arg);
void zap_free(struct zap *z);

void *zap_socket(struct zap *z);                  /* for polling */
void zap_answer(struct zap *z, kith_time now_us); /* reads all questions */

/* Refuses those that waited long enough. When nobody asked for ZAP_QUIET_US the socket is made anew (true:
 * zap_socket() is another one now, and zap_closing() was called before): libzmq keeps the pipes of a question as
 * long as its connection lasts, at some 30 KiB each, and lets go of them with this socket. */
bool zap_time(struct zap *z, kith_time now_us);
kith_time zap_deadline(const struct zap *z);

/* True: that was news. Those who waited with this key are let in. */
bool zap_admit(struct zap *z, const struct key32 *key, bool on);

/* The key in a User-Id, zero when there is none. */
struct key32 zap_key(const char *user_id);

#endif
