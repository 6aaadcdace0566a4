#include "shell/pollset.h"
#include "base/mem.h"
#include "shell/clock.h"

/* Nobody sleeps longer: a clock that was read wrong once must not stop a thread for good. */
#define WAIT_MAX_US (60 * KITH_SEC)

void pollset_deinit(struct pollset *p)
{
    mem_free(p->items);
    *p = (struct pollset){0};
}

void pollset_reset(struct pollset *p)
{
    p->count = 0;
}

static size_t add(struct pollset *p, zmq_pollitem_t item)
{
    if (p->count == p->cap) {
        p->cap = p->cap == 0 ? 16 : 2 * p->cap;
        p->items = mem_grow(p->items, p->cap, sizeof *p->items);
    }
    p->items[p->count] = item;
    return p->count++;
}

size_t pollset_add(struct pollset *p, void *socket, short events)
{
    if (socket == NULL)
        return POLLSET_NONE;
    return add(p, (zmq_pollitem_t){.socket = socket, .events = events});
}

size_t pollset_add_fd(struct pollset *p, int fd, short events)
{
    return add(p, (zmq_pollitem_t){.fd = fd, .events = events});
}

void pollset_wait(struct pollset *p, kith_time until_us)
{
    kith_time wait_us = until_us - clock_now_us();
    if (until_us == KITH_NEVER || wait_us > WAIT_MAX_US)
        wait_us = WAIT_MAX_US;
    if (wait_us < 0)
        wait_us = 0;
    /* Rounded up: waking a little early would only mean waking again. */
    long wait_ms = (long)((wait_us + KITH_MS - 1) / KITH_MS);
    if (zmq_poll(p->items, (int)p->count, wait_ms) < 0)
        for (size_t i = 0; i < p->count; i++)
            p->items[i].revents = 0;
}

short pollset_ready(const struct pollset *p, size_t index)
{
    return index < p->count ? p->items[index].revents : 0;
}
