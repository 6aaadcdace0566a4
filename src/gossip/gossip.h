#ifndef KITH_GOSSIP_GOSSIP_H
#define KITH_GOSSIP_GOSSIP_H
/*
 * Membership as one part of the machine: joining (join.h), failure detection (detect.h), who is
 * subscribed to whom and broadcast (overlay.h), admission of keys (admit.h). This header is all that
 * src/peer needs; the others say what each decides.
 */
#include "state/members.h"
#include "state/sync.h"
#include "state/turn.h"

struct gossip;

struct gossip *gossip_new(struct members *members, struct sync *sync);
void gossip_free(struct gossip *g);

/* EVENT_START: keys, token, seeds (the own incarnation is already set in the state). A peer that is a member already
 * becomes active at the next event, which is due at once: however long loading took, nothing is late by that. */
void gossip_start(struct gossip *g, struct turn *t, const struct event_start *start);

/* Who is behind a frame with this envelope? Checks key, door, boot and sender against admissions.
 * False: the frame is not to be read any further (counted, and named in the log once an hour per
 * address and reason). A hello of a key that is not admitted comes out as principal NOBODY. */
bool gossip_identify(struct gossip *g, struct turn *t, const struct event_frame *frame,
                     const struct envelope *envelope, struct principal *ret);

/* Frames that did not even have an envelope of this cluster and version: why as given by frame_unpack. */
void gossip_garbage(struct gossip *g, struct turn *t, const struct event_frame *frame,
                    const char *why);

bool gossip_receive(struct gossip *g, struct turn *t,
                    const struct incoming *in); /* false: not its kind */
/* The frame was a command, done now, that control answers with this payload of a `changed`: it knows how to wait until
 * others have it, too. False: there is nothing to answer. Borrowed until the next frame. */
bool gossip_done(const struct gossip *g, struct ack *ret_ack, struct bytes *ret_changed);
void gossip_link(struct gossip *g, struct turn *t, const struct event_link *link);
/* Called for every changed row, after members_changed(); `before` is NULL when no member changed. */
void gossip_changed(struct gossip *g, struct turn *t, const struct row *row,
                    const struct member *before);
/* Tell everybody: a `rows` payload. */
void gossip_broadcast(struct gossip *g, struct turn *t, struct bytes rows_payload);
/* The host was measured; a check of an own instance ended. For the load channel. */
void gossip_sample(struct gossip *g, struct turn *t, const struct event_sample *sample);
void gossip_checked(struct gossip *g, struct turn *t, const struct event_checked *checked);
/* This peer was forgotten and has exported what it wrote: its rows are to be dropped (state_begin_anew()), the stamp
 * to be kept as the local row ANEW_LOCAL, and the daemon to start once more. */
bool gossip_begins_anew(const struct gossip *g, uint64_t *ret_stamp);
/* Says goodbye: writes the own member row with `left`. */
void gossip_leave(struct gossip *g, struct turn *t);
void gossip_time(struct gossip *g, struct turn *t);
kith_time gossip_deadline(const struct gossip *g);

/* Adds what `kith info` shows of it. */
void gossip_counters(const struct gossip *g, struct info *ret, struct arena *mem);

#endif
