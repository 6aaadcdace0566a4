/*
 * An application for test/cluster/test_lookup.py: looks one service up again and again until its standard input
 * ends, with a nap after some dozen look-ups so that others have a processor as well; NAP_US 0: without a pause.
 *
 *     lookup-reader FOLDER SERVICE THREADS NAP_US
 *
 * Says "ready" after the first look-up that found something; its endpoints are then what it compares all others
 * with. At the end it prints {"looked", "failed", "strange", "fewer", "samples"}: how many look-ups there were;
 * how many found nothing; how many showed an endpoint that is none of the first ones, word for word (a mixture of
 * two rows, or another service's); how many showed not all of them; and [monotonic time, age] every few
 * milliseconds, in us.
 */
#include <kith/kith.h>

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ENDPOINTS_MAX 64
#define SAMPLE_US     5000
#define SAMPLES_MAX   60000
#define THREADS_MAX   16
#define WAIT_MS       60000
#define NAP_AFTER     64

struct shared {
    struct kith_reader *kith;
    const char *service;
    struct kith_endpoint first[ENDPOINTS_MAX];
    int first_n;
    long nap_us;
    bool end;
};

struct thread {
    struct shared *shared;
    pthread_t id;
    bool samples_age;
    unsigned long long looked, failed, strange, fewer;
};

static struct {
    long long at_us, age_us;
} samples[SAMPLES_MAX];
static size_t samples_n;

static long long now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static bool same(const struct kith_endpoint *a, const struct kith_endpoint *b)
{
    return memcmp(a->instance, b->instance, sizeof(a->instance)) == 0 &&
           memcmp(a->node, b->node, sizeof(a->node)) == 0 && a->weight == b->weight &&
           a->port == b->port && strcmp(a->addr, b->addr) == 0 &&
           strcmp(a->port_name, b->port_name) == 0 && strcmp(a->node_name, b->node_name) == 0;
}

static bool is_known(const struct shared *s, const struct kith_endpoint *e)
{
    for (int i = 0; i < s->first_n; i++) {
        if (same(&s->first[i], e))
            return true;
    }
    return false;
}

static void sample(struct thread *t, long long at_us, long long age_us)
{
    if (t->samples_age && samples_n < SAMPLES_MAX &&
        (samples_n == 0 || at_us - samples[samples_n - 1].at_us >= SAMPLE_US)) {
        samples[samples_n].at_us = at_us;
        samples[samples_n++].age_us = age_us;
    }
}

static void nap(long us)
{
    if (us > 0)
        nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
}

static void *read_on(void *arg)
{
    struct thread *t = arg;
    struct kith_endpoint e[ENDPOINTS_MAX];

    while (!__atomic_load_n(&t->shared->end, __ATOMIC_RELAXED)) {
        int64_t age_us = 0;
        int n = kith_lookup(t->shared->kith, t->shared->service, NULL, e, ENDPOINTS_MAX, &age_us);
        bool good = n > 0 && n <= ENDPOINTS_MAX, known = good;

        for (int i = 0; known && i < n; i++)
            known = is_known(t->shared, &e[i]);
        if (++t->looked % NAP_AFTER == 0)
            nap(t->shared->nap_us);
        t->failed += !good;
        t->strange += good && !known;
        t->fewer += good && n < t->shared->first_n;
        sample(t, now_us(), age_us);
    }
    return NULL;
}

/* False: nothing came in time. */
static bool wait_for_first(struct shared *s)
{
    long long end_us = now_us() + WAIT_MS * 1000LL;

    while (s->first_n <= 0 && now_us() < end_us) {
        s->first_n = kith_lookup(s->kith, s->service, NULL, s->first, ENDPOINTS_MAX, NULL);
        if (s->first_n <= 0)
            nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return s->first_n > 0 && s->first_n <= ENDPOINTS_MAX;
}

static void print(const struct thread *threads, unsigned count)
{
    struct thread sum = {.looked = 0};

    for (unsigned i = 0; i < count; i++) {
        sum.looked += threads[i].looked;
        sum.failed += threads[i].failed;
        sum.strange += threads[i].strange;
        sum.fewer += threads[i].fewer;
    }
    printf(
        "{\"looked\": %llu, \"failed\": %llu, \"strange\": %llu, \"fewer\": %llu, \"samples\": [",
        sum.looked, sum.failed, sum.strange, sum.fewer);
    for (size_t i = 0; i < samples_n; i++)
        printf("%s[%lld, %lld]", i ? ", " : "", samples[i].at_us, samples[i].age_us);
    puts("]}");
}

int main(int argc, char **argv)
{
    static struct shared shared;
    static struct thread threads[THREADS_MAX];
    unsigned count = argc == 5 ? (unsigned)atoi(argv[3]) : 0;

    if (count < 1 || count > THREADS_MAX) {
        fprintf(stderr, "usage: lookup-reader FOLDER SERVICE THREADS NAP_US\n");
        return 2;
    }
    shared.kith = kith_open(argv[1]);
    shared.service = argv[2];
    shared.nap_us = atol(argv[4]) % 1000000;
    if (!shared.kith || !wait_for_first(&shared)) {
        fprintf(stderr, "lookup-reader: %s: %s\n", argv[2], kith_error_text(shared.first_n));
        return 1;
    }
    puts("ready");
    fflush(stdout);
    for (unsigned i = 0; i < count; i++) {
        threads[i] = (struct thread){.shared = &shared, .samples_age = i == 0};
        pthread_create(&threads[i].id, NULL, read_on, &threads[i]);
    }
    struct pollfd in = {.fd = 0, .events = POLLIN | POLLHUP};

    poll(&in, 1, -1);
    __atomic_store_n(&shared.end, true, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i].id, NULL);
    print(threads, count);
    kith_close(shared.kith);
    return 0;
}
