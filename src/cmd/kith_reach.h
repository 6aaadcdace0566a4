#ifndef KITH_CMD_KITH_REACH_H
#define KITH_CMD_KITH_REACH_H
/*
 * Whether daemons still listen, found out by connecting to them over TCP and hanging up at once: after the end
 * of a cluster nobody is left who could be asked. An address that cannot be connected to from here counts as ended.
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

/* Whether what listens at tcp://HOST:PORT greets as ZeroMQ does (RFC 23 of rfc.zeromq.org): at once, with a
 * byte that no text begins with. True for another kind of endpoint, and for one that takes no connection. */
bool reach_greets(const char *uri);

#endif
