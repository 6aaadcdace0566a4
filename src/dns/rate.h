#ifndef KITH_DNS_RATE_H
#define KITH_DNS_RATE_H
/*
 * Response-rate limiting: so many answers a second by UDP to one network (24 bits of an IPv4 address, 56 of IPv6), because the
 * address of a UDP packet may be somebody else's, who would get them all. What is beyond that gets nothing, or every
 * RATE_SLIP-th time an empty answer with TC: who really asked comes back by TCP, where addresses are true. Pure.
 *
 * Each network has a bucket that holds what it may have in a second, in a table of RATE_PLACES; whoever comes to stand in
 * another's place takes it over, full. So a flood from many networks makes the limit looser for others, and
 * never tighter.
 */
#include "base/time.h"

#include <stdbool.h>
#include <sys/socket.h>

#define RATE_PLACES 8192 /* 24 B each */
#define RATE_SLIP   2
#define RATE_MOST   4000000 /* a second: beyond what one thread answers */

enum rate_verdict { RATE_PASS, RATE_SLIPS, RATE_DROP };

struct rate;

struct rate *rate_new(uint32_t per_second,
                      uint64_t seed); /* per_second > 0; the seed hides who shares a place */
void rate_free(struct rate *r);       /* may be given NULL */

/* One answer to this client, now. */
enum rate_verdict rate_take(struct rate *r, const struct sockaddr *client, kith_time now_us);

#endif
