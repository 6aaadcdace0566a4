#include "wire/frame.h"

#include "wire/print.h"

#include <assert.h>

void frame_pack(struct buf *out, const struct envelope *envelope, struct bytes payload)
{
    envelope_encode(out, envelope);
    buf_append(out, payload.data, payload.len);
}

static int refuse(struct wire_error *err, int code, const char *field, const char *why)
{
    *err = (struct wire_error){.field = field, .why = why};
    return code;
}

/* Reads the envelope; ret->payload is the rest. */
static int read_envelope(struct frame *ret, struct bytes in, struct wire_error *err)
{
    struct arena none = {0}; /* an envelope has no lists */
    size_t len;

    *ret = (struct frame){0};
    if (wire_decode_first(&ret->envelope, &envelope_struct, in, &len, &none, err) != 0)
        return FRAME_GARBAGE;
    assert(none.used_bytes == 0);
    if (ret->envelope.format != FRAME_FORMAT)
        return refuse(err, FRAME_PROTO, "envelope.format", "of another version");
    ret->payload = bytes_of(in.data + len, in.len - len);
    return 0;
}

static bool cluster_fits(const struct envelope *e, const struct ulid *own)
{
    if (ulid_is_zero(own) || ulid_equal(own, &e->cluster))
        return true;
    return ulid_is_zero(&e->cluster) && (e->kind == WIRE_HELLO || e->lane == WIRE_LANE_CLIENT);
}

int frame_unpack(struct frame *ret, struct bytes in, const struct ulid *cluster,
                 struct wire_error *err)
{
    const struct envelope *e = &ret->envelope;

    if (in.len > FRAME_MAX_BYTES)
        return refuse(err, FRAME_SIZE, "frame", "too large");
    int r = read_envelope(ret, in, err);
    if (r != 0)
        return r;
    if (!cluster_fits(e, cluster))
        return refuse(err, FRAME_CLUSTER, "envelope.cluster", "another cluster's");
    if (e->proto_min > FRAME_PROTO_MAX)
        return refuse(err, FRAME_PROTO, "envelope.proto_min", "newer than what is known here");
    if (e->proto_max < FRAME_PROTO_MIN)
        return refuse(err, FRAME_PROTO, "envelope.proto_max", "older than what is spoken here");
    ret->info = frame_kind(e->kind);
    if (ret->info == NULL)
        return refuse(err, FRAME_KIND, "envelope.kind", "not known");
    if (ret->info->lane != e->lane)
        return refuse(err, FRAME_GARBAGE, "envelope.lane", "not the lane of this kind");
    if (ret->payload.len > ret->info->max_bytes)
        return refuse(err, FRAME_SIZE, ret->info->type->name, "too large");
    return 0;
}

const struct wire_kind_info *frame_kind(uint32_t kind)
{
    uint32_t low = 0;
    uint32_t high = wire_kinds_n;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        uint32_t there = (uint32_t)wire_kinds[mid].kind;
        if (there == kind)
            return &wire_kinds[mid];
        if (there < kind)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

const char *frame_kind_name(uint32_t kind)
{
    const struct wire_kind_info *info = frame_kind(kind);

    return info != NULL ? info->type->name : "?";
}

int frame_check_payload(uint32_t kind, struct bytes payload, struct arena *mem,
                        struct wire_error *err)
{
    const struct wire_kind_info *info = frame_kind(kind);

    if (info == NULL)
        return refuse(err, WIRE_BAD, "envelope.kind", "not known");
    return wire_decode(arena_alloc(mem, info->type->size), info->type, payload, mem, err);
}

static void print_payload(struct buf *out, const struct wire_kind_info *info, struct bytes payload)
{
    struct arena mem = {0};
    struct wire_error err;
    void *v = arena_alloc(&mem, info->type->size);

    if (wire_decode(v, info->type, payload, &mem, &err) == 0)
        wire_print(out, info->type, v);
    else
        buf_printf(out, "bad (%s %s)", err.field, err.why);
    arena_deinit(&mem);
}

void frame_print(struct buf *out, struct bytes in)
{
    struct wire_error err;
    struct frame f;

    if (read_envelope(&f, in, &err) != 0) {
        buf_printf(out, "garbage (%s %s) ", err.field, err.why);
        wire_print_hex(out, in);
        return;
    }
    const struct wire_kind_info *info = frame_kind(f.envelope.kind);
    buf_printf(out, "%s ", frame_kind_name(f.envelope.kind));
    envelope_print(out, &f.envelope);
    buf_byte(out, ' ');
    if (info != NULL)
        print_payload(out, info, f.payload);
    else
        wire_print_hex(out, f.payload);
}
