#ifndef KITH_SHELL_QUEUE_H
#define KITH_SHELL_QUEUE_H
/*
 * Frames that wait for one connection, per lane. Bounded in bytes and in age: a probe that could not
 * be sent for two seconds would only lie about when it was asked, and a state row is repaired by the
 * next digest exchange anyway. So the oldest are dropped first, and all drops are counted.
 */
#include "base/bytes.h"
#include "base/time.h"
#include "wire/gen/envelope.h"

struct queue_limits {
    size_t bytes;     /* frames held, with QUEUE_FRAME_COST each */
    kith_time age_us; /* older ones are stale */
};

#define QUEUE_FRAME_COST 64 /* bookkeeping of one frame, so that empty ones cost something too */

struct queue_limits queue_limits_of(enum wire_lane lane);

struct queue_frame;

struct queue { /* zeroed with limits set is valid and empty */
    struct queue_limits limits;
    struct queue_frame *head, *tail;
    size_t bytes, count;
    uint64_t dropped_full, dropped_stale;
};

void queue_deinit(struct queue *q);
void queue_push(struct queue *q, struct bytes frame, kith_time now_us); /* copies */
bool queue_peek(struct queue *q, struct bytes *ret, kith_time now_us);  /* drops stale ones first */
void queue_pop(struct queue *q);                                        /* what peek showed */
bool queue_empty(const struct queue *q);

#endif
