/*
 * Every write takes one way, whether it was made here or came from another peer: row_read() checks it,
 * row_order() decides, accept() puts it in. accept() is the only place where a row enters the table, and
 * drop() the only one where a row leaves it without a successor.
 */
#include "state/state.h"

#include "base/mem.h"
#include "base/plant.h"
#include "state/batch.h"
#include "state/clocks.h"
#include "state/conflicts.h"
#include "state/expiry.h"
#include "state/inside.h"
#include "state/merge.h"

#include <assert.h>
#include <string.h>

struct state {
    struct state_config config;
    uint64_t sequence; /* of own rows, in this incarnation */
    struct hlc hlc;
    bool early; /* rows were loaded that the clock does not allow */
    kith_time wall_us;
    struct clocks clocks;
    struct table table;
    struct expiry expiry;
    struct batch batch;
    struct marks changes;
    const struct row **taken;
    struct conflicts conflicts;
    uint64_t merged[STATE_RESULTS];
    struct arena scratch; /* of one call */
};

struct state *state_new(const struct state_config *config)
{
    struct state *s = mem_alloc(sizeof(*s));

    s->config = *config;
    s->changes.which = MARK_CHANGE;
    batch_init(&s->batch);
    return s;
}

void state_free(struct state *s)
{
    if (!s)
        return;
    expiry_deinit(&s->expiry);
    conflicts_deinit(&s->conflicts);
    table_deinit(&s->table);
    batch_deinit(&s->batch);
    marks_deinit(&s->changes);
    mem_free(s->taken);
    arena_deinit(&s->scratch);
    mem_free(s);
}

void state_clock(struct state *s, kith_time wall_us)
{
    s->wall_us = wall_us;
    table_bury(&s->table);
}

void state_set_cluster(struct state *s, const struct ulid *cluster)
{
    s->config.cluster = *cluster;
}

void state_set_incarnation(struct state *s, uint64_t incarnation)
{
    if (incarnation <= s->config.incarnation)
        return;
    s->config.incarnation = incarnation;
    s->sequence = 0;
}

uint64_t state_incarnation(const struct state *s)
{
    return s->config.incarnation;
}

const struct table *state_table(const struct state *s)
{
    return &s->table;
}

/* ---- in and out of the table ---- */

/* A sequence number that is in use is never given out again, wherever it was learnt. */
static void learn_sequence(struct state *s, const struct row *row)
{
    if (table_rule(row->table) == RULE_OWN && ulid_equal(&row->origin, &s->config.self) &&
        row->version.major == s->config.incarnation && row->version.minor > s->sequence)
        s->sequence = row->version.minor;
}

static struct entry *hold(struct state *s, const struct row *row, struct entry *old)
{
    struct entry *e = entry_new(content_take(s->config.shared, row));

    if (old) {
        expiry_remove(&s->expiry, old);
        marks_move(&s->changes, old, e);
        batch_replaced(&s->batch, old, e);
    }
    table_put(&s->table, e, old);
    expiry_add(&s->expiry, e);
    learn_sequence(s, row);
    return e;
}

static void drop(struct state *s, struct entry *e)
{
    expiry_remove(&s->expiry, e);
    table_drop(&s->table, e);
    marks_remove(&s->batch.push, e);
    marks_add(&s->changes, e);
    batch_store(&s->batch, e);
}

/* ---- forgotten nodes ---- */

static const enum table_id forgotten_tables[] = {TABLE_ID_MEMBER, TABLE_ID_INSTANCE,
                                                 TABLE_ID_INTEREST};

static bool says_forgotten(struct state *s, const struct row *verdict)
{
    struct verdict_row v;
    struct wire_error err;

    return !row_is_tombstone(verdict) &&
           verdict_row_decode(&v, verdict->value, &s->scratch, &err) == 0 && v.forgotten;
}

static bool is_forgotten(struct state *s, const struct row *row)
{
    if (row->table != TABLE_ID_MEMBER && row->table != TABLE_ID_INSTANCE &&
        row->table != TABLE_ID_INTEREST)
        return false;

    struct bytes node = bytes_of(row->key.data, sizeof(struct ulid));
    struct entry *verdict = table_find(&s->table, TABLE_ID_VERDICT, row->ns, node);
    return verdict && row->version.major <= entry_row(verdict)->version.major &&
           says_forgotten(s, entry_row(verdict));
}

static bool starts_with(struct bytes key, struct bytes prefix)
{
    return key.len >= prefix.len &&
           (prefix.len == 0 || memcmp(key.data, prefix.data, prefix.len) == 0);
}

static void drop_forgotten(struct state *s, const struct row *verdict)
{
    if (verdict->table != TABLE_ID_VERDICT || !says_forgotten(s, verdict))
        return;
    for (size_t i = 0; i < sizeof(forgotten_tables) / sizeof(forgotten_tables[0]); i++) {
        struct entry *e = table_from(&s->table, forgotten_tables[i], verdict->ns, verdict->key);

        while (e && bytes_equal(entry_row(e)->ns, verdict->ns) &&
               starts_with(entry_row(e)->key, verdict->key)) {
            struct entry *next = table_next(e);

            if (entry_row(e)->version.major <= verdict->version.major)
                drop(s, e);
            e = next;
        }
    }
}

