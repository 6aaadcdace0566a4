#ifndef KITH_STATE_CONTENT_H
#define KITH_STATE_CONTENT_H
/*
 * What a row says: the record's bytes as its origin encoded them, with what is asked for most often noted in front.
 * Immutable, counted, freed with the last reference. It is all that a state holds of a row, besides two pointers to it
 * (table.h); a struct row is made of it where one is needed.
 *
 * Several states in one process (the simulator's peers) can share contents: each record is then held once,
 * however many hold it, and is checked and decoded once: it has its struct row with it (it is "whole"). A state alone
 * shares nothing, and pays 28 bytes for a record.
 * Counts are not atomic: those who share must run in one thread.
 */
#include "base/arena.h"
#include "base/blocks.h"
#include "state/digest.h"
#include "state/state.h"

#define STORAGE_KEY_MAX (2 + RECORD_NAMESPACE_MAX + STATE_KEY_MAX)

struct content {
    struct digest_item digest; /* first: what digest.h hands out is a content */
    /* Of one that is not whole, whose row says all of this. */
    uint16_t references, len, value_len; /* the lengths of the record and of its value */
    uint8_t value_at, key_at, key_len, ns_at, ns_len; /* in the record */
    uint8_t table : 6, tombstone : 1, whole : 1;
    uint8_t bytes[];
};

_Static_assert(offsetof(struct content, bytes) == 28,
               "a registry of 172,000 instances has 240,000 of these");

/* One reference to the content of a row: the one that `shared` has already, or a new one with a copy of the
 * record. shared may be NULL: then its memory is of `blocks`. */
struct content *content_take(struct contents *shared, struct blocks *blocks, const struct row *row);
/* A new one that nobody shares and that has its row with it: content_row() of it needs no memory. */
struct content *content_take_whole(const struct row *row);
/* The same for what is known by its bytes alone; NULL when nobody holds such a record. */
struct content *content_find(struct contents *shared, struct bytes record);
struct content *content_reference(struct content *c); /* one more */
void content_release(struct content *c);              /* one less; NULL is nothing */
uint32_t content_references(const struct content *c); /* for tests */
/* Memory for what a reader notes of this one content, for as long as it refers to it: from where the content's own
 * comes. Of the same size when it is given back. */
void *content_note(const struct content *c, size_t size);
void content_unnote(const struct content *c, void *note, size_t size);
/* Of a row that a state handed out. */
struct content *content_of(const struct row *row);

/* The row of one that is whole: it stands right before it. */
static inline const struct row *content_whole(const struct content *c)
{
    return (const struct row *)(const void *)c - 1;
}

/* These are here since a search asks for the keys of many. */
static inline struct bytes content_record(const struct content *c)
{
    return c->whole ? content_whole(c)->record : (struct bytes){c->bytes, c->len};
}

static inline struct bytes content_ns(const struct content *c)
{
    return c->whole ? content_whole(c)->ns : (struct bytes){c->bytes + c->ns_at, c->ns_len};
}

static inline struct bytes content_key(const struct content *c)
{
    return c->whole ? content_whole(c)->key : (struct bytes){c->bytes + c->key_at, c->key_len};
}

static inline struct bytes content_value(const struct content *c)
{
    return c->whole ? content_whole(c)->value
                    : (struct bytes){c->bytes + c->value_at, c->value_len};
}

static inline enum table_id content_table(const struct content *c)
{
    return (enum table_id)c->table;
}

/* The whole row, as long as the content is held; in `mem` unless it is whole. */
const struct row *content_row(struct content *c, struct arena *mem);
void content_read(struct content *c, struct row *ret);

/* A reader of rows of table member keeps what it decoded, for all who read it later: one block of mem_alloc(), which is
 * freed with the content. Once only. */
void content_keep(struct content *c, void *made);
void *content_made(const struct content *c); /* NULL: nothing yet */

/* The hash that places a key in the digest tree: of its storage key. */
uint64_t content_key_hash(enum table_id table, struct bytes ns, struct bytes key);
/* Writes a row's storage key: table, length of the namespace, namespace, key. Returns its length. */
size_t content_storage_key(uint8_t *out, enum table_id table, struct bytes ns, struct bytes key);

#endif
