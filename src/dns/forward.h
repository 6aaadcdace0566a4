#ifndef KITH_DNS_FORWARD_H
#define KITH_DNS_FORWARD_H
/*
 * Queries for names that are not ours, sent on to given servers, and their answers, which go back as they come but for AA and RA (no
 * cache here: who wants one asks those servers, or runs one). By UDP for who asked by UDP, by TCP for who asked by TCP.
 *
 * Each query has a socket of its own, connected, with a port that the kernel draws and an id drawn here, and an answer
 * has to repeat the question to the letter: so nobody who does not see the query can answer it. A server that says nothing for
 * FORWARD_TRY_US, or is not there, gives way to the next; after FORWARD_TRIES the client is told SERVFAIL.
 *
 * Bounded: FORWARD_MAX at a time; more are answered with SERVFAIL at once.
 */
#include "base/buf.h"
#include "base/time.h"

#include <sys/socket.h>

#define FORWARD_SERVERS_MAX 3
#define FORWARD_MAX         256
#define FORWARD_TRIES       3
#define FORWARD_TRY_US      (1500 * KITH_MS)
#define FORWARD_QUERY_MAX   1232 /* bytes of a query that is sent on */
#define FORWARD_CONTROL     64

struct forward_client { /* who gets the answer */
    int fd;             /* UDP: to be sent by */
    uint64_t stream;    /* TCP: its number; 0: UDP */
    struct sockaddr_storage addr;
    socklen_t addr_len;
    uint8_t control[FORWARD_CONTROL]; /* where the query came in */
    size_t control_len;
};

struct forward_done {
    const struct forward_client *client;
    struct bytes query, answer; /* no answer: none came */
};

struct forward;

/* Servers as ADDR:PORT or [ADDR]:PORT. NULL with the reason in *why. */
struct forward *forward_new(const char *const *servers, size_t n, struct buf *why);
void forward_free(struct forward *f); /* may be given NULL */

/* 0, or 1: it cannot be sent on now. */
int forward_send(struct forward *f, const struct forward_client *client, struct bytes query,
                 kith_time now_us);

int forward_fd(const struct forward *f); /* readable: forward_run() has something to do */
kith_time forward_deadline(const struct forward *f);
void forward_run(struct forward *f, kith_time now_us);

/* The next that is done with; borrowed until the next call. False: none. */
bool forward_take(struct forward *f, struct forward_done *ret);

#endif
