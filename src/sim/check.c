#include "sim/check.h"

#include "base/hlc.h"
#include "base/mem.h"
#include "base/tree.h"
#include "control/holder.h"
#include "gossip/anew.h"
#include "sim/site.h"
#include "sim/view.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* One version of one row, as its origin first gave it to its disk. */
struct seen {
    TREE_ENTRY(seen) by_version;
    struct bytes key; /* storage key, owned */
    struct version version;
    struct ulid origin;
    struct bytes record; /* owned */
    uint64_t token;      /* of the origin's batch, until that is on disk; then 0 */
    bool undecided;      /* held for a keeper, and no row yet: it may never be one */
    bool early;          /* stamped by a clock so wrong that everybody refuses it */
    bool dropped;        /* its origin was forgotten since and began anew: nobody has to hold it */
    bool spread;         /* another host has it, or had it */
    struct seen *next;   /* in the origin's list of those that are not on disk yet */
};

static int version_compare(const struct version *a, const struct version *b)
{
    if (a->major != b->major)
        return a->major < b->major ? -1 : 1;
    if (a->minor != b->minor)
        return a->minor < b->minor ? -1 : 1;
    return 0;
}

static int seen_compare(const struct seen *a, const struct seen *b)
{
    int c = bytes_compare(a->key, b->key);
    if (c == 0)
        c = version_compare(&a->version, &b->version);
    if (c == 0)
        c = ulid_compare(&a->origin, &b->origin);
    return c;
}
TREE_DEFINE(seen_tree, seen, by_version, seen_compare)

struct healthy {
    struct ulid service;
    kith_time at_us; /* the last time seen so */
    bool still;
};

struct watch { /* of one host */
    struct ulid node;
    struct healthy *healthy;
    size_t count;
    struct seen *under_way, **end; /* oldest first */
    kith_time under_way_us;        /* since when there is always one */
};

struct check {
    bool off;
    uint32_t hosts_n;
    struct watch *hosts;
    struct seen_tree seen;
    struct ulid *acknowledged;
    size_t acknowledged_n;
    char *violations[CHECK_VIOLATIONS_MAX];
    size_t violations_n;
};

struct check *check_new(uint32_t hosts, bool off)
{
    struct check *c = mem_alloc(sizeof(*c));
    c->off = off;
    c->hosts_n = hosts;
    c->hosts = mem_alloc(hosts * sizeof(*c->hosts));
    for (uint32_t i = 0; i < hosts; i++)
        c->hosts[i].end = &c->hosts[i].under_way;
    return c;
}

static void seen_free(struct check *c, struct seen *s)
{
    TREE_REMOVE(seen_tree, &c->seen, s);
    mem_free((void *)(uintptr_t)s->key.data);
    mem_free((void *)(uintptr_t)s->record.data);
    mem_free(s);
}

void check_free(struct check *c)
{
    struct seen *s, *next;
    TREE_FOREACH_SAFE(s, seen_tree, &c->seen, next)
    seen_free(c, s);
    for (uint32_t i = 0; i < c->hosts_n; i++)
        mem_free(c->hosts[i].healthy);
    for (size_t i = 0; i < c->violations_n; i++)
        mem_free(c->violations[i]);
    mem_free(c->acknowledged);
    mem_free(c->hosts);
    mem_free(c);
}

void check_host(struct check *c, uint32_t host, const struct ulid *node)
{
    c->hosts[host].node = *node;
}

void check_boot(struct check *c, uint32_t host)
{
    c->hosts[host].count = 0;
}

/* Batches up to `token` are on disk. */
static void settle_stored(struct watch *w, uint64_t token)
{
    while (w->under_way && w->under_way->token <= token) {
        struct seen *s = w->under_way;
        w->under_way = s->next;
        s->token = 0;
    }
    if (!w->under_way)
        w->end = &w->under_way;
}

void check_crash(struct check *c, uint32_t host, uint64_t kept)
{
    struct watch *w = &c->hosts[host];
    settle_stored(w, kept);
    while (w->under_way) {
        struct seen *s = w->under_way;
        w->under_way = s->next;
        seen_free(c, s);
    }
    w->end = &w->under_way;
}

