#include "state/state_inside.h"

static struct content *find(const struct state *s, enum table_id table, struct bytes key)
{
    return table_find(&s->table, table, bytes_str(STATE_NAMESPACE), key);
}

const struct row *state_get(const struct state *s, enum table_id table, struct bytes key)
{
    struct content *c = find(s, table, key);

    return c && !c->tombstone ? state_view(s, c) : NULL;
}

bool state_look(const struct state *s, enum table_id table, struct bytes key, struct row *ret)
{
    struct content *c = find(s, table, key);

    if (!c || c->tombstone)
        return false;
    content_read(c, ret);
    return true;
}

const struct row *state_held(const struct state *s, enum table_id table, struct bytes key)
{
    struct content *c = find(s, table, key);

    return c ? state_view(s, c) : NULL;
}

bool state_is_deleted(const struct state *s, enum table_id table, struct bytes key)
{
    const struct content *c = find(s, table, key);

    return c && c->tombstone;
}

uint64_t state_major(const struct state *s, enum table_id table, struct bytes key)
{
    struct content *c = find(s, table, key);
    struct row row;

    if (!c)
        return 0;
    content_read(c, &row);
    return row.version.major;
}

/* The first from here on that still has the prefix, a deleted one only if these are wanted; NULL. */
static struct content *first_from(const struct state *s, struct content *c, struct bytes prefix,
                                  bool deleted)
{
    for (; c; c = table_next(&s->table, c)) {
        if (!bytes_equal_str(content_ns(c), STATE_NAMESPACE) ||
            !bytes_starts(content_key(c), prefix))
            return NULL;
        if (!c->tombstone || deleted)
            return c;
    }
    return NULL;
}

static const struct row *first(const struct state *s, enum table_id table, struct bytes prefix,
                               bool deleted)
{
    struct content *c = table_from(&s->table, table, bytes_str(STATE_NAMESPACE), prefix);

    c = first_from(s, c, prefix, deleted);
    return c ? state_view(s, c) : NULL;
}

static const struct row *next(const struct state *s, const struct row *row, struct bytes prefix,
                              bool deleted)
{
    struct content *c = first_from(s, table_next(&s->table, content_of(row)), prefix, deleted);

    return c ? state_view(s, c) : NULL;
}

const struct row *state_first(const struct state *s, enum table_id table, struct bytes prefix)
{
    return first(s, table, prefix, /* deleted= */ false);
}

const struct row *state_next(const struct state *s, const struct row *row, struct bytes prefix)
{
    return next(s, row, prefix, /* deleted= */ false);
}

const struct row *state_first_held(const struct state *s, enum table_id table, struct bytes prefix)
{
    return first(s, table, prefix, /* deleted= */ true);
}

const struct row *state_next_held(const struct state *s, const struct row *row, struct bytes prefix)
{
    return next(s, row, prefix, /* deleted= */ true);
}

bool state_walk(const struct state *s, enum table_id table, struct row *row)
{
    struct bytes all = {0};
    struct content *c = row->content
                            ? table_next(&s->table, row->content)
                            : table_from(&s->table, table, bytes_str(STATE_NAMESPACE), all);

    c = first_from(s, c, all, /* deleted= */ false);
    if (c)
        content_read(c, row);
    return c != NULL;
}

size_t state_count(const struct state *s)
{
    return s->table.digest.rows.count;
}

uint64_t state_digest(const struct state *s)
{
    return s->table.digest.digest;
}
