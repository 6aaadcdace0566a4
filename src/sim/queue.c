#include "sim/queue.h"

#include "base/mem.h"

#define QUEUE_FIRST 256

void queue_deinit(struct queue *q)
{
    for (size_t i = 0; i < q->count; i++)
        mem_free((void *)(uintptr_t)q->items[q->due[i].place].data.data);
    mem_free(q->due);
    mem_free(q->items);
    *q = (struct queue){0};
}

static bool before(const struct queue_due *a, const struct queue_due *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

/* The free places are those behind the heap. */
static void grow(struct queue *q)
{
    size_t former = q->cap;
    q->cap = former ? former * 2 : QUEUE_FIRST;
    q->due = mem_grow(q->due, q->cap, sizeof(*q->due));
    q->items = mem_grow(q->items, q->cap, sizeof(*q->items));
    for (size_t i = former; i < q->cap; i++)
        q->due[i] = (struct queue_due){.place = (uint32_t)i};
}

void queue_add(struct queue *q, const struct sim_item *item)
{
    if (q->count == q->cap)
        grow(q);
    struct queue_due new = {
        .at_us = item->at_us, .order = q->order++, .place = q->due[q->count].place};
    struct sim_item *kept = &q->items[new.place];
    *kept = *item;
    kept->order = new.order;
    kept->data.data = mem_copy(item->data.data, item->data.len);
    size_t i = q->count++;
    while (i > 0 && before(&new, &q->due[(i - 1) / 2])) {
        q->due[i] = q->due[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    q->due[i] = new;
}

bool queue_pop(struct queue *q, struct sim_item *ret)
{
    if (q->count == 0)
        return false;
    uint32_t freed = q->due[0].place;
    *ret = q->items[freed];
    struct queue_due last = q->due[--q->count];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= q->count)
            break;
        if (child + 1 < q->count && before(&q->due[child + 1], &q->due[child]))
            child++;
        if (!before(&q->due[child], &last))
            break;
        q->due[i] = q->due[child];
        i = child;
    }
    if (q->count > 0)
        q->due[i] = last;
    q->due[q->count].place = freed;
    return true;
}
