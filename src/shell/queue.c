#include "shell/queue.h"
#include "base/mem.h"
#include <assert.h>
#include <string.h>

struct queue_frame {
    struct queue_frame *next;
    kith_time at_us;
    size_t len;
    uint8_t data[];
};

struct queue_limits queue_limits_of(enum wire_lane lane)
{
    switch (lane) {
    case WIRE_LANE_MEMBER:
        return (struct queue_limits){.bytes = 4 << 20, .age_us = 2 * KITH_SEC};
    case WIRE_LANE_STATE:
        return (struct queue_limits){.bytes = 8 << 20, .age_us = 10 * KITH_SEC};
    case WIRE_LANE_BULK:
        return (struct queue_limits){.bytes = 16 << 20, .age_us = 30 * KITH_SEC};
    case WIRE_LANE_CLIENT:
    case WIRE_LANE_TOPIC:
        break;
    }
    return (struct queue_limits){.bytes = 8 << 20, .age_us = 10 * KITH_SEC};
}

static size_t cost(const struct queue_frame *f)
{
    return f->len + QUEUE_FRAME_COST;
}

static void drop_head(struct queue *q)
{
    struct queue_frame *f = q->head;
    q->head = f->next;
    if (q->head == NULL)
        q->tail = NULL;
    q->bytes -= cost(f);
    q->count--;
    mem_free(f);
}

void queue_deinit(struct queue *q)
{
    while (q->head != NULL)
        drop_head(q);
}

void queue_push(struct queue *q, struct bytes frame, kith_time now_us)
{
    struct queue_frame *f = mem_alloc(sizeof *f + frame.len);
    f->at_us = now_us;
    f->len = frame.len;
    if (frame.len > 0)
        memcpy(f->data, frame.data, frame.len);
    if (q->tail == NULL)
        q->head = f;
    else
        q->tail->next = f;
    q->tail = f;
    q->bytes += cost(f);
    q->count++;
    while (q->bytes > q->limits.bytes) {
        drop_head(q);
        q->dropped_full++;
    }
}

bool queue_peek(struct queue *q, struct bytes *ret, kith_time now_us)
{
    while (q->head != NULL && now_us - q->head->at_us > q->limits.age_us) {
        drop_head(q);
        q->dropped_stale++;
    }
    if (q->head == NULL)
        return false;
    *ret = bytes_of(q->head->data, q->head->len);
    return true;
}

void queue_pop(struct queue *q)
{
    assert(q->head != NULL);
    drop_head(q);
}

bool queue_empty(const struct queue *q)
{
    return q->head == NULL;
}
