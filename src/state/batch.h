#ifndef KITH_STATE_BATCH_H
#define KITH_STATE_BATCH_H
/*
 * What is to be stored and what is to be told: the batch that is being gathered, its token, and the
 * push list. Internal to src/state.
 *
 * A batch that failed is not lost: its rows go into the next one. Is there nothing else to store, the
 * next one waits BATCH_RETRY, so that a full disk is not written to in a loop.
 */
#include "state/marks.h"

#define BATCH_RETRY KITH_SEC
/* Bytes of records in one push, unless a single record is larger: small enough that a frame of
 * membership waits behind it for well under a millisecond. */
#define PUSH_BYTES 65536u

TREE_HEAD(local_tree, local);

struct batch {
    uint64_t token;     /* of the batch being gathered, from 1 */
    uint64_t stored;    /* batches up to this one are on disk */
    struct marks marks; /* rows to store (of dropped ones, to delete), to push, and changed ones */
    size_t pushed;      /* of those to push: already handed out */
    struct local_tree locals; /* local rows until they are known to be stored */
    bool fresh;               /* something new since the last batch, not only what failed */
    bool failed;              /* what failed waits to be stored again */
    kith_time retry_wall_us;
};

void batch_init(struct batch *b);
void batch_deinit(struct batch *b);

/* c is to be stored; `dropped`: its stored copy deleted. */
void batch_store(struct batch *b, struct content *c, bool dropped);
void batch_local(struct batch *b, struct bytes name, struct bytes value);
/* c took the place of another row of its key, which is told to nobody any more. */
void batch_replaced(struct batch *b, struct content *c);

bool batch_take(struct batch *b, kith_time wall_us, struct effects *out);
bool batch_take_push(struct batch *b, struct buf *ret);
void batch_stored(struct batch *b, uint64_t token);
/* The batch that has to be on disk for this row to be; 0: it is there. */
uint64_t batch_of(const struct batch *b, const struct content *c);
/* The newest batch that is not on disk yet, the one being gathered included; 0: all is. */
uint64_t batch_unstored(const struct batch *b);
void batch_failed(struct batch *b, uint64_t token, kith_time wall_us);
kith_time batch_deadline_wall(const struct batch *b);

#endif
