/*
 * What scripts/bench lookup runs (scripts/lib/bench_lookup.py): one look-up after another by one of several ways, each
 * timed, from as many threads as wanted.
 *
 *     bench-lookup serve DIR SERVICES ROWS_PER_S             fills DIR as kithd does, says "ready", and writes on
 *     bench-lookup fill STORE WHERE SERVICES                 a store of bench_stores.h
 *     bench-lookup write STORE WHERE SERVICES ROWS_PER_S
 *     bench-lookup read kith|STORE WHERE SERVICES THREADS SECONDS
 *
 * serve and write go on until their standard input ends, and then print {"rows", "seconds"}. read prints
 * {"n", "p50_us", "p99_us", "per_s", "failed"}; a look-up that found no row, or not all of it, is a failed one.
 */
#include "bench_services.h"
#include "bench_stores.h"
#include "kith/kith.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES_MAX     4000000
#define WARM_UP         20000
#define WARM_UP_SOCKETS 200
#define BEAT_NS         400000000
#define SEED            UINT64_C(88172645463325252)

/* ---- writing ---- */

struct writer { /* to the look-up file, or else to a store */
    struct lookup_file *file;
    uint64_t beat_ns;
    const struct store_kind *kind;
    void *store;
    struct packed_row row;
};

static void write_row(struct writer *w, unsigned service, uint32_t round)
{
    if (w->file) {
        if (service_put(w->file, service, round))
            exit(1);
        return;
    }
    packed_row(&w->row, service, round);
    w->kind->put(w->store, w->row.name, w->row.data, w->row.len);
}

/* What was written so far can be read. */
static void settle(struct writer *w)
{
    if (w->file && now_ns() - w->beat_ns >= BEAT_NS) {
        lookup_file_beat(w->file);
        w->beat_ns = now_ns();
    }
    if (w->kind && w->kind->commit)
        w->kind->commit(w->store);
}

static int write_on(struct writer *w, unsigned services, unsigned per_s)
{
    struct pollfd in = {.fd = 0, .events = POLLIN | POLLHUP};
    uint64_t begin_ns = now_ns(), rows = 0, seed = SEED;

    while (poll(&in, 1, 1) == 0) {
        uint64_t due = (now_ns() - begin_ns) * per_s / 1000000000u;

        for (; rows < due; rows++) {
            write_row(w, (unsigned)(next_random(&seed) % services), (uint32_t)rows + 1);
            settle(w);
            if (rows % 64 == 0 && poll(&in, 1, 0)) /* also when it is slower than wanted */
                break;
        }
        settle(w);
    }
    printf("{\"rows\": %llu, \"seconds\": %.3f}\n", (unsigned long long)rows,
           (double)(now_ns() - begin_ns) / 1e9);
    return 0;
}

static int serve(const char *folder, unsigned services, unsigned per_s)
{
    struct lookup_file_config config = {.folder = folder};
    struct writer w = {.file = NULL};
    struct buf why = {0};

    if (lookup_file_open(&w.file, &config, &why) || lookup_file_begin(w.file)) {
        fprintf(stderr, "bench-lookup: %s\n", buf_cstr(&why));
        return 1;
    }
    for (unsigned i = 0; i < services; i++)
        write_row(&w, i, 0);
    if (lookup_file_publish(w.file))
        return 1;
    puts("ready");
    fflush(stdout);
    int status = write_on(&w, services, per_s);

    lookup_file_close(w.file);
    return status;
}

static int write_store(const struct store_kind *kind, const char *where, unsigned services,
                       int per_s)
{
    struct writer w = {.kind = kind, .store = kind->open(where, true)};
    int status = 0;

    if (per_s >= 0) {
        status = write_on(&w, services, (unsigned)per_s);
    } else {
        for (unsigned i = 0; i < services; i++)
            write_row(&w, i, 0);
        settle(&w);
    }
    kind->close(w.store);
    packed_row_deinit(&w.row);
    return status;
}

/* ---- reading ---- */

struct run {                       /* of all threads */
    const struct store_kind *kind; /* NULL: libkith */
    struct kith_reader *kith;
    const char *where;
    unsigned services, warm_up;
    double seconds;
    pthread_barrier_t start;
};

struct thread {
    struct run *run;
    pthread_t id;
    unsigned number;
    uint32_t *ns; /* samples */
    size_t count;
    uint64_t looked, failed, took_ns;
    void *store;
};

static bool look(const struct thread *t, const char *name)
{
    struct kith_endpoint e[SERVICE_ENDPOINTS];
    int64_t age_us;

    if (t->store)
        return t->run->kind->get(t->store, name) > 0;
    return kith_lookup(t->run->kith, name, NULL, e, SERVICE_ENDPOINTS, &age_us) ==
               SERVICE_ENDPOINTS &&
           e[SERVICE_ENDPOINTS - 1].port == SERVICE_FIRST_PORT + SERVICE_ENDPOINTS - 1;
}

