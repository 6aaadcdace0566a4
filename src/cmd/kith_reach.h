#ifndef KITH_CMD_KITH_REACH_H
#define KITH_CMD_KITH_REACH_H
/*
 * Whether daemons still listen, and how they greet, found out by connecting to them over TCP and hanging up at
 * once: after the end of a cluster nobody is left who could be asked. An address that cannot be connected to from
 * here counts as ended.
 */
#include "cmd/kith.h"

struct reach_address {
    char *host, *port;
};

struct reach {
    struct reach_address *items;
    size_t count;
};

/* The addresses of all live members. KITH_FAILED: said why. */
int reach_find(struct kith *k, struct reach *ret);
void reach_deinit(struct reach *r);

/* How many of them take a connection. */
size_t reach_count(const struct reach *r);

/* How what listens at tcp://HOST:PORT greets, told by the greeting alone (RFC 23 of rfc.zeromq.org): libzmq may
 * lose the reason why a handshake failed when the other end hangs up first. */
enum reach_greeting {
    REACH_UNKNOWN,  /* another kind of endpoint, it takes no connection, or broke off */
    REACH_STRANGER, /* not as ZeroMQ does */
    REACH_KEYS,     /* as ZeroMQ with CURVE keys */
    REACH_NO_KEYS,
};
enum reach_greeting reach_greeting(const char *uri);

#endif
