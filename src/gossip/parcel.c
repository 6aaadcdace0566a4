#include "gossip/parcel.h"

#include "base/mem.h"
#include "base/tree.h"

#include <string.h>
#include <zstd.h>

struct part {
    size_t from, len; /* of the message, in `bytes` */
    uint8_t hops;
    bool tree;
    struct ulid before;
};

struct parcel {
    struct ulid to;
    struct part parts[PARCEL_ITEMS];
    uint32_t parts_n;
    struct buf bytes;
    kith_time due_us;  /* KITH_NEVER: empty */
    kith_time sent_us; /* the last frame */
    kith_time lane_us; /* the last one on the lane's own connection */
    TREE_ENTRY(parcel) by_to;
};

static int compare(const struct parcel *a, const struct parcel *b)
{
    return ulid_compare(&a->to, &b->to);
}

TREE_DEFINE(parcel_tree, parcel, by_to, compare)

struct parcels {
    parcel_send *send;
    void *send_arg;
    struct parcel_tree tree;
    kith_time due_us; /* of the earliest */
    kith_time tidy_us;
    struct parcel_counts counts;
};

struct parcels *parcels_new(parcel_send *send, void *arg)
{
    struct parcels *p = mem_alloc(sizeof(*p));
    p->send = send;
    p->send_arg = arg;
    p->due_us = KITH_NEVER;
    return p;
}

static void drop(struct parcels *p, struct parcel *q)
{
    TREE_REMOVE(parcel_tree, &p->tree, q);
    buf_deinit(&q->bytes);
    mem_free(q);
}

void parcels_free(struct parcels *p)
{
    struct parcel *q, *next;
    TREE_FOREACH_SAFE(q, parcel_tree, &p->tree, next)
    drop(p, q);
    mem_free(p);
}

static struct parcel *get(struct parcels *p, const struct ulid *to)
{
    struct parcel search = {.to = *to};
    struct parcel *q = TREE_FIND(parcel_tree, &p->tree, &search);
    if (q)
        return q;
    q = mem_alloc(sizeof(*q));
    q->to = *to;
    q->due_us = KITH_NEVER;
    q->sent_us = -PARCEL_GAP;
    q->lane_us = -PARCEL_WARM;
    TREE_INSERT(parcel_tree, &p->tree, q);
    return q;
}

/* ---- out ---- */

static void encode(const struct parcel *q, struct buf *ret)
{
    struct topic_item items[PARCEL_ITEMS];
    for (uint32_t i = 0; i < q->parts_n; i++) {
        const struct part *part = &q->parts[i];
        items[i] = (struct topic_item){.message = bytes_of(q->bytes.data + part->from, part->len),
                                       .hops = part->hops,
                                       .before = part->before,
                                       .tree = part->tree};
    }
    topic_batch_encode(ret, &(struct topic_batch){.items = items, .items_n = q->parts_n});
}

/* Replaces the payload by a smaller one that says the same, if there is one. */
static void pack(struct parcels *p, struct buf *payload)
{
    size_t len = payload->len;
    if (len < PARCEL_PACK_FROM)
        return;
    size_t room = ZSTD_compressBound(len);
    uint8_t *packed = mem_alloc(room);
    size_t n = ZSTD_compress(packed, room, payload->data, len, PARCEL_LEVEL);
    if (!ZSTD_isError(n) && n + n / 8 < len) {
        struct topic_batch batch = {.packed = bytes_of(packed, n), .unpacked_bytes = (uint32_t)len};
        buf_reset(payload);
        topic_batch_encode(payload, &batch);
        p->counts.packed++;
        p->counts.saved_bytes += len - payload->len;
    }
    mem_free(packed);
}

static void send(struct parcels *p, struct turn *t, struct parcel *q)
{
    struct buf payload = {0};
    bool warm = t->now_us - q->lane_us < PARCEL_WARM;
    encode(q, &payload);
    pack(p, &payload);
    if (p->send(p->send_arg, t, &q->to, buf_bytes(&payload), warm))
        q->lane_us = t->now_us;
    p->counts.frames++;
    p->counts.messages += q->parts_n;
    p->counts.bytes += payload.len;
    buf_deinit(&payload);
    buf_deinit(&q->bytes);
    q->parts_n = 0;
    q->due_us = KITH_NEVER;
    q->sent_us = t->now_us;
}

static bool full(const struct parcel *q)
{
    return q->parts_n == PARCEL_ITEMS || q->bytes.len >= PARCEL_BYTES;
}

void parcels_add(struct parcels *p, struct turn *t, const struct ulid *to,
                 const struct topic_item *item, bool urgent)
{
    struct parcel *q = get(p, to);
    struct part *part = &q->parts[q->parts_n++];
    *part = (struct part){.from = q->bytes.len,
                          .len = item->message.len,
                          .hops = item->hops,
                          .before = item->before,
                          .tree = item->tree};
    buf_append(&q->bytes, item->message.data, item->message.len);
    if (full(q)) {
        send(p, t, q);
        return;
    }
    kith_time due_us = urgent ? t->now_us : q->sent_us + PARCEL_GAP;
    q->due_us = kith_time_min(q->due_us, due_us);
    p->due_us = kith_time_min(p->due_us, q->due_us);
}

static void tidy(struct parcels *p, kith_time now_us)
{
    struct parcel *q, *next;
    if (now_us < p->tidy_us)
        return;
    p->tidy_us = now_us + PARCEL_WARM;
    TREE_FOREACH_SAFE(q, parcel_tree, &p->tree, next)
    {
        if (q->parts_n == 0 && now_us - q->sent_us > PARCEL_WARM)
            drop(p, q);
    }
}

void parcels_flush(struct parcels *p, struct turn *t)
{
    struct parcel *q;
    if (t->now_us < p->due_us)
        return;
    p->due_us = KITH_NEVER;
    TREE_FOREACH (q, parcel_tree, &p->tree) {
        if (q->due_us <= t->now_us)
            send(p, t, q);
        p->due_us = kith_time_min(p->due_us, q->due_us);
    }
    tidy(p, t->now_us);
}

kith_time parcels_deadline(const struct parcels *p)
{
    return p->due_us;
}

const struct parcel_counts *parcels_counts(const struct parcels *p)
{
    return &p->counts;
}

/* ---- in ---- */

static int bad(struct topic_batch *ret, struct wire_error *err, const char *why)
{
    *ret = (struct topic_batch){0};
    *err = (struct wire_error){"topic_batch.packed", why};
    return WIRE_BAD;
}

int parcel_open(struct topic_batch *ret, struct bytes payload, struct arena *mem,
                struct wire_error *err)
{
    if (topic_batch_decode(ret, payload, mem, err) != 0)
        return WIRE_BAD;
    if (ret->packed.len == 0)
        return 0;
    size_t len = ret->unpacked_bytes;
    if (ret->items_n > 0 || len == 0)
        return bad(ret, err, "either items or packed");
    uint8_t *plain = arena_alloc(mem, len);
    if (ZSTD_decompress(plain, len, ret->packed.data, ret->packed.len) != len)
        return bad(ret, err, "is not what it says");
    if (topic_batch_decode(ret, bytes_of(plain, len), mem, err) != 0)
        return WIRE_BAD;
    return ret->packed.len > 0 ? bad(ret, err, "packed twice") : 0;
}
