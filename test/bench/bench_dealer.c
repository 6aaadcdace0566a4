#include "bench_dealer.h"

#include "wire/frame.h"
#include "wire/gen/client.h"

#include <errno.h>
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

static void read_all(int fd, void *ret, size_t len)
{
    while (len) {
        ssize_t n = read(fd, ret, len);

        if (n <= 0)
            die("read");
        ret = (uint8_t *)ret + n;
        len -= (size_t)n;
    }
}

/* Reads one frame; returns its flags and sets *len. */
static uint8_t read_frame(struct dealer *d, size_t *len)
{
    uint8_t head[2], rest[7];

    read_all(d->fd, head, 2);
    *len = head[1];
    if (head[0] & 2) {
        read_all(d->fd, rest, sizeof(rest));
        for (size_t i = 0; i < sizeof(rest); i++)
            *len = *len << 8 | rest[i];
    }
    if (*len > sizeof(d->in))
        die("an answer that is too long");
    read_all(d->fd, d->in, *len);
    return head[0];
}

static void greet(struct dealer *d)
{
    static const uint8_t greeting[64] = {0xff, 0,    0, 0, 0,   0,   0,   0,
                                         0,    0x7f, 3, 0, 'N', 'U', 'L', 'L'};
    static const char ready[] = "\x04\x1c\x05READY\x0bSocket-Type\x00\x00\x00\x06"
                                "DEALER";
    uint8_t theirs[sizeof(greeting)];
    size_t len;

    send_all(d->fd, greeting, sizeof(greeting));
    read_all(d->fd, theirs, sizeof(theirs));
    send_all(d->fd, ready, sizeof(ready) - 1);
    if (!(read_frame(d, &len) & 4))
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
    struct frame f;
    size_t len;

    for (;;) {
        if (read_frame(d, &len) & 4)
            continue;
        int bad = frame_unpack(&f, bytes_of(d->in, len), &none, &err);

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
