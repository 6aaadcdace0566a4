/*
 * bench-pace ADDR PORT PATH RATE SECONDS CONNECTIONS: so many requests a second over raw keep-alive connections, each at its own time,
 * whatever became of those before: gaps are drawn from an exponential distribution, the same in each run. How long one took counts from the time
 * at which it was due, so one that had to wait for a connection, or for this program, has waited: nothing is left out ("coordinated omission").
 *
 * bench-pace stalls SECONDS: only how long each processor of the machine stands still.
 *
 * It waits busily, on the last processor, and looks at the clock all the time: so a gap between two looks is a time in which this
 * processor did not run it, which is no doing of whom it asks. Such gaps of more than STALL_NS are told, and what requests took
 * that met none (calm). One JSON object.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define STALL_NS        200000
#define CONNECTIONS_MAX 1024
#define HEAD_MAX        4096
#define AT_ONCE         16 /* answers between two looks at the schedule */
#define PROCESSORS_MAX  64

/* ---- how long things took ---- */

/* Of 64 steps for each doubling, so to 1.6 percent; in nanoseconds. */
#define STEPS   64u
#define BUCKETS (STEPS * 59u)

struct histogram {
    uint64_t buckets[BUCKETS], count;
    int64_t max_ns;
};

static unsigned bucket_of(uint64_t ns)
{
    if (ns < STEPS)
        return (unsigned)ns;
    unsigned shift = 57u - (unsigned)__builtin_clzll(ns);

    return shift * STEPS + (unsigned)(ns >> shift);
}

/* The upper end of a bucket. */
static double bucket_us(unsigned b)
{
    unsigned shift = b < 2 * STEPS ? 0 : b / STEPS - 1;

    return (double)((uint64_t)(b - shift * STEPS + 1) << shift) / 1e3;
}

static void histogram_add(struct histogram *h, int64_t ns)
{
    h->buckets[bucket_of((uint64_t)ns)]++;
    h->count++;
    if (ns > h->max_ns)
        h->max_ns = ns;
}

/* No more than so many took longer than it says; 0: there are none. */
static double quantile_us(const struct histogram *h, double q)
{
    uint64_t rank = (uint64_t)ceil(q * (double)h->count), seen = 0;

    for (unsigned b = 0; b < BUCKETS; b++) {
        seen += h->buckets[b];
        if (seen >= rank && seen > 0)
            return fmin(bucket_us(b), (double)h->max_ns / 1e3);
    }
    return 0;
}

/* ---- the clock ---- */

struct clock {
    int64_t begin_ns, now_ns, stall_ends_ns; /* the last one's */
    int64_t still_ns, longest_ns;
    unsigned stalls;
};

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Between two of these lies much less than STALL_NS of work. */
static int64_t look(struct clock *c)
{
    int64_t before = c->now_ns, gap = (c->now_ns = now_ns()) - before;

    if (gap > STALL_NS) {
        c->stalls++;
        c->still_ns += gap;
        c->stall_ends_ns = c->now_ns;
        c->longest_ns = gap > c->longest_ns ? gap : c->longest_ns;
    }
    return c->now_ns;
}

static void clock_begin(struct clock *c)
{
    *c = (struct clock){.begin_ns = now_ns()};
    c->now_ns = c->begin_ns;
}

static double percent_still(const struct clock *c)
{
    return 100.0 * (double)c->still_ns / (double)(c->now_ns - c->begin_ns);
}

static void stay_on(int processor)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((unsigned)processor, &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0)
        perror("sched_setaffinity");
}

/* ---- requests ---- */

struct connection {
    int fd;
    int64_t due_ns;
    size_t got, wanted; /* bytes; wanted is 0 until the head is there */
    char head[HEAD_MAX + 1];
};

struct pace {
    struct connection connections[CONNECTIONS_MAX];
    int idle[CONNECTIONS_MAX], idle_n, connections_n;
    char question[1024];
    size_t question_len;
    double mean_gap_ns;
    int64_t next_ns, end_ns;
    unsigned short seed[3];
    int epoll_fd;
    struct clock clock;
    struct histogram all, calm;
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void open_all(struct pace *p, const char *address, const char *port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    const int on = 1;

    if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
        fail(address);
    p->epoll_fd = epoll_create1(0);
    for (int i = 0; i < p->connections_n; i++) {
        struct connection *c = &p->connections[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};

        c->fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0)
            fail("connect");
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, c->fd, &event);
        p->idle[p->idle_n++] = i;
    }
}

static void ask(struct pace *p)
{
    struct connection *c = &p->connections[p->idle[--p->idle_n]];

    if (send(c->fd, p->question, p->question_len, MSG_NOSIGNAL) != (ssize_t)p->question_len)
        fail("send");
    c->due_ns = p->next_ns;
    c->got = c->wanted = 0;
    p->next_ns += (int64_t)(-log(1 - erand48(p->seed)) * p->mean_gap_ns);
}

/* How long the whole answer is, once its head is there; 0: it is not yet. */
static size_t length_of(const struct connection *c)
{
    const char *end = strstr(c->head, "\r\n\r\n"),
               *length = strcasestr(c->head, "\r\ncontent-length:");

    if (!end)
        return 0;
    if (strncmp(c->head, "HTTP/1.1 200 ", 13) != 0 || !length || length > end) {
        fprintf(stderr, "no good answer: %.60s\n", c->head);
        exit(1);
    }
    return (size_t)(end + 4 - c->head) + strtoul(length + 17, NULL, 10);
}

