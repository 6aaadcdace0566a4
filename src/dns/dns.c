#include "dns/dns.h"

#include "base/mem.h"
#include "dns/streams.h"
#include "dns/udp.h"
#include "shell/clock.h"
#include "shell/mail.h"
#include "shell/pollset.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>

struct numbers { /* what others may read */
    struct desk_counts desk;
    struct respond_counts respond;
    struct times times;
};

struct dns_door {
    struct udp *udp;
    struct pollset_item item;
};

struct dns {
    const struct dns_config *config;
    struct respond_config respond;
    struct desk desk;
    struct dns_door doors[DESK_ADDRESSES_MAX];
    size_t doors_n;
    struct streams *streams;
    zactor_t *actor;
    pthread_mutex_t lock; /* of: */
    struct numbers numbers;
};

/* ---- life ---- */

static int listen_all(struct dns *d, struct buf *why)
{
    for (size_t i = 0; i < d->config->addresses_n; i++) {
        struct dns_door *door = &d->doors[d->doors_n++];

        door->udp = udp_open(d->config->addresses[i], &d->desk, why);
        if (!door->udp || streams_listen(d->streams, d->config->addresses[i], why) != 0)
            return 1;
    }
    return 0;
}

struct dns *dns_open(struct dns_config *config, struct buf *why)
{
    struct dns *d = mem_alloc(sizeof(*d));
    uint64_t seeds[2] = {0};

    /* Without, only who shares a place in a table could be guessed. */
    (void)!getrandom(seeds, sizeof(seeds), 0);
    d->config = config;
    pthread_mutex_init(&d->lock, NULL);
    config->respond.forwards = config->forwards_n > 0;
    config->respond.seed = seeds[0];
    d->desk.responder = responder_new(&config->respond);
    d->desk.rate = config->rate ? rate_new(config->rate, seeds[1]) : NULL;
    d->desk.rate_own = config->rate_own;
    d->streams = streams_new(&d->desk);
    if (config->forwards_n)
        d->desk.forward = forward_new(config->forwards, config->forwards_n, why);
    if ((config->forwards_n == 0 || d->desk.forward) && listen_all(d, why) == 0)
        return d;
    dns_stop(d);
    return NULL;
}

void dns_stop(struct dns *d)
{
    if (!d)
        return;
    mail_stop(&d->actor);
    for (size_t i = 0; i < d->doors_n; i++)
        udp_close(d->doors[i].udp);
    streams_free(d->streams);
    forward_free(d->desk.forward);
    rate_free(d->desk.rate);
    responder_free(d->desk.responder);
    pthread_mutex_destroy(&d->lock);
    mem_free(d);
}

/* ---- the thread ---- */

static void take_forwarded(struct dns *d)
{
    struct forward_done done;
    uint8_t out[DNS_UDP_PLAIN];

    forward_run(d->desk.forward, d->desk.now_us);
    while (forward_take(d->desk.forward, &done)) {
        struct bytes message = done.answer;

        if (message.len == 0) {
            size_t len = responder_fail(d->desk.responder, done.query.data, done.query.len, out);

            message = bytes_of(out, len);
            d->desk.counts.unforwarded++;
        }
        if (done.client->stream)
            streams_send(d->streams, done.client, message);
        else
            udp_send(done.client, message);
    }
}

static void publish(struct dns *d)
{
    pthread_mutex_lock(&d->lock);
    d->numbers.desk = d->desk.counts;
    d->numbers.respond = *responder_counts(d->desk.responder);
    d->numbers.times = d->desk.times;
    pthread_mutex_unlock(&d->lock);
}

static kith_time deadline(const struct dns *d)
{
    kith_time at_us = streams_deadline(d->streams);

    return d->desk.forward ? kith_time_min(at_us, forward_deadline(d->desk.forward)) : at_us;
}

/* Whatever has something to do; deadlines are looked at each turn. */
static void run(struct dns *d)
{
    responder_begin(d->desk.responder, d->desk.now_us);
    for (size_t i = 0; i < d->doors_n; i++) {
        if (pollset_ready(&d->doors[i].item))
            udp_run(d->doors[i].udp);
    }
    if (d->desk.forward)
        take_forwarded(d);
    streams_run(d->streams);
    responder_end(d->desk.responder);
    publish(d);
}

