#include "state/state_inside.h"

/* ---- from others ---- */

static bool has_expired(const struct state *s, const struct row *row)
{
    return row->expires_ms != 0 && row->expires_ms <= s->wall_us / KITH_MS;
}

/* A tombstone that everybody held once, from one who has not dropped it yet. */
static bool was_collected(struct state *s, const struct row *row)
{
    int64_t deleted_ms = state_deleted_ms(s, row_is_tombstone(row), row->record);

    return deleted_ms > 0 && deleted_ms <= s->collected_ms;
}

/* A verdict that the member could hardly rise above. Who holds no row of the member yet judges by 0: honest
 * incarnations are small, and repair brings the row again. Whose key was revoked is not to rise. */
static bool is_absurd(struct state *s, const struct row *row)
{
    return row->table == TABLE_ID_VERDICT &&
           row->version.major >
               state_major(s, TABLE_ID_MEMBER, row->key) + STATE_INCARNATION_LEAP &&
           !forgotten_says(s, row);
}

static void keep(struct state *s, const struct row *loser)
{
    conflicts_keep(&s->conflicts, &s->table, &s->batch, loser, s->wall_us / KITH_MS);
}

static int refuse_loser(struct state *s, const struct row *loser, const struct row *held)
{
    bool frozen = table_rule(loser->table) == RULE_FROZEN && !row_is_tombstone(held) &&
                  !row_same_content(held, loser);

    if (row_conflicts(held, loser, &s->scratch))
        keep(s, loser);
    return frozen ? STATE_FROZEN : STATE_OLD;
}

/* `own`: it is pushed to others, as what is written here. */
static int merge(struct state *s, struct bytes record, bool own)
{
    struct row row;
    int r = state_read(s, &row, record);

    if (r != 0)
        return r;
    if (is_absurd(s, &row))
        return STATE_BAD;
    struct content *old = state_find(s, &row);
    if (old && row.hash == old->digest.hash && bytes_equal(record, content_record(old)))
        return STATE_OLD;
    if (has_expired(s, &row) || forgotten_row(s, &row) || (!old && was_collected(s, &row)))
        return STATE_OLD;
    if (table_rule(row.table) != RULE_OWN &&
        hlc_observe(&s->hlc, row.version.minor, s->wall_us) != 0 &&
        table_rule(row.table) == RULE_STAMP)
        return STATE_AHEAD; /* elsewhere a stamp only breaks ties, the clock stays as it is */
    const struct row *held = old ? content_row(old, &s->scratch) : NULL;
    if (held && row_order(&row, held, &s->scratch) < 0)
        return refuse_loser(s, &row, held);
    if (held && row_conflicts(&row, held, &s->scratch))
        keep(s, held);
    state_accept(s, &row, old, own);
    return 0;
}

int state_merge(struct state *s, struct bytes record)
{
    arena_reset(&s->scratch);
    int r = merge(s, record, /* own= */ false);

    s->merged[r]++;
    return r;
}

int state_enter(struct state *s, struct bytes record)
{
    arena_reset(&s->scratch);
    return merge(s, record, /* own= */ true);
}

size_t state_merge_rows(struct state *s, struct bytes payload, bool *ret_ok)
{
    struct rows rows;
    struct wire_error err;
    struct arena mem = {0};
    size_t won = 0;

    *ret_ok = rows_decode(&rows, payload, &mem, &err) == 0;
    for (uint32_t i = 0; *ret_ok && i < rows.records_n; i++)
        won += state_merge(s, rows.records[i]) == 0;
    arena_deinit(&mem);
    return won;
}

uint64_t state_merged(const struct state *s, enum state_result result)
{
    return s->merged[result];
}

bool state_holds_other(struct state *s, struct bytes record, uint64_t *ret_key_hash)
{
    struct row row;

    arena_reset(&s->scratch);
    if (row_read(&row, record, &s->config.cluster, &s->scratch) != 0)
        return false;
    const struct content *held = state_find(s, &row);
    if (!held || bytes_equal(content_record(held), record))
        return false;
    *ret_key_hash = held->digest.key_hash;
    return true;
}
