#ifndef KITH_STATE_STATE_H
#define KITH_STATE_STATE_H
/*
 * The replicated registry in memory: versioned rows, merge, what changed, what is to be stored, what
 * is to be told to others.
 *
 * Decides: who may write a row (owner by key), which of two versions wins, what is kept of the loser.
 * Does not decide what rows mean, with one exception: a verdict with `forgotten` drops the node's member,
 * instance, interest, registration and session rows up to its incarnation, on every replica alike. The merge is
 * a join over a total order of records (merge.h), so it is commutative, associative and idempotent.
 *
 * Deleted rows stay as tombstones, so that a stale copy cannot revive them; a row that expires is dropped
 * by every replica at its time, tombstone or not. What expires must expire in all its versions.
 *
 * One step of the machine: parts call state_put()/state_delete()/state_merge(); each accepted write
 * enters the list of changes, the store batch, and, when it was written here, the push list. At the
 * end of the step src/peer calls state_take_changes() until it stays empty (parts react and write more),
 * then takes the batch and the push list.
 */
#include "base/hlc.h"
#include "wire/effect.h"

#define STATE_NAMESPACE "default"
#define STATE_VALUE_MAX 262144u
#define STATE_KEY_MAX   256u
#define ROW_TOMBSTONE   1u

struct state;

struct row {
    enum table_id table;
    uint32_t flags;
    struct bytes ns; /* namespace */
    struct bytes key;
    struct bytes value; /* empty in a tombstone */
    struct version version;
    struct ulid origin;
    int64_t expires_ms;
    uint64_t hash;           /* of the whole record's bytes */
    struct bytes record;     /* as its origin encoded it */
    struct content *content; /* what the state holds of it (content.h); NULL: it is nobody's yet */
};

/* Contents of rows that several states of one cluster and one process share (content.h). It is freed after
 * all of them. */
struct contents;

struct contents *contents_new(void);
void contents_free(struct contents *all);
size_t contents_count(const struct contents *all);

struct state_config {
    struct ulid cluster;
    struct ulid self;
    uint64_t incarnation;    /* of this start: larger than any before */
    struct contents *shared; /* borrowed; NULL: this state holds its own */
    kith_time
        conflicts_us; /* how long what lost to concurrent writes is kept; 0: STATE_CONFLICTS_KEEP */
};

struct state *state_new(const struct state_config *config);
void state_free(struct state *s);

/* At the start of every step. */
void state_clock(struct state *s, kith_time wall_us);
/* The cluster becomes known (hello) or the own incarnation is raised (refutation). */
void state_set_cluster(struct state *s, const struct ulid *cluster);
void state_set_incarnation(struct state *s, uint64_t incarnation);
uint64_t state_incarnation(const struct state *s);

/* Loads a stored record at start: no change, no store, no push. STATE_BAD: not a record. */
int state_load(struct state *s, struct bytes record);

/* A higher incarnation than this above what is held of a member is no honest count of restarts and refutations: a
 * verdict there could not be refuted. */
#define STATE_INCARNATION_LEAP (UINT64_C(1) << 20)

enum state_result {
    STATE_DONE,
    STATE_BAD, /* not a record, out of bounds, of another cluster, a value its table refuses, or a verdict at an
                * incarnation that the member cannot have */
    STATE_NOT_OWNER, /* the writer may not write this row */
    STATE_AHEAD,     /* the stamp is too far in the future (merge), or the own clock is (put) */
    STATE_OLD,       /* what is held is newer or the same */
    STATE_FROZEN,    /* a row that is never changed once written, with other content */
    STATE_RESULTS,
};

/* Writes a row in the own name: the next version of it. `major` is the epoch of a placement or the
 * incarnation of a verdict, else 0. 0, STATE_BAD, STATE_NOT_OWNER, STATE_AHEAD, STATE_OLD (a placement
 * or verdict with a lower major; a name that a service with a lower ULID has; what is to be deleted is
 * not there; a row of an own table that a higher incarnation wrote; the same content in a row that is
 * never changed), STATE_FROZEN. A value equal to the held one is a write too: callers compare first. */
