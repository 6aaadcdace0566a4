/*
 * A request goes out once and is waited for by its correlation number; later answers to earlier requests are
 * dropped. Before the first request a key says hello: a peer reads nothing else of a key that it does not know.
 */
#include "kith/client.h"

#include "base/mem.h"
#include "client/address.h"
#include "client/seen.h"
#include "trust/keyfile.h"
#include "wire/frame.h"
#include "wire/gen/client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define OPEN_TIMEOUT_MS 5000
#define HELLO_AGAIN     KITH_SEC /* hellos are read at a bounded rate, and may be lost on the way */

struct kith_client {
    struct buf uri;
    struct link *link;
    bool wait;
    struct envelope envelope; /* what all frames of ours have in common */
    struct identity identity; /* zero without a key */
    struct buf frame;         /* scratch */
    struct arena mem;         /* of the identity */
    char *why;
    struct client_seen seen;
};

static enum kith_client_result failed(struct kith_client *c, enum kith_client_result result,
                                      const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum kith_client_result failed(struct kith_client *c, enum kith_client_result result,
                                      const char *format, ...)
{
    va_list args;
    char text[1024];

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    mem_free(c->why);
    c->why = mem_str(text);
    return result;
}

static struct ulid fresh_id(void)
{
    struct timespec now;
    struct ulid id;

    clock_gettime(CLOCK_REALTIME, &now);
    while (getrandom(&id, sizeof(id), 0) != sizeof(id))
        ; /* interrupted before the kernel has gathered any */
    int64_t ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;

    for (int i = 0; i < 6; i++)
        id.b[i] = (uint8_t)(ms >> (8 * (5 - i)));
    return id;
}

static const char *name_of(struct kith_client *c)
{
    return buf_cstr(&c->uri);
}

static enum kith_client_result find_address(struct kith_client *c,
                                            const struct kith_client_options *o)
{
    const char *text = o->address ? o->address : getenv("KITH_ADDR");

    if (!text || !*text)
        text = KITH_DEFAULT_ADDRESS;
    if (address_uri(&c->uri, bytes_str(text)))
        return failed(c, KITH_CLIENT_BAD_ADDRESS,
                      "'%s' is no address: give HOST, HOST:PORT or the path of a daemon's socket",
                      text);
    return 0;
}

/* A socket file tells more than libzmq would. */
static enum kith_client_result check_socket_file(struct kith_client *c)
{
    const char *path = address_ipc_path(name_of(c));

    if (!path || c->wait || access(path, R_OK | W_OK) == 0)
        return 0;
    if (errno == EACCES)
        return failed(c, KITH_CLIENT_REFUSED,
                      "%s belongs to another user: run as the user of kithd, or give a peer's "
                      "address with -a and use the operator's key",
                      path);
    return failed(c, KITH_CLIENT_UNREACHABLE,
                  "no kithd is running here (%s: %s): start it, or give a peer's address with -a "
                  "or KITH_ADDR",
                  path, strerror(errno));
}

static enum kith_client_result read_key(struct kith_client *c, const struct kith_client_options *o)
{
    if (!o->key)
        return failed(c, KITH_CLIENT_BAD_KEY,
                      "%s wants a key: make one with `kith cluster init` or "
                      "`kith token new --kind operator`, or say --insecure if the cluster has "
                      "no keys",
                      name_of(c));
    if (keyfile_read_identity(&c->identity, bytes_str(o->key), &c->mem) ||
        key32_is_zero(&c->identity.ring_public) || !c->identity.certificate.len)
        return failed(
            c, KITH_CLIENT_BAD_KEY,
            "the key file is damaged or no operator's: use the one that `kith cluster init` wrote");
    c->envelope.sender = c->identity.id;
    c->envelope.cluster = c->identity.cluster;
    return 0;
}

static enum kith_client_result start_link(struct kith_client *c, bool keyed)
{
    struct link_keys keys = {0};
    struct sign_pair pair;

    if (keyed) {
        keys_sign_pair(&pair, &c->identity.seed);
        keys_curve_pair(&keys.own, &pair);
        keys.ring_public = c->identity.ring_public;
        keys_wipe(&pair, sizeof(pair));
    }
    c->link = link_open(name_of(c), keyed ? &keys : NULL);
    keys_wipe(&keys, sizeof(keys));
    return c->link ? 0
                   : failed(c, KITH_CLIENT_BAD_ADDRESS,
                            "'%s' cannot be connected to: is it an address?", name_of(c));
}

static enum kith_client_result unreachable(struct kith_client *c)
{
    return failed(c, KITH_CLIENT_UNREACHABLE,
                  "nothing listens at %s: is kithd running there? Another peer will do as well",
                  name_of(c));
}

static enum kith_client_result strange(struct kith_client *c)
{
    if (key32_is_zero(&c->identity.ring_public))
        return failed(
            c, KITH_CLIENT_REFUSED,
            "%s does not talk without keys: leave --insecure out and use your key, or it is no kithd",
            name_of(c));
    return failed(c, KITH_CLIENT_REFUSED,
                  "%s does not accept the keys of this cluster: it is another cluster's, runs "
                  "without keys (--insecure), or is no kithd",
                  name_of(c));
}

/* In words, what stands between us and the peer; 0 while there is still hope. `final`: time is over. */
static enum kith_client_result judge(struct kith_client *c, bool final)
{
    switch (link_state(c->link)) {
    case LINK_UP:
        return final ? failed(c, KITH_CLIENT_TIMEOUT,
                              "%s does not answer in time: it may be busy or stopped; a change "
                              "may have happened, look before you repeat it",
                              name_of(c))
                     : 0;
    case LINK_LOST:
        return final || !c->wait ? failed(c, KITH_CLIENT_UNREACHABLE,
                                          "the connection with %s broke before the answer: a "
                                          "change may have happened, "
                                          "look before you repeat it",
                                          name_of(c))
                                 : 0;
    case LINK_STRANGE:
        return final || !c->wait ? strange(c) : 0;
    case LINK_REFUSED:
        return final || !c->wait ? unreachable(c) : 0;
    case LINK_TRYING:
        break;
    }
    return final ? failed(c, KITH_CLIENT_UNREACHABLE,
                          "%s cannot be reached: check the address and the network", name_of(c))
                 : 0;
}

/* Waits until the connection is up. */
static enum kith_client_result connect_by(struct kith_client *c, kith_time deadline_us)
{
    struct bytes ignored;

    while (link_state(c->link) != LINK_UP) {
        enum link_result r = link_wait(c->link, deadline_us, &ignored);
        enum kith_client_result problem =
            link_state(c->link) == LINK_UP ? 0 : judge(c, /* final= */ r == LINK_TIMEOUT);

        if (problem)
            return problem;
    }
    return 0;
}

static uint64_t send_frame(struct kith_client *c, enum wire_kind kind, struct bytes payload,
                           int timeout_ms)
{
    struct envelope e = c->envelope;
    const struct wire_kind_info *info = frame_kind(kind);

    c->envelope.seq++;
    e.seq = e.correlation = c->envelope.seq;
    e.kind = (uint16_t)kind;
    e.lane = info ? info->lane : WIRE_LANE_CLIENT;
    e.deadline_ms = (uint64_t)timeout_ms;
    buf_reset(&c->frame);
    frame_pack(&c->frame, &e, payload);
    link_send(c->link, buf_bytes(&c->frame)); /* if it cannot, no answer comes */
    return e.correlation;
}

/* The answer to this request, or with 0 any frame. KITH_CLIENT_TIMEOUT without words when there is none until
 * then. */
static enum kith_client_result await(struct kith_client *c, uint64_t correlation,
                                     kith_time until_us, struct frame *ret)
{
    struct wire_error err;
    struct bytes in;

    for (;;) {
        enum link_result r = link_wait(c->link, until_us, &in);

        if (r == LINK_TIMEOUT)
            return KITH_CLIENT_TIMEOUT;
        if (r == LINK_CHANGED) {
            enum kith_client_result problem = judge(c, /* final= */ false);

            if (problem)
                return problem;
            continue;
        }
        int bad = frame_unpack(ret, in, &c->envelope.cluster, &err);

        c->seen.peer = ret->envelope;
        c->seen.frame_problem = bad;
        if (bad != FRAME_GARBAGE && bad != FRAME_SIZE)
            c->seen.stage = CLIENT_ANSWERED;
        if (bad == FRAME_PROTO)
            return failed(c, KITH_CLIENT_REFUSED,
                          "%s speaks protocol versions %u to %u and this program %d to %d: update "
                          "the older one",
                          name_of(c), (unsigned)ret->envelope.proto_min,
                          (unsigned)ret->envelope.proto_max, FRAME_PROTO_MIN, FRAME_PROTO_MAX);
        if (bad == FRAME_CLUSTER)
            return failed(c, KITH_CLIENT_REFUSED,
                          "%s belongs to another cluster: check the address", name_of(c));
        if (bad)
            return failed(c, KITH_CLIENT_GARBLED,
                          "the answer of %s cannot be read (%s %s): are both of one version?",
                          name_of(c), err.field, err.why);
        if (correlation == 0 || ret->envelope.correlation == correlation)
            return 0;
    }
}

static enum kith_client_result refused(struct kith_client *c, const struct frame *f)
{
    struct arena mem = {0};
    struct hello_refused no;
    struct wire_error err;
    enum kith_client_result r = KITH_CLIENT_REFUSED;

    if (hello_refused_decode(&no, f->payload, &mem, &err) == 0)
        failed(c, r, "%s does not let this key in: " BYTES_FMT, name_of(c), BYTES_ARG(no.why));
    else
        failed(c, r, "%s does not let this key in", name_of(c));
    arena_deinit(&mem);
    return r;
}

/* Says hello until it is answered. */
static enum kith_client_result be_admitted(struct kith_client *c, kith_time deadline_us)
{
    struct buf payload = {0};
    struct frame f;
    enum kith_client_result r;

    hello_encode(&payload,
                 &(struct hello){.certificate = c->identity.certificate, .name = c->identity.name});
    do {
        uint64_t correlation = send_frame(c, WIRE_HELLO, buf_bytes(&payload), OPEN_TIMEOUT_MS);

        r = await(c, correlation, kith_time_min(deadline_us, link_now() + HELLO_AGAIN), &f);
    } while (r == KITH_CLIENT_TIMEOUT && link_now() < deadline_us);
    buf_deinit(&payload);
    if (r == KITH_CLIENT_TIMEOUT)
        return judge(c, /* final= */ true);
    if (r == 0 && f.envelope.kind != WIRE_HELLO_OK)
        return refused(c, &f);
    return r;
}

static enum kith_client_result open_all(struct kith_client *c, const struct kith_client_options *o)
{
    enum kith_client_result r = find_address(c, o);
    bool local = !r && address_ipc_path(name_of(c));
    bool keyed = !local && !o->insecure;
    kith_time deadline_us =
        link_now() + (o->timeout_ms ? o->timeout_ms : OPEN_TIMEOUT_MS) * KITH_MS;

    if (!r && local)
        r = check_socket_file(c);
    if (!r && keyed)
        r = read_key(c, o);
    if (!r)
        r = start_link(c, keyed);
    if (!r)
        r = connect_by(c, deadline_us);
    if (!r)
        c->seen.stage = CLIENT_SHAKEN;
    if (!r && keyed)
        r = be_admitted(c, deadline_us);
    if (!r)
        c->seen.stage = CLIENT_OPEN;
    return r;
}

struct client_seen client_seen(const struct kith_client *c)
{
    return c->seen;
}

static void keep_story(struct kith_client *c)
{
    c->seen.state = link_state(c->link);
    c->seen.story = link_story(c->link);
    if (c->seen.stage == CLIENT_NOWHERE && c->seen.story.connected)
        c->seen.stage = CLIENT_CONNECTED;
}

struct kith_client *kith_client_open(const struct kith_client_options *options,
                                     enum kith_client_result *ret)
{
    struct kith_client *c = mem_alloc(sizeof(*c));

    c->wait = options->wait;
    c->envelope = (struct envelope){.format = FRAME_FORMAT,
                                    .sender = fresh_id(),
                                    .boot = fresh_id(),
                                    .proto_min = FRAME_PROTO_MIN,
                                    .proto_max = FRAME_PROTO_MAX};
    if (options->any_version) {
        c->envelope.proto_min = 1;
        c->envelope.proto_max = UINT16_MAX;
    }
    *ret = open_all(c, options);
    if (c->link)
        keep_story(c);
    if (*ret && c->link) {
        link_close(c->link);
        c->link = NULL;
    }
    return c;
}

void kith_client_close(struct kith_client *c)
{
    if (c->link)
        link_close(c->link);
    keys_wipe(&c->identity.seed, sizeof(c->identity.seed));
    buf_deinit(&c->uri);
    buf_deinit(&c->frame);
    arena_deinit(&c->mem);
    mem_free(c->why);
    mem_free(c);
}

const char *kith_client_why(const struct kith_client *c)
{
    return c->why ? c->why : "";
}

enum kith_client_result kith_client_request(struct kith_client *c, uint16_t kind,
                                            const void *payload, size_t payload_len, int timeout_ms,
                                            struct kith_answer *ret)
{
    kith_time deadline_us = link_now() + timeout_ms * KITH_MS;
    struct frame f;

    *ret = (struct kith_answer){0};
    if (!c->link)
        return KITH_CLIENT_UNREACHABLE; /* opening failed, and said why */
    enum kith_client_result r = connect_by(c, deadline_us);

    if (r)
        return r;
    uint64_t correlation =
        send_frame(c, (enum wire_kind)kind, bytes_of(payload, payload_len), timeout_ms);

    r = await(c, correlation, deadline_us, &f);
    if (r == KITH_CLIENT_TIMEOUT)
        return judge(c, /* final= */ true);
    if (r == 0)
        *ret = (struct kith_answer){f.envelope.kind, f.payload.data, f.payload.len};
    return r;
}

enum kith_client_result kith_client_send(struct kith_client *c, uint16_t kind, const void *payload,
                                         size_t payload_len)
{
    if (!c->link)
        return KITH_CLIENT_UNREACHABLE; /* opening failed, and said why */
    send_frame(c, (enum wire_kind)kind, bytes_of(payload, payload_len), /* timeout_ms= */ 0);
    return KITH_CLIENT_OK;
}

enum kith_client_result kith_client_next(struct kith_client *c, int timeout_ms,
                                         struct kith_answer *ret)
{
    struct frame f;

    *ret = (struct kith_answer){0};
    if (!c->link)
        return KITH_CLIENT_UNREACHABLE;
    enum kith_client_result r =
        await(c, /* correlation= */ 0, link_now() + timeout_ms * KITH_MS, &f);

    if (r == 0)
        *ret = (struct kith_answer){f.envelope.kind, f.payload.data, f.payload.len};
    return r;
}
