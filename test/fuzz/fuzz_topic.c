/* What peers and clients send about topics, beyond its decoding: the first byte says which. */
#include "gossip/load_batch.h"
#include "gossip/parcel.h"
#include "gossip/pattern.h"
#include "state/loads.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A pattern, a NUL, a topic. Whatever they are, `#` matches it, and a topic matches itself. */
static void match(struct bytes in)
{
    const uint8_t *end = in.len > 0 ? memchr(in.data, 0, in.len) : NULL;
    size_t at = end ? (size_t)(end - in.data) : in.len;
    struct bytes text = bytes_of(in.data + at, in.len - at);
    struct pattern pattern, all, itself;
    struct topic topic;
    if (text.len > 0)
        text = bytes_of(text.data + 1, text.len - 1);
    int bad = pattern_parse(&pattern, bytes_of(in.data, at));
    if (bad != 0)
        assert(pattern_problem(bad) != NULL);
    if (topic_split(&topic, text) != 0)
        return;
    if (bad == 0)
        (void)pattern_match(&pattern, &topic);
    assert(pattern_parse(&all, bytes_str("#")) == 0 && pattern_match(&all, &topic));
    assert(pattern_parse(&itself, text) == 0 && pattern_match(&itself, &topic));
}

static void open_batch(struct bytes in)
{
    struct arena mem = {0};
    struct topic_batch batch;
    struct wire_error err = {0};
    if (parcel_open(&batch, in, &mem, &err) != 0)
        assert(err.field != NULL && err.why != NULL);
    else
        assert(batch.packed.len == 0);
    arena_deinit(&mem);
}

/* What was taken is passed on, and says the same there. */
static void read_loads(struct bytes in)
{
    static uint32_t keys[] = {1, 5, 0x01020304, 0x61626364, 0x80000000, UINT32_MAX};
    const struct roster roster = {.now = {keys, sizeof(keys) / sizeof(*keys), 7}};
    const struct load_target target = {.not_from = 2, .roster = &roster, .theirs = 7};
    struct loads *here = loads_new(), *there = loads_new();
    struct load_read read;
    struct buf out = {0};
    struct wire_error err = {0};
    bool taken = load_batch_read(&read, here, &roster, in, /* source= */ 1, KITH_MIN, &err) == 0;
    assert(taken || (err.field != NULL && loads_count(here) == 0));
    if (load_batch_write(&out, here, &target, KITH_MIN)) {
        assert(load_batch_read(&read, there, &roster, buf_bytes(&out), 1, KITH_MIN, &err) == 0);
        assert(read.old == 0 && loads_count(there) <= loads_count(here));
    }
    buf_deinit(&out);
    loads_free(here);
    loads_free(there);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct bytes in = bytes_of(data + 1, size - 1);
    switch (data[0] % 3) {
    case 0:
        match(in);
        break;
    case 1:
        open_batch(in);
        break;
    default:
        read_loads(in);
        break;
    }
    return 0;
}
