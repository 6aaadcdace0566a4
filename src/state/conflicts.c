#include "state/conflicts.h"

#include "base/buf.h"
#include "base/mem.h"

#include <string.h>

void conflicts_deinit(struct conflicts *c)
{
    for (size_t i = 0; i < c->count; i++)
        content_release(content_of(c->items[i].row));
    mem_free(c->items);
    *c = (struct conflicts){0};
}

static bool is_kept(const struct conflicts *c, const struct row *loser)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct row *row = c->items[i].row;

        if (row->hash == loser->hash && bytes_equal(row->record, loser->record))
            return true;
    }
    return false;
}

/* A stored one: when it was kept, then the record. */
static void put_value(struct buf *out, const struct row *loser, int64_t kept_ms)
{
    buf_append(out, &kept_ms, sizeof(kept_ms));
    buf_append(out, loser->record.data, loser->record.len);
}

bool conflicts_read_value(struct bytes value, struct bytes *ret_record, int64_t *ret_kept_ms)
{
    if (value.len <= sizeof(*ret_kept_ms))
        return false;
    memcpy(ret_kept_ms, value.data, sizeof(*ret_kept_ms));
    *ret_record = bytes_of(value.data + sizeof(*ret_kept_ms), value.len - sizeof(*ret_kept_ms));
    return *ret_kept_ms >= 0 && *ret_kept_ms < INT64_MAX / KITH_MS / 2;
}

/* value.len 0: it is deleted. */
static void store(struct batch *b, const struct row *row, struct bytes value)
{
    struct buf name = {0};

    buf_printf(&name, CONFLICTS_PREFIX "%016llx", (unsigned long long)row->hash);
    batch_local(b, buf_bytes(&name), value);
    buf_deinit(&name);
}

static void drop_oldest(struct conflicts *c, struct table *t, struct batch *b)
{
    const struct row *oldest = c->items[--c->count].row;

    store(b, oldest, (struct bytes){0});
    table_keep_readable(t, content_of(oldest));
}

/* Newest first. */
static void insert(struct conflicts *c, const struct row *loser, int64_t kept_ms)
{
    size_t at = 0;

    while (at < c->count && c->items[at].kept_ms > kept_ms)
        at++;
    c->items = mem_grow(c->items, c->count + 1, sizeof(*c->items));
    memmove(&c->items[at + 1], &c->items[at], (c->count - at) * sizeof(*c->items));
    c->items[at] = (struct conflict){.row = content_row(content_take_whole(loser), /* mem= */ NULL),
                                     .kept_ms = kept_ms};
    c->count++;
}

void conflicts_keep(struct conflicts *c, struct table *t, struct batch *b, const struct row *loser,
                    int64_t now_ms)
{
    struct buf value = {0};

    if (is_kept(c, loser))
        return;
    if (c->count == STATE_CONFLICTS_MAX)
        drop_oldest(c, t, b);
    insert(c, loser, now_ms);
    put_value(&value, loser, now_ms);
    store(b, loser, buf_bytes(&value));
    buf_deinit(&value);
}

void conflicts_load(struct conflicts *c, const struct row *loser, int64_t kept_ms)
{
    if (c->count < STATE_CONFLICTS_MAX && !is_kept(c, loser))
        insert(c, loser, kept_ms);
}

void conflicts_end(struct conflicts *c, struct table *t, struct batch *b, int64_t before_ms)
{
    while (c->count > 0 && c->items[c->count - 1].kept_ms < before_ms)
        drop_oldest(c, t, b);
}
