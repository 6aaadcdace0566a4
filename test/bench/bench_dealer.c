#include "bench_dealer.h"

#include "wire/frame.h"
#include "wire/gen/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_BYTES 8192

static void die(const char *what)
{
    fprintf(stderr, "dealer: %s: %s\n", what, strerror(errno));
    exit(1);
}

struct dealer {
    int fd;
    uint64_t number; /* of the last request */
    struct buf payload, frame;
    size_t begin, end; /* of what was read and not used */
    uint8_t in[ANSWER_BYTES];
};

static void send_all(int fd, const void *data, size_t len)
{
    while (len) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

        if (n <= 0)
            die("send");
        data = (const uint8_t *)data + n;
        len -= (size_t)n;
    }
}

/* Until at least so many bytes are there; borrowed until the next call. Who sleeps in read() on a unix socket is woken
 * for nothing when the other side takes in what was sent; who sleeps in poll() is not, as no client by libzmq is. */
static const uint8_t *need(struct dealer *d, size_t len)
{
    struct pollfd wait = {.fd = d->fd, .events = POLLIN};

    if (len > sizeof(d->in))
        die("an answer that is too long");
    if (d->begin + len > sizeof(d->in)) {
        memmove(d->in, d->in + d->begin, d->end - d->begin);
        d->end -= d->begin;
        d->begin = 0;
    }
    while (d->end - d->begin < len) {
        if (poll(&wait, 1, -1) < 0)
            die("poll");
        ssize_t n = read(d->fd, d->in + d->end, sizeof(d->in) - d->end);

        if (n <= 0)
            die("read");
        d->end += (size_t)n;
    }
    return d->in + d->begin;
}

static void used(struct dealer *d, size_t len)
{
    d->begin += len;
    if (d->begin == d->end)
        d->begin = d->end = 0;
}

/* Reads one frame; returns its flags. The body is borrowed until the next one is read. */
static uint8_t read_frame(struct dealer *d, struct bytes *ret)
{
    uint8_t flags = need(d, 2)[0];
    size_t head = flags & 2 ? 9 : 2, len = 0;
    const uint8_t *p = need(d, head);

    for (size_t i = 1; i < head; i++)
        len = len << 8 | p[i];
    *ret = bytes_of(need(d, head + len) + head, len);
    used(d, head + len);
    return flags;
}

static void greet(struct dealer *d)
{
    static const uint8_t greeting[64] = {0xff, 0,    0, 0, 0,   0,   0,   0,
                                         0,    0x7f, 3, 0, 'N', 'U', 'L', 'L'};
    static const char ready[] = "\x04\x1c\x05READY\x0bSocket-Type\x00\x00\x00\x06"
                                "DEALER";
    struct bytes body;

    send_all(d->fd, greeting, sizeof(greeting));
    need(d, sizeof(greeting));
    used(d, sizeof(greeting));
    send_all(d->fd, ready, sizeof(ready) - 1);
    if (!(read_frame(d, &body) & 4))
        die("no READY");
}

void *dealer_open(const char *path, bool to_write)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    struct dealer *d = calloc(1, sizeof(*d));

    (void)to_write;
    if (!d || (size_t)snprintf(to.sun_path, sizeof(to.sun_path), "%s", path) >= sizeof(to.sun_path))
        die(path);
    d->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    while (connect(d->fd, (struct sockaddr *)&to, sizeof(to))) {
        if (errno != EAGAIN) /* the queue of those that connect is full */
            die("connect");
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
    greet(d);
    return d;
}

void dealer_close(void *store)
{
    struct dealer *d = store;

    close(d->fd);
    buf_deinit(&d->payload);
    buf_deinit(&d->frame);
    free(d);
}

static void send_request(struct dealer *d, uint64_t number)
{
    struct envelope e = {.format = FRAME_FORMAT,
                         .proto_min = FRAME_PROTO_MIN,
                         .proto_max = FRAME_PROTO_MAX,
                         .lane = WIRE_LANE_CLIENT,
                         .kind = WIRE_REGISTER_ENDPOINT,
                         .seq = number,
                         .correlation = number,
                         .deadline_ms = 30000};
    uint8_t head[9] = {2};

    e.sender.b[0] = e.boot.b[0] = 1;
    buf_reset(&d->frame);
    frame_pack(&d->frame, &e, buf_bytes(&d->payload));
    for (unsigned i = 0; i < 8; i++)
        head[1 + i] = (uint8_t)(d->frame.len >> (8 * (7 - i)));
    struct buf both = {0};

    buf_append(&both, head, sizeof(head));
    buf_append(&both, d->frame.data, d->frame.len);
    send_all(d->fd, both.data, both.len);
    buf_deinit(&both);
}

/* Waits for the answer of this number; it must be `registered`. */
static void await(struct dealer *d, uint64_t number)
{
    struct ulid none = {0};
    struct wire_error err;
    struct bytes body;
    struct frame f;

    for (;;) {
        if (read_frame(d, &body) & 4)
            continue;
        int bad = frame_unpack(&f, body, &none, &err);

        if (bad && bad != FRAME_CLUSTER)
            die("an answer that cannot be read");
        if (f.envelope.correlation != number)
            continue;
        if (f.envelope.kind != WIRE_REGISTERED)
            die("it was refused");
        return;
    }
}

void dealer_put(void *store, const char *key, const void *row, size_t len)
{
    struct dealer *d = store;
    const char *slash = strchr(key, '/');
    struct bound_port port = {.name = bytes_str("http"), .port = 8080};
    struct bytes tags[] = {bytes_str("v1"), bytes_str("eu-west")};
    struct pair meta = {.key = bytes_str("owner"), .value = bytes_of(row, len)};
    struct register_endpoint request = {.service = bytes_of(key, (size_t)(slash - key)),
                                        .name = bytes_str(slash + 1),
                                        .addr = bytes_str("10.20.30.40"),
                                        .ports = &port,
                                        .ports_n = 1,
                                        .tags = tags,
                                        .tags_n = 2,
                                        .meta = &meta,
                                        .meta_n = 1};

    buf_reset(&d->payload);
    register_endpoint_encode(&d->payload, &request);
    send_request(d, ++d->number);
    await(d, d->number);
}
