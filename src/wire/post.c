#include "wire/post.h"

#include <assert.h>

/* The next frame of the kind's lane, in *out. */
static enum wire_lane pack(struct post *p, struct buf *out, enum wire_kind kind,
                           struct bytes payload, uint64_t correlation)
{
    const struct wire_kind_info *info = frame_kind(kind);

    assert(info != NULL && (size_t)info->lane < POST_LANES);
    const struct envelope envelope = {
        .format = FRAME_FORMAT,
        .cluster = p->cluster,
        .sender = p->self,
        .boot = p->boot,
        .proto_min = FRAME_PROTO_MIN,
        .proto_max = FRAME_PROTO_MAX,
        .lane = info->lane,
        .kind = (uint16_t)kind,
        .seq = ++p->seq[info->lane],
        .correlation = correlation,
    };
    frame_pack(out, &envelope, payload);
    p->made[info->lane].frames++;
    p->made[info->lane].bytes += buf_bytes(out).len;
    return info->lane;
}

void post_send(struct post *p, struct effects *out, struct bytes uri, enum wire_kind kind,
               struct bytes payload, uint64_t correlation)
{
    struct buf frame = {0};
    enum wire_lane lane = pack(p, &frame, kind, payload, correlation);

    effect_send(out, uri, lane, buf_bytes(&frame));
    buf_deinit(&frame);
}

void post_reply(struct post *p, struct effects *out, uint64_t route, enum wire_kind kind,
                struct bytes payload, uint64_t correlation)
{
    struct buf frame = {0};

    pack(p, &frame, kind, payload, correlation);
    effect_reply(out, route, buf_bytes(&frame));
    buf_deinit(&frame);
}

void post_publish(struct post *p, struct effects *out, enum wire_kind kind, struct bytes payload)
{
    struct buf frame = {0};

    pack(p, &frame, kind, payload, /* correlation */ 0);
    effect_publish(out, buf_bytes(&frame));
    buf_deinit(&frame);
}
