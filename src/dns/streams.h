#ifndef KITH_DNS_STREAMS_H
#define KITH_DNS_STREAMS_H
/*
 * DNS by TCP (RFC 7766): several queries on one connection, answered one after the other.
 *
 * Nobody can hold anything up: there are STREAMS_MAX connections; when all are taken, a new one takes the place of the one that
 * has not asked a whole question for the longest time. Who does not ask one within STREAMS_IDLE_US, or does not take
 * its answer, is closed; bytes that drip in do not count. A connection costs its queries' bytes, up to
 * STREAMS_QUERY_MAX, and while the client does not take its answer that one, up to 64 KiB.
 */
#include "base/buf.h"
#include "dns/desk.h"
#include "dns/forward.h"

#define STREAMS_MAX       512
#define STREAMS_IDLE_US   (10 * KITH_SEC)
#define STREAMS_QUERY_MAX 4096 /* a connection on which a longer one is announced is closed */
#define STREAMS_ACCEPTED  64   /* of each listening socket in one turn */

struct streams;

struct streams *streams_new(struct desk *desk);
void streams_free(struct streams *s); /* may be given NULL */

/* Listens at ADDR:PORT as well. 0, or 1 with the reason in *why. */
int streams_listen(struct streams *s, const char *address, struct buf *why);

int streams_fd(const struct streams *s); /* readable: streams_run() has something to do */
kith_time streams_deadline(const struct streams *s);
void streams_run(struct streams *s); /* between responder_begin() and responder_end() */

/* What was sent on has come back; the connection may have gone meanwhile. */
void streams_send(struct streams *s, const struct forward_client *client, struct bytes message);

#endif
