#ifndef KITH_STATE_MERGE_H
#define KITH_STATE_MERGE_H
/*
 * The laws of one row: what a record must look like, who may write it, and which of two wins.
 *
 * row_order() is a total order over the records of one key, and merging keeps the largest: a join,
 * so commutative, associative and idempotent whatever the records are. The order is, by table:
 *
 * - own rows (member, instance, registration, session, command_event): incarnation, sequence;
 * - shared rows: clock stamp; placements by epoch first, verdicts by incarnation first;
 * - rows that are never changed (spec, command): deleted wins over written, then the FIRST version
 *   wins: what was read once stays true wherever it spread in time;
 * - names: the generation (raised when a name that was given up is taken again), then deleted wins
 *   over written, then the lowest service ULID whatever the stamps say, then the stamp.
 *
 * Ties go to the higher origin, then to the higher hash of the record, then to the bytes.
 */
#include "state/state.h"

/* How versions of a table are made and compared. */
enum table_rule {
    RULE_OWN,    /* (incarnation, sequence); only the node that opens the key writes */
    RULE_STAMP,  /* (0, stamp) */
    RULE_MAJOR,  /* (what the writer says, stamp) */
    RULE_FROZEN, /* (0, stamp), the first wins */
    RULE_NAME,   /* (generation, stamp), the lowest ULID wins */
};

/* No honest count of starts, epochs or generations gets here; whoever comes after can still be larger. */
#define STATE_MAJOR_MAX (UINT64_C(1) << 48)

/* The rule of a table that exists. */
enum table_rule table_rule(enum table_id table);

/* What the values of a table are; NULL: several structs, by key. */
const struct wire_struct *table_value(enum table_id table);

/* Views `record` as a row, checked in everything that does not depend on other rows or the clock:
 * bounds, cluster (zero: of the envelope, so fine), the key's length, owner, version, and that the value
 * is its table's struct. 0, STATE_BAD or STATE_NOT_OWNER. *ret points into `record`. */
int row_read(struct row *ret, struct bytes record, const struct ulid *cluster, struct arena *mem);

/* < 0, 0, > 0: a loses to, is, wins over b. Of one table, namespace and key. */
int row_order(const struct row *a, const struct row *b, struct arena *mem);

bool row_is_tombstone(const struct row *row);
/* Same meaning, whoever wrote it when. */
bool row_same_content(const struct row *a, const struct row *b);
/* Whether the winner's writer did not know the loser, and the two differ. */
bool row_conflicts(const struct row *winner, const struct row *loser, struct arena *mem);

/* What a write over `held` (NULL: nothing) builds on: fills based_on, based_on_origin and seen of
 * `record`, whose origin is set. */
void row_build_on(struct record *record, const struct row *held, struct arena *mem);

#endif
