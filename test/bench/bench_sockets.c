/*
 * The leanest clients that there can be: one request at a time and no library in between, so that what is measured is the
 * server's. redis by its own protocol on a unix socket; etcd by gRPC (HTTP/2, RFC 9113, with literal HPACK fields).
 * etcd's reads are serializable ones, which ask no quorum: its fastest.
 */
#include "bench_stores.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FRAME_HEAD 9
#define GRPC_HEAD  5
#define ETCD_PORT  2379
#define ROW_MIN    512 /* an answer of etcd without the row is shorter than any row */

enum {
    H2_DATA = 0,
    H2_HEADERS = 1,
    H2_RESET = 3,
    H2_SETTINGS = 4,
    H2_PING = 6,
    H2_AWAY = 7,
    H2_WINDOW = 8
};
enum { H2_END_STREAM = 1, H2_ACK = 1, H2_END_HEADERS = 4 };

struct connection {
    int fd;
    uint32_t stream;
    size_t begin, end; /* of what was read and not used */
    uint8_t in[65536], out[65536];
};

static void die(const char *what)
{
    fprintf(stderr, "bench-lookup: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void send_all(struct connection *c, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = write(c->fd, c->out + done, len - done);

        if (n <= 0)
            die("write");
        done += (size_t)n;
    }
}

/* Until at least so many bytes are there; borrowed until the next call. */
static const uint8_t *need(struct connection *c, size_t len)
{
    if (len > sizeof(c->in))
        die("an answer that is too long");
    if (c->begin + len > sizeof(c->in)) {
        memmove(c->in, c->in + c->begin, c->end - c->begin);
        c->end -= c->begin;
        c->begin = 0;
    }
    while (c->end - c->begin < len) {
        ssize_t n = read(c->fd, c->in + c->end, sizeof(c->in) - c->end);

        if (n <= 0)
            die("read");
        c->end += (size_t)n;
    }
    return c->in + c->begin;
}

static void used(struct connection *c, size_t len)
{
    c->begin += len;
    if (c->begin == c->end)
        c->begin = c->end = 0;
}

static struct connection *connected(int fd, const struct sockaddr *to, socklen_t len)
{
    struct connection *c = calloc(1, sizeof(*c));

    if (!c || fd < 0 || connect(fd, to, len))
        die("connect");
    c->fd = fd;
    return c;
}

void socket_close(void *store)
{
    struct connection *c = store;

    close(c->fd);
    free(c);
}

/* ---- redis ---- */

static size_t redis_part(uint8_t *out, size_t at, const void *text, size_t len)
{
    at += (size_t)sprintf((char *)out + at, "$%zu\r\n", len);
    memcpy(out + at, text, len);
    memcpy(out + at + len, "\r\n", 2);
    return at + len + 2;
}

/* The number after the first character of a line. */
static long redis_line(struct connection *c, char *cet_kind)
{
    for (size_t len = 1;; len++) {
        const uint8_t *p = need(c, len);

        if (p[len - 1] != '\n')
            continue;
        *cet_kind = (char)p[0];
        long number = strtol((const char *)p + 1, NULL, 10);

        used(c, len);
        return number;
    }
}

long redis_get(void *store, const char *key)
{
    struct connection *c = store;
    size_t at = (size_t)sprintf((char *)c->out, "*2\r\n$3\r\nGET\r\n");
    char kind;

    send_all(c, redis_part(c->out, at, key, strlen(key)));
    long len = redis_line(c, &kind);

    if (kind != '$' || len < 0)
        return 0;
    need(c, (size_t)len + 2);
    used(c, (size_t)len + 2);
    return len;
}

void redis_put(void *store, const char *key, const void *row, size_t len)
{
    struct connection *c = store;
    size_t at = (size_t)sprintf((char *)c->out, "*3\r\n$3\r\nSET\r\n");
    char kind;

    at = redis_part(c->out, at, key, strlen(key));
    send_all(c, redis_part(c->out, at, row, len));
    redis_line(c, &kind);
    if (kind != '+')
        die("redis refused a SET");
}

void *redis_open(const char *path, bool to_write)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};

    (void)to_write;
    if ((size_t)snprintf(to.sun_path, sizeof(to.sun_path), "%s", path) >= sizeof(to.sun_path))
        die("the path of a socket that is too long");
    return connected(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&to, sizeof(to));
}

/* ---- etcd ---- */

static size_t put_frame(uint8_t *out, size_t at, size_t len, uint8_t type, uint8_t flags,
                        uint32_t stream)
{
    const uint8_t head[FRAME_HEAD] = {(uint8_t)(len >> 16),
                                      (uint8_t)(len >> 8),
                                      (uint8_t)len,
                                      type,
                                      flags,
                                      (uint8_t)(stream >> 24),
                                      (uint8_t)(stream >> 16),
                                      (uint8_t)(stream >> 8),
                                      (uint8_t)stream};

    memcpy(out + at, head, sizeof(head));
    return at + sizeof(head);
}

static size_t put_text(uint8_t *out, size_t at, const char *text)
{
    size_t len = strlen(text);

    out[at++] = (uint8_t)len;
    memcpy(out + at, text, len);
    return at + len;
}

