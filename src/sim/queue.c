#include "sim/queue.h"

#include "base/mem.h"

void queue_deinit(struct queue *q)
{
    for (size_t i = 0; i < q->count; i++)
        mem_free((void *)(uintptr_t)q->items[i].data.data);
    mem_free(q->items);
    *q = (struct queue){0};
}

static bool before(const struct sim_item *a, const struct sim_item *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

void queue_add(struct queue *q, const struct sim_item *item)
{
    if (q->count == q->cap) {
        q->cap = q->cap ? q->cap * 2 : 256;
        q->items = mem_grow(q->items, q->cap, sizeof(*q->items));
    }
    struct sim_item new = *item;
    new.order = q->order++;
    new.data.data = mem_copy(item->data.data, item->data.len);
    size_t i = q->count++;
    while (i > 0 && before(&new, &q->items[(i - 1) / 2])) {
        q->items[i] = q->items[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    q->items[i] = new;
}

bool queue_pop(struct queue *q, struct sim_item *ret)
{
    if (q->count == 0)
        return false;
    *ret = q->items[0];
    struct sim_item last = q->items[--q->count];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= q->count)
            break;
        if (child + 1 < q->count && before(&q->items[child + 1], &q->items[child]))
            child++;
        if (!before(&q->items[child], &last))
            break;
        q->items[i] = q->items[child];
        i = child;
    }
    if (q->count > 0)
        q->items[i] = last;
    return true;
}
