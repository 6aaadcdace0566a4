#include "http/ask.h"

#include "base/mem.h"
#include "shell/clock.h"
#include "shell/sockets.h"
#include "shell/transport.h"
#include "store/identity.h"

#include <assert.h>
#include <errno.h>

struct ask {
    void *socket;
    struct envelope envelope; /* what all frames have in common */
    struct buf frame;         /* scratch */
    bool sent;                /* since ask_sent() */
    zmq_msg_t answer;         /* the last one */
};

struct ask *ask_new(void *context)
{
    struct ask *a = mem_alloc(sizeof(*a));
    struct ulid id = identity_fresh_id(clock_wall_us() / KITH_MS);

    a->envelope = (struct envelope){.format = FRAME_FORMAT,
                                    .sender = id,
                                    .boot = id,
                                    .proto_min = FRAME_PROTO_MIN,
                                    .proto_max = FRAME_PROTO_MAX,
                                    .lane = WIRE_LANE_CLIENT};
    a->socket = zmq_socket(context, ZMQ_DEALER);
    assert(a->socket);
    sockets_set(a->socket, ZMQ_LINGER, 0);
    zmq_msg_init(&a->answer);
    int r = zmq_connect(a->socket, TRANSPORT_INSIDE);

    assert(r == 0);
    return a;
}

void ask_free(struct ask *a)
{
    if (!a)
        return;
    zmq_msg_close(&a->answer);
    sockets_close(&a->socket);
    buf_deinit(&a->frame);
    mem_free(a);
}

void *ask_socket(const struct ask *a)
{
    return a->socket;
}

uint64_t ask_send(struct ask *a, enum wire_kind kind, struct bytes payload, kith_time within_us)
{
    struct envelope e = a->envelope;

    e.kind = (uint16_t)kind;
    e.seq = e.correlation = a->envelope.seq + 1;
    e.deadline_ms = (uint64_t)(within_us / KITH_MS);
    buf_reset(&a->frame);
    frame_pack(&a->frame, &e, payload);
    a->sent = true;
    if (zmq_send(a->socket, a->frame.data, a->frame.len, ZMQ_DONTWAIT) < 0)
        return 0;
    a->envelope.seq = e.seq;
    return e.correlation;
}

bool ask_sent(struct ask *a)
{
    bool sent = a->sent;

    a->sent = false;
    return sent;
}

/* The next message of one part; others are none of the peer's. */
static bool receive(struct ask *a)
{
    while (zmq_msg_recv(&a->answer, a->socket, ZMQ_DONTWAIT) >= 0) {
        if (!zmq_msg_more(&a->answer))
            return true;
    }
    return false;
}

bool ask_receive(struct ask *a, struct ask_answer *ret)
{
    struct ulid any = {0};
    struct wire_error err;
    struct frame frame;

    while (receive(a)) {
        struct bytes in = bytes_of(zmq_msg_data(&a->answer), zmq_msg_size(&a->answer));

        if (frame_unpack(&frame, in, &any, &err) != 0)
            continue;
        *ret = (struct ask_answer){frame.envelope.correlation, (enum wire_kind)frame.envelope.kind,
                                   frame.payload};
        return true;
    }
    return false;
}
