#include "sim/disk.h"

#include "base/mem.h"
#include "base/tree.h"

#include <assert.h>

struct entry {
    TREE_ENTRY(entry) by_key;
    bool local;
    struct bytes key, value;
};

static int entry_compare(const struct entry *a, const struct entry *b)
{
    if (a->local != b->local)
        return a->local ? 1 : -1;
    return bytes_compare(a->key, b->key);
}
TREE_DEFINE(entry_tree, entry, by_key, entry_compare)

struct batch {
    struct batch *next;
    struct effects copy; /* one effect: the batch */
    uint32_t run;
    kith_time done_us;
};

struct disk {
    uint32_t host;
    struct rng *rng;
    struct queue *queue;
    struct fault_counts *counts;
    struct entry_tree tree; /* with a base: what differs from it, an empty value for what is gone */
    const struct disk_base *base;
    size_t count, locals;
    struct batch *first, **end;
    kith_time busy_until_us;
    uint64_t durable;
    bool slow, full;
};

struct disk *disk_new(uint32_t host, struct rng *rng, struct queue *queue,
                      struct fault_counts *counts)
{
    struct disk *d = mem_alloc(sizeof(*d));
    d->host = host;
    d->rng = rng;
    d->queue = queue;
    d->counts = counts;
    d->end = &d->first;
    return d;
}

static struct bytes copy_of(struct bytes b)
{
    return bytes_of(mem_copy(b.data, b.len), b.len);
}

static void entry_free(struct entry *e)
{
    mem_free((void *)(uintptr_t)e->key.data);
    mem_free((void *)(uintptr_t)e->value.data);
    mem_free(e);
}

static void batch_free(struct batch *b)
{
    effects_deinit(&b->copy);
    mem_free(b);
}

static void drop_batches(struct disk *d)
{
    while (d->first) {
        struct batch *b = d->first;
        d->first = b->next;
        batch_free(b);
    }
    d->end = &d->first;
}

void disk_free(struct disk *d)
{
    struct entry *e, *next;
    drop_batches(d);
    TREE_FOREACH_SAFE(e, entry_tree, &d->tree, next)
    {
        TREE_REMOVE(entry_tree, &d->tree, e);
        entry_free(e);
    }
    mem_free(d);
}

void disk_set_base(struct disk *d, const struct disk_base *base)
{
    d->base = base;
}

static struct bytes base_get(const struct disk *d, struct bytes key)
{
    size_t low = 0, high = d->base ? d->base->count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int c = bytes_compare(d->base->records[middle].key, key);
        if (c == 0)
            return d->base->records[middle].value;
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return (struct bytes){0};
}

void disk_set(struct disk *d, bool slow, bool full)
{
    d->slow = slow;
    d->full = full;
}

void disk_store(struct disk *d, const struct effect_store *batch, uint32_t run, kith_time now_us)
{
    struct batch *b = mem_alloc(sizeof(*b));
    struct effect effect = {.kind = EFFECT_STORE, .store = *batch};
    effects_add(&b->copy, &effect);
    b->run = run;
    *d->end = b;
    d->end = &b->next;
    kith_time took = rng_between(d->rng, 200, 3000);
    if (d->slow) {
        took *= 100;
        d->counts->n[FAULT_DISK_SLOW]++;
    }
    if (d->busy_until_us < now_us)
        d->busy_until_us = now_us;
    d->busy_until_us += took;
    b->done_us = d->busy_until_us;
    struct sim_item item = {.at_us = b->done_us, .kind = SIM_DISK, .host = d->host, .run = run};
    queue_add(d->queue, &item);
}

