#ifndef KITH_GOSSIP_INTEREST_H
#define KITH_GOSSIP_INTEREST_H
/*
 * Who has subscribers for what: the table `interest`, one row per node with the patterns of its subscribers.
 * So every peer computes by itself where a message has to go, and a message costs nothing at others.
 *
 * A pattern that many nodes have is kept and matched once; the answer for a topic is kept until a row or a
 * member's life changes. The own row follows what the subscribers here want: a first change is written at once,
 * further ones at most once a second; a pattern that nobody wants any more stays for INTEREST_LINGER, so that
 * a subscriber that comes back changes nothing.
 */
#include "gossip/core.h"
#include "gossip/pattern.h"

#define INTEREST_PATTERNS_MAX INTEREST_ROW_PATTERNS_MAX_ITEMS
#define INTEREST_EVERY        KITH_SEC       /* between two writes of the own row */
#define INTEREST_LINGER       (5 * KITH_SEC) /* a pattern without subscribers */
#define INTEREST_TOPICS_MAX   128 /* kept answers; beyond it the one used longest ago goes */

struct interest;

struct interest *interest_new(struct core *core);
void interest_free(struct interest *in);

/* A row of the table as the state holds it now; a tombstone when it is gone. */
void interest_row(struct interest *in, const struct row *row);
/* Some member died, left or came back. */
void interest_members_changed(struct interest *in);

/* Live peers other than this one that have a subscriber of the topic, by rising id. Borrowed until the next
 * call of any function here. `text` is what `topic` was split from. */
size_t interest_peers(struct interest *in, struct bytes text, const struct topic *topic,
                      const struct ulid **ret);

/* What subscribers here want, all of it: any order, repeated ones count once. More than INTEREST_PATTERNS_MAX
 * become `#`, for then this peer gets everything, and still each subscriber only what it asked for. */
void interest_want(struct interest *in, struct turn *t, const struct bytes *patterns, size_t n);

void interest_time(struct interest *in, struct turn *t);
kith_time interest_deadline(const struct interest *in);

#endif
