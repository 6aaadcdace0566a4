#include "state/merge.h"

#include "state/hash.h"

#include <assert.h>
#include <string.h>

#define NODE_BYTES 16u
#define SEEN_MAX   8u /* as in proto/state.toml: rows have one or two writers, seldom more */

struct table_law {
    const struct wire_struct *value;
    enum table_rule rule;
    bool keeps_conflicts;
    uint16_t key_min, key_max; /* bytes */
};

static const struct table_law laws[] = {
    [TABLE_ID_MEMBER] = {&member_row_struct, RULE_OWN, false, 16, 16},
    [TABLE_ID_VERDICT] = {&verdict_row_struct, RULE_MAJOR, false, 16, 16},
    [TABLE_ID_ADMISSION] = {&admission_row_struct, RULE_STAMP, true, 32, 32},
    [TABLE_ID_SERVICE] = {&service_row_struct, RULE_STAMP, true, 16, 16},
    [TABLE_ID_SPEC] = {&spec_row_struct, RULE_FROZEN, true, 32, 32},
    [TABLE_ID_NAME] = {&name_row_struct, RULE_NAME, true, 1, 64},
    [TABLE_ID_COUNT] = {&count_row_struct, RULE_STAMP, true, 16, 16},
    [TABLE_ID_PLACEMENT] = {&placement_row_struct, RULE_MAJOR, false, 20, 32},
    [TABLE_ID_INSTANCE] = {&instance_row_struct, RULE_OWN, false, 32, 32},
    [TABLE_ID_COMMAND] = {&command_row_struct, RULE_FROZEN, true, 16, 16},
    [TABLE_ID_COMMAND_EVENT] = {&command_event_row_struct, RULE_OWN, false, 36, 36},
    [TABLE_ID_CLUSTER] = {/* by key */ NULL, RULE_STAMP, true, 1, STATE_KEY_MAX},
    [TABLE_ID_COORD] = {&coord_struct, RULE_OWN, false, 16, 16},
    [TABLE_ID_INTEREST] = {&interest_row_struct, RULE_OWN, false, 16, 16},
    [TABLE_ID_REGISTRATION] = {&registration_row_struct, RULE_OWN, false, 32, 32},
    [TABLE_ID_CONFIRM] = {&confirm_row_struct, RULE_OWN, false, 16, 16},
    [TABLE_ID_KEY] = {&key_row_struct, RULE_STAMP, true, 1, KEY_OP_KEY_MAX},
    [TABLE_ID_LOCK] = {&lock_row_struct, RULE_STAMP, false, 1, KEY_OP_KEY_MAX},
    [TABLE_ID_SESSION] = {&session_row_struct, RULE_OWN, false, 32, 32},
    [TABLE_ID_MAINTENANCE] = {&maintenance_row_struct, RULE_OWN, false, 32, 32},
};

static const struct table_law *law_of(enum table_id table)
{
    size_t i = (size_t)table;

    assert(i > 0 && i < sizeof(laws) / sizeof(laws[0]));
    return &laws[i];
}

enum table_rule table_rule(enum table_id table)
{
    return law_of(table)->rule;
}

/* Whether the losers of concurrent writes are kept: of what people wrote, not of what peers decide
 * again by themselves (verdicts, placements). */
const struct wire_struct *table_value(enum table_id table)
{
    return law_of(table)->value;
}

static bool keeps_conflicts(enum table_id table)
{
    return law_of(table)->keeps_conflicts;
}

bool row_is_tombstone(const struct row *row)
{
    return (row->flags & ROW_TOMBSTONE) != 0;
}

/* ---- one record ---- */

/* Rows of table cluster that this version does not know are kept: they only have to be well-formed. */
static bool value_is_good(enum table_id table, struct bytes key, struct bytes value,
                          struct arena *mem)
{
    const struct wire_struct *type = law_of(table)->value;
    struct wire_error err;
    const char *why;
    size_t len;

    if (table == TABLE_ID_CLUSTER && bytes_equal_str(key, "halt"))
        type = &halt_row_struct;
    if (!type)
        return skim(value, &len, &why) == 0 && len == value.len;
    return wire_decode(arena_alloc(mem, type->size), type, value, mem, &err) == 0;
}

static bool version_is_good(enum table_rule rule, struct version v)
{
    if (v.major > STATE_MAJOR_MAX || v.minor == 0)
        return false;
    return v.major == 0 || (rule != RULE_STAMP && rule != RULE_FROZEN);
}

static bool record_is_good(const struct record *r, const struct ulid *cluster, struct arena *mem)
{
    if (r->table == 0)
        return false; /* an enum may be zero on the wire */

    const struct table_law *law = law_of(r->table);
    bool tombstone = (r->flags & ROW_TOMBSTONE) != 0;

    if (!ulid_is_zero(&r->cluster) && !ulid_equal(&r->cluster, cluster))
        return false;
    if (r->namespace.len == 0 || r->key.len < law->key_min || r->key.len > law->key_max)
        return false;
    if (ulid_is_zero(&r->origin) || !version_is_good(law->rule, r->version) || r->expires_ms < 0)
        return false;
    return tombstone ? r->value.len == 0 : value_is_good(r->table, r->key, r->value, mem);
}

