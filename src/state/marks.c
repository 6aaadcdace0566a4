#include "state/marks.h"

#include "base/mem.h"

#include <assert.h>

void marks_deinit(struct marks *m)
{
    mem_free(m->items);
    *m = (struct marks){.which = m->which};
}

void marks_add(struct marks *m, struct entry *e)
{
    if (e->slot[m->which])
        return;
    if (m->count == m->cap) {
        m->cap = m->cap ? 2 * m->cap : 16;
        m->items = mem_grow(m->items, m->cap, sizeof(struct entry *));
    }
    assert(m->count < UINT32_MAX);
    m->items[m->count++] = e;
    e->slot[m->which] = (uint32_t)m->count;
}

void marks_remove(struct marks *m, struct entry *e)
{
    if (!e->slot[m->which])
        return;
    m->items[e->slot[m->which] - 1] = NULL;
    e->slot[m->which] = 0;
}

void marks_move(struct marks *m, struct entry *from, struct entry *to)
{
    uint32_t slot = from->slot[m->which];

    if (!slot)
        return;
    m->items[slot - 1] = to;
    to->slot[m->which] = slot;
    from->slot[m->which] = 0;
}

void marks_clear(struct marks *m)
{
    for (size_t i = 0; i < m->count; i++) {
        if (m->items[i])
            m->items[i]->slot[m->which] = 0;
    }
    m->count = 0;
}