/* Fields of the static table by number, the rest literal. */
static size_t put_headers(uint8_t *out, size_t at, const char *path)
{
    out[at++] = 0x83; /* :method POST */
    out[at++] = 0x86; /* :scheme http */
    out[at++] = 0x04; /* :path */
    at = put_text(out, at, path);
    out[at++] = 0x01; /* :authority */
    at = put_text(out, at, "127.0.0.1");
    out[at++] = 0x0f; /* content-type is number 31: 15 and 16 */
    out[at++] = 0x10;
    at = put_text(out, at, "application/grpc");
    out[at++] = 0x00;
    at = put_text(out, at, "te");
    return put_text(out, at, "trailers");
}

/* A bytes field of protobuf. */
static size_t put_field(uint8_t *out, size_t at, uint8_t number, const void *value, size_t len)
{
    out[at++] = (uint8_t)(number << 3 | 2);
    size_t rest = len;

    for (; rest > 127; rest >>= 7)
        out[at++] = (uint8_t)(rest | 128);
    out[at++] = (uint8_t)rest;
    memcpy(out + at, value, len);
    return at + len;
}

static void answer(struct connection *c, uint8_t type, size_t len, const uint8_t *payload)
{
    size_t at = put_frame(c->out, 0, len, type, H2_ACK, 0);

    if (len)
        memcpy(c->out + at, payload, len);
    send_all(c, at + len);
}

/* Reads frames until the stream has ended; how many bytes of data it brought. */
static long await(struct connection *c, uint32_t stream)
{
    for (long data = 0;;) {
        const uint8_t *head = need(c, FRAME_HEAD);
        size_t len = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
        uint8_t type = head[3], flags = head[4];
        uint32_t of =
            (uint32_t)head[5] << 24 | (uint32_t)head[6] << 16 | (uint32_t)head[7] << 8 | head[8];
        const uint8_t *payload = need(c, FRAME_HEAD + len) + FRAME_HEAD;

        if (type == H2_SETTINGS && !(flags & H2_ACK))
            answer(c, type, 0, NULL);
        else if (type == H2_PING && !(flags & H2_ACK))
            answer(c, type, len, payload);
        else if (type == H2_AWAY || type == H2_RESET)
            die("etcd ended the connection");
        else if (type == H2_DATA)
            data += (long)len;
        used(c, FRAME_HEAD + len);
        if (of == stream && (type == H2_DATA || type == H2_HEADERS) && (flags & H2_END_STREAM))
            return data;
    }
}

/* The body stands from `body` on in out, with room for a frame's and gRPC's heads before it. */
static long call(struct connection *c, const char *path, const uint8_t *body, size_t body_len)
{
    uint8_t *out = c->out;
    size_t headers = put_headers(out, FRAME_HEAD, path) - FRAME_HEAD;

    c->stream += 2;
    put_frame(out, 0, headers, H2_HEADERS, H2_END_HEADERS, c->stream);
    size_t at = put_frame(out, FRAME_HEAD + headers, GRPC_HEAD + body_len, H2_DATA, H2_END_STREAM,
                          c->stream);
    const uint8_t grpc[GRPC_HEAD] = {0, 0, (uint8_t)(body_len >> 16), (uint8_t)(body_len >> 8),
                                     (uint8_t)body_len};

    memcpy(out + at, grpc, sizeof(grpc));
    memcpy(out + at + sizeof(grpc), body, body_len);
    send_all(c, at + sizeof(grpc) + body_len);
    return await(c, c->stream);
}

long etcd_get(void *store, const char *key)
{
    uint8_t body[256];
    size_t len = put_field(body, 0, 1, key, strlen(key));

    body[len++] = 7 << 3; /* serializable */
    body[len++] = 1;
    long got = call(store, "/etcdserverpb.KV/Range", body, len);

    return got > ROW_MIN ? got : 0;
}

void etcd_put(void *store, const char *key, const void *row, size_t len)
{
    uint8_t body[16384];
    size_t at = put_field(body, 0, 1, key, strlen(key));

    if (len > sizeof(body) - 512)
        die("a row that is too long");
    if (call(store, "/etcdserverpb.KV/Put", body, put_field(body, at, 2, row, len)) == 0)
        die("etcd refused a put");
}

static void greet(struct connection *c)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    size_t at = sizeof(preface) - 1;

    memcpy(c->out, preface, at);
    at = put_frame(c->out, at, 0, H2_SETTINGS, 0, 0);
    at = put_frame(c->out, at, 4, H2_WINDOW, 0, 0); /* of the connection: as much as there can be */
    memcpy(c->out + at, "\x7f\x00\x00\x00", 4);
    send_all(c, at + 4);
    c->stream = (uint32_t)-1; /* the first one is 1, and then every second */
}

void *etcd_open(const char *address, bool to_write)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(ETCD_PORT)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

    (void)to_write;
    if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
        die(address);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    struct connection *c = connected(fd, (struct sockaddr *)&to, sizeof(to));

    greet(c);
    return c;
}
