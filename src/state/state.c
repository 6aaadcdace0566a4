#include "state/state_inside.h"

#include "base/mem.h"
#include "base/plant.h"

#include <assert.h>
#include <string.h>

struct state *state_new(const struct state_config *config)
{
    struct state *s = mem_alloc(sizeof(*s));

    s->config = *config;
    s->views = mem_alloc(sizeof(*s->views));
    s->blocks = config->shared ? NULL : blocks_new();
    batch_init(&s->batch);
    return s;
}

void state_free(struct state *s)
{
    if (!s)
        return;
    timeline_deinit(&s->leases);
    timeline_deinit(&s->tombstones);
    conflicts_deinit(&s->conflicts);
    batch_deinit(&s->batch);
    table_deinit(&s->table);
    arena_deinit(&s->scratch);
    arena_deinit(s->views);
    mem_free(s->views);
    blocks_free(s->blocks);
    mem_free(s);
}

void state_clock(struct state *s, kith_time wall_us)
{
    s->wall_us = wall_us;
    table_bury(&s->table);
    arena_reset(s->views);
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

int64_t state_deleted_ms(struct state *s, bool tombstone, struct bytes record)
{
    struct record r;
    struct wire_error err;

    if (!tombstone)
        return 0;
    int res = record_decode(&r, record, &s->scratch, &err);
    assert(res == 0); /* checked by row_read() */
    (void)res;
    return r.deleted_ms;
}

static void enter_times(struct state *s, const struct row *row, struct content *c)
{
    timeline_add(&s->leases, row->expires_ms, c);
    timeline_add(&s->tombstones, state_deleted_ms(s, row_is_tombstone(row), row->record), c);
}

static void leave_times(struct state *s, struct content *c)
{
    struct row row;

    if (s->leases.count == 0 && s->tombstones.count == 0)
        return;
    content_read(c, &row);
    timeline_remove(&s->leases, row.expires_ms, c);
    timeline_remove(&s->tombstones, state_deleted_ms(s, c->tombstone, row.record), c);
}

static struct content *hold(struct state *s, const struct row *row, struct content *old)
{
    struct content *c = content_take(s->config.shared, s->blocks, row);

    if (old)
        leave_times(s, old);
    table_put(&s->table, c, old);
    batch_replaced(&s->batch, c); /* or what was dropped of its key, and is not deleted yet */
    enter_times(s, row, c);
    learn_sequence(s, row);
    return c;
}

void state_drop(struct state *s, struct content *c)
{
    struct marks *marks = &s->batch.marks;

    leave_times(s, c);
    table_drop(&s->table, c);
    marks_remove(marks, MARK_PUSH, marks_find(marks, c));
    (void)marks_add(marks, MARK_CHANGE, c, /* dropped= */ true);
    batch_store(&s->batch, c, /* dropped= */ true);
}

/* ---- every write ---- */

void state_accept(struct state *s, const struct row *row, struct content *old, bool own)
{
    if (PLANTED(PLANT_DROPPED_TOMBSTONE) && row_is_tombstone(row)) {
        if (old)
            state_drop(s, old);
        return;
    }
    struct content *c = hold(s, row, old);

    (void)marks_add(&s->batch.marks, MARK_CHANGE, c, /* dropped= */ false);
    batch_store(&s->batch, c, /* dropped= */ false);
    if (own)
        (void)marks_add(&s->batch.marks, MARK_PUSH, c, /* dropped= */ false);
    forgotten_drop(s, row);
}

struct content *state_find(const struct state *s, const struct row *row)
{
    return table_find(&s->table, row->table, row->ns, row->key);
}

const struct row *state_view(const struct state *s, struct content *c)
{
    return content_row(c, s->views);
}

int state_read(struct state *s, struct row *ret, struct bytes record)
{
    struct content *known = content_find(s->config.shared, record);

    if (!known)
        return row_read(ret, record, &s->config.cluster, &s->scratch);
    content_read(known, ret);
    return 0;
}

int state_load(struct state *s, struct bytes record)
{
    struct row row;

    arena_reset(&s->scratch);
    if (state_read(s, &row, record) != 0)
        return STATE_BAD;
    struct content *held = state_find(s, &row);
    if (held && row_order(&row, content_row(held, &s->scratch), &s->scratch) <= 0)
        return 0;
    if (table_rule(row.table) != RULE_OWN &&
        hlc_observe(&s->hlc, row.version.minor, s->wall_us) != 0)
        s->early = true; /* it was taken in once: it stays, see state_mend() */
    (void)hold(s, &row, held);
    return 0;
}

/* What is gone is told as deleted, and stays readable as long as if it had just been dropped. */
static const struct row *view_of_change(struct state *s, const struct marked *x)
{
    if (!x->dropped)
        return state_view(s, x->content);
    struct row *gone = arena_alloc(s->views, sizeof(*gone));

    content_read(x->content, gone);
    gone->flags |= ROW_TOMBSTONE;
    gone->value = (struct bytes){0};
    table_keep_readable(&s->table, content_reference(x->content));
    return gone;
}

size_t state_take_changes(struct state *s, const struct row *const **ret)
{
    const struct mark_list *changes = &s->batch.marks.lists[MARK_CHANGE];
    const struct row **taken = arena_array(s->views, changes->count, sizeof(const struct row *));
    size_t n = 0;

    for (size_t i = 0; i < changes->count; i++) {
        if (changes->items[i])
            taken[n++] = view_of_change(s, changes->items[i]);
    }
    marks_clear(&s->batch.marks, MARK_CHANGE);
    *ret = taken;
    return n;
}

size_t state_conflicts(const struct state *s, const struct conflict **ret)
{
    *ret = s->conflicts.items;
    return s->conflicts.count;
}

bool state_load_conflict(struct state *s, struct bytes name, struct bytes value)
{
    struct bytes record, prefix = bytes_str(CONFLICTS_PREFIX);
    struct row row;
    int64_t kept_ms;

    if (name.len < prefix.len || memcmp(name.data, prefix.data, prefix.len) != 0)
        return false;
    arena_reset(&s->scratch);
    if (conflicts_read_value(value, &record, &kept_ms) && state_read(s, &row, record) == 0)
        conflicts_load(&s->conflicts, &row, kept_ms);
    return true;
}

static kith_time conflicts_keep_us(const struct state *s)
{
    return s->config.conflicts_us ? s->config.conflicts_us : STATE_CONFLICTS_KEEP;
}

/* When the oldest of them goes. */
static kith_time conflicts_deadline(const struct state *s)
{
    const struct conflicts *c = &s->conflicts;

    return c->count > 0 ? c->items[c->count - 1].kept_ms * KITH_MS + conflicts_keep_us(s) + KITH_MS
                        : KITH_NEVER;
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

size_t state_unpushed(const struct state *s, const struct bytes **ret)
{
    const struct mark_list *list = &s->batch.marks.lists[MARK_PUSH];
    struct bytes *records = arena_array(s->views, list->count, sizeof(*records));
    size_t n = 0;

    for (size_t i = s->batch.pushed; i < list->count; i++) {
        if (list->items[i])
            records[n++] = content_record(list->items[i]->content);
    }
    *ret = records;
    return n;
}

uint64_t state_row_token(const struct state *s, const struct row *row)
{
    if (!ulid_equal(&row->origin, &s->config.self))
        return 0;
    return row->content && state_find(s, row) == row->content ? batch_of(&s->batch, row->content)
                                                              : batch_unstored(&s->batch);
}

uint64_t state_content_token(const struct state *s, struct content *c)
{
    uint64_t token = batch_of(&s->batch, c);
    struct row row;

    if (token == 0) /* of nearly all */
        return 0;
    content_read(c, &row);
    return ulid_equal(&row.origin, &s->config.self) ? token : 0;
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
    batch_failed(&s->batch, token, s->wall_us);
}

void state_storage_key(struct buf *out, enum table_id table, struct bytes ns, struct bytes key)
{
    uint8_t bytes[STORAGE_KEY_MAX];

    buf_append(out, bytes, content_storage_key(bytes, table, ns, key));
}

/* ---- tombstones ---- */

#define COLLECTED "tombstones/collected"

size_t state_tombstones(const struct state *s)
{
    return s->tombstones.count;
}

uint64_t state_tombstones_until(const struct state *s, int64_t until_ms, uint64_t *ret_count)
{
    struct digest_sum sum = timeline_sum(&s->tombstones, until_ms);

    *ret_count = sum.count;
    return sum.digest;
}

void state_confirm(struct state *s, int64_t until_ms)
{
    if (until_ms > s->confirmed_ms)
        s->confirmed_ms = until_ms;
}

int64_t state_collected(const struct state *s)
{
    return s->collected_ms;
}

size_t state_collect_late(struct state *s)
{
    struct content *c;
    size_t n = 0;

    arena_reset(&s->scratch);
    for (; s->collected_ms > 0 && (c = timeline_due(&s->tombstones, s->collected_ms)) != NULL; n++)
        state_drop(s, c);
    return n;
}

size_t state_collect(struct state *s, int64_t until_ms)
{
    if (until_ms <= s->collected_ms)
        return 0;
    s->collected_ms = until_ms;
    state_put_local(s, bytes_str(COLLECTED), bytes_of(&until_ms, sizeof(until_ms)));
    return state_collect_late(s);
}

void state_begin_anew(struct state *s)
{
    for (uint32_t i = 1; i < TABLE_COUNT; i++) {
        struct content *c;

        if (i == TABLE_ID_MEMBER || i == TABLE_ID_VERDICT)
            continue;
        while ((c = table_first(&s->table, (enum table_id)i)) != NULL) {
            arena_reset(&s->scratch);
            state_drop(s, c);
        }
    }
    marks_clear(&s->batch.marks, MARK_PUSH);
    s->batch.pushed = 0;
}

void state_load_collected(struct state *s, struct bytes name, struct bytes value)
{
    if (bytes_equal_str(name, COLLECTED) && value.len == sizeof(s->collected_ms))
        memcpy(&s->collected_ms, value.data, sizeof(s->collected_ms));
}

/* ---- time ---- */

void state_time(struct state *s)
{
    struct content *c;

    while ((c = timeline_due(&s->leases, s->wall_us / KITH_MS)) != NULL)
        state_drop(s, c);
    conflicts_end(&s->conflicts, &s->table, &s->batch,
                  (s->wall_us - conflicts_keep_us(s)) / KITH_MS);
    state_mend(s);
}

/* When the first row ends. */
static kith_time lease_deadline(const struct state *s)
{
    int64_t at_ms = timeline_next_ms(&s->leases);

    return at_ms > 0 && at_ms < KITH_NEVER / KITH_MS ? at_ms * KITH_MS : KITH_NEVER;
}

kith_time state_deadline_wall(const struct state *s)
{
    return kith_time_min(kith_time_min(lease_deadline(s), conflicts_deadline(s)),
                         batch_deadline_wall(&s->batch));
}

void state_saw_clock(struct state *s, const struct ulid *node, int64_t wall_ms)
{
    clocks_saw(&s->clocks, node, wall_ms, s->wall_us);
}

bool state_clock_ahead(const struct state *s)
{
    return clocks_ahead(&s->clocks, s->wall_us);
}
