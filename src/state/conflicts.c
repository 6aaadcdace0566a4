#include "state/conflicts.h"

#include "base/mem.h"

#include <string.h>

void conflicts_deinit(struct conflicts *c)
{
    for (size_t i = 0; i < c->count; i++)
        content_release(content_of(c->items[i]));
    c->count = 0;
}

static bool is_kept(const struct conflicts *c, const struct row *loser)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->items[i]->hash == loser->hash && bytes_equal(c->items[i]->record, loser->record))
            return true;
    }
    return false;
}

void conflicts_keep(struct conflicts *c, struct table *t, const struct row *loser)
{
    if (is_kept(c, loser))
        return;
    if (c->count == STATE_CONFLICTS_MAX)
        table_keep_readable(t, content_of(c->items[--c->count]));
    memmove(&c->items[1], &c->items[0], c->count * sizeof(c->items[0]));
    c->items[0] = &content_take(/* shared= */ NULL, loser)->row;
    c->count++;
}
