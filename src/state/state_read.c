#include "state/state_inside.h"

const struct row *state_get(const struct state *s, enum table_id table, struct bytes key)
{
    struct entry *e = table_find(&s->table, table, bytes_str(STATE_NAMESPACE), key);

    return e && !row_is_tombstone(entry_row(e)) ? entry_row(e) : NULL;
}

const struct row *state_held(const struct state *s, enum table_id table, struct bytes key)
{
    struct entry *e = table_find(&s->table, table, bytes_str(STATE_NAMESPACE), key);

    return e ? entry_row(e) : NULL;
}

bool state_is_deleted(const struct state *s, enum table_id table, struct bytes key)
{
    const struct entry *e = table_find(&s->table, table, bytes_str(STATE_NAMESPACE), key);

    return e && row_is_tombstone(entry_row(e));
}

uint64_t state_major(const struct state *s, enum table_id table, struct bytes key)
{
    const struct entry *e = table_find(&s->table, table, bytes_str(STATE_NAMESPACE), key);

    return e ? entry_row(e)->version.major : 0;
}

/* The first live row from here on that still has the prefix. */
static const struct row *live_from(const struct entry *e, struct bytes prefix)
{
    for (; e; e = table_next(e)) {
        if (!bytes_equal_str(entry_row(e)->ns, STATE_NAMESPACE) ||
            !bytes_starts(entry_row(e)->key, prefix))
            return NULL;
        if (!row_is_tombstone(entry_row(e)))
            return entry_row(e);
    }
    return NULL;
}

const struct row *state_first(const struct state *s, enum table_id table, struct bytes prefix)
{
    return live_from(table_from(&s->table, table, bytes_str(STATE_NAMESPACE), prefix), prefix);
}

const struct row *state_next(const struct state *s, const struct row *row, struct bytes prefix)
{
    const struct entry *e = table_from(&s->table, row->table, row->ns, row->key);

    if (e && bytes_equal(entry_row(e)->key, row->key) && bytes_equal(entry_row(e)->ns, row->ns))
        e = table_next(e);
    return live_from(e, prefix);
}

size_t state_count(const struct state *s)
{
    return s->table.count;
}

uint64_t state_digest(const struct state *s)
{
    return digest_sum(&s->table.digest, 0, 0).digest;
}
