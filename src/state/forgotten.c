#include "state/state_inside.h"

static const enum table_id forgotten_tables[] = {
    TABLE_ID_MEMBER, TABLE_ID_INSTANCE, TABLE_ID_INTEREST, TABLE_ID_REGISTRATION, TABLE_ID_CONFIRM};

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
    struct entry *verdict = table_find(&s->table, TABLE_ID_VERDICT, row->ns, node);
    return verdict && row->version.major <= entry_row(verdict)->version.major &&
           forgotten_says(s, entry_row(verdict));
}

void forgotten_drop(struct state *s, const struct row *verdict)
{
    if (verdict->table != TABLE_ID_VERDICT || !forgotten_says(s, verdict))
        return;
    for (size_t i = 0; i < sizeof(forgotten_tables) / sizeof(forgotten_tables[0]); i++) {
        struct entry *e = table_from(&s->table, forgotten_tables[i], verdict->ns, verdict->key);

        while (e && bytes_equal(entry_row(e)->ns, verdict->ns) &&
               bytes_starts(entry_row(e)->key, verdict->key)) {
            struct entry *next = table_next(e);

            if (entry_row(e)->version.major <= verdict->version.major)
                state_drop(s, e);
            e = next;
        }
    }
}
