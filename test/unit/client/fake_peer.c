#include "fake_peer.h"

#include "wire/frame.h"
#include "wire/gen/client.h"

#include <assert.h>
#include <czmq.h>

struct fake_peer {
    zactor_t *actor;
    zsock_t *router;
    char endpoint[128];
    enum fake_mood mood;
    struct ulid cluster;
    unsigned frames; /* seen */
};

static void answer(struct fake_peer *f, zframe_t *id, const struct envelope *asked,
                   enum wire_kind kind, const struct buf *payload, uint64_t correlation)
{
    struct envelope e = *asked;
    struct buf out = {0};

    e.cluster = f->cluster;
    e.kind = (uint16_t)kind;
    e.lane = frame_kind(kind)->lane;
    e.correlation = correlation;
    frame_pack(&out, &e, buf_bytes(payload));
    zmsg_t *msg = zmsg_new();
    zframe_t *to = zframe_dup(id);

    zmsg_append(msg, &to);
    zmsg_addmem(msg, out.data, out.len);
    zmsg_send(&msg, f->router);
    buf_deinit(&out);
}

static void answer_info(struct fake_peer *f, zframe_t *id, const struct frame *in,
                        uint64_t correlation)
{
    struct buf payload = {0};

    info_encode(&payload,
                &(struct info){.id = {{1}}, .name = bytes_str("fake"), .members_alive = f->frames});
    answer(f, id, &in->envelope, WIRE_INFO, &payload, correlation);
    buf_deinit(&payload);
}

static void answer_hello(struct fake_peer *f, zframe_t *id, const struct frame *in)
{
    struct buf payload = {0};
    bool no = f->mood == FAKE_REFUSES;

    if (no)
        hello_refused_encode(&payload,
                             &(struct hello_refused){.why = bytes_str("the token has expired")});
    else
        hello_ok_encode(&payload, &(struct hello_ok){.cluster = f->cluster});
    answer(f, id, &in->envelope, no ? WIRE_HELLO_REFUSED : WIRE_HELLO_OK, &payload,
           in->envelope.correlation);
    buf_deinit(&payload);
}

static void handle(struct fake_peer *f, zframe_t *id, struct bytes bytes)
{
    struct frame in;
    struct wire_error err;
    struct ulid any = {{0}};
    int r = frame_unpack(&in, bytes, &any, &err);

    assert(r == 0);
    f->frames++;
    if (f->mood == FAKE_SILENT || (f->mood == FAKE_DEAF_ADMITS && f->frames == 1))
        return;
    if (f->mood == FAKE_BREAKS) {
        zsock_destroy(&f->router);
    } else if (f->mood == FAKE_GARBLED) {
        zframe_t *to = zframe_dup(id);

        zframe_send(&to, f->router, ZFRAME_MORE);
        zstr_send(f->router, "what?");
    } else if (in.envelope.kind == WIRE_HELLO) {
        answer_hello(f, id, &in);
    } else {
        if (f->mood == FAKE_LATE)
            answer_info(f, id, &in, in.envelope.correlation + 1000);
        answer_info(f, id, &in, in.envelope.correlation);
    }
}

static void loop(zsock_t *pipe, void *arg)
{
    struct fake_peer *f = arg;
    zpoller_t *poller = zpoller_new(pipe, f->router, NULL);

    zsock_signal(pipe, 0);
    while (zpoller_wait(poller, -1) == f->router) {
        zmsg_t *msg = zmsg_recv(f->router);
        zframe_t *id = zmsg_pop(msg), *body = zmsg_pop(msg);

        handle(f, id, bytes_of(zframe_data(body), zframe_size(body)));
        zframe_destroy(&id);
        zframe_destroy(&body);
        zmsg_destroy(&msg);
        if (!f->router)
            break;
    }
    zpoller_destroy(&poller);
}

struct fake_peer *fake_peer_new(const char *endpoint, enum fake_mood mood,
                                const struct curve_pair *ring, const struct ulid *cluster)
{
    struct fake_peer *f = calloc(1, sizeof(*f));

    f->mood = mood;
    f->cluster = *cluster;
    f->router = zsock_new(ZMQ_ROUTER);
    zsock_set_linger(f->router, 0);
    if (ring) {
        zcert_t *cert = zcert_new_from(ring->public_key.b, ring->secret.b);

        zcert_apply(cert, f->router);
        zcert_destroy(&cert);
        zsock_set_curve_server(f->router, 1);
    }
    int r = zsock_bind(f->router, "%s", endpoint);

    assert(r >= 0);
    snprintf(f->endpoint, sizeof(f->endpoint), "%s", zsock_endpoint(f->router));
    f->actor = zactor_new(loop, f);
    return f;
}

const char *fake_peer_endpoint(const struct fake_peer *f)
{
    return f->endpoint;
}

void fake_peer_free(struct fake_peer *f)
{
    zactor_destroy(&f->actor);
    zsock_destroy(&f->router);
    free(f);
}
