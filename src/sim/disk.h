#ifndef KITH_SIM_DISK_H
#define KITH_SIM_DISK_H
/*
 * A host's durable storage: what the store would hold after a crash. Batches are applied whole and
 * in order, as LMDB's transactions are; a batch takes time, and until it is done it may be lost.
 */
#include "base/rng.h"
#include "sim/faults.h"
#include "sim/queue.h"
#include "wire/effect.h"
#include "wire/event.h"

struct disk;

/* What was on several hosts' disks before the run: replicated records by storage key, in its order. */
struct disk_base {
    struct disk_record {
        struct bytes key, value;
    } * records;
    size_t count;
};

struct disk *disk_new(uint32_t host, struct rng *rng, struct queue *queue,
                      struct fault_counts *counts);
void disk_free(struct disk *d);
void disk_set_base(struct disk *d, const struct disk_base *base); /* borrowed until disk_free() */

void disk_set(struct disk *d, bool slow, bool full); /* faults */

/* Queues one batch; SIM_DISK comes when it is done. */
void disk_store(struct disk *d, const struct effect_store *batch, uint32_t run, kith_time now_us);
/* SIM_DISK: the oldest batch is done. Returns EVENT_STORED or EVENT_STORE_FAILED (then it and all
 * batches after it are gone) and its token. */
enum event_kind disk_done(struct disk *d, uint64_t *ret_token);
uint64_t
disk_durable(const struct disk *d); /* token of the newest batch that is on disk in this run */

/* The daemon dies. With `power_lost` batches under way may be lost: those after a random one.
 * Without, the kernel finishes what it was given. Tokens start anew with the next run. Returns the
 * token of the newest batch that is on disk. */
uint64_t disk_crash(struct disk *d, bool power_lost);

bool disk_has(const struct disk *d, struct bytes storage_key); /* a record is on disk */
/* The record that was handed over last, on disk or under way, borrowed until the next batch is done; len 0: none. */
struct bytes disk_last(const struct disk *d, struct bytes storage_key);

/* What a daemon reads at its start: lists in `mem`, values borrowed until the next batch is done.
 */
void disk_load(const struct disk *d, struct event_start *ret, struct arena *mem);

#endif
