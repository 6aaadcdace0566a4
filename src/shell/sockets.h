#ifndef KITH_SHELL_SOCKETS_H
#define KITH_SHELL_SOCKETS_H
/*
 * How every ZeroMQ socket of a peer is made: which options, why. The measurements and the traps of libzmq 4.3.4
 * behind them: docs/decisions/0024, 0027.
 */
#include "base/time.h"
#include "wire/codec.h"
#include <zmq.h>

/* A message that is larger closes its connection. Answers to a hello carry the member list. */
#define SOCKETS_MAX_PROBE_BYTES (1 << 20)
#define SOCKETS_MAX_BYTES       (16 << 20)
#define SOCKETS_HWM             256   /* frames inside libzmq; what waits longer waits in queue.h */
#define SOCKETS_PUB_HWM         4096  /* to a subscriber that is slow; then it misses some */
#define SOCKETS_BACKLOG         1024  /* connections not yet accepted: a cluster starts at once */
#define SOCKETS_HANDSHAKE_MS    10000 /* whoever says nothing is cut off */
/* Connections whose other end vanished silently are found by the kernel: ZeroMQ's own heartbeats wake both
 * ends of every connection, which was most of what an idle peer with many of them cost. */
#define SOCKETS_KEEPALIVE_S       5 /* without traffic: ask */
#define SOCKETS_KEEPALIVE_AGAIN_S 2
#define SOCKETS_VANISHED_MS                                                                        \
    10000 /* no answer, or sent bytes not acknowledged, for so long: closed */
#define SOCKETS_RECONNECT_MS     100 /* first pause; doubles */
#define SOCKETS_RECONNECT_MAX_MS 2000
#define SOCKETS_CONNECT_MS       3000 /* an address that does not answer at all */

/* Keys of one peer as libzmq wants them. */
struct curve {
    bool insecure; /* no CURVE at all: loopback only */
    struct key32 own_public, own_secret;
    struct key32 ring_public; /* zero: not known, nothing can be connected */
    struct key32 ring_secret; /* zero: not known, nothing can be bound */
};

/* An unconnected DEALER, SUB or XSUB; never NULL. id may be empty. Needs ring_public unless insecure. */
void *sockets_client(void *ctx, int type, const struct curve *keys, struct bytes id);

/* An unbound ROUTER or PUB; never NULL. `domain` is what the ZAP handler is asked with; NULL for a
 * socket without CURVE (ipc). */
void *sockets_server(void *ctx, int type, const struct curve *keys, const char *domain);

void sockets_set(void *socket, int option, int value);
void sockets_close(void **socket); /* NULL is fine; sets it to NULL */

/* A reader of what happens to a socket's connections. */
struct sockets_event {
    int event;      /* ZMQ_EVENT_... */
    uint32_t value; /* descriptor, errno or code, by event */
};

void *sockets_monitor(void *ctx, void *socket, int events);
bool sockets_monitor_read(void *monitor, struct sockets_event *ret);

/* "wrong ring key", "not a ZeroMQ peer", ... for a ZMQ_EVENT_HANDSHAKE_FAILED_*. */
const char *sockets_failure(const struct sockets_event *e);

#endif
