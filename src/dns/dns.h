#ifndef KITH_DNS_DNS_H
#define KITH_DNS_DNS_H
/*
 * The thread that answers DNS. It maps the look-up file as any application does, so it asks the peer's thread nothing and
 * goes on whatever that does; what it answers is as old as that file.
 *
 * The parts, bottom up: question (what a message asks), asked (what a name asks for), answers (records and messages), rate
 * (pure); nodes, zone (what is known), kept, respond (a query in, its answer out); udp, streams, forward (the outside);
 * this, which joins them.
 */
#include "base/buf.h"
#include "dns/desk.h"
#include "dns/forward.h"

struct dns_config {                /* borrowed until dns_stop() */
    const char *const *addresses;  /* ADDR:PORT, each for UDP and TCP */
    size_t addresses_n;            /* DESK_ADDRESSES_MAX at most */
    const char *const *forwards;   /* servers, ADDR:PORT */
    size_t forwards_n;             /* 0: recursion is refused; FORWARD_SERVERS_MAX at most */
    uint32_t rate;                 /* answers a second to one network; 0: no limit */
    bool rate_own;                 /* also to this host's own processes */
    struct respond_config respond; /* `forwards` and `seed` are filled in here */
};

struct dns;

/* Listens; nothing is answered yet. NULL with the reason in *why. */
struct dns *dns_open(struct dns_config *config, struct buf *why);
void dns_start(struct dns *d);
void dns_stop(struct dns *d); /* may be given NULL */

/* Appends what /metrics shows of DNS; `arg` is the struct dns, from dns_open() to dns_stop(). Any thread. */
void dns_metrics(void *arg, struct buf *out);

#endif