static void write_one(struct disk *d, const struct store_write *w)
{
    struct entry key = {.local = w->local, .key = w->key};
    struct entry *e = TREE_FIND(entry_tree, &d->tree, &key);
    if (w->value.len == 0 && (w->local || base_get(d, w->key).len == 0)) {
        if (e) {
            TREE_REMOVE(entry_tree, &d->tree, e);
            d->count--;
            d->locals -= w->local;
            entry_free(e);
        }
        return;
    }
    if (!e) {
        e = mem_alloc(sizeof(*e));
        e->local = w->local;
        e->key = copy_of(w->key);
        TREE_INSERT(entry_tree, &d->tree, e);
        d->count++;
        d->locals += w->local;
    }
    mem_free((void *)(uintptr_t)e->value.data);
    e->value = copy_of(w->value);
}

static uint64_t apply_first(struct disk *d)
{
    struct batch *b = d->first;
    const struct effect_store *batch = &b->copy.items[0].store;
    for (uint32_t i = 0; i < batch->writes_n; i++)
        write_one(d, &batch->writes[i]);
    uint64_t token = batch->token;
    d->first = b->next;
    if (!d->first)
        d->end = &d->first;
    batch_free(b);
    return token;
}

enum event_kind disk_done(struct disk *d, uint64_t *ret_token)
{
    if (!d->first) {
        *ret_token = 0;
        return EVENT_TIME;
    }
    if (d->full) {
        d->counts->n[FAULT_DISK_FULL]++;
        *ret_token = d->first->copy.items[0].store.token;
        drop_batches(d);
        return EVENT_STORE_FAILED;
    }
    *ret_token = d->durable = apply_first(d);
    return EVENT_STORED;
}

uint64_t disk_durable(const struct disk *d)
{
    return d->durable;
}

uint64_t disk_crash(struct disk *d, bool power_lost)
{
    uint64_t kept = d->durable;
    while (d->first && !d->full && (!power_lost || rng_below(d->rng, 2) == 0))
        kept = apply_first(d);
    if (d->first)
        d->counts->n[FAULT_LOST_WRITES]++;
    drop_batches(d);
    d->busy_until_us = 0;
    d->durable = 0;
    return kept;
}

static struct bytes durable_value(const struct disk *d, struct bytes storage_key)
{
    struct entry key = {.key = storage_key};
    const struct entry *e = TREE_FIND(entry_tree, (struct entry_tree *)(uintptr_t)&d->tree, &key);
    return e ? e->value : base_get(d, storage_key);
}

bool disk_has(const struct disk *d, struct bytes storage_key)
{
    return durable_value(d, storage_key).len > 0;
}

struct bytes disk_last(const struct disk *d, struct bytes storage_key)
{
    struct bytes last = durable_value(d, storage_key);
    for (const struct batch *b = d->first; b; b = b->next) {
        const struct effect_store *store = &b->copy.items[0].store;
        for (uint32_t i = 0; i < store->writes_n; i++) {
            const struct store_write *w = &store->writes[i];
            if (!w->local && bytes_equal(w->key, storage_key))
                last = w->value;
        }
    }
    return last;
}

void disk_load(const struct disk *d, struct event_start *ret, struct arena *mem)
{
    size_t base_n = d->base ? d->base->count : 0, b = 0;
    struct bytes *records = arena_array(mem, base_n + d->count - d->locals + 1, sizeof(*records));
    struct local_row *locals = arena_array(mem, d->locals + 1, sizeof(*locals));
    size_t r = 0, l = 0;
    struct entry *e;
    TREE_FOREACH (e, entry_tree, (struct entry_tree *)(uintptr_t)&d->tree) {
        // cppcheck-suppress uninitvar ; it does not see TREE_FOREACH set e
        if (e->local) {
            locals[l++] = (struct local_row){.name = e->key, .value = e->value};
            continue;
        }
        int c = -1;
        while (b < base_n && (c = bytes_compare(d->base->records[b].key, e->key)) < 0)
            records[r++] = d->base->records[b++].value;
        if (b < base_n && c == 0)
            b++;
        if (e->value.len > 0)
            records[r++] = e->value;
    }
    while (b < base_n)
        records[r++] = d->base->records[b++].value;
    ret->records = records;
    ret->records_n = r;
    ret->locals = locals;
    ret->locals_n = l;
}