int row_read(struct row *ret, struct bytes record, const struct ulid *cluster, struct arena *mem)
{
    struct record r;
    struct wire_error err;

    if (record_decode(&r, record, mem, &err) != 0 || !record_is_good(&r, cluster, mem))
        return STATE_BAD;
    if (law_of(r.table)->rule == RULE_OWN && memcmp(r.key.data, r.origin.b, NODE_BYTES) != 0)
        return STATE_NOT_OWNER;
    *ret = (struct row){
        .table = r.table,
        .ns = r.namespace,
        .key = r.key,
        .value = r.value,
        .version = r.version,
        .origin = r.origin,
        .flags = r.flags,
        .expires_ms = r.expires_ms,
        .hash = hash64(record),
        .record = record,
    };
    return 0;
}

/* ---- two records of one key ---- */

static int compare_u64(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int compare_versions(struct version a, struct version b)
{
    int c = compare_u64(a.major, b.major);

    return c != 0 ? c : compare_u64(a.minor, b.minor);
}

static int compare_deleted(const struct row *a, const struct row *b)
{
    return (int)row_is_tombstone(a) - (int)row_is_tombstone(b);
}

/* Version and all ties: a total order by itself. */
static int compare_writes(const struct row *a, const struct row *b)
{
    int c = compare_versions(a->version, b->version);

    if (c == 0)
        c = ulid_compare(&a->origin, &b->origin);
    if (c == 0)
        c = compare_u64(a->hash, b->hash);
    return c != 0 ? c : bytes_compare(a->record, b->record);
}

static int compare_frozen(const struct row *a, const struct row *b)
{
    int c = compare_deleted(a, b);

    return c != 0 ? c : -compare_writes(a, b);
}

static struct ulid name_service(const struct row *row, struct arena *mem)
{
    struct name_row name;
    struct wire_error err;
    int r = name_row_decode(&name, row->value, mem, &err);

    assert(r == 0); /* checked by row_read() */
    return name.service;
}

static int compare_names(const struct row *a, const struct row *b, struct arena *mem)
{
    int c = compare_u64(a->version.major, b->version.major);

    if (c == 0)
        c = compare_deleted(a, b);
    if (c == 0 && !row_is_tombstone(a)) {
        struct ulid sa = name_service(a, mem), sb = name_service(b, mem);
        c = -ulid_compare(&sa, &sb);
    }
    return c != 0 ? c : compare_writes(a, b);
}

int row_order(const struct row *a, const struct row *b, struct arena *mem)
{
    switch (table_rule(a->table)) {
    case RULE_FROZEN:
        return compare_frozen(a, b);
    case RULE_NAME:
        return compare_names(a, b, mem);
    default:
        return compare_writes(a, b);
    }
}

bool row_same_content(const struct row *a, const struct row *b)
{
    return row_is_tombstone(a) == row_is_tombstone(b) && bytes_equal(a->value, b->value);
}

/* ---- what a write knew ---- */

static struct record decode_again(const struct row *row, struct arena *mem)
{
    struct record r;
    struct wire_error err;
    int res = record_decode(&r, row->record, mem, &err);

    assert(res == 0); /* checked by row_read() */
    return r;
}

/* A writer knows its own earlier writes, and of each other writer what `seen` says and all before. */
static bool knew(const struct row *winner, const struct row *loser, struct arena *mem)
{
    if (ulid_equal(&winner->origin, &loser->origin))
        return true;

    struct record r = decode_again(winner, mem);
    for (uint32_t i = 0; i < r.seen_n; i++) {
        if (ulid_equal(&r.seen[i].origin, &loser->origin))
            return compare_versions(r.seen[i].version, loser->version) >= 0;
    }
    return false;
}

bool row_conflicts(const struct row *winner, const struct row *loser, struct arena *mem)
{
    if (!keeps_conflicts(winner->table) || row_same_content(winner, loser))
        return false;
    return !knew(winner, loser, mem);
}

/* Ordered by version, newest first, so that a full list loses the oldest. */
static uint32_t seen_insert(struct seen_version *list, uint32_t n, struct seen_version item)
{
    uint32_t at = 0;

    while (at < n && compare_versions(list[at].version, item.version) > 0)
        at++;
    if (at == SEEN_MAX)
        return n;
    if (n == SEEN_MAX)
        n--;
    memmove(&list[at + 1], &list[at], (n - at) * sizeof(list[0]));
    list[at] = item;
    return n + 1;
}

void row_build_on(struct record *record, const struct row *held, struct arena *mem)
{
    if (!held)
        return;
    record->based_on = held->version;
    record->based_on_origin = held->origin;
    if (!keeps_conflicts(held->table))
        return;

    struct record before = decode_again(held, mem);
    struct seen_version *seen = arena_array(mem, SEEN_MAX, sizeof(*seen));
    uint32_t n = 0;

    if (!ulid_equal(&held->origin, &record->origin))
        n = seen_insert(seen, n, (struct seen_version){held->origin, held->version});
    for (uint32_t i = 0; i < before.seen_n; i++) {
        const struct ulid *origin = &before.seen[i].origin;
        if (!ulid_equal(origin, &record->origin) && !ulid_equal(origin, &held->origin))
            n = seen_insert(seen, n, before.seen[i]);
    }
    record->seen = seen;
    record->seen_n = n;
}
