#ifndef KITH_GOSSIP_SUBS_H
#define KITH_GOSSIP_SUBS_H
/*
 * Whose PUBs this peer is subscribed to. Overlay decides whose they should be; here it is kept by id and by
 * address, and a subscription that is no longer wanted may stay for a while.
 */
#include "gossip/core.h"

struct subs;

struct subs *subs_new(struct core *core);
void subs_free(struct subs *s);

/* Subscribes to this member, at the address it tells now. Nothing happens while it tells none. */
void subs_want(struct subs *s, struct turn *t, const struct ulid *id);
/* Not wanted any more: ends at this time unless it is wanted again. A later call does not put it off. */
void subs_linger(struct subs *s, const struct ulid *id, kith_time until_us);
/* Lets all that are not among these linger. */
void subs_only(struct subs *s, const struct ulid *ids, size_t n, kith_time until_us);

/* Whose PUB this is; NULL: none that is subscribed to. */
const struct ulid *subs_whose(const struct subs *s, struct bytes pub_uri);

void subs_time(struct subs *s, struct turn *t);
kith_time subs_deadline(const struct subs *s);

#endif
