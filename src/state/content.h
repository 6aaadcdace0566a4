#ifndef KITH_STATE_CONTENT_H
#define KITH_STATE_CONTENT_H
/*
 * What a row says: the record's bytes, the row that views them, and what readers made of them. Immutable,
 * counted, and freed with the last reference.
 *
 * Several states in one process (the simulator's peers) can share contents: each record is then held once,
 * however many hold it, and is checked and decoded once. A state alone shares nothing and pays nothing for it.
 * Counts are not atomic: those who share must run in one thread.
 */
#include "state/state.h"

struct content {
    struct row row; /* first: a struct row of a state is a content */
    uint32_t references;
    bool shared; /* it stands in a struct sharing */
    void *made;  /* by a reader, see content_keep() */
    uint8_t bytes[];
};

/* One reference to the content of a row: the one that `shared` has already, or a new one with a copy of the
 * record. shared may be NULL. */
struct content *content_take(struct contents *shared, const struct row *row);
/* The same for what is known by its bytes alone; NULL when nobody holds such a record. */
struct content *content_find(struct contents *shared, struct bytes record);
struct content *content_reference(struct content *c); /* one more */
void content_release(struct content *c);              /* one less; NULL is nothing */
/* Of a row that a state handed out. */
struct content *content_of(const struct row *row);
/* A reader keeps what it decoded, for all who read it later: one block of mem_alloc(), which is freed with the
 * content. Once only. */
void content_keep(struct content *c, void *made);

#endif
