#include "shell/loop.h"
#include "peer/peer.h"
#include "shell/clock.h"
#include "shell/counts.h"
#include "shell/host.h"
#include "shell/log.h"
#include "shell/lookups.h"
#include "shell/mail.h"
#include "shell/writer.h"
#include "store/file.h"
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct loop {
    const struct loop_parts *parts;
    struct transport *transport;
    struct peer *peer;
    struct effects effects;
    struct host_sampler sampler;
    kith_time sampled_us;
    struct pollset_item signal, writer, procs, checks, lookups;
    kith_time due_us;   /* since when a deadline is held back by a backlog; KITH_NEVER: it is not */
    kith_time beat_us;  /* when readers of look-ups are told next that all is well */
    bool interrupted;   /* by a first SIGINT */
    bool more;          /* the last event was a frame that said so */
    uint64_t given;     /* token of the last batch that the writer was given, */
    uint64_t written;   /* and of the last one that it is done with */
    uint64_t rows;      /* given since the heap was, */
    uint64_t quiet;     /* and `given` when that was looked at */
    bool counts_wanted; /* the machine asked what is counted here */
    bool ended;
    int exit_code;
};

/* ---- effects ---- */

static void give(zactor_t *actor, struct pollset_item *item, const struct effect *e)
{
    mail_send(zactor_sock(actor), job_new(e));
    pollset_touch(item);
}

static void fail(struct loop *l)
{
    l->ended = true;
    l->exit_code = 1;
}

/* DATA/unsent-TIME.txt, kept for people; what cannot be written is lost, and is said to be. */
static void export_text(const struct loop *l, struct bytes text)
{
    struct buf path = {0};

    buf_printf(&path, "%s/unsent-%lld.txt", l->parts->data,
               (long long)(clock_wall_us() / KITH_SEC));
    int r = file_write(buf_cstr(&path), text, 0600);
    if (r == 0)
        log_line(LOG_WARN_, "what this peer wrote before it was forgotten is in %s",
                 buf_cstr(&path));
    else
        log_line(LOG_ERROR_, "cannot write %s: %s", buf_cstr(&path), strerror(-r));
    buf_deinit(&path);
}

static void execute(struct loop *l, const struct effect *e, kith_time now_us)
{
    struct transport *t = l->transport;
    switch (e->kind) {
    case EFFECT_SEND:
        transport_send(t, &e->send, now_us);
        break;
    case EFFECT_REPLY:
        transport_reply(t, &e->reply);
        break;
    case EFFECT_PUBLISH:
        transport_publish(t, e->publish);
        break;
    case EFFECT_SUBSCRIBE:
        transport_subscribe(t, &e->subscribe, now_us);
        break;
    case EFFECT_RING:
        if (transport_ring(t, &e->ring) != 0)
            fail(l);
        break;
    case EFFECT_ADMIT:
        transport_admit(t, &e->admit, now_us);
        break;
    case EFFECT_STORE:
        l->given = e->store.token;
        l->rows += e->store.writes_n;
        give(l->parts->writer, &l->writer, e);
        break;
    case EFFECT_BACKUP:
        give(l->parts->writer, &l->writer, e);
        break;
    case EFFECT_CHECK:
        give(l->parts->checks, &l->checks, e);
        break;
    case EFFECT_CLAIM:
    case EFFECT_START:
    case EFFECT_SIGNAL:
    case EFFECT_CLEAN:
    case EFFECT_READ_LOG:
        give(l->parts->procs, &l->procs, e);
        break;
    case EFFECT_LOOKUP:
        give(l->parts->lookups, &l->lookups, e);
        break;
    case EFFECT_KEYS:
        if (l->parts->keys != NULL)
            mail_send(l->parts->keys, job_new(e));
        break;
    case EFFECT_LOG:
        log_bytes(e->log.level, e->log.text);
        break;
    case EFFECT_COUNT:
        l->counts_wanted = true;
        break;
    case EFFECT_EXPORT:
        export_text(l, e->export_text);
        break;
    case EFFECT_EXIT:
        l->ended = true;
        if (e->again)
            l->exit_code = LOOP_AGAIN;
        break;
    }
}

