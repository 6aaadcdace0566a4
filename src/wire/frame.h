#ifndef KITH_WIRE_FRAME_H
#define KITH_WIRE_FRAME_H
/*
 * A frame is what one ZeroMQ message carries between peers: the envelope (an array, see
 * proto/envelope.toml) followed at once by the payload, a message of the kind that the envelope
 * names. frame_pack() and frame_unpack() know the envelope; a payload is read by its own decoder.
 *
 * Who sent a frame is not decided here: the envelope's sender is a claim until src/peer has
 * compared it with the key that the frame came by.
 */
#include "wire/gen/envelope.h"
#include "wire/gen/kinds.h"

#define FRAME_FORMAT 1

/* Protocol versions that this code speaks, both ends included. */
#define FRAME_PROTO_MIN 1
#define FRAME_PROTO_MAX 1

/*
 * No frame is larger, whatever its kind: a full batch of records, the answer about 20,000
 * instances. Each kind has a smaller limit of its own where its fields' bounds give one
 * (wire_kind_info).
 */
#define FRAME_MAX_BYTES (4u << 20)

struct frame {
    struct envelope envelope;
    const struct wire_kind_info *info; /* of envelope.kind */
    struct bytes payload;              /* points into the frame's bytes */
};

enum {
    FRAME_GARBAGE = 1, /* no envelope, one that breaks its bounds, a kind on another's lane */
    FRAME_CLUSTER = 2, /* of another cluster: a re-used address, or a wrong ring */
    FRAME_PROTO = 3,   /* protocol ranges do not overlap: one side is too old */
    FRAME_KIND = 4,    /* a message this version does not know */
    FRAME_SIZE = 5,    /* larger than anything of its kind */
};

/* Appends the envelope and the payload. The envelope is as its sender filled it in. */
void frame_pack(struct buf *out, const struct envelope *envelope, struct bytes payload);

/*
 * Takes in apart. cluster: the own one; zero while it is not known yet, then every cluster will do.
 * A hello, and a request of a client that knows only an address, may come without a cluster. 0, or one of the
 * above and *err says why; with FRAME_CLUSTER, FRAME_PROTO and FRAME_KIND ret->envelope is filled in all the same,
 * so that the log can name the sender.
 */
int frame_unpack(struct frame *ret, struct bytes in, const struct ulid *cluster,
                 struct wire_error *err);

/* NULL for a kind that is not known. */
const struct wire_kind_info *frame_kind(uint32_t kind);

/* "probe"; "?" for a kind that is not known. */
const char *frame_kind_name(uint32_t kind);

/* Whether the payload is one of this kind. 0, or WIRE_BAD and *err. Allocates in mem. */
int frame_check_payload(uint32_t kind, struct bytes payload, struct arena *mem,
                        struct wire_error *err);

/* One line: kind, envelope and payload, or what is wrong with them. For traces; not fast. */
void frame_print(struct buf *out, struct bytes in);

#endif