/* ---- every write ---- */

static void accept(struct state *s, const struct row *row, struct entry *old, bool own)
{
    if (PLANTED(PLANT_DROPPED_TOMBSTONE) && row_is_tombstone(row)) {
        if (old)
            drop(s, old);
        return;
    }
    struct entry *e = hold(s, row, old);

    marks_add(&s->changes, e);
    batch_store(&s->batch, e);
    if (own)
        marks_add(&s->batch.push, e);
    drop_forgotten(s, entry_row(e));
}

static struct entry *find_same(struct state *s, const struct row *row)
{
    return table_find(&s->table, row->table, row->ns, row->key);
}

/* Views a record as a row, checked, unless somebody who shares contents with this state checked it before. */
static int read_record(struct state *s, struct row *ret, struct bytes record)
{
    const struct content *known = content_find(s->config.shared, record);

    if (!known)
        return row_read(ret, record, &s->config.cluster, &s->scratch);
    *ret = known->row;
    return 0;
}

int state_load(struct state *s, struct bytes record)
{
    struct row row;

    arena_reset(&s->scratch);
    if (read_record(s, &row, record) != 0)
        return STATE_BAD;
    struct entry *held = find_same(s, &row);
    if (held && row_order(&row, entry_row(held), &s->scratch) <= 0)
        return 0;
    if (table_rule(row.table) != RULE_OWN &&
        hlc_observe(&s->hlc, row.version.minor, s->wall_us) != 0)
        s->early = true; /* it was taken in once: it stays, see mend() */
    hold(s, &row, held);
    return 0;
}

/* ---- from others ---- */

static bool has_expired(const struct state *s, const struct row *row)
{
    return row->expires_ms != 0 && row->expires_ms <= s->wall_us / KITH_MS;
}

static int refuse_loser(struct state *s, const struct row *loser, const struct row *held)
{
    bool frozen = table_rule(loser->table) == RULE_FROZEN && !row_is_tombstone(held) &&
                  !row_same_content(held, loser);

    if (row_conflicts(held, loser, &s->scratch))
        conflicts_keep(&s->conflicts, &s->table, loser);
    return frozen ? STATE_FROZEN : STATE_OLD;
}

static int merge(struct state *s, struct bytes record)
{
    struct row row;
    int r = read_record(s, &row, record);

    if (r != 0)
        return r;
    struct entry *held = find_same(s, &row);
    if (held && row.hash == entry_row(held)->hash && bytes_equal(record, entry_row(held)->record))
        return STATE_OLD;
    if (has_expired(s, &row) || is_forgotten(s, &row))
        return STATE_OLD;
    if (table_rule(row.table) != RULE_OWN &&
        hlc_observe(&s->hlc, row.version.minor, s->wall_us) != 0 &&
        table_rule(row.table) == RULE_STAMP)
        return STATE_AHEAD; /* elsewhere a stamp only breaks ties, the clock stays as it is */
    if (held && row_order(&row, entry_row(held), &s->scratch) < 0)
        return refuse_loser(s, &row, entry_row(held));
    if (held && row_conflicts(&row, entry_row(held), &s->scratch))
        conflicts_keep(&s->conflicts, &s->table, entry_row(held));
    accept(s, &row, held, /* own= */ false);
    return 0;
}

int state_merge(struct state *s, struct bytes record)
{
    arena_reset(&s->scratch);
    int r = merge(s, record);

    s->merged[r]++;
    return r;
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
    const struct entry *held = find_same(s, &row);
    if (!held || bytes_equal(entry_row(held)->record, record))
        return false;
    *ret_key_hash = held->digest.key_hash;
    return true;
}

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