static void take(struct pace *p, struct connection *c)
{
    static char rest[1 << 16];
    bool in_head = c->wanted == 0;
    ssize_t n = in_head ? recv(c->fd, c->head + c->got, HEAD_MAX - c->got, MSG_DONTWAIT)
                        : recv(c->fd, rest, sizeof(rest), MSG_DONTWAIT);

    if (n <= 0) {
        if (n < 0 && errno == EAGAIN)
            return;
        fail("recv");
    }
    c->got += (size_t)n;
    if (in_head) {
        c->head[c->got] = 0;
        c->wanted = length_of(c);
        if (c->wanted == 0 && c->got == HEAD_MAX) {
            fprintf(stderr, "a head of more than %d B\n", HEAD_MAX);
            exit(1);
        }
    }
    if (c->wanted == 0 || c->got < c->wanted)
        return;
    int64_t took_ns = look(&p->clock) - c->due_ns;

    histogram_add(&p->all, took_ns);
    if (p->clock.stall_ends_ns < c->due_ns)
        histogram_add(&p->calm, took_ns);
    p->idle[p->idle_n++] = (int)(c - p->connections);
}

static void run(struct pace *p, double seconds)
{
    clock_begin(&p->clock);
    p->next_ns = p->clock.begin_ns;
    p->end_ns = p->next_ns + (int64_t)(seconds * 1e9);
    while (p->next_ns < p->end_ns || p->idle_n < p->connections_n) {
        struct epoll_event events[AT_ONCE];

        while (p->next_ns <= look(&p->clock) && p->next_ns < p->end_ns && p->idle_n > 0)
            ask(p);
        int n = epoll_wait(p->epoll_fd, events, AT_ONCE, 0);

        for (int i = 0; i < n; i++) {
            take(p, events[i].data.ptr);
            look(&p->clock);
        }
    }
}

static void tell(const struct pace *p)
{
    const struct histogram *h = &p->all;
    double seconds = (double)(p->clock.now_ns - p->clock.begin_ns) / 1e9;

    printf(
        "{\"count\": %llu, \"per_s\": %.0f, \"p50_us\": %.1f, \"p90_us\": %.1f, \"p99_us\": %.1f, "
        "\"p999_us\": %.1f, \"max_us\": %.1f, \"calm_count\": %llu, \"calm_p50_us\": %.1f, "
        "\"calm_p99_us\": %.1f, \"calm_p999_us\": %.1f, \"still_percent\": %.3f, "
        "\"longest_still_us\": %.0f, \"stalls\": %u}\n",
        (unsigned long long)h->count, (double)h->count / seconds, quantile_us(h, 0.5),
        quantile_us(h, 0.9), quantile_us(h, 0.99), quantile_us(h, 0.999), (double)h->max_ns / 1e3,
        (unsigned long long)p->calm.count, quantile_us(&p->calm, 0.5), quantile_us(&p->calm, 0.99),
        quantile_us(&p->calm, 0.999), percent_still(&p->clock), (double)p->clock.longest_ns / 1e3,
        p->clock.stalls);
}

/* ---- the machine alone ---- */

struct spinner {
    pthread_t thread;
    int processor;
    int64_t for_ns;
    struct clock clock;
};

static void *spin(void *arg)
{
    struct spinner *s = arg;

    stay_on(s->processor);
    clock_begin(&s->clock);
    while (look(&s->clock) - s->clock.begin_ns < s->for_ns)
        ;
    return NULL;
}

static void stalls(double seconds)
{
    static struct spinner spinners[PROCESSORS_MAX];
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    double longest_ns = 0, worst = 0;

    n = n < PROCESSORS_MAX ? n : PROCESSORS_MAX;
    for (int i = 0; i < n; i++) {
        spinners[i] = (struct spinner){.processor = i, .for_ns = (int64_t)(seconds * 1e9)};
        pthread_create(&spinners[i].thread, NULL, spin, &spinners[i]);
    }
    for (int i = 0; i < n; i++) {
        pthread_join(spinners[i].thread, NULL);
        worst = fmax(worst, percent_still(&spinners[i].clock));
        longest_ns = fmax(longest_ns, (double)spinners[i].clock.longest_ns);
    }
    printf("{\"still_percent\": %.3f, \"longest_still_us\": %.0f}\n", worst, longest_ns / 1e3);
}

int main(int argc, char **argv)
{
    static struct pace p = {.seed = {7, 7, 7}};

    if (argc == 3 && strcmp(argv[1], "stalls") == 0) {
        stalls(atof(argv[2]));
        return 0;
    }
    if (argc != 7) {
        fprintf(stderr,
                "usage: bench-pace ADDR PORT PATH RATE SECONDS CONNECTIONS | stalls SECONDS\n");
        return 2;
    }
    p.connections_n = atoi(argv[6]);
    p.mean_gap_ns = 1e9 / atof(argv[4]);
    if (p.connections_n < 1 || p.connections_n > CONNECTIONS_MAX || !(p.mean_gap_ns > 0)) {
        fprintf(stderr, "bench-pace: 1 to %d connections, and a rate above 0\n", CONNECTIONS_MAX);
        return 2;
    }
    p.question_len = (size_t)snprintf(p.question, sizeof(p.question),
                                      "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", argv[3]);
    stay_on((int)sysconf(_SC_NPROCESSORS_ONLN) - 1);
    open_all(&p, argv[1], argv[2]);
    run(&p, atof(argv[5]));
    tell(&p);
    return 0;
}
