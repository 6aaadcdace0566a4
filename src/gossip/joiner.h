#ifndef KITH_GOSSIP_JOINER_H
#define KITH_GOSSIP_JOINER_H
/*
 * How a peer gets into its cluster, and finds it again.
 *
 * The first with a founder's token, or with the ring's keys in its data folder, is in by itself: a cluster
 * of one. Others say hello to all their seeds, with the certificate that they made from their token, until
 * one answers with the ring's secret half and the members. What was learnt is on disk before it is used.
 * Seeds that no live member answers at are tried for ever, with jitter, also by those who are in: so two
 * clusters of one that started together, and the halves of a split, find each other.
 */
#include "gossip/admit.h"
#include "gossip/core.h"
#include "gossip/self.h"

/* Given at start, in the token, and by `kith join`. */
#define JOINER_SEEDS_MAX 128
#define JOINER_SEEK      16 /* members that are seeds for one that began anew */
/* The first try of a seed, and the longest distance of two. */
#define JOINER_FIRST   (200 * KITH_MS)
#define JOINER_LONGEST (4 * KITH_SEC)
/* Whether a seed that answered is a member still waits so long for the next thing that wakes the peer anyway. */
#define JOINER_SLACK   KITH_SEC
#define JOINER_STAGGER (100 * KITH_MS) /* at the start: until the next seed is asked as well */
/* A seed that refused for good is asked again all the same: the operator may mend what is wrong. */
#define JOINER_REFUSED KITH_MIN

struct joiner;

struct joiner *joiner_new(struct core *core, struct admit *admit, struct self *self);
void joiner_free(struct joiner *j);

/* Sets core->member when this peer is in by itself. */
void joiner_start(struct joiner *j, struct turn *t, const struct event_start *start);
/* hello_ok and hello_refused. False: another kind. May set core->member. */
bool joiner_receive(struct joiner *j, struct turn *t, const struct incoming *in);

/* Tries this address from now on. 0, or what is wrong with it. */
enum { JOINER_BAD_ADDRESS = 1, JOINER_FULL };
int joiner_try(struct joiner *j, struct turn *t, struct bytes addr);

void joiner_time(struct joiner *j, struct turn *t);
kith_time joiner_deadline(const struct joiner *j);

#endif