void check_violation(struct check *c, uint32_t host, kith_time now_us, const char *format, ...)
{
    if (c->violations_n == CHECK_VIOLATIONS_MAX)
        return;
    struct buf text = {0};
    char line[512];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    buf_printf(&text, "%lld.%06lld host %u: %s", (long long)(now_us / KITH_SEC),
               (long long)(now_us % KITH_SEC), host + 1, line);
    c->violations[c->violations_n++] = mem_str(buf_cstr(&text));
    buf_deinit(&text);
}

size_t check_violations(const struct check *c, const char *const **ret)
{
    *ret = (const char *const *)c->violations;
    return c->violations_n;
}

size_t check_acknowledged_count(const struct check *c)
{
    return c->acknowledged_n;
}

static bool own_table(enum table_id table)
{
    return table == TABLE_ID_MEMBER || table == TABLE_ID_INSTANCE ||
           table == TABLE_ID_COMMAND_EVENT || table == TABLE_ID_INTEREST ||
           table == TABLE_ID_REGISTRATION || table == TABLE_ID_CONFIRM ||
           table == TABLE_ID_SESSION || table == TABLE_ID_MAINTENANCE;
}

static void name_row(struct buf *out, const struct record *r)
{
    record_print(out, r);
}

/* A row written twice while the disk refused writes is stored as the second only. An answer that was made
 * between the two waited for that batch as well, and then speaks of the first: which harms nobody, since
 * the second, on disk, wins over it everywhere. */
static bool is_outdated(struct check *c, struct seen *key)
{
    struct seen *s = TREE_FROM(seen_tree, &c->seen, key);
    for (; s && bytes_equal(s->key, key->key); s = TREE_NEXT(seen_tree, &c->seen, s)) {
        if (ulid_equal(&s->origin, &key->origin) && s->token == 0)
            return true;
    }
    return false;
}

static void add_seen(struct check *c, uint32_t host, const struct seen *key, struct bytes record,
                     uint64_t token)
{
    struct watch *w = &c->hosts[host];
    struct seen *s = mem_alloc(sizeof(*s));
    *s = *key;
    s->key.data = mem_copy(key->key.data, key->key.len);
    s->record = bytes_of(mem_copy(record.data, record.len), record.len);
    s->token = token;
    TREE_INSERT(seen_tree, &c->seen, s);
    if (token > 0) {
        *w->end = s;
        w->end = &s->next;
    }
}

/* Rows ordered by stamp alone, with a stamp that others refuse as too far ahead: a host with a wrong
 * clock wrote it, and will write it anew, with an earlier stamp, when that is mended. The hosts' clocks
 * differ by less than a second. */
static bool is_early(const struct record *r, kith_time now_us)
{
    bool by_stamp = r->table == TABLE_ID_SERVICE || r->table == TABLE_ID_COUNT ||
                    r->table == TABLE_ID_ADMISSION || r->table == TABLE_ID_CLUSTER ||
                    r->table == TABLE_ID_KEY || r->table == TABLE_ID_LOCK;
    return by_stamp &&
           hlc_wall_us(r->version.minor) - HLC_MAX_AHEAD + KITH_SEC > SITE_WALL_START + now_us;
}

/* A row that its origin has on its disk, though not as a row yet. */
static void add_held(struct check *c, uint32_t host, kith_time now_us, struct bytes record,
                     uint64_t token)
{
    struct record r;
    struct wire_error err;
    struct arena mem = {0};
    struct buf name = {0};
    if (record_decode(&r, record, &mem, &err) == 0 && ulid_equal(&r.origin, &c->hosts[host].node)) {
        state_storage_key(&name, r.table, r.namespace, r.key);
        struct seen key = {.key = buf_bytes(&name), .version = r.version, .origin = r.origin};
        if (!TREE_FIND(seen_tree, &c->seen, &key)) {
            key.early = is_early(&r, now_us);
            key.undecided = true;
            add_seen(c, host, &key, record, token);
        }
    }
    buf_deinit(&name);
    arena_deinit(&mem);
}

