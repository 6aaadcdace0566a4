#ifndef KITH_GOSSIP_ANEW_H
#define KITH_GOSSIP_ANEW_H
/*
 * A peer that was forgotten while it was away and returns: what it holds may be older than tombstones that the others
 * have dropped, so it must not tell of any of it. It begins anew.
 *
 * The verdict that forgot it stands, whatever the incarnation, until the peer's member row names that verdict's stamp
 * (member_row.anew): until then it counts as dead, and nobody compares rows with it. Whoever hears from it sends it the
 * verdict. It then exports what it wrote in its own name for others to see (EFFECT_EXPORT; what of it had reached them it
 * cannot know), drops all rows but those that say where the others are, and its daemon starts once more.
 */
#include "gossip/core.h"

#define ANEW_LOCAL "node/anew" /* local row: the stamp of the last such verdict that was obeyed */

/* Sets core->anew from what a former run stored, and tells when that run ended by it. After the state is loaded. */
void anew_start(struct core *core, struct turn *t, const struct event_start *start);
/* A row changed: true when it is a verdict by which this peer has to begin anew; then it has exported what it wrote, and
 * core->anew is the verdict's stamp. */
bool anew_verdict(struct core *core, struct turn *t, const struct row *row);
/* Sends one that is forgotten the verdict. */
void anew_tell(const struct core *core, struct turn *t, const struct member *m);

#endif