/* In order, but that the disk has its work before the answers go out that waited for the last: that takes as long. */
static void execute_all(struct loop *l, kith_time now_us)
{
    const struct effects *e = &l->effects;
    for (size_t i = 0; i < e->count; i++)
        if (e->items[i].kind == EFFECT_STORE)
            execute(l, &e->items[i], now_us);
    for (size_t i = 0; i < e->count; i++)
        if (e->items[i].kind != EFFECT_STORE)
            execute(l, &e->items[i], now_us);
}

/* A batch is with the writer, which tells when it is done with the newest that it has. */
static bool is_writing(const struct loop *l)
{
    return l->written < l->given;
}

static void step(struct loop *l, struct event *event)
{
    event->now_us = clock_now_us();
    event->wall_us = clock_wall_us();
    effects_reset(&l->effects);
    if (peer_step(l->peer, event, &l->effects) < 0) {
        log_line(LOG_ERROR_, "the peer failed in an unexpected way");
        fail(l);
    }
    if (event->kind == EVENT_STORED)
        l->written = event->token;
    if (event->kind == EVENT_STORE_FAILED) {
        l->written = l->given; /* what it has else it drops */
        writer_resume(l->parts->writer);
        pollset_touch(&l->writer);
    }
    l->more = event->kind == EVENT_FRAME && event->frame.more;
    execute_all(l, event->now_us);
}

/* ---- events ---- */

/* True: there may be more of the class. A few frames of a snapshot may take longer than many others: nothing else
 * waits for more than one of them. */
static bool take_frames(struct loop *l, enum transport_class class, int max)
{
    struct event event = {.kind = EVENT_FRAME};
    kith_time now_us = clock_now_us(), until_us = now_us + LOOP_CLASS_US;
    for (int i = 0; i < max && now_us < until_us; i++) {
        if (!transport_receive(l->transport, class, now_us, &event.frame))
            return false;
        event.frame.more = class == TRANSPORT_REST;
        step(l, &event);
        now_us = clock_now_us();
    }
    return true;
}

/* What clients ask and other peers send of the registry: however much of it comes until the disk is free, it goes there
 * and to others in one piece. Every other event takes it along; the writer's answer is one. */
static void take_rest(struct loop *l)
{
    struct event event = {.kind = EVENT_FLUSH};
    take_frames(l, TRANSPORT_REST, LOOP_REST_MAX);
    if (l->more && !is_writing(l))
        step(l, &event);
}

static void take_links(struct loop *l)
{
    struct event event = {.kind = EVENT_LINK};
    while (transport_link(l->transport, &event.link))
        step(l, &event);
}

static void take_reports(struct loop *l, zactor_t *actor, const struct pollset_item *item)
{
    if (pollset_ready(item) == 0)
        return;
    bool end = false;
    for (int i = 0; i < LOOP_REPORTS_MAX; i++) {
        struct report *r = mail_receive(zactor_sock(actor), &end);
        if (r == NULL)
            return;
        step(l, &r->event);
        report_free(r);
    }
}

static void take_signals(struct loop *l)
{
    struct signalfd_siginfo s;
    while (read(l->parts->signal_fd, &s, sizeof s) == (ssize_t)sizeof s) {
        struct event event = {.kind = EVENT_STOP, .leave = s.ssi_signo == SIGINT};
        if (event.leave && l->interrupted) {
            log_line(LOG_WARN_, "interrupted again: ending at once");
            fail(l);
            return;
        }
        l->interrupted = l->interrupted || event.leave;
        log_line(LOG_INFO_, event.leave ? "leaving the cluster (again to end at once)"
                                        : "stopping; services stay up for the next start");
        step(l, &event);
    }
}

static void tell_counts(struct loop *l)
{
    struct arena mem = {0};
    struct event event = {.kind = EVENT_COUNTED};
    if (!l->counts_wanted)
        return;
    l->counts_wanted = false;
    counts_take(&event.counted, l->transport, l->parts->store, &mem);
    step(l, &event);
    arena_deinit(&mem);
}

static void tell_time(struct loop *l, bool backlog)
{
    kith_time now_us = clock_now_us();
    if (now_us < peer_deadline(l->peer)) {
        l->due_us = KITH_NEVER;
        return;
    }
    if (l->due_us == KITH_NEVER)
        l->due_us = now_us;
    if (backlog && now_us - l->due_us < LOOP_DRAIN_US)
        return;
    struct event event = {.kind = EVENT_TIME};
    step(l, &event);
    l->due_us = KITH_NEVER;
}