static void check_write(struct check *c, uint32_t host, kith_time now_us,
                        const struct store_write *w, uint64_t token)
{
    struct record r;
    struct wire_error err;
    struct arena mem = {0};
    struct buf text = {0};
    if (record_decode(&r, w->value, &mem, &err) != 0) {
        check_violation(c, host, now_us, "stores what is no record: %s %s", err.field, err.why);
        arena_deinit(&mem);
        return;
    }
    name_row(&text, &r);
    if (own_table(r.table) && (r.key.len < 16 || memcmp(r.key.data, r.origin.b, 16) != 0))
        check_violation(c, host, now_us, "holds a row that its origin does not own: %s",
                        buf_cstr(&text));
    struct seen key = {.key = w->key, .version = r.version, .origin = r.origin};
    struct seen *s = TREE_FIND(seen_tree, &c->seen, &key);
    bool own = ulid_equal(&r.origin, &c->hosts[host].node);
    if (!s && !own && !is_outdated(c, &key))
        check_violation(c, host, now_us, "a row appears that its origin never stored: %s",
                        buf_cstr(&text));
    if (!s) {
        key.early = is_early(&r, now_us);
        add_seen(c, host, &key, w->value, own ? token : 0);
    }
    if (s)
        s->undecided = false;
    if (s && !bytes_equal(s->record, w->value))
        check_violation(c, host, now_us, "two contents under one version: %s", buf_cstr(&text));
    if (s && !own && s->token > 0)
        check_violation(c, host, now_us, "a row is heard of before its origin's disk has it: %s",
                        buf_cstr(&text));
    if (s && !own && s->dropped && !s->spread)
        check_violation(c, host, now_us, "a row comes from a host that has dropped it: %s",
                        buf_cstr(&text));
    if (s && !own)
        s->spread = true;
    buf_deinit(&text);
    arena_deinit(&mem);
}

/* The row goes with its node, which was forgotten, as the host knows. */
static bool is_forgotten(const struct state *state, const struct record *r)
{
    struct verdict_row verdict;
    struct wire_error err;
    struct arena mem = {0};
    const struct row *row =
        own_table(r->table) && r->key.len >= sizeof(struct ulid)
            ? state_get(state, TABLE_ID_VERDICT, bytes_of(r->key.data, sizeof(struct ulid)))
            : NULL;
    bool forgotten = row && row->version.major >= r->version.major &&
                     verdict_row_decode(&verdict, row->value, &mem, &err) == 0 && verdict.forgotten;
    arena_deinit(&mem);
    return forgotten;
}

/* The host itself was forgotten, and drops all it holds in this step. */
static bool begins_anew(const struct effects *effects)
{
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *e = &effects->items[i];
        for (uint32_t k = 0; e->kind == EFFECT_STORE && k < e->store.writes_n; k++) {
            if (e->store.writes[k].local && bytes_equal_str(e->store.writes[k].key, ANEW_LOCAL))
                return true;
        }
    }
    return false;
}

/* What it wrote until now may have reached others, or is exported and nowhere else. */
static void drop_written(struct check *c, uint32_t host)
{
    struct seen *s;
    TREE_FOREACH (s, seen_tree, &c->seen)
        s->dropped = s->dropped || ulid_equal(&s->origin, &c->hosts[host].node);
}

/* A tombstone of that key is on its origin's disk that wins over the row. */
static bool is_deleted(struct check *c, struct bytes storage_key, const struct record *row)
{
    struct seen key = {.key = storage_key, .version = row->version};
    struct seen *s = TREE_FROM(seen_tree, &c->seen, &key);
    bool deleted = false;
    for (; s && !deleted && bytes_equal(s->key, storage_key);
         s = TREE_NEXT(seen_tree, &c->seen, s)) {
        struct record r;
        struct wire_error err;
        struct arena mem = {0};
        deleted = s->token == 0 && record_decode(&r, s->record, &mem, &err) == 0 &&
                  (r.flags & ROW_TOMBSTONE) && version_compare(&r.version, &row->version) > 0;
        arena_deinit(&mem);
    }
    return deleted;
}

