/*
 * What scripts/bench register runs (scripts/lib/bench_register.py): many clients, each with a connection of its own, each
 * making one durable registration after another, and waiting for its answer.
 *
 *     bench-register kith SOCKET CLIENTS SECONDS     register_endpoint at a daemon's ipc socket
 *     bench-register etcd ADDRESS CLIENTS SECONDS    put of the same words, under a key of its own
 *
 * Both sides get the leanest client there can be, blocking on a bare socket: to kithd by ZMTP 3.0 (NULL mechanism, DEALER),
 * to etcd by gRPC (bench_sockets.c). Prints {"n", "p50_us", "p99_us", "max_us", "per_s"}; a failure ends it with status 1.
 */
#include "bench_stores.h"

#include "wire/frame.h"
#include "wire/gen/client.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS_MAX  2000
#define SAMPLES_MAX  400000 /* of one client */
#define STACK_BYTES  ((size_t)512 << 10)
#define PER_SERVICE  10
#define ANSWER_BYTES 8192

static void die(const char *what)
{
    fprintf(stderr, "bench-register: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- ZMTP ---- */

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

static void *dealer_open(const char *path, bool to_write)
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

static void dealer_close(void *store)
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

/* The key is "service/name", the row its address, port and tags: what the other side is given as text. */
static void dealer_put(void *store, const char *key, const void *row, size_t len)
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

/* ---- clients ---- */

static const char row_text[] =
    "{\"addr\":\"10.20.30.40\",\"port\":8080,\"port_name\":\"http\",\"tags\":"
    "[\"v1\",\"eu-west\"],\"owner\":\"team-of-the-platform\"}";

struct client {
    pthread_t thread;
    unsigned number;
    const char *where;
    void *store;
    uint32_t *ns; /* of each request, in units of 16 ns */
    size_t count;
};

static struct {
    const struct store_kind *kind;
    pthread_barrier_t connected, go;
    uint64_t end_ns; /* set between the two */
} run;

static void *client(void *arg)
{
    struct client *c = arg;
    char key[96];

    c->store = run.kind->open(c->where, true);
    pthread_barrier_wait(&run.connected);
    pthread_barrier_wait(&run.go);
    for (uint64_t begin = now_ns(), end; begin < run.end_ns && c->count < SAMPLES_MAX;
         begin = end) {
        snprintf(key, sizeof(key), "bench-%d-%u-%zu/endpoint-%d-%u-%zu", getpid(), c->number,
                 c->count / PER_SERVICE, getpid(), c->number, c->count);
        run.kind->put(c->store, key, row_text, sizeof(row_text) - 1);
        end = now_ns();
        c->ns[c->count++] = (uint32_t)((end - begin) / 16);
    }
    run.kind->close(c->store);
    return NULL;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static double us(uint32_t ticks)
{
    return ticks * 16 / 1e3;
}

static void tell(struct client *clients, unsigned n, double seconds)
{
    size_t count = 0, at = 0;

    for (unsigned i = 0; i < n; i++)
        count += clients[i].count;
    uint32_t *all = calloc(count + 1, sizeof(*all));

    if (!all || count == 0)
        die("nothing was registered");
    for (unsigned i = 0; i < n; at += clients[i++].count)
        memcpy(all + at, clients[i].ns, clients[i].count * sizeof(*all));
    qsort(all, count, sizeof(*all), compare);
    printf("{\"n\": %zu, \"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f, \"per_s\": %.0f}\n",
           count, us(all[count / 2]), us(all[count * 99 / 100]), us(all[count - 1]),
           (double)count / seconds);
    free(all);
}

static const struct store_kind kith = {"kith", dealer_open, dealer_put, NULL, NULL, dealer_close};

int main(int argc, char **argv)
{
    static struct client clients[CLIENTS_MAX];
    unsigned n = argc == 5 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
    pthread_attr_t small;

    run.kind = n && strcmp(argv[1], "kith") == 0 ? &kith : n ? store_kind(argv[1]) : NULL;
    if (!run.kind || n > CLIENTS_MAX) {
        fprintf(stderr, "bench-register kith|etcd WHERE CLIENTS SECONDS\n");
        return 2;
    }
    pthread_barrier_init(&run.connected, NULL, n + 1);
    pthread_barrier_init(&run.go, NULL, n + 1);
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, STACK_BYTES);
    for (unsigned i = 0; i < n; i++) {
        clients[i].number = i;
        clients[i].where = argv[2];
        clients[i].ns = calloc(SAMPLES_MAX, sizeof(uint32_t)); /* touched as it is used */
        if (!clients[i].ns || pthread_create(&clients[i].thread, &small, client, &clients[i]))
            die("threads");
    }
    pthread_barrier_wait(&run.connected);
    uint64_t begin_ns = now_ns();

    run.end_ns = begin_ns + (uint64_t)(strtod(argv[4], NULL) * 1e9);
    pthread_barrier_wait(&run.go);
    for (unsigned i = 0; i < n; i++)
        pthread_join(clients[i].thread, NULL);
    tell(clients, n, (double)(now_ns() - begin_ns) / 1e9);
    return 0;
}
