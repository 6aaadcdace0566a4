#include "state/state_inside.h"

static const enum table_id forgotten_tables[] = {
    TABLE_ID_MEMBER,  TABLE_ID_INSTANCE, TABLE_ID_INTEREST,   TABLE_ID_REGISTRATION,
    TABLE_ID_CONFIRM, TABLE_ID_SESSION,  TABLE_ID_MAINTENANCE};

static bool goes_with_its_node(enum table_id table)
{
    for (size_t i = 0; i < sizeof(forgotten_tables) / sizeof(forgotten_tables[0]); i++) {
        if (forgotten_tables[i] == table)
            return true;
    }
    return false;
}

bool forgotten_says(struct state *s, const struct row *verdict)
{
    struct verdict_row v;
    struct wire_error err;

    return !row_is_tombstone(verdict) &&
           verdict_row_decode(&v, verdict->value, &s->scratch, &err) == 0 && v.forgotten;
}

bool forgotten_row(struct state *s, const struct row *row)
{
    if (!goes_with_its_node(row->table))
        return false;

    struct bytes node = bytes_of(row->key.data, sizeof(struct ulid));
    struct content *held = table_find(&s->table, TABLE_ID_VERDICT, row->ns, node);
    const struct row *verdict = held ? content_row(held, &s->scratch) : NULL;
    return verdict && row->version.major <= verdict->version.major && forgotten_says(s, verdict);
}

/* The rows of one table that go with the node, from c on. */
static void drop_rows(struct state *s, struct content *c, const struct row *verdict)
{
    struct content *next;
    struct row row;

    for (;
         c && bytes_equal(content_ns(c), verdict->ns) && bytes_starts(content_key(c), verdict->key);
         c = next) {
        next = table_next(&s->table, c);
        content_read(c, &row);
        if (row.version.major <= verdict->version.major)
            state_drop(s, c);
    }
}

void forgotten_drop(struct state *s, const struct row *verdict)
{
    if (verdict->table != TABLE_ID_VERDICT || !forgotten_says(s, verdict))
        return;
    for (size_t i = 0; i < sizeof(forgotten_tables) / sizeof(forgotten_tables[0]); i++)
        drop_rows(s, table_from(&s->table, forgotten_tables[i], verdict->ns, verdict->key),
                  verdict);
}
