/*
 * What scripts/bench register runs (scripts/lib/bench_register.py): many clients, each with a connection of its own, each
 * making one durable registration after another, and waiting for its answer.
 *
 *     bench-register kith SOCKET CLIENTS SECONDS     register_endpoint at a daemon's ipc socket
 *     bench-register etcd ADDRESS CLIENTS SECONDS    put of the same words, under a key of its own
 *
 * Both sides get the leanest client there can be, blocking on a bare socket: to kithd by ZMTP (bench_dealer.c),
 * to etcd by gRPC (bench_sockets.c). Prints {"n", "p50_us", "p99_us", "max_us", "per_s"}; a failure ends it with status 1.
 */
#include "bench_dealer.h"
#include "bench_stores.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS_MAX 2000
#define SAMPLES_MAX 400000 /* of one client */
#define STACK_BYTES ((size_t)512 << 10)
#define PER_SERVICE 10

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