/* One look-up of any service, timed. */
static uint64_t look_once(struct thread *t, uint64_t *seed)
{
    char name[SERVICE_NAME_SIZE];

    service_name(name, (unsigned)(next_random(seed) % t->run->services));
    uint64_t begin_ns = now_ns();

    t->failed += !look(t, name);
    t->looked++;
    return now_ns() - begin_ns;
}

static void *read_on(void *arg)
{
    struct thread *t = arg;
    const struct run *run = t->run;
    uint64_t seed = SEED * (t->number + 1);

    t->ns = malloc(SAMPLES_MAX * sizeof(*t->ns));
    if (!t->ns)
        exit(1);
    memset(t->ns, 0, SAMPLES_MAX * sizeof(*t->ns)); /* no page is missing while it counts */
    if (run->kind)
        t->store = run->kind->open(run->where, false);
    for (unsigned i = 0; i < run->warm_up; i++)
        look_once(t, &seed);
    t->looked = 0;
    pthread_barrier_wait(&t->run->start);
    uint64_t begin_ns = now_ns(), end_ns = begin_ns + (uint64_t)(run->seconds * 1e9);

    while (now_ns() < end_ns) {
        uint64_t ns = look_once(t, &seed);

        if (t->count < SAMPLES_MAX)
            t->ns[t->count++] = (uint32_t)(ns < UINT32_MAX ? ns : UINT32_MAX);
    }
    t->took_ns = now_ns() - begin_ns;
    return NULL;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static int print(const struct thread *threads, unsigned count)
{
    size_t n = 0, at = 0;
    uint64_t failed = 0;
    double per_s = 0;

    for (unsigned i = 0; i < count; i++)
        n += threads[i].count;
    uint32_t *all = malloc((n + 1) * sizeof(*all));

    if (!all || !n)
        return 1;
    for (unsigned i = 0; i < count; at += threads[i++].count) {
        memcpy(all + at, threads[i].ns, threads[i].count * sizeof(*all));
        failed += threads[i].failed;
        per_s += (double)threads[i].looked * 1e9 / (double)threads[i].took_ns;
    }
    qsort(all, n, sizeof(*all), by_number);
    printf("{\"n\": %zu, \"p50_us\": %.3f, \"p99_us\": %.3f, \"per_s\": %.0f, \"failed\": %llu}\n",
           n, (double)all[n / 2] / 1e3, (double)all[n * 99 / 100] / 1e3, per_s,
           (unsigned long long)failed);
    free(all);
    return 0;
}

static int read_all(struct run *run, unsigned threads_n)
{
    struct thread *threads = calloc(threads_n, sizeof(*threads));

    if (!threads)
        return 1;
    if (!run->kind) {
        run->kith = kith_open(run->where);
        if (!run->kith || kith_problem(run->kith)) {
            fprintf(stderr, "bench-lookup: %s: nothing to look up\n", run->where);
            return 1;
        }
    }
    pthread_barrier_init(&run->start, NULL, threads_n);
    for (unsigned i = 0; i < threads_n; i++) {
        threads[i].run = run;
        threads[i].number = i;
        pthread_create(&threads[i].id, NULL, read_on, &threads[i]);
    }
    for (unsigned i = 0; i < threads_n; i++)
        pthread_join(threads[i].id, NULL);
    return print(threads, threads_n); /* the system takes back what threads and handles hold */
}

/* ---- words ---- */

static int usage(void)
{
    fprintf(stderr, "bench-lookup: see the top of test/bench/bench_lookup.c\n");
    return 2;
}

int main(int argc, char **argv)
{
    const char *verb = argc > 4 ? argv[1] : "", *what = argc > 4 ? argv[2] : "";

    if (strcmp(verb, "serve") == 0)
        return serve(what, (unsigned)atoi(argv[3]), (unsigned)atoi(argv[4]));
    const struct store_kind *kind = store_kind(what);
    unsigned services = argc > 4 ? (unsigned)atoi(argv[4]) : 0;

    if (!services || (!kind && strcmp(what, "kith") != 0))
        return usage();
    if (kind && kind->put && strcmp(verb, "fill") == 0)
        return write_store(kind, argv[3], services, -1);
    if (kind && kind->put && strcmp(verb, "write") == 0 && argc == 6)
        return write_store(kind, argv[3], services, atoi(argv[5]));
    if (strcmp(verb, "read") != 0 || argc != 7 || atoi(argv[5]) < 1)
        return usage();
    bool on_sockets = kind == store_kind("redis") || kind == store_kind("etcd");
    struct run run = {.kind = kind, .where = argv[3], .services = services};

    run.warm_up = kind && on_sockets ? WARM_UP_SOCKETS : WARM_UP;
    run.seconds = strtod(argv[6], NULL);
    return read_all(&run, (unsigned)atoi(argv[5]));
}
