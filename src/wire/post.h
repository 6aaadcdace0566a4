#ifndef KITH_WIRE_POST_H
#define KITH_WIRE_POST_H
/*
 * The sender's side of frames: puts the envelope on, counts the sequence per lane, adds the effect.
 */
#include "wire/effect.h"
#include "wire/frame.h"

#define POST_LANES 8

struct post_count {
    uint64_t frames, bytes;
};

struct post {
    struct ulid cluster, self, boot;
    uint64_t seq[POST_LANES];
    struct post_count made[POST_LANES]; /* by lane; what is published counts once */
};

/* Kind and lane come from the message's definition. `payload` is the encoded message. */
void post_send(struct post *p, struct effects *out, struct bytes uri, enum wire_kind kind,
               struct bytes payload, uint64_t correlation);
void post_reply(struct post *p, struct effects *out, uint64_t route, enum wire_kind kind,
                struct bytes payload, uint64_t correlation);
void post_publish(struct post *p, struct effects *out, enum wire_kind kind, struct bytes payload);

#endif
