#ifndef KITH_PEER_OUTBOX_H
#define KITH_PEER_OUTBOX_H
/*
 * Effects that wait for a store batch. What a step wants done leaves at once when it waits for
 * nothing, and otherwise stays here, in order, until the batch it waits for is on disk: so nobody
 * hears of a thing that a crash could still undo.
 *
 * Bound: OUTBOX_MAX effects. Beyond it (a disk that does not answer, under load) the oldest
 * publishes are dropped and counted: repair brings others what they missed. Then replies (their
 * clients time out and ask again). Starts and other acts on the host are few, bounded by what runs
 * here, and never dropped.
 */
#include "wire/effect.h"

#define OUTBOX_MAX 16384

struct outbox;

struct outbox *outbox_new(void);
void outbox_free(struct outbox *o);

/* Moves `from` into `ret` where due, keeps copies of the rest. What `from` holds then is nobody's: its owner resets
 * it. */
void outbox_pass(struct outbox *o, struct effects *from, struct effects *ret);

/* Batches up to `token` are on disk: what waited for them goes to `ret`, in the order it came. */
void outbox_stored(struct outbox *o, uint64_t token, struct effects *ret);

/* Batches from `token` on were not stored: what waits for them waits for `later` instead. */
void outbox_failed(struct outbox *o, uint64_t token, uint64_t later);

size_t outbox_count(const struct outbox *o);
uint64_t outbox_dropped(const struct outbox *o);

#endif
