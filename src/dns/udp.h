#ifndef KITH_DNS_UDP_H
#define KITH_DNS_UDP_H
/*
 * DNS by UDP: queries are taken in by the dozen and their answers go out together, since a system call each would cost more than
 * all the rest. An answer leaves from the address that was asked, also on sockets bound to any.
 */
#include "base/buf.h"
#include "dns/desk.h"
#include "dns/forward.h"

#define UDP_BATCH     64   /* datagrams of one system call */
#define UDP_ROUNDS    8    /* batches before others have their turn */
#define UDP_QUERY_MAX 2048 /* longer ones are cut, and so cannot be read */

struct udp;

struct udp *udp_open(const char *address, struct desk *desk, struct buf *why); /* NULL: see *why */
void udp_close(struct udp *u); /* may be given NULL */
int udp_fd(const struct udp *u);

/* Between responder_begin() and responder_end(). */
void udp_run(struct udp *u);

/* What was sent on has come back; the client is one of any UDP socket here. */
void udp_send(const struct forward_client *client, struct bytes message);

#endif