int state_put(struct state *s, enum table_id table, struct bytes key, struct bytes value,
              uint64_t major, int64_t expires_ms);
int state_delete(struct state *s, enum table_id table, struct bytes key, uint64_t major);

/* The record that state_put(), or state_delete() for a value of no bytes, would write now, appended to *ret and not
 * written: it can be handed to others, and enters the registry later, if ever, by state_enter(). For tables that are ordered
 * by stamps; 0, or why not, as there. Its stamp is never given out again. A deletion counts as one of STATE_DRAFT_LATE
 * later, since what others have confirmed may not grow any more (src/gossip/confirm.h). */
#define STATE_DRAFT_LATE (60 * KITH_SEC)
int state_draft(struct state *s, enum table_id table, struct bytes key, struct bytes value,
                struct buf *ret);
/* Takes in a draft, of whichever peer, as if it was written here: it is pushed to others. 0, STATE_OLD, STATE_BAD,
 * STATE_AHEAD. */
int state_enter(struct state *s, struct bytes record);
/* By this peer's clock its stamp is too far in the future: it could not enter. Also what is no record. */
bool state_is_ahead(const struct state *s, struct bytes record);
/* This draft is about, after a restart: what is written here from now on gets later stamps. */
void state_foresee(struct state *s, struct bytes record);

/* Takes in a record that another peer sent. 0: it won and is held now; else an enum state_result.
 * A row that is never changed settles everywhere on its first version: another content that came later
 * is STATE_FROZEN and kept as a conflict. */
int state_merge(struct state *s, struct bytes record);
/* state_merge() for each record of a `rows` payload. Returns how many won; what became of each is
 * counted in state_merged(). False in *ret_ok: not a `rows` payload. */
size_t state_merge_rows(struct state *s, struct bytes payload, bool *ret_ok);
/* How often merging had this result since start; for STATE_DONE, how many records won. */
uint64_t state_merged(const struct state *s, enum state_result result);

/* NULL when there is none or it is a tombstone. Rows stay readable until the next state_clock(), also
 * when they are replaced meanwhile. */
const struct row *state_get(const struct state *s, enum table_id table, struct bytes key);
/* The same into *ret, without memory of this step; false: there is none. */
bool state_look(const struct state *s, enum table_id table, struct bytes key, struct row *ret);
/* As state_get(), a tombstone too. */
const struct row *state_held(const struct state *s, enum table_id table, struct bytes key);
/* What is held of it is a tombstone: there was such a row, and somebody deleted it. */
bool state_is_deleted(const struct state *s, enum table_id table, struct bytes key);
/* The epoch or incarnation of what is held of it, a tombstone's as well: another write needs a higher one.
 * 0: nothing. */
uint64_t state_major(const struct state *s, enum table_id table, struct bytes key);
/* Rows of a table in key order, tombstones left out; NULL at the end. `prefix` may be empty. */
const struct row *state_first(const struct state *s, enum table_id table, struct bytes prefix);
const struct row *state_next(const struct state *s, const struct row *row, struct bytes prefix);
/* The same with tombstones. */
const struct row *state_first_held(const struct state *s, enum table_id table, struct bytes prefix);
const struct row *state_next_held(const struct state *s, const struct row *row,
                                  struct bytes prefix);
/* All rows of a table, tombstones left out, without memory for each: fills *row with the first when row->content is NULL,
 * else with the one behind it; false at the end. What it points to stays readable as above. */
bool state_walk(const struct state *s, enum table_id table, struct row *row);
size_t state_count(const struct state *s);    /* rows, tombstones included */
uint64_t state_digest(const struct state *s); /* of all rows; equal on peers that hold the same */

/* Rows that changed since the last call, oldest first, each once; deleted ones as tombstones. The list
 * is borrowed until the next call, its rows until the next state_clock(). Returns how many. */
size_t state_take_changes(struct state *s, const struct row *const **ret);

