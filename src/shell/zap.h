#ifndef KITH_SHELL_ZAP_H
#define KITH_SHELL_ZAP_H
/*
 * libzmq's question who may connect (ZAP, RFC 27 of rfc.zeromq.org), answered in the peer's own
 * thread, which alone knows who is admitted.
 *
 * Domain ZAP_ROUTER: any key passes and becomes the User-Id of its frames; what it may do is decided
 * on each frame. Domain ZAP_PUB: only admitted keys, because a PUB has no frames to decide on.
 */
#include "wire/codec.h"

#define ZAP_ROUTER "router"
#define ZAP_PUB    "pub"

struct zap;

/* Called for each connection that is refused. */
typedef void zap_refused(void *arg, const char *address, const char *why);

struct zap *zap_new(void *ctx, zap_refused *refused, void *arg);
void zap_free(struct zap *z);

void *zap_socket(struct zap *z); /* for polling */
void zap_answer(struct zap *z);  /* answers all that wait */

bool zap_admit(struct zap *z, const struct key32 *key, bool on); /* true: that was news */
bool zap_is_admitted(const struct zap *z, const struct key32 *key);

/* The key in a User-Id, zero when there is none. */
struct key32 zap_key(const char *user_id);

#endif