static int write_row(struct state *s, struct record *record, uint64_t major)
{
    struct wire_error err;

    arena_reset(&s->scratch);
    record->namespace = bytes_str(STATE_NAMESPACE);
    record->origin = s->config.self;
    if (wire_check(&record_struct, record, &err) != 0 || record->table == 0)
        return STATE_BAD;

    enum table_rule rule = table_rule(record->table);
    struct entry *old = table_find(&s->table, record->table, record->namespace, record->key);
    const struct row *held = old ? entry_row(old) : NULL;
    int r = may_write(s, rule, held, record);
    if (r != 0)
        return r;
    record->version = next_version(s, rule, held, major);
    row_build_on(record, held, &s->scratch);
    if (held && (record->flags & ROW_TOMBSTONE))
        record->expires_ms = held->expires_ms;

    struct buf encoded = {0};
    struct row row;
    record_encode(&encoded, record);
    r = row_read(&row, buf_bytes(&encoded), &s->config.cluster, &s->scratch);
    if (r == 0 && held && row_order(&row, held, &s->scratch) <= 0)
        r = STATE_OLD;
    if (r == 0)
        accept(s, &row, old, /* own= */ true);
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

/* ---- reading ---- */

const struct row *state_get(const struct state *s, enum table_id table, struct bytes key)
{
    struct entry *e = table_find(&s->table, table, bytes_str(STATE_NAMESPACE), key);

    return e && !row_is_tombstone(entry_row(e)) ? entry_row(e) : NULL;
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
            !starts_with(entry_row(e)->key, prefix))
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

size_t state_take_changes(struct state *s, const struct row *const **ret)
{
    size_t n = 0;

    s->taken = mem_grow(s->taken, s->changes.count, sizeof(*s->taken));
    for (size_t i = 0; i < s->changes.count; i++) {
        if (s->changes.items[i])
            s->taken[n++] = entry_row(s->changes.items[i]);
    }
    marks_clear(&s->changes);
    *ret = s->taken;
    return n;
}

size_t state_conflicts(const struct state *s, const struct row *const **ret)
{
    *ret = s->conflicts.items;
    return s->conflicts.count;
}

/* ---- storing and telling ---- */

uint64_t state_token(const struct state *s)
{
    return s->batch.token;
}

void state_put_local(struct state *s, struct bytes name, struct bytes value)
{
    batch_local(&s->batch, name, value);
}

bool state_take_batch(struct state *s, struct effects *out)
{
    return batch_take(&s->batch, s->wall_us, out);
}

bool state_take_push(struct state *s, struct buf *ret)
{
    return batch_take_push(&s->batch, ret);
}

uint64_t state_row_token(const struct state *s, const struct row *row)
{
    if (!ulid_equal(&row->origin, &s->config.self))
        return 0;
    const struct entry *e = table_entry(&s->table, row);
    return e ? batch_of(&s->batch, e) : batch_unstored(&s->batch);
}

uint64_t state_unstored(const struct state *s)
{
    return batch_unstored(&s->batch);
}

void state_stored(struct state *s, uint64_t token)
{
    batch_stored(&s->batch, token);
}

void state_store_failed(struct state *s, uint64_t token)
{
    batch_failed(&s->batch, &s->table, token, s->wall_us);
}

void state_storage_key(struct buf *out, enum table_id table, struct bytes ns, struct bytes key)
{
    uint8_t bytes[STORAGE_KEY_MAX];

    buf_append(out, bytes, table_storage_key(bytes, table, ns, key));
}

/* ---- time ---- */

static void stamp_anew(struct state *s, struct entry *old)
{
    struct record record;
    struct wire_error err;
    struct buf encoded = {0};
    struct row row;

    arena_reset(&s->scratch);
    int r = record_decode(&record, entry_row(old)->record, &s->scratch, &err);
    assert(r == 0); /* checked by row_read() */
    record.origin = s->config.self;
    record.version = (struct version){0, hlc_now(&s->hlc, s->wall_us)};
    row_build_on(&record, entry_row(old), &s->scratch);
    record_encode(&encoded, &record);
    if (row_read(&row, buf_bytes(&encoded), &s->config.cluster, &s->scratch) == 0)
        accept(s, &row, old, /* own= */ true);
    buf_deinit(&encoded);
}

/* This host's clock was far ahead for a while. What was stamped then is refused by everybody else, and so
 * would be what is stamped from now on, if stamps went on from there: they begin anew at the time that
 * most others show, and what is held from that time is written once more. */
static void mend(struct state *s)
{
    bool ran_ahead = hlc_wall_us(s->hlc.last) - HLC_MAX_AHEAD > s->wall_us;

    if ((!ran_ahead && !s->early) || !clocks_agree(&s->clocks, s->wall_us))
        return;
    if (ran_ahead)
        s->hlc.last = hlc_from_wall(s->wall_us);
    s->early = false;
    for (uint32_t i = 1; i < TABLE_COUNT; i++) {
        struct entry *e = table_first(&s->table, (enum table_id)i), *next;

        for (; e && table_rule((enum table_id)i) == RULE_STAMP; e = next) {
            next = table_next(e);
            if (hlc_wall_us(entry_row(e)->version.minor) - HLC_MAX_AHEAD > s->wall_us)
                stamp_anew(s, e);
        }
    }
}

void state_time(struct state *s)
{
    struct entry *e;

    while ((e = expiry_due(&s->expiry, s->wall_us)) != NULL)
        drop(s, e);
    mend(s);
}

kith_time state_deadline_wall(const struct state *s)
{
    return kith_time_min(expiry_next(&s->expiry), batch_deadline_wall(&s->batch));
}

void state_saw_clock(struct state *s, const struct ulid *node, int64_t wall_ms)
{
    clocks_saw(&s->clocks, node, wall_ms, s->wall_us);
}

bool state_clock_ahead(const struct state *s)
{
    return clocks_ahead(&s->clocks, s->wall_us);
}
