#ifndef KITH_STATE_STATE_H
#define KITH_STATE_STATE_H
/*
 * The replicated registry in memory: versioned rows, merge, what changed, what is to be stored, what
 * is to be told to others.
 *
 * Decides: who may write a row (owner by key), which of two versions wins, what is kept of the loser.
 * Does not decide what rows mean. Sources: design section 4; merge is a join over (version, origin,
 * value hash), so it is commutative, associative and idempotent.
 *
 * One step of the machine: parts call state_put()/state_delete()/state_merge(); each accepted write
 * enters the list of changes, the store batch, and, when it was written here, the push list. At the
 * end of the step src/peer reads state_changes() until it stays empty (parts react and write more),
 * then takes the batch and the push list.
 */
#include "base/hlc.h"
#include "wire/effect.h"

#define STATE_NAMESPACE   "default"
#define STATE_VALUE_MAX   262144u
#define STATE_KEY_MAX     256u
#define ROW_TOMBSTONE     1u

struct state;

struct row {
    enum table_id table;
    struct bytes ns;          /* namespace */
    struct bytes key;
    struct bytes value;       /* empty in a tombstone */
    struct version version;
    struct version based_on;
    struct ulid origin;
    uint32_t flags;
    int64_t expires_ms;
    uint64_t hash;            /* of the whole record's bytes */
    struct bytes record;      /* as its origin encoded it */
};

struct state_config {
    struct ulid cluster;
    struct ulid self;
    uint64_t incarnation;     /* of this start: larger than any before */
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

enum state_result {
    STATE_BAD = 1,      /* not a record, out of bounds, of another cluster, or a value its table refuses */
    STATE_NOT_OWNER,    /* the writer may not write this row */
    STATE_AHEAD,        /* the stamp is too far in the future (merge), or the own clock is (put) */
    STATE_OLD,          /* what is held is newer or the same */
    STATE_FROZEN,       /* a row that is never changed once written, with other content */
};

/* Writes a row in the own name: the next version of it. `major` is the epoch of a placement or the
 * incarnation of a verdict, else 0. 0, STATE_BAD, STATE_NOT_OWNER, STATE_AHEAD, STATE_OLD (a placement
 * or verdict with a lower major), STATE_FROZEN. A value equal to the held one is a write too: callers
 * compare first. */
int state_put(struct state *s, enum table_id table, struct bytes key, struct bytes value, uint64_t major,
              int64_t expires_ms);
int state_delete(struct state *s, enum table_id table, struct bytes key, uint64_t major);

/* Takes in a record that another peer sent. 0: it won and is held now; else an enum state_result. */
int state_merge(struct state *s, struct bytes record);

/* NULL when there is none or it is a tombstone. Borrowed until the row changes. */
const struct row *state_get(const struct state *s, enum table_id table, struct bytes key);
/* Rows of a table in key order, tombstones left out; NULL at the end. `prefix` may be empty. */
const struct row *state_first(const struct state *s, enum table_id table, struct bytes prefix);
const struct row *state_next(const struct state *s, const struct row *row, struct bytes prefix);
size_t state_count(const struct state *s);      /* rows, tombstones included */
uint64_t state_digest(const struct state *s);   /* of all rows; equal on peers that hold the same */

/* Rows that changed since the last call, oldest first, each once; deleted ones as tombstones. The list
 * and its rows are borrowed until the next state call that writes. Returns how many. */
size_t state_take_changes(struct state *s, const struct row *const **ret);

/* The batch being gathered. Its token is known before it is taken, so that effects can wait for it. */
uint64_t state_token(const struct state *s);
void state_put_local(struct state *s, struct bytes name, struct bytes value); /* not replicated; len 0 deletes */
bool state_take_batch(struct state *s, struct effects *out); /* adds EFFECT_STORE; false: nothing to store */
/* Records to push since the last call, as encoded `rows` payloads of bounded size; false: no more. */
bool state_take_push(struct state *s, struct buf *ret);
/* Storage failed: nothing is lost in memory; the rows of the failed batches are stored again with a
 * later batch. */
void state_store_failed(struct state *s, uint64_t token);

/* Storage key of a record: table, namespace, key, so that a store needs to know nothing more. */
void state_storage_key(struct buf *out, enum table_id table, struct bytes ns, struct bytes key);

/* Rows that lost to a concurrent write and were kept, newest first, bounded (STATE_CONFLICTS_MAX). */
#define STATE_CONFLICTS_MAX 1024
size_t state_conflicts(const struct state *s, const struct row *const **ret);

/* Expiry and clock: drops rows whose time has come. */
void state_time(struct state *s);
kith_time state_deadline_wall(const struct state *s); /* wall clock; KITH_NEVER */
bool state_clock_ahead(const struct state *s);  /* this peer's clock is ahead of most others' */

#endif
