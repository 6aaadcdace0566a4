#include "state/batch.h"

#include "base/mem.h"

#include <string.h>

/* A local row between its writing and the news that it is on disk. */
struct local {
    TREE_ENTRY(local) by_name;
    uint64_t token; /* batch it went into; 0: it is still to go */
    struct bytes name, value;
    uint8_t bytes[];
};

static int compare_locals(const struct local *a, const struct local *b)
{
    return bytes_compare(a->name, b->name);
}

TREE_FUNCTIONS(local_tree, local, by_name, compare_locals)

void batch_init(struct batch *b)
{
    *b = (struct batch){.token = 1};
}

void batch_deinit(struct batch *b)
{
    struct local *l, *next;

    TREE_FOREACH_SAFE(l, local_tree, &b->locals, next)
    {
        TREE_REMOVE(local_tree, &b->locals, l);
        mem_free(l);
    }
    marks_deinit(&b->marks);
}

void batch_store(struct batch *b, struct content *c, bool dropped)
{
    (void)marks_add(&b->marks, MARK_BATCH, c, dropped);
    b->fresh = true;
}

void batch_local(struct batch *b, struct bytes name, struct bytes value)
{
    struct local *l = mem_alloc(sizeof(*l) + name.len + value.len);

    if (name.len > 0)
        memcpy(l->bytes, name.data, name.len);
    if (value.len > 0)
        memcpy(l->bytes + name.len, value.data, value.len);
    l->name = bytes_of(l->bytes, name.len);
    l->value = bytes_of(l->bytes + name.len, value.len);
    struct local *old = TREE_FIND(local_tree, &b->locals, l);
    if (old) {
        TREE_REMOVE(local_tree, &b->locals, old);
        mem_free(old);
    }
    TREE_INSERT(local_tree, &b->locals, l);
    b->fresh = true;
}

void batch_replaced(struct batch *b, struct content *c)
{
    struct marked *x = marks_renew(&b->marks, c, /* dropped= */ false);

    marks_remove(&b->marks, MARK_PUSH, x); /* if somebody else's row won, that one tells it */
}

/* ---- store ---- */

static struct store_write write_of(const struct marked *x, struct arena *mem)
{
    const struct content *c = x->content;
    uint8_t key[STORAGE_KEY_MAX];
    size_t len = content_storage_key(key, content_table(c), content_ns(c), content_key(c));

    return (struct store_write){
        .key = arena_bytes(mem, bytes_of(key, len)),
        .value = x->dropped ? (struct bytes){0} : content_record(c),
    };
}

static uint32_t gather_locals(struct batch *b, struct store_write *ret)
{
    struct local *l;
    uint32_t n = 0;

    TREE_FOREACH (l, local_tree, &b->locals) {
        if (l->token == 0) {
            ret[n++] = (struct store_write){.local = true, .key = l->name, .value = l->value};
            l->token = b->token;
        }
    }
    return n;
}

static size_t count_locals(struct batch *b)
{
    struct local *l;
    size_t n = 0;

    TREE_FOREACH (l, local_tree, &b->locals)
        n++;
    return n;
}

bool batch_take(struct batch *b, kith_time wall_us, struct effects *out)
{
    if (!b->fresh && (!b->failed || wall_us < b->retry_wall_us))
        return false;

    const struct mark_list *rows = &b->marks.lists[MARK_BATCH];
    struct arena mem = {0};
    struct store_write *writes = arena_array(&mem, rows->count + count_locals(b), sizeof(*writes));
    uint32_t n = 0;

    for (size_t i = 0; i < rows->count; i++) {
        if (rows->items[i]) {
            marks_sent(&b->marks, rows->items[i], b->token);
            writes[n++] = write_of(rows->items[i], &mem);
        }
    }
    n += gather_locals(b, writes + n);
    marks_clear(&b->marks, MARK_BATCH);

    uint64_t wait = effects_wait(out, 0);
    struct effect_store store = {.token = b->token, .writes = writes, .writes_n = n};
    effects_add(out, &(struct effect){.kind = EFFECT_STORE, .store = store});
    effects_wait(out, wait);
    arena_deinit(&mem);
    b->token++;
    b->fresh = false;
    b->failed = false;
    return true;
}

uint64_t batch_of(const struct batch *b, const struct content *c)
{
    const struct marked *x = marks_find(&b->marks, c);

    if (!x)
        return 0;
    return x->slot[MARK_BATCH] ? b->token : x->token;
}

uint64_t batch_unstored(const struct batch *b)
{
    if (b->fresh || b->failed)
        return b->token;
    return b->token - 1 > b->stored ? b->token - 1 : 0;
}

void batch_stored(struct batch *b, uint64_t token)
{
    struct local *l, *next;

    if (token > b->stored)
        b->stored = token;
    marks_arrived(&b->marks, token);
    TREE_FOREACH_SAFE(l, local_tree, &b->locals, next)
    {
        if (l->token != 0 && l->token <= token) {
            TREE_REMOVE(local_tree, &b->locals, l);
            mem_free(l);
        }
    }
}

void batch_failed(struct batch *b, uint64_t token, kith_time wall_us)
{
    struct local *l;

    marks_failed(&b->marks, token);
    TREE_FOREACH (l, local_tree, &b->locals) {
        if (l->token >= token)
            l->token = 0;
    }
    b->failed = true;
    b->retry_wall_us = wall_us + BATCH_RETRY;
}

kith_time batch_deadline_wall(const struct batch *b)
{
    return b->failed ? b->retry_wall_us : KITH_NEVER;
}

/* ---- push ---- */

/* As many as go into one payload; `pushed` moves behind them. */
static struct rows next_rows(struct batch *b, struct arena *mem)
{
    const struct mark_list *list = &b->marks.lists[MARK_PUSH];
    size_t left = list->count - b->pushed, bytes = 0;
    struct bytes *records = arena_array(
        mem, left < ROWS_RECORDS_MAX_ITEMS ? left : ROWS_RECORDS_MAX_ITEMS, sizeof(*records));
    struct rows rows = {.records = records};

    for (; b->pushed < list->count && rows.records_n < ROWS_RECORDS_MAX_ITEMS; b->pushed++) {
        const struct marked *x = list->items[b->pushed];

        if (!x)
            continue;
        bytes += content_record(x->content).len + 5; /* with its MessagePack head */
        if (rows.records_n > 0 && bytes > PUSH_BYTES)
            break;
        records[rows.records_n++] = content_record(x->content);
    }
    return rows;
}

bool batch_take_push(struct batch *b, struct buf *ret)
{
    const struct mark_list *list = &b->marks.lists[MARK_PUSH];
    struct arena mem = {0};

    buf_reset(ret);
    if (list->count == 0)
        return false; /* nearly every step */
    struct rows rows = next_rows(b, &mem);
    if (rows.records_n > 0)
        rows_encode(ret, &rows);
    if (b->pushed == list->count) {
        marks_clear(&b->marks, MARK_PUSH);
        b->pushed = 0;
    }
    arena_deinit(&mem);
    return rows.records_n > 0;
}
