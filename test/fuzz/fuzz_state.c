/*
 * What other peers may send to the tables: records of all kinds, whole, damaged or made up, and the frames
 * of anti-entropy. Afterwards the digest is that of the rows that are held.
 */
#include "rows.h"
#include "state/inside.h"
#include "state/sync.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *data;
    size_t left;
};

static uint8_t take(struct input *in)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->data++;
}

static struct bytes take_bytes(struct input *in)
{
    size_t len = take(in);

    if (len > in->left)
        len = in->left;
    struct bytes b = bytes_of(in->data, len);
    in->data += len;
    in->left -= len;
    return b;
}

/* A good record, of which some bytes may be changed. */
static void make_record(struct input *in, struct buf *out)
{
    struct rng rng;

    rng_seed(&rng, take(in));
    random_record(out, &rng, WALL);
    for (int i = take(in) % 4; i > 0; i--) {
        size_t at = take(in);

        if (at < out->len)
            out->data[at] = take(in);
    }
}

static void receive(struct sync *sync, struct turn *t, uint8_t kind, struct bytes payload)
{
    struct envelope envelope = {.kind = (uint16_t)(WIRE_SYNC_COMPARE + kind % 8), .correlation = 1};
    struct incoming in = {.who = {.kind = PRINCIPAL_KIND_NODE},
                          .envelope = &envelope,
                          .payload = payload,
                          .route = 1};

    assert(sync_receive(sync, t, &in));
}

static void one_step(struct input *in, struct state *s, struct sync *sync, struct turn *t)
{
    struct buf record = {0};
    uint8_t what = take(in);

    if (what < 128) {
        make_record(in, &record);
        (void)state_merge(s, buf_bytes(&record));
    } else if (what < 160) {
        (void)state_merge(s, take_bytes(in));
    } else if (what < 240) {
        receive(sync, t, what, take_bytes(in));
    } else {
        state_clock(s, WALL + what * KITH_SEC);
        state_time(s);
    }
    buf_deinit(&record);
}

static void check_digest(const struct state *s)
{
    uint64_t digest = 0;
    size_t count = 0;

    for (uint32_t i = 1; i < TABLE_COUNT; i++) {
        struct table_walk walk;
        struct content *c = table_walk(&walk, state_table(s), (enum table_id)i);

        for (; c; c = table_walk_on(&walk), count++)
            digest ^= c->digest.hash;
    }
    assert(digest == state_digest(s) && count == state_count(s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct state *s = node_new(1);
    struct members *members = members_new();
    struct sync *sync = sync_new(members);
    struct effects out = {0};
    struct post post = {.cluster = id_of(200), .self = id_of(1), .boot = id_of(9)};
    struct turn t = {.state = s, .out = &out, .post = &post};

    while (in.left > 0) {
        one_step(&in, s, sync, &t);
        effects_reset(&out);
    }
    check_digest(s);
    effects_deinit(&out);
    sync_free(sync);
    members_free(members);
    state_free(s);
    return 0;
}