static void check_removed(struct check *c, uint32_t host, kith_time now_us, const struct disk *disk,
                          const struct state *state, struct bytes storage_key)
{
    struct bytes held = disk_last(disk, storage_key); /* others may have newer rows under the key */
    struct record r;
    struct wire_error err;
    struct arena mem = {0};
    /* A tombstone goes when all hold it; if it went too early, what it deleted comes back: check_newest(). A disk that
     * refused it may be told of its end only. */
    if (held.len > 0 && record_decode(&r, held, &mem, &err) == 0 && r.expires_ms == 0 &&
        !(r.flags & ROW_TOMBSTONE) && !is_forgotten(state, &r) && !is_deleted(c, storage_key, &r)) {
        struct buf text = {0};
        name_row(&text, &r);
        check_violation(c, host, now_us, "a row is removed without a tombstone: %s",
                        buf_cstr(&text));
        buf_deinit(&text);
    }
    arena_deinit(&mem);
}

static struct healthy *healthy_of(struct watch *w, const struct ulid *service)
{
    for (size_t i = 0; i < w->count; i++) {
        if (ulid_equal(&w->healthy[i].service, service))
            return &w->healthy[i];
    }
    w->healthy = mem_grow(w->healthy, w->count + 1, sizeof(*w->healthy));
    w->healthy[w->count] = (struct healthy){.service = *service};
    return &w->healthy[w->count++];
}

/* What was healthy when this was last called was so until now. */
static void note_healthy(struct watch *w, const struct state *state, const struct members *members,
                         kith_time now_us)
{
    struct arena mem = {0};
    struct ulid *list;
    size_t n = view_healthy(state, members, &w->node, &list, &mem);
    for (size_t i = 0; i < w->count; i++) {
        if (w->healthy[i].still)
            w->healthy[i].at_us = now_us;
        w->healthy[i].still = false;
    }
    for (size_t i = 0; i < n; i++) {
        struct healthy *h = healthy_of(w, &list[i]);
        h->at_us = now_us;
        h->still = true;
    }
    arena_deinit(&mem);
}

/* A write of this row may have made something healthy, or not so. */
static bool tells_of_health(const struct store_write *w)
{
    return w->key.data[0] == TABLE_ID_INSTANCE || w->key.data[0] == TABLE_ID_MEMBER ||
           w->key.data[0] == TABLE_ID_VERDICT;
}

static bool healthy_lately(const struct watch *w, const struct ulid *service, kith_time at_us)
{
    for (size_t i = 0; i < w->count; i++) {
        if (ulid_equal(&w->healthy[i].service, service))
            return at_us - w->healthy[i].at_us <= CHECK_NEEDS_LATELY;
    }
    return false;
}

static void check_start(struct check *c, uint32_t host, kith_time now_us, kith_time decided_us,
                        const struct effect_start *start, const struct state *state)
{
    struct ulid needs[64];
    size_t n = view_needs(state, &c->hosts[host].node, &start->instance, needs, 64);
    for (size_t i = 0; i < n; i++) {
        if (!healthy_lately(&c->hosts[host], &needs[i], decided_us))
            check_violation(c, host, now_us, "%.*s starts before what it needs is healthy",
                            (int)start->service.len, (const char *)start->service.data);
    }
}

/* What a keeper has on its disk of a decision, and a later one may have to finish: others may then hold it as rows of the
 * first (src/control/holder.h). */
static void check_held(struct check *c, uint32_t host, kith_time now_us,
                       const struct store_write *w, uint64_t token)
{
    struct held_row held;
    struct arena mem = {0};
    struct wire_error err;
    if (held_row_decode(&held, w->value, &mem, &err) != 0)
        check_violation(c, host, now_us, "keeps what is no held_row: %s %s", err.field, err.why);
    else
        for (uint32_t i = 0; i < held.records_n; i++)
            add_held(c, host, now_us, held.records[i], token);
    arena_deinit(&mem);
}

