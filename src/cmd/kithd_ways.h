#ifndef KITH_CMD_KITHD_WAYS_H
#define KITH_CMD_KITHD_WAYS_H
/*
 * The ways to a daemon, as --bind and --advertise say: each several times, the most wanted first.
 *
 *     ADDR                 an IP address: tcp at --port-base
 *     tcp://ADDR[:PORT]    PORT for probes, PORT + 1 the PUB, PORT + 4 for state, bulk and clients
 *     ws://ADDR[:PORT]     the same over WebSocket, for where only that comes through; 10 above the tcp ports
 *     ipc://PATH           sockets PATH.probe, PATH.pub and PATH.bulk, for peers on one host
 *
 * What is bound is advertised, unless --advertise says otherwise: an ADDR alone replaces the host of what is
 * bound (behind address translation); other forms are the whole list.
 */
#include "base/arena.h"
#include "base/buf.h"

#define WAYS_MAX 5 /* three addresses each in a member row, which holds 16 */

struct ways_list { /* bases, as doors_endpoint() takes them */
    const char *bases[WAYS_MAX];
    size_t n;
};

struct ways_told { /* as given; n 0: not */
    const struct bytes *binds, *advertises;
    uint32_t binds_n, advertises_n;
    uint16_t port_base;
};

struct ways_read {
    struct ways_list binds, advertised;
    const char *bind,
        *advertise; /* the address of the first of each that has one: services get it too */
    const char
        *http, /* ADDR:PORT for HTTP, beside the first that is bound; NULL: none has an address */
        *dns;  /* the same for DNS */
};

/* 0, or 1 and *why: what to write instead. Texts live in `mem`. */
int ways_read(struct ways_read *ret, const struct ways_told *told, struct arena *mem,
              struct buf *why);

#endif
