#ifndef KITH_GOSSIP_OVERLAY_H
#define KITH_GOSSIP_OVERLAY_H
/*
 * Who hears whom, and how rows reach everybody.
 *
 * Up to OVERLAY_FULL_MAX members everybody is in view: each subscribes to every live member's PUB, and a
 * broadcast is one PUBLISH: one hop, no relays, no copies. Rows about membership that come on a connection
 * instead (from one that nobody listens to yet, or by repair after a split) are published once more by
 * whoever they are news to; what comes from a PUB is never passed on, so nothing goes round.
 *
 * Above it each has a few neighbours in view (neighbours.h), and hears their PUBs only. Rows about membership
 * are small and urgent: whoever one is news to publishes it once more, and since it is news once, nothing
 * goes round. All other rows travel along a tree, directed, one copy to each peer, and are announced on the
 * PUBs and pulled where they do not come (tree.h, spread.h).
 * The way changes when the number of live members passes OVERLAY_FULL_MAX, and back at OVERLAY_FULL_AGAIN; in
 * between a peer follows those that asked it to be their neighbour, so that all end up with the same.
 *
 * What is passed on, by which of these ways and when, decides relay.h.
 *
 * A peer that hears nobody publishes nothing: its view may be wrong, and stays with it (detect.h).
 * What is lost everywhere is repaired by digests: of observers (detect.h), of neighbours, and now and then of
 * anybody (sync.h).
 */
#include "gossip/detect.h"

/* Up to so many live members, this peer included, everybody is in view. */
#define OVERLAY_FULL_MAX   8
#define OVERLAY_FULL_AGAIN 6
/* A member that died or left may only have stumbled: its subscription stays for this long. */
#define OVERLAY_LINGER (30 * KITH_SEC)

struct overlay;

/* detect: has connections of its own; borrowed. */
struct overlay *overlay_new(struct core *core, struct detect *detect);
void overlay_free(struct overlay *o);

/* A member's row or state changed. */
void overlay_member(struct overlay *o, struct turn *t, const struct ulid *id);
/* Whose PUB this is; NULL: none that is subscribed to. */
const struct ulid *overlay_whose(const struct overlay *o, struct bytes pub_uri);

/* An authentic frame of a member came. */
void overlay_heard(struct overlay *o, struct turn *t, const struct ulid *from);
void overlay_link(struct overlay *o, struct turn *t, const struct event_link *link);
/* rows, and all of proto/overlay.toml. False: another kind. */
bool overlay_receive(struct overlay *o, struct turn *t, const struct incoming *in);
/* A row that another wrote changed here: tells the own subscribers if they may not know. moved: and with it who is
 * alive. */
void overlay_changed(struct overlay *o, struct turn *t, const struct row *row, bool moved);
void overlay_broadcast(struct overlay *o, struct turn *t, struct bytes rows_payload);
/* ---- for parts that carry messages of their own over the same links ---- */

/* Everybody is in view: whoever is alive hears this peer's PUB, and nothing has to be relayed. */
bool overlay_is_full(const struct overlay *o);
/* Those in view that a payload is sent to at once (the tree), in an order of its own; at most `max`. Returns how
 * many. A message that each passes on to all its eager neighbours but the one it came from reaches everybody
 * once. In full view: every live member, and whoever gets one passes nothing on. */
size_t overlay_eager(const struct overlay *o, struct ulid *ret, size_t max);
/* Whether a connection with this member stands on the lane that links have: it is a neighbour. */
bool overlay_stands(const struct overlay *o, const struct ulid *id);
/* To one member, on the lane of the kind; with neighbours that is a connection that stands. False: no
 * address of it is known. */
bool overlay_send(struct overlay *o, struct turn *t, const struct ulid *id, enum wire_kind kind,
                  struct bytes payload);
/* The same for what comes often and is soon out of date: to a neighbour on the connection that it made, not to hold up
 * the payloads where packets are lost. */
bool overlay_send_aside(struct overlay *o, struct turn *t, const struct ulid *id,
                        enum wire_kind kind, struct bytes payload);

/* Nobody is heard: nothing is published until somebody is. */
void overlay_hush(struct overlay *o, bool hush);

void overlay_time(struct overlay *o, struct turn *t);
kith_time overlay_deadline(const struct overlay *o);

#endif