void check_step(struct check *c, uint32_t host, kith_time now_us, const struct effects *effects,
                const struct state *state, const struct members *members, const struct disk *disk)
{
    bool moved = false, starts = false;
    if (c->off)
        return;
    bool anew = begins_anew(effects);
    if (anew)
        drop_written(c, host);
    struct watch *watch = &c->hosts[host];
    /* Since when what leaves now may have waited for the disk, which may have been full. */
    kith_time decided_us = watch->under_way ? watch->under_way_us : now_us;
    settle_stored(watch, disk_durable(disk));
    bool idle = !watch->under_way;
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *e = &effects->items[i];
        starts = starts || e->kind == EFFECT_START;
        if (e->wait > disk_durable(disk))
            check_violation(c, host, now_us,
                            "an effect of kind %d leaves before batch %llu is on disk",
                            (int)e->kind, (unsigned long long)e->wait);
        for (uint32_t k = 0; e->kind == EFFECT_STORE && k < e->store.writes_n; k++) {
            const struct store_write *w = &e->store.writes[k];
            if (w->local) {
                if (w->value.len > 0 && bytes_equal_str(w->key, HOLDER_LOCAL))
                    check_held(c, host, now_us, w, e->store.token);
                continue;
            }
            moved = moved || tells_of_health(w);
            if (w->value.len > 0)
                check_write(c, host, now_us, w, e->store.token);
            else if (!anew)
                check_removed(c, host, now_us, disk, state, w->key);
        }
    }
    if (idle)
        watch->under_way_us = now_us;
    if (moved || starts)
        note_healthy(watch, state, members, now_us);
    for (size_t i = 0; starts && i < effects->count; i++) {
        if (effects->items[i].kind == EFFECT_START)
            check_start(c, host, now_us, decided_us, &effects->items[i].start, state);
    }
}

void check_acknowledged(struct check *c, uint32_t host, kith_time now_us,
                        const struct ulid *command, const struct disk *disk)
{
    struct buf key = {0};
    state_storage_key(&key, TABLE_ID_COMMAND, bytes_str(STATE_NAMESPACE), ulid_bytes(command));
    if (!disk_has(disk, buf_bytes(&key)))
        check_violation(c, host, now_us, "command %s is acknowledged before it is on disk",
                        ulid_text(command).s);
    buf_deinit(&key);
    c->acknowledged = mem_grow(c->acknowledged, c->acknowledged_n + 1, sizeof(*c->acknowledged));
    c->acknowledged[c->acknowledged_n++] = *command;
}

static void check_newest(struct check *c, uint32_t host, kith_time now_us,
                         const struct state *state, const struct seen *s)
{
    struct record r;
    struct wire_error err;
    struct arena mem = {0};
    if (record_decode(&r, s->record, &mem, &err) == 0 && r.table != TABLE_ID_NAME &&
        r.expires_ms == 0) {
        const struct row *row = state_get(state, r.table, r.key);
        struct buf text = {0};
        name_row(&text, &r);
        if ((r.flags & ROW_TOMBSTONE) && row)
            check_violation(c, host, now_us, "a deleted row is back: %s", buf_cstr(&text));
        else if (!(r.flags & ROW_TOMBSTONE) && !row)
            check_violation(c, host, now_us, "a row is lost: %s", buf_cstr(&text));
        else if (row && version_compare(&row->version, &r.version) < 0)
            check_violation(c, host, now_us, "a row is older than one that was on disk: %s",
                            buf_cstr(&text));
        buf_deinit(&text);
    }
    arena_deinit(&mem);
}

void check_final(struct check *c, uint32_t host, kith_time now_us, const struct state *state)
{
    if (c->off)
        return;
    for (size_t i = 0; i < c->acknowledged_n; i++) {
        if (!state_get(state, TABLE_ID_COMMAND, ulid_bytes(&c->acknowledged[i])))
            check_violation(c, host, now_us, "command %s was acknowledged and is lost",
                            ulid_text(&c->acknowledged[i]).s);
    }
    struct seen *s, *last = NULL;
    TREE_FOREACH (s, seen_tree, &c->seen) {
        if (last && !bytes_equal(last->key, s->key)) {
            check_newest(c, host, now_us, state, last);
            last = NULL;
        }
        last = s->early || s->dropped || s->undecided ? last : s;
    }
    if (last)
        check_newest(c, host, now_us, state, last);
}
