#ifndef KITH_STATE_TABLE_H
#define KITH_STATE_TABLE_H
/*
 * Where the rows lie: one list per table in order of namespace and key, and the digest over all of them. What a row
 * says is a content, which other states may hold as well (content.h); what is this state's own is two pointers to
 * it, one in each list. What is still to be done to a row stands elsewhere (marks.h): of most rows, nothing is.
 *
 * Single rows are found by the digest, so the order of keys is only needed by those who walk. New rows wait unordered
 * until somebody does, or TABLE_FRESH_MAX have come: a peer that joins puts hundreds of thousands in, and searching
 * a place for each by itself takes several times as long as sorting many at once.
 *
 * A row that is replaced or dropped goes to the morgue and is let go by table_bury(), at the start of
 * the next step, so that whoever got it in this step may go on reading. Internal to src/state.
 */
#include "state/content.h"

#define TABLE_COUNT     21u    /* one more than the largest table_id */
#define TABLE_FRESH_MAX 16384u /* sorted in some 10 ms, which whoever walks may have to wait */

struct table_rows {
    struct sheets by_key;
    struct content **fresh; /* in no order, and not in by_key yet */
    uint32_t fresh_n, fresh_cap;
};

struct table { /* a zeroed one is valid and empty */
    struct table_rows rows[TABLE_COUNT];
    struct digest digest;
    struct content **morgue;
    size_t morgue_n, morgue_cap;
};

void table_deinit(struct table *t);

/* By the digest's list, where hashes are compared and not keys. NULL: there is none. */
struct content *table_find(const struct table *t, enum table_id table, struct bytes ns,
                           struct bytes key);

/* Takes the reference to c over. `old`, the content of the same key, goes to the morgue; NULL when there is none. */
void table_put(struct table *t, struct content *c, struct content *old);
/* Out of the table and into the morgue. */
void table_drop(struct table *t, struct content *c);
/* Lets go of what is in the morgue. */
void table_bury(struct table *t);
/* Hands a content that no table holds to the morgue, with its reference. */
void table_keep_readable(struct table *t, struct content *content);

/* Key order, all namespaces; NULL at the end. */
struct content *table_first(const struct table *t, enum table_id table);
/* The first behind c, which need not be there any more. */
struct content *table_next(const struct table *t, const struct content *c);
/* The first at or after this key. */
struct content *table_from(const struct table *t, enum table_id table, struct bytes ns,
                           struct bytes key);

/* Walking without searching each time. Good until the table changes. */
struct table_walk {
    const struct sheets *rows;
    struct sheets_place place;
};

struct content *table_walk(struct table_walk *ret, const struct table *t, enum table_id table);
struct content *table_walk_on(struct table_walk *walk);

#endif
