#ifndef KITH_STATE_SYNC_H
#define KITH_STATE_SYNC_H
/*
 * Anti-entropy: repairs what pushes missed, and brings a joining peer up to date.
 *
 * One side asks, the other answers (messages: proto/state.toml, 31 to 38). The answering side remembers
 * nothing between frames, so losing one, getting it twice, restarting or changing rows meanwhile only
 * costs another question. The asking side walks the digest tree from the root into what differs
 * (Merkle, 1987; the names of its nodes and why they fit any peer: digest.h):
 *
 * - a node with many rows there: compare its children;
 * - a node with few rows there: compare row by row, ask for what is missing or other here, send what
 *   is missing there; of two versions the merge of theirs decides, and if ours stays, it is sent;
 * - a node that is (nearly) empty here: stream it in key-hash order, a frame at a time. This is the
 *   snapshot of a joiner; it resumes after a break, since what has arrived does not differ any more;
 * - a node that is empty there: send it, a frame at a time.
 *
 * Two peers may compare with each other at the same time: then the one that holds fewer rows goes on, the other is
 * told that nothing differs. Who is asked by a peer that holds far more asks instead.
 *
 * Bounded: SYNC_FRAME_BYTES of records in a frame (a larger record goes alone), SYNC_CREDIT questions
 * under way in a session, SYNC_SESSIONS sessions, one for each other peer. A question that is not answered
 * is sent again SYNC_TRIES times in all; then the session ends, and a later one starts anew.
 *
 * A row written here that is not yet on disk is sent when it is.
 */
#include "state/members.h"
#include "state/turn.h"

/* Mean time between comparisons with some live member; each time half to one and a half of it. */
#define SYNC_EVERY         (2 * KITH_SEC)
#define SYNC_EVERY_RARE    (30 * KITH_SEC)
#define SYNC_QUIET         (3 * KITH_SEC)
#define SYNC_SESSIONS_RARE 2u
#define SYNC_TIMEOUT       (3 * KITH_SEC)
#define SYNC_TRIES         3u
#define SYNC_SESSIONS      4u
#define SYNC_CREDIT        4u
#define SYNC_FRAME_BYTES   65536u

struct sync;

struct sync *sync_new(const struct members *members);
void sync_free(struct sync *s);

/* Compare with this member now (its bulk URI): after joining, after a heal, when it says it has more.
 * Nothing happens when that is under way, or when SYNC_SESSIONS are: then the regular comparisons do. */
void sync_with(struct sync *s, struct turn *t, struct bytes bulk_uri);
bool sync_receive(struct sync *s, struct turn *t,
                  const struct incoming *in); /* false: not its kind */
/* In a large cluster: regular comparisons with anybody cost a connection each and are rare, and since rows
 * that are on their way would be fetched a second time, they wait until nothing has changed for
 * SYNC_QUIET, six times at most; and SYNC_SESSIONS_RARE sessions are enough. Neighbours and observers tell
 * their digests anyway and name whom to compare with. */
void sync_rarely(struct sync *s, bool rarely);
void sync_time(struct sync *s, struct turn *t);
kith_time sync_deadline(const struct sync *s);

/* For `kith info` and tests. */
struct sync_counts {
    uint64_t started, finished, given_up; /* sessions */
    uint64_t asked, repeated,
        answered;               /* questions from here, those sent again, those from others */
    uint64_t rows_in, rows_out; /* records in answers and pushes */
    uint64_t refused;           /* frames that made no sense */
};
const struct sync_counts *sync_counts(const struct sync *s);

#endif