static void join(struct dns *d, struct pollset *set, struct pollset_item *streams,
                 struct pollset_item *forward)
{
    for (size_t i = 0; i < d->doors_n; i++)
        pollset_add_fd(set, &d->doors[i].item, udp_fd(d->doors[i].udp), /* tell= */ NULL,
                       /* arg= */ NULL);
    pollset_add_fd(set, streams, streams_fd(d->streams), /* tell= */ NULL, /* arg= */ NULL);
    if (d->desk.forward)
        pollset_add_fd(set, forward, forward_fd(d->desk.forward), /* tell= */ NULL,
                       /* arg= */ NULL);
}

static void actor(zsock_t *pipe, void *arg)
{
    struct dns *d = arg;
    struct pollset set;
    struct pollset_item end_item = {0}, streams = {0}, forward = {0};
    bool end = false;

    pollset_init(&set);
    pollset_add(&set, &end_item, zsock_resolve(pipe), /* tell= */ NULL, /* arg= */ NULL);
    join(d, &set, &streams, &forward);
    zsock_signal(pipe, 0);
    while (!end) {
        pollset_wait(&set, deadline(d));
        d->desk.now_us = clock_now_us();
        if (pollset_ready(&end_item))
            (void)mail_receive(pipe, &end);
        run(d);
    }
    pollset_remove(&forward);
    pollset_remove(&streams);
    for (size_t i = 0; i < d->doors_n; i++)
        pollset_remove(&d->doors[i].item);
    pollset_remove(&end_item);
    pollset_deinit(&set);
    mail_end(pipe);
}

void dns_start(struct dns *d)
{
    d->actor = zactor_new(actor, d);
}

/* ---- metrics ---- */

static const char *const rcode_names[RESPOND_RCODES] = {
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "other"};

static void write_one(struct buf *out, const char *name, const char *type, const char *help,
                      uint64_t value)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", name, help, name, type, name,
               value);
}

static void write_counts(struct buf *out, const struct numbers *n)
{
    const struct desk_counts *d = &n->desk;
    const struct respond_counts *r = &n->respond;

    write_one(out, "kith_dns_truncated_total", "counter", "Answers with TC.", r->truncated);
    write_one(out, "kith_dns_stale_total", "counter", "Answers that were flagged as possibly old.",
              r->old);
    write_one(out, "kith_dns_cached_total", "counter", "Answers that were kept from before.",
              r->cached);
    write_one(out, "kith_dns_made_total", "counter", "Answers that were put together.", r->made);
    write_one(out, "kith_dns_ignored_total", "counter", "Messages that are no queries.",
              r->ignored);
    write_one(out, "kith_dns_limited_total", "counter",
              "Queries without an answer by the rate limit.", d->dropped);
    write_one(out, "kith_dns_slipped_total", "counter", "Queries that the rate limit sent to TCP.",
              d->slipped);
    write_one(out, "kith_dns_connections", "gauge", "Open connections by TCP.", d->streams);
    write_one(out, "kith_dns_turned_away_total", "counter",
              "Connections that made room for others.", d->turned_away);
    write_one(out, "kith_dns_forwarded_total", "counter", "Queries that were sent on.",
              d->forwarded);
    write_one(out, "kith_dns_unforwarded_total", "counter",
              "Queries that could not be sent on, or got no answer.", d->unforwarded);
}

void dns_metrics(void *arg, struct buf *out)
{
    struct dns *d = arg;

    pthread_mutex_lock(&d->lock);
    struct numbers n = d->numbers;

    pthread_mutex_unlock(&d->lock);
    buf_printf(out,
               "# HELP kith_dns_queries_total Queries by transport.\n"
               "# TYPE kith_dns_queries_total counter\n"
               "kith_dns_queries_total{transport=\"udp\"} %" PRIu64
               "\nkith_dns_queries_total{transport=\"tcp\"} %" PRIu64 "\n",
               n.desk.udp, n.desk.tcp);
    buf_str(out, "# HELP kith_dns_answers_total Answers by response code.\n"
                 "# TYPE kith_dns_answers_total counter\n");
    for (size_t i = 0; i < RESPOND_RCODES; i++)
        buf_printf(out, "kith_dns_answers_total{rcode=\"%s\"} %" PRIu64 "\n", rcode_names[i],
                   n.respond.rcodes[i]);
    write_counts(out, &n);
    times_write(
        out, "kith_dns_request_duration_seconds",
        "From the arrival of a batch of queries in the thread to the departure of its answers.",
        &n.times);
}