/* The batch being gathered. Its token is known before it is taken, so that effects can wait for it. */
uint64_t state_token(const struct state *s);
/* What an effect that tells of any rows held here has to wait for: the newest batch that is not on disk
 * yet, 0 when all is. */
uint64_t state_unstored(const struct state *s);
void state_put_local(struct state *s, struct bytes name,
                     struct bytes value); /* not replicated; len 0 deletes */
/* Adds an EFFECT_STORE that waits for nothing; false: nothing to store. */
bool state_take_batch(struct state *s, struct effects *out);
/* Records to push since the last call, as encoded `rows` payloads of bounded size; false: no more. */
bool state_take_push(struct state *s, struct buf *ret);
/* The records that wait to be pushed, or all that were written here since the last push; in *ret until the next
 * state_clock(). Returns how many. */
size_t state_unpushed(const struct state *s, const struct bytes **ret);
/* The batch that must be on disk before others may hear of this row, for whoever sends rows by other
 * ways than the push list; 0: none. Only rows written here wait: others' are on their writers' disks. */
uint64_t state_row_token(const struct state *s, const struct row *row);
/* Batches up to and including this one are on disk (EVENT_STORED). */
void state_stored(struct state *s, uint64_t token);
/* Storage failed: nothing is lost in memory; the rows of this batch and of those after it are stored
 * again with the next one, which comes by itself after a while (see state_deadline_wall()). */
void state_store_failed(struct state *s, uint64_t token);

/* Storage key of a record: table, namespace, key, so that a store needs to know nothing more. */
void state_storage_key(struct buf *out, enum table_id table, struct bytes ns, struct bytes key);

/* Rows that lost to a concurrent write and were kept, newest first, bounded (STATE_CONFLICTS_MAX). */
#define STATE_CONFLICTS_MAX  1024
#define STATE_CONFLICTS_KEEP (24 * KITH_HOUR)
struct conflict {
    const struct row *row;
    int64_t kept_ms; /* when it lost as seen here, by the wall clock */
};
size_t state_conflicts(const struct state *s, const struct conflict **ret);
/* A stored local row: true when it was one of those, which is kept again. */
bool state_load_conflict(struct state *s, struct bytes name, struct bytes value);

/* Deleted rows stay as tombstones, by when they were written, until everybody who may hold a stale copy holds the
 * tombstone (src/gossip/confirm.h decides when that is so). */
size_t state_tombstones(const struct state *s);
/* The exclusive or of the hashes of those written up to a time, and how many. */
uint64_t state_tombstones_until(const struct state *s, int64_t until_ms, uint64_t *ret_count);
/* Others were told of those up to then: what is deleted here from now on is deleted later. */
void state_confirm(struct state *s, int64_t until_ms);
/* Drops those written up to then, for good: they are taken from nobody any more. Returns how many. */
size_t state_collect(struct state *s, int64_t until_ms);
int64_t state_collected(const struct state *s); /* until when; 0: never */
/* Drops those that came after that, over a stale row that had been under way for longer still: nobody else takes them, so
 * nobody ever confirms them. Returns how many. */
size_t state_collect_late(struct state *s);
/* Drops everything but members and verdicts, which say where others are. For good: nobody is told. */
void state_begin_anew(struct state *s);
/* A stored local row, which may be the one that says so. */
void state_load_collected(struct state *s, struct bytes name, struct bytes value);

/* Expiry and clock: drops rows whose time has come, mends stamps. */
void state_time(struct state *s);
kith_time state_deadline_wall(const struct state *s); /* wall clock; KITH_NEVER */
/* Another peer's clock showed this just now (probe_ack.wall_ms). */
void state_saw_clock(struct state *s, const struct ulid *node, int64_t wall_ms);
/* This peer's clock is ahead of most others' by more than HLC_MAX_AHEAD: no rows that are ordered by stamps
 * are written, placements and verdicts are. When it is mended, state_time() stamps anew what others refused
 * as too far ahead. */
bool state_clock_ahead(const struct state *s);

#endif