/* After all that is known has been told. */
static void beat(struct loop *l)
{
    kith_time now_us = clock_now_us();
    if (now_us < l->beat_us - LOOKUPS_BEAT_EARLY)
        return;
    lookups_beat(l->parts->lookups);
    pollset_touch(&l->lookups);
    l->beat_us = now_us + LOOKUPS_BEAT_US;
}

/* What a burst of rows took and freed lies in all heaps: the system has it back once nothing has been stored from one
 * sample to the next. It takes milliseconds, so not for a few rows. */
static void give_back(struct loop *l)
{
    bool quiet = l->quiet == l->given && !is_writing(l);
    l->quiet = l->given;
    if (!quiet || l->rows < LOOP_TRIM_ROWS)
        return;
    malloc_trim(/* pad= */ 0);
    l->rows = 0;
}

/* When the thread is awake anyway, or LOOP_SAMPLE_LATE later. */
static void tell_sample(struct loop *l)
{
    if (clock_now_us() < l->sampled_us + LOOP_SAMPLE_US)
        return;
    give_back(l);
    struct event event = {.kind = EVENT_SAMPLE, .sample = host_sample(&l->sampler)};
    step(l, &event);
    l->sampled_us = event.now_us;
}

/* ---- the thread ---- */

static kith_time deadline(const struct loop *l)
{
    kith_time at_us = kith_time_min(peer_deadline(l->peer), transport_deadline(l->transport));
    at_us = kith_time_min(at_us, l->beat_us);
    return kith_time_min(at_us, l->sampled_us + LOOP_SAMPLE_US + LOOP_SAMPLE_LATE);
}

static void turn(struct loop *l)
{
    pollset_wait(transport_set(l->transport), deadline(l));
    transport_turn(l->transport, clock_now_us());

    bool backlog = take_frames(l, TRANSPORT_MEMBER, LOOP_MEMBER_MAX);
    take_frames(l, TRANSPORT_TOPIC, LOOP_TOPIC_MAX);
    take_rest(l);
    take_links(l);
    take_reports(l, l->parts->writer, &l->writer);
    take_reports(l, l->parts->procs, &l->procs);
    take_reports(l, l->parts->checks, &l->checks);
    take_reports(l, l->parts->lookups, &l->lookups);
    if (pollset_ready(&l->signal) != 0)
        take_signals(l);
    tell_sample(l);
    tell_time(l, backlog);
    beat(l);
    tell_counts(l);
}

static void wait_for_all(struct loop *l)
{
    const struct loop_parts *parts = l->parts;
    struct pollset *p = transport_set(l->transport);
    pollset_add_fd(p, &l->signal, parts->signal_fd, /* tell= */ NULL, /* arg= */ NULL);
    pollset_add(p, &l->writer, zsock_resolve(parts->writer), /* tell= */ NULL, /* arg= */ NULL);
    pollset_add(p, &l->procs, zsock_resolve(parts->procs), /* tell= */ NULL, /* arg= */ NULL);
    pollset_add(p, &l->checks, zsock_resolve(parts->checks), /* tell= */ NULL, /* arg= */ NULL);
    pollset_add(p, &l->lookups, zsock_resolve(parts->lookups), /* tell= */ NULL, /* arg= */ NULL);
}

static void wait_for_none(struct loop *l)
{
    pollset_remove(&l->signal);
    pollset_remove(&l->writer);
    pollset_remove(&l->procs);
    pollset_remove(&l->checks);
    pollset_remove(&l->lookups);
}

int loop_run(const struct loop_parts *parts, const struct event_start *start)
{
    struct loop l = {.parts = parts,
                     .transport = parts->transport,
                     .peer = peer_new(/* shared= */ NULL),
                     .rows = LOOP_TRIM_ROWS};
    struct event event = {.kind = EVENT_START, .start = *start};
    l.due_us = KITH_NEVER;
    wait_for_all(&l);
    step(&l, &event);
    arena_deinit(parts->loaded);
    malloc_trim(/* pad= */ 0); /* that was a third of all */
    while (!l.ended)
        turn(&l);
    wait_for_none(&l);
    transport_flush(l.transport, LOOP_FLUSH_US);
    peer_free(l.peer);
    effects_deinit(&l.effects);
    return l.exit_code;
}
