/*
 * bench-transport SECONDS: round trips and one-way throughput by each transport that a peer can be bound to,
 * with and without CURVE, at 200 B and 16 KiB; and by inproc, as the floor. Sockets are those of kithd
 * (shell/sockets.h), the two ends in two threads with a ZeroMQ context each. One JSON object a line.
 */
#include "shell/clock.h"
#include "shell/sockets.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRIPS_MAX 20000
#define WARM_UP   200

enum { ECHO = 'e', COUNT = 'c', END = 'x', QUIT = 'q' }; /* a frame's first byte */

struct way {
    const char *transport, *endpoint;
    bool curve;
};

struct server {
    void *ctx; /* its own, but shared for inproc */
    const struct way *way;
    struct curve keys;
    void *ready; /* a PAIR that tells that it is bound */
};

/* Echoes, or counts until the end and then tells how many came in how many microseconds. */
static void *serve(void *arg)
{
    struct server *s = arg;
    void *socket = sockets_server(s->ctx, ZMQ_ROUTER, &s->keys, NULL);
    if (!s->keys.insecure) {
        sockets_set(socket, ZMQ_CURVE_SERVER, 1);
        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, s->keys.ring_secret.b, 32);
    }
    int rc = zmq_bind(socket, s->way->endpoint);
    if (rc != 0)
        fprintf(stderr, "cannot bind %s: %s\n", s->way->endpoint, zmq_strerror(zmq_errno()));
    zmq_send(s->ready, rc == 0 ? "y" : "n", 1, 0);
    uint64_t counted = 0;
    kith_time first_us = 0;
    for (bool on = rc == 0; on;) {
        zmq_msg_t id, frame;
        zmq_msg_init(&id);
        zmq_msg_init(&frame);
        zmq_msg_recv(&id, socket, 0);
        zmq_msg_recv(&frame, socket, 0);
        char kind = *(char *)zmq_msg_data(&frame);
        if (kind == ECHO) {
            zmq_msg_send(&id, socket, ZMQ_SNDMORE);
            zmq_msg_send(&frame, socket, 0);
        } else if (kind == COUNT && counted++ == 0) {
            first_us = clock_now_us();
        } else if (kind == END) {
            uint64_t told[2] = {counted, (uint64_t)(clock_now_us() - first_us)};
            counted = 0;
            zmq_msg_send(&id, socket, ZMQ_SNDMORE);
            zmq_send(socket, told, sizeof told, 0);
        }
        on = kind != QUIT;
        zmq_msg_close(&id);
        zmq_msg_close(&frame);
    }
    sockets_close(&socket);
    return NULL;
}

static int by_length(const void *a, const void *b)
{
    const kith_time *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static kith_time trip(void *socket, char *frame, size_t len)
{
    kith_time sent_us = clock_now_us();
    zmq_send(socket, frame, len, 0);
    int got = zmq_recv(socket, frame, len, 0);
    assert(got == (int)len);
    return clock_now_us() - sent_us;
}

/* Messages a second; frames go out as fast as the socket takes them. */
static double pour(void *socket, char *frame, size_t len, kith_time for_us)
{
    uint64_t told[2];
    frame[0] = COUNT;
    for (kith_time end_us = clock_now_us() + for_us; clock_now_us() < end_us;)
        for (int i = 0; i < 64; i++)
            zmq_send(socket, frame, len, 0);
    frame[0] = END;
    zmq_send(socket, frame, len, 0);
    int got = zmq_recv(socket, told, sizeof told, 0);
    assert(got == (int)sizeof told);
    return (double)told[0] * 1e6 / (double)(told[1] > 0 ? told[1] : 1);
}

static void measure(void *socket, const struct way *w, size_t len, kith_time for_us)
{
    static kith_time trips_us[TRIPS_MAX];
    char *frame = calloc(1, len);
    size_t n = 0;
    frame[0] = ECHO;
    for (int i = 0; i < WARM_UP; i++)
        trip(socket, frame, len);
    for (kith_time end_us = clock_now_us() + for_us; n < TRIPS_MAX && clock_now_us() < end_us;)
        trips_us[n++] = trip(socket, frame, len);
    qsort(trips_us, n, sizeof *trips_us, by_length);
    double per_s = pour(socket, frame, len, for_us);
    printf("{\"transport\": \"%s\", \"curve\": %s, \"bytes\": %zu, \"per_s\": %.0f, \"n\": %zu, "
           "\"p50_us\": %lld, \"p99_us\": %lld}\n",
           w->transport, w->curve ? "true" : "false", len, per_s, n, (long long)trips_us[n / 2],
           (long long)trips_us[n * 99 / 100]);
    fflush(stdout);
    free(frame);
}

static struct key32 key_of(const char *z85)
{
    struct key32 key;
    uint8_t *ok = zmq_z85_decode(key.b, z85);
    assert(ok != NULL);
    return key;
}

static struct curve draw_keys(bool curve)
{
    char ring[2][41], own[2][41];
    zmq_curve_keypair(ring[0], ring[1]);
    zmq_curve_keypair(own[0], own[1]);
    return (struct curve){
        .insecure = !curve,
        .ring_public = key_of(ring[0]),
        .ring_secret = key_of(ring[1]),
        .own_public = key_of(own[0]),
        .own_secret = key_of(own[1]),
    };
}

static int run(const struct way *w, kith_time for_us)
{
    void *ctx = zmq_ctx_new();
    bool shared = strcmp(w->transport, "inproc") == 0;
    struct server s = {.ctx = shared ? ctx : zmq_ctx_new(), .way = w, .keys = draw_keys(w->curve)};
    char said = 'n';
    s.ready = zmq_socket(ctx, ZMQ_PAIR);
    void *heard = zmq_socket(ctx, ZMQ_PAIR);
    zmq_bind(heard, "inproc://ready");
    zmq_connect(s.ready, "inproc://ready");
    pthread_t thread;
    pthread_create(&thread, NULL, serve, &s);
    zmq_recv(heard, &said, 1, 0);
    if (said == 'y') {
        void *socket = sockets_client(ctx, ZMQ_DEALER, &s.keys, bytes_of("bench", 5));
        zmq_connect(socket, w->endpoint);
        measure(socket, w, 200, for_us);
        measure(socket, w, 16384, for_us);
        zmq_send(socket, "q", 1, 0);
        pthread_join(thread, NULL);
        sockets_close(&socket);
    } else {
        pthread_join(thread, NULL);
    }
    sockets_close(&s.ready);
    sockets_close(&heard);
    if (!shared)
        zmq_ctx_term(s.ctx);
    zmq_ctx_term(ctx);
    return said != 'y';
}

int main(int argc, char **argv)
{
    double seconds = argc == 2 ? strtod(argv[1], NULL) : 0;
    char ipc[64];
    if (seconds <= 0) {
        fprintf(stderr, "usage: bench-transport SECONDS (for each figure)\n");
        return 2;
    }
    snprintf(ipc, sizeof ipc, "ipc:///tmp/kith-bench-%d", (int)getpid());
    const struct way ways[] = {
        {"inproc", "inproc://bench", false},
        {"ipc", ipc, false},
        {"tcp", "tcp://127.0.1.200:5484", false},
        {"ws", "ws://127.0.1.200:5494", false},
        {"ipc", ipc, true},
        {"tcp", "tcp://127.0.1.200:5485", true},
        {"ws", "ws://127.0.1.200:5495", true},
    };
    int bad = 0;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        bad |= run(&ways[i], (kith_time)(seconds * (double)KITH_SEC));
    return bad;
}
