#ifndef KITH_STATE_TABLE_H
#define KITH_STATE_TABLE_H
/*
 * Where the rows lie: one ordered tree per table, by namespace and key, and the digest over all of
 * them. What a row says is a content, which other states may hold as well (content.h); what is this
 * state's own is small: places in the tree, in the digest and in lists.
 *
 * A row that is replaced or dropped goes to the morgue and is freed by table_bury(), at the start of
 * the next step, so that whoever got it in this step may go on reading. Internal to src/state.
 */
#include "base/tree.h"
#include "state/content.h"
#include "state/digest.h"
#include "state/state.h"

#define TABLE_COUNT 17u /* one more than the largest table_id */

/* Lists that a row can stand in, once each; see marks.h. */
enum mark { MARK_CHANGE, MARK_BATCH, MARK_PUSH, MARK_COUNT };

struct entry {
    TREE_ENTRY(entry) by_key;
    struct content *content;
    struct digest_item digest; /* its link holds the morgue together, too */
    uint64_t token;            /* store batch it last went into; 0: none since start */
    uint32_t slot[MARK_COUNT]; /* place in a list of marks, plus one; 0: not in it */
    bool dropped;              /* out of the table: its stored copy is deleted */
};

/* A simulator of 5,000 peers has 25 million of them. */
_Static_assert(sizeof(struct entry) <= 88, "what a peer keeps of its own for each row is small");

TREE_HEAD(entry_tree, entry);

struct table {
    struct entry_tree trees[TABLE_COUNT];
    struct digest digest;
    struct digest_item *morgue;
    size_t count;
};

void table_deinit(struct table *t);

/* Writes a row's storage key: table, length of the namespace, namespace, key. Returns its length. */
#define STORAGE_KEY_MAX (2 + RECORD_NAMESPACE_MAX + STATE_KEY_MAX)
size_t table_storage_key(uint8_t *out, enum table_id table, struct bytes ns, struct bytes key);

/* An entry in no table yet. Takes over the reference to the content. */
struct entry *entry_new(struct content *content);
static inline const struct row *entry_row(const struct entry *e)
{
    return &e->content->row;
}
/* Which entry of the table holds a row; NULL: another row took its place, or none. */
struct entry *table_entry(const struct table *t, const struct row *row);
struct entry *entry_of_digest(struct digest_item *item);

/* By the digest tree: four levels and a short list, where the ordered tree has eighteen. */
struct entry *table_find(const struct table *t, enum table_id table, struct bytes ns,
                         struct bytes key);

/* Takes e over. `old`, the entry of the same key, goes to the morgue; NULL when there is none. */
void table_put(struct table *t, struct entry *e, struct entry *old);
/* Out of the table and into the morgue, as a tombstone that reports what is gone. */
void table_drop(struct table *t, struct entry *e);
/* Frees what is in the morgue, except what a list of marks still names. */
void table_bury(struct table *t);
/* Hands a content that no entry holds to the morgue, with its reference. */
void table_keep_readable(struct table *t, struct content *content);

/* Key order, all namespaces; NULL at the end. `from` may be of any row: the first at or after it. */
struct entry *table_first(const struct table *t, enum table_id table);
struct entry *table_next(const struct entry *e);
struct entry *table_from(const struct table *t, enum table_id table, struct bytes ns,
                         struct bytes key);

#endif
