#include "state/state_inside.h"

#include <assert.h>

/* ---- in the own name ---- */

/* A stamp that is newer than what is held, also when the own clock was set back since that was taken
 * in: whoever writes here saw it. Zero when there is none left. */
static uint64_t next_stamp(struct state *s, const struct row *held)
{
    uint64_t stamp = hlc_now(&s->hlc, s->wall_us);

    if (held && held->version.minor >= stamp)
        stamp = held->version.minor + 1;
    return stamp;
}

static struct version next_version(struct state *s, enum table_rule rule, const struct row *held,
                                   uint64_t major)
{
    switch (rule) {
    case RULE_OWN:
        return (struct version){s->config.incarnation, ++s->sequence};
    case RULE_MAJOR:
        return (struct version){major,
                                next_stamp(s, held && held->version.major == major ? held : NULL)};
    case RULE_NAME:
        if (held)
            major = held->version.major + row_is_tombstone(held);
        return (struct version){major, next_stamp(s, held)};
    default:
        return (struct version){0, next_stamp(s, held)};
    }
}

/* What can be said before a version is spent on it. */
static int may_write(struct state *s, enum table_rule rule, const struct row *held,
                     const struct record *record)
{
    bool deletes = (record->flags & ROW_TOMBSTONE) != 0;

    if (rule != RULE_OWN && rule != RULE_MAJOR && state_clock_ahead(s))
        return STATE_AHEAD;
    if (deletes)
        return !held || row_is_tombstone(held) ? STATE_OLD : 0;
    if (rule == RULE_FROZEN && held) {
        bool same = !row_is_tombstone(held) && bytes_equal(held->value, record->value);
        return same ? STATE_OLD : STATE_FROZEN;
    }
    return 0;
}

/* Later than what was confirmed and collected, and than what others stamped: so nobody waits for it with those. */
static int64_t deletion_ms(const struct state *s)
{
    int64_t ms = s->wall_us / KITH_MS;
    int64_t stamped_ms = hlc_wall_us(s->hlc.last) / KITH_MS;

    ms = stamped_ms > ms ? stamped_ms : ms;
    ms = s->confirmed_ms >= ms ? s->confirmed_ms + 1 : ms;
    return s->collected_ms >= ms ? s->collected_ms + 1 : ms;
}

/* The record, encoded, as a row that would win now; *ret_old is what is held. */
static int compose(struct state *s, struct record *record, uint64_t major, struct buf *encoded,
                   struct row *ret, struct content **ret_old)
{
    struct wire_error err;

    arena_reset(&s->scratch);
    record->namespace = bytes_str(STATE_NAMESPACE);
    record->origin = s->config.self;
    if (wire_check(&record_struct, record, &err) != 0 || record->table == 0)
        return STATE_BAD;

    enum table_rule rule = table_rule(record->table);
    struct content *old = table_find(&s->table, record->table, record->namespace, record->key);
    const struct row *held = old ? content_row(old, &s->scratch) : NULL;
    int r = may_write(s, rule, held, record);
    if (r != 0)
        return r;
    record->version = next_version(s, rule, held, major);
    row_build_on(record, held, &s->scratch);
    if (held && (record->flags & ROW_TOMBSTONE)) {
        record->expires_ms = held->expires_ms;
        record->deleted_ms += deletion_ms(s);
    }
    record_encode(encoded, record);
    r = row_read(ret, buf_bytes(encoded), &s->config.cluster, &s->scratch);
    if (r == 0 && held && row_order(ret, held, &s->scratch) <= 0)
        r = STATE_OLD;
    *ret_old = old;
    return r;
}

static int write_row(struct state *s, struct record *record, uint64_t major)
{
    struct buf encoded = {0};
    struct content *old;
    struct row row;
    int r = compose(s, record, major, &encoded, &row, &old);

    if (r == 0)
        state_accept(s, &row, old, /* own= */ true);
    buf_deinit(&encoded);
    return r;
}

int state_put(struct state *s, enum table_id table, struct bytes key, struct bytes value,
              uint64_t major, int64_t expires_ms)
{
    struct record record = {.table = table, .key = key, .value = value, .expires_ms = expires_ms};

    return write_row(s, &record, major);
}

int state_delete(struct state *s, enum table_id table, struct bytes key, uint64_t major)
{
    struct record record = {.table = table, .key = key, .flags = ROW_TOMBSTONE};

    return write_row(s, &record, major);
}

/* ---- written now, shown later ---- */

int state_draft(struct state *s, enum table_id table, struct bytes key, struct bytes value,
                struct buf *ret)
{
    struct record record = {.table = table, .key = key, .value = value};
    struct content *old;
    struct row row;

    if (value.len == 0) {
        record.flags = ROW_TOMBSTONE;
        record.deleted_ms = STATE_DRAFT_LATE / KITH_MS;
    }
    int r = compose(s, &record, /* major= */ 0, ret, &row, &old);

    return r == 0 && state_is_ahead(s, buf_bytes(ret)) ? STATE_AHEAD : r;
}

bool state_is_ahead(const struct state *s, struct bytes record)
{
    struct record r;
    struct wire_error err;
    struct arena mem = {0};
    bool ahead = record_decode(&r, record, &mem, &err) != 0 ||
                 hlc_wall_us(r.version.minor) - HLC_MAX_AHEAD > s->wall_us;

    arena_deinit(&mem);
    return ahead;
}

void state_foresee(struct state *s, struct bytes record)
{
    struct row row;

    arena_reset(&s->scratch);
    if (state_read(s, &row, record) == 0)
        (void)hlc_observe(&s->hlc, row.version.minor, s->wall_us);
}

/* ---- a clock that was set right ---- */

static void stamp_anew(struct state *s, struct content *old)
{
    const struct row *held = state_view(s, old);
    struct record record;
    struct wire_error err;
    struct buf encoded = {0};
    struct row row;

    arena_reset(&s->scratch);
    int r = record_decode(&record, held->record, &s->scratch, &err);
    assert(r == 0); /* checked by row_read() */
    record.origin = s->config.self;
    record.version = (struct version){0, hlc_now(&s->hlc, s->wall_us)};
    row_build_on(&record, held, &s->scratch);
    record_encode(&encoded, &record);
    if (row_read(&row, buf_bytes(&encoded), &s->config.cluster, &s->scratch) == 0)
        state_accept(s, &row, old, /* own= */ true);
    buf_deinit(&encoded);
}

void state_mend(struct state *s)
{
    bool ran_ahead = hlc_wall_us(s->hlc.last) - HLC_MAX_AHEAD > s->wall_us;

    if ((!ran_ahead && !s->early) || !clocks_agree(&s->clocks, s->wall_us))
        return;
    if (ran_ahead)
        s->hlc.last = hlc_from_wall(s->wall_us);
    s->early = false;
    for (uint32_t i = 1; i < TABLE_COUNT; i++) {
        struct content *c = table_first(&s->table, (enum table_id)i);
        struct row row;

        for (; c && table_rule((enum table_id)i) == RULE_STAMP; c = table_next(&s->table, c)) {
            content_read(c, &row);
            if (hlc_wall_us(row.version.minor) - HLC_MAX_AHEAD > s->wall_us)
                stamp_anew(s, c);
        }
    }
}
