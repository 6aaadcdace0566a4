#ifndef KITH_DNS_RESPOND_H
#define KITH_DNS_RESPOND_H
/*
 * A query in, its answer out. Decides what is refused, what is sent on to others, and what is said of answers that may be old.
 *
 * Old is what the daemon has not vouched for during RESPOND_OLD_US, and everything while this peer is cut off from half of
 * the members or more (nodes.h): it is answered all the same, with a TTL of RESPOND_OLD_TTL_S at most, and for clients with
 * EDNS with the extended error 3, "Stale Answer" (RFC 8914).
 *
 * What is in none of the domains is refused, unless it can be sent on and the client wants that (RD). No DNSSEC, no
 * transfers, no updates. Reads the look-up file; no socket and no clock is touched here.
 */
#include "base/time.h"
#include "client/held.h"
#include "dns/kept.h"

#define RESPOND_OLD_US    (2 * KITH_SEC)
#define RESPOND_OLD_TTL_S 1u

enum respond_rcode_slot { RESPOND_RCODES = DNS_RCODES + 1 }; /* the last: all others */

struct respond_counts {
    uint64_t rcodes[RESPOND_RCODES];
    uint64_t truncated, old, cached, made, ignored;
};

struct responder;

struct respond_config { /* borrowed until responder_free() */
    struct zone_config zone;
    const char *lookups; /* folder of the look-up file */
    bool forwards;       /* what is elsewhere can be sent on */
    uint64_t seed;
};

struct responder *responder_new(const struct respond_config *config);
void responder_free(struct responder *r); /* may be given NULL */

/* Around one turn's queries: what the look-up file is, is looked up once. */
void responder_begin(struct responder *r, kith_time now_us);
void responder_end(struct responder *r);

enum respond_verdict {
    RESPOND_NOTHING, /* no answer */
    RESPOND_ANSWER,
    RESPOND_FORWARD, /* to be sent on; responder_fail() answers it if that comes to nothing */
};

/* `out` has DNS_UDP_MAX bytes; for TCP DNS_MESSAGE. The length of the answer in *ret_len. */
enum respond_verdict responder_answer(struct responder *r, const uint8_t *query, size_t size,
                                      bool tcp, uint8_t *out, size_t *ret_len);

/* An answer of no records: TC, so that the client comes by TCP. 0: no answer. */
size_t responder_slip(struct responder *r, const uint8_t *query, size_t size, uint8_t *out);
/* SERVFAIL, to what was to be sent on. 0: no answer. */
size_t responder_fail(struct responder *r, const uint8_t *query, size_t size, uint8_t *out);

const struct respond_counts *responder_counts(const struct responder *r);

#endif
