#include "sim/check.h"

#include "base/mem.h"
#include "base/tree.h"
#include "sim/view.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* One version of one row, as some host first stored it. */
struct seen {
    TREE_ENTRY(seen) by_version;
    struct bytes key; /* storage key, owned */
    struct version version;
    struct ulid origin;
    struct bytes record; /* owned */
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
    kith_time at_us;
};

struct watch { /* of one host */
    struct ulid node;
    struct healthy *healthy;
    size_t count;
};

struct check {
    uint32_t hosts_n;
    struct watch *hosts;
    struct seen_tree seen;
    struct ulid *acknowledged;
    size_t acknowledged_n;
    char *violations[CHECK_VIOLATIONS_MAX];
    size_t violations_n;
};

struct check *check_new(uint32_t hosts)
{
    struct check *c = mem_alloc(sizeof(*c));
    c->hosts_n = hosts;
    c->hosts = mem_alloc(hosts * sizeof(*c->hosts));
    return c;
}

void check_free(struct check *c)
{
    struct seen *s, *next;
    TREE_FOREACH_SAFE(s, seen_tree, &c->seen, next)
    {
        TREE_REMOVE(seen_tree, &c->seen, s);
        mem_free((void *)(uintptr_t)s->key.data);
        mem_free((void *)(uintptr_t)s->record.data);
        mem_free(s);
    }
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
           table == TABLE_ID_COMMAND_EVENT;
}

static void name_row(struct buf *out, const struct record *r)
{
    record_print(out, r);
}

/* A disk that fails for a while is given only the newest version of a row when it works again. What was
 * told of an older one waited for that, and harms nobody: its origin holds the newer one for good. */
static bool is_overtaken(struct check *c, struct seen *key)
{
    struct seen *next = TREE_FROM(seen_tree, &c->seen, key);
    return next && bytes_equal(next->key, key->key);
}

static void check_write(struct check *c, uint32_t host, kith_time now_us,
                        const struct store_write *w)
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
    if (!s) {
        if (!ulid_equal(&r.origin, &c->hosts[host].node) && !is_overtaken(c, &key))
            check_violation(c, host, now_us, "a row appears that its origin never stored: %s",
                            buf_cstr(&text));
        s = mem_alloc(sizeof(*s));
        *s = key;
        s->key.data = mem_copy(w->key.data, w->key.len);
        s->record = bytes_of(mem_copy(w->value.data, w->value.len), w->value.len);
        TREE_INSERT(seen_tree, &c->seen, s);
    } else if (!bytes_equal(s->record, w->value)) {
        check_violation(c, host, now_us, "two contents under one version: %s", buf_cstr(&text));
    }
    buf_deinit(&text);
    arena_deinit(&mem);
}

/* The newest version of a row that was ever handed to a disk. */
static const struct seen *newest(struct check *c, struct bytes storage_key)
{
    struct seen key = {.key = storage_key, .version = {UINT64_MAX, UINT64_MAX}};
    memset(&key.origin, 0xff, sizeof(key.origin));
    struct seen *after = TREE_FROM(seen_tree, &c->seen, &key);
    struct seen *s = after ? TREE_PREV(seen_tree, &c->seen, after) : TREE_LAST(seen_tree, &c->seen);
    return s && bytes_equal(s->key, storage_key) ? s : NULL;
}

static void check_removed(struct check *c, uint32_t host, kith_time now_us,
                          struct bytes storage_key)
{
    const struct seen *s = newest(c, storage_key);
    struct record r;
    struct wire_error err;
    struct arena mem = {0};
    if (s && record_decode(&r, s->record, &mem, &err) == 0 && r.expires_ms == 0) {
        struct buf text = {0};
        name_row(&text, &r);
        check_violation(c, host, now_us, "a row is removed without a tombstone: %s",
                        buf_cstr(&text));
        buf_deinit(&text);
    }
    arena_deinit(&mem);
}

static void note_healthy(struct watch *w, const struct state *state, const struct members *members,
                         kith_time now_us)
{
    const struct row *row = state_first(state, TABLE_ID_SERVICE, (struct bytes){0});
    for (; row; row = state_next(state, row, (struct bytes){0})) {
        struct ulid service;
        memcpy(&service, row->key.data, sizeof(service));
        if (!view_healthy(state, members, &service))
            continue;
        size_t i = 0;
        while (i < w->count && !ulid_equal(&w->healthy[i].service, &service))
            i++;
        if (i == w->count) {
            w->healthy = mem_grow(w->healthy, ++w->count, sizeof(*w->healthy));
            w->healthy[i].service = service;
        }
        w->healthy[i].at_us = now_us;
    }
}

static bool healthy_lately(const struct watch *w, const struct ulid *service, kith_time now_us)
{
    for (size_t i = 0; i < w->count; i++) {
        if (ulid_equal(&w->healthy[i].service, service))
            return now_us - w->healthy[i].at_us <= CHECK_NEEDS_LATELY;
    }
    return false;
}

static void check_start(struct check *c, uint32_t host, kith_time now_us,
                        const struct effect_start *start, const struct state *state)
{
    struct ulid needs[64];
    size_t n = view_needs(state, &c->hosts[host].node, &start->instance, needs, 64);
    for (size_t i = 0; i < n; i++) {
        if (!healthy_lately(&c->hosts[host], &needs[i], now_us))
            check_violation(c, host, now_us, "%.*s starts before what it needs is healthy",
                            (int)start->service.len, (const char *)start->service.data);
    }
}

void check_step(struct check *c, uint32_t host, kith_time now_us, const struct effects *effects,
                const struct state *state, const struct members *members, const struct disk *disk)
{
    bool stored = false;
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *e = &effects->items[i];
        if (e->wait > disk_durable(disk))
            check_violation(c, host, now_us,
                            "an effect of kind %d leaves before batch %llu is on disk",
                            (int)e->kind, (unsigned long long)e->wait);
        for (uint32_t k = 0; e->kind == EFFECT_STORE && k < e->store.writes_n; k++) {
            const struct store_write *w = &e->store.writes[k];
            if (w->local)
                continue;
            stored = true;
            if (w->value.len > 0)
                check_write(c, host, now_us, w);
            else
                check_removed(c, host, now_us, w->key);
        }
    }
    if (stored)
        note_healthy(&c->hosts[host], state, members, now_us);
    for (size_t i = 0; i < effects->count; i++) {
        if (effects->items[i].kind == EFFECT_START)
            check_start(c, host, now_us, &effects->items[i].start, state);
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
    for (size_t i = 0; i < c->acknowledged_n; i++) {
        if (!state_get(state, TABLE_ID_COMMAND, ulid_bytes(&c->acknowledged[i])))
            check_violation(c, host, now_us, "command %s was acknowledged and is lost",
                            ulid_text(&c->acknowledged[i]).s);
    }
    struct seen *s;
    TREE_FOREACH (s, seen_tree, &c->seen) {
        struct seen *next = TREE_NEXT(seen_tree, &c->seen, s);
        if (!next || !bytes_equal(next->key, s->key))
            check_newest(c, host, now_us, state, s);
    }
}
