/* The verbs of topic channels: publish and subscribe. */
#include "base/mem.h"
#include "cmd/kith_ask.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Messages of --lines in one request: as many as it takes, and bytes that stay well below a frame's bound. */
#define LINES_BYTES (1u << 20)
#define LINES_READ  65536u

/* ---- publish ---- */

struct batch { /* of one request */
    struct bytes payloads[PUBLISH_PAYLOADS_MAX_ITEMS];
    uint32_t n;
    size_t bytes;
    uint64_t accepted, dropped; /* so far */
    uint32_t peers, local;
};

static int send_batch(struct kith *k, struct batch *b, enum topic_priority priority)
{
    struct publish request = {.topic = bytes_str(kith_word(k, 0)),
                              .payloads = b->payloads,
                              .payloads_n = b->n,
                              .priority = priority};
    int status = KITH_DONE;
    const struct published *answer =
        b->n > 0 ? ask(k, WIRE_PUBLISH, &request, WIRE_PUBLISHED, &status) : NULL;

    if (answer) {
        b->accepted += answer->accepted;
        b->dropped += answer->dropped;
        b->peers = answer->peers;
        b->local = answer->local;
    }
    for (uint32_t i = 0; i < b->n; i++)
        mem_free((void *)(uintptr_t)b->payloads[i].data);
    b->n = 0;
    b->bytes = 0;
    arena_reset(&k->mem);
    return status;
}

/* Takes the bytes over. */
static int add(struct kith *k, struct batch *b, void *data, size_t len,
               enum topic_priority priority)
{
    if (len > PUBLISH_PAYLOADS_MAX) {
        mem_free(data);
        return kith_failed("a message of %zu bytes is too large: %u at most", len,
                           PUBLISH_PAYLOADS_MAX);
    }
    b->payloads[b->n++] = bytes_of(data, len);
    b->bytes += len;
    if (b->n == PUBLISH_PAYLOADS_MAX_ITEMS || b->bytes > LINES_BYTES)
        return send_batch(k, b, priority);
    return KITH_DONE;
}

static int add_stdin(struct kith *k, struct batch *b, enum topic_priority priority)
{
    size_t room = PUBLISH_PAYLOADS_MAX + 1, len = 0, got;
    uint8_t *data = mem_alloc(room);

    while (len < room && (got = fread(data + len, 1, room - len, stdin)) > 0)
        len += got;
    if (ferror(stdin)) {
        mem_free(data);
        return kith_failed("cannot read the message: %s", strerror(errno));
    }
    return add(k, b, data, len, priority);
}

/* Takes the whole lines out of the text. */
static int add_whole_lines(struct kith *k, struct batch *b, struct buf *text,
                           enum topic_priority priority)
{
    size_t at = 0;
    const uint8_t *end;
    int status = KITH_DONE;

    while (status == KITH_DONE && (end = memchr(text->data + at, '\n', text->len - at))) {
        size_t len = (size_t)(end - text->data) - at;

        status = add(k, b, mem_copy(text->data + at, len), len, priority);
        at += len + 1;
    }
    memmove(text->data, text->data + at, text->len - at);
    text->len -= at;
    if (status == KITH_DONE && text->len > PUBLISH_PAYLOADS_MAX)
        return kith_failed("a line is too long: a message has %u bytes at most",
                           PUBLISH_PAYLOADS_MAX);
    return status;
}

/* Lines as they come: what one read brings is sent before the next, which may wait. */
static int add_lines(struct kith *k, struct batch *b, enum topic_priority priority)
{
    struct buf text = {0};
    ssize_t got = 1;
    int status = KITH_DONE;

    while (status == KITH_DONE && got != 0) {
        buf_reserve(&text, LINES_READ);
        got = read(STDIN_FILENO, text.data + text.len, LINES_READ);
        if (got < 0 && errno != EINTR)
            status = kith_failed("cannot read standard input: %s", strerror(errno));
        if (got <= 0)
            continue;
        text.len += (size_t)got;
        status = add_whole_lines(k, b, &text, priority);
        if (status == KITH_DONE)
            status = send_batch(k, b, priority);
    }
    if (status == KITH_DONE && text.len > 0) /* a last line that does not end */
        status = add(k, b, mem_copy(text.data, text.len), text.len, priority);
    buf_deinit(&text);
    return status;
}

static int parse_priority(struct kith *k, enum topic_priority *ret)
{
    const char *text = k->args.text[FLAG_PRIORITY];

    *ret = TOPIC_PRIORITY_NORMAL;
    if (!args_has(&k->args, FLAG_PRIORITY) || strcmp(text, "normal") == 0)
        return KITH_DONE;
    *ret = strcmp(text, "low") == 0 ? TOPIC_PRIORITY_LOW : TOPIC_PRIORITY_HIGH;
    if (*ret == TOPIC_PRIORITY_HIGH && strcmp(text, "high") != 0)
        return kith_usage(k, "--priority %s: it wants low, normal or high", text);
    return KITH_DONE;
}

static int show_published(struct kith *k, const struct batch *b)
{
    struct published sum = {.accepted = (uint32_t)b->accepted,
                            .dropped = (uint32_t)b->dropped,
                            .peers = b->peers,
                            .local = b->local};

    if (k->args.format != VIEW_TABLE && k->args.format != VIEW_WIDE)
        view_answer(&k->out, WIRE_PUBLISHED, &sum, (struct view_style){k->args.format, VIEW_ONE});
    int status = kith_print(k);

    if (status == KITH_DONE && b->dropped > 0)
        return kith_failed(
            "%llu of %llu messages were dropped: this peer publishes more than its budget; "
            "publish slower, or less at a time",
            (unsigned long long)b->dropped, (unsigned long long)b->dropped + b->accepted);
    return status;
}

int kith_publish(struct kith *k)
{
    const char *text = kith_word(k, 1);
    struct batch batch = {0};
    enum topic_priority priority;
    int status = parse_priority(k, &priority);

    if (status != KITH_DONE)
        return status;
    if (args_has(&k->args, FLAG_LINES) && text && strcmp(text, "-") != 0)
        return kith_usage(k, "--lines reads standard input: give no payload, or -");
    if (args_has(&k->args, FLAG_LINES))
        status = add_lines(k, &batch, priority);
    else if (text && strcmp(text, "-") == 0)
        status = add_stdin(k, &batch, priority);
    else
        status = add(k, &batch, mem_copy(text ? text : "", text ? strlen(text) : 0),
                     text ? strlen(text) : 0, priority);
    if (status == KITH_DONE)
        status = send_batch(k, &batch, priority);
    if (status == KITH_DONE)
        status = show_published(k, &batch);
    for (uint32_t i = 0; i < batch.n; i++)
        mem_free((void *)(uintptr_t)batch.payloads[i].data);
    return status;
}

/* ---- subscribe ---- */

#define LEASE_MS   10000
#define RENEW_MS   3000
#define TAKE_EVERY 256 /* messages: a quarter of the peer's window */

struct stream {
    struct subscribe request;
    struct bytes patterns[SUBSCRIBE_PATTERNS_MAX_ITEMS];
    uint64_t taken, told; /* messages */
    uint64_t dropped;
    uint64_t left; /* until --count is reached; 0: for ever */
    bool ended;
};

static int show(struct kith *k, struct stream *s, const struct delivery *d)
{
    struct delivery wanted = *d;

    if (s->left > 0 && wanted.messages_n >= s->left) {
        wanted.messages_n = (uint32_t)s->left;
        s->ended = true;
    }
    if (s->left > 0)
        s->left -= wanted.messages_n;
    view_answer(&k->out, WIRE_DELIVERY, &wanted, (struct view_style){k->args.format, VIEW_MORE});
    s->taken += d->messages_n;
    if (d->dropped > s->dropped)
        kith_tell("kith: %llu messages were dropped because they were not taken in time",
                  (unsigned long long)(d->dropped - s->dropped));
    s->dropped = d->dropped;
    return kith_print(k);
}

static int take(struct kith *k, struct stream *s, const struct ask *a)
{
    if (a->kind == WIRE_FAILED)
        return kith_failed(BYTES_FMT, BYTES_ARG(((const struct failed *)a->answer)->text));
    if (a->kind != WIRE_DELIVERY)
        return KITH_DONE; /* a renewal's answer */
    const struct delivery *d = a->answer;

    if (d->subscription != s->request.subscription)
        return KITH_DONE;
    int status = show(k, s, d);

    if (s->taken - s->told >= TAKE_EVERY) {
        ask_tell(k, WIRE_TAKEN,
                 &(struct taken){.subscription = d->subscription, .count = s->taken});
        s->told = s->taken;
    }
    return status;
}

/* The peer has gone, and forgets whom it sent what. Waits until one takes the subscription there again. */
static int subscribe_again(struct kith *k, struct stream *s, kith_time end_us)
{
    struct ask a = {0};

    kith_tell("kith: the peer has gone; waiting for it, what is published meanwhile is missed");
    while (ask_now() < end_us) {
        ask_hang_up(k);
        ask_pause();
        a = ask_once(k, WIRE_SUBSCRIBE, &s->request, LEASE_MS);
        if (a.result == KITH_CLIENT_OK && a.kind == WIRE_SUBSCRIBED) {
            kith_tell("kith: subscribed again");
            s->taken = s->told = s->dropped = 0;
            return KITH_DONE;
        }
        if (a.result != KITH_CLIENT_OK && a.result != KITH_CLIENT_UNREACHABLE &&
            a.result != KITH_CLIENT_TIMEOUT)
            return kith_failed("%s", kith_client_why(k->client));
        arena_reset(&k->mem);
    }
    return kith_failed("the peer did not come back within the time-out");
}

static int ended_in_time(const struct stream *s)
{
    return s->left > 0 ? kith_failed("%llu of the messages did not come within the time-out",
                                     (unsigned long long)s->left)
                       : KITH_DONE;
}

/* Until the count, the time-out if one was given, or a signal. */
static int follow(struct kith *k, struct stream *s)
{
    kith_time end_us = args_has(&k->args, FLAG_TIMEOUT)
                           ? ask_now() + k->args.number[FLAG_TIMEOUT] * KITH_MS
                           : KITH_NEVER;
    kith_time renew_us = ask_now() + RENEW_MS * KITH_MS;
    int status = KITH_DONE;

    while (status == KITH_DONE && !s->ended) {
        struct ask a = ask_next(k, kith_time_min(renew_us, end_us));

        if (a.result == KITH_CLIENT_OK)
            status = take(k, s, &a);
        else if (a.result == KITH_CLIENT_UNREACHABLE)
            status = subscribe_again(k, s, end_us);
        else if (a.result != KITH_CLIENT_TIMEOUT)
            return kith_failed("%s", kith_client_why(k->client));
        arena_reset(&k->mem);
        if (status == KITH_DONE && ask_now() >= end_us && !s->ended)
            return ended_in_time(s);
        if (ask_now() >= renew_us) {
            ask_tell(k, WIRE_SUBSCRIBE, &s->request);
            renew_us = ask_now() + RENEW_MS * KITH_MS;
        }
    }
    return status;
}

int kith_subscribe(struct kith *k)
{
    struct stream s = {.left = (uint64_t)k->args.number[FLAG_MESSAGES]};
    int status;

    if (args_has(&k->args, FLAG_MESSAGES) && s.left == 0)
        return kith_usage(k, "--count 0: it wants one at least");
    for (int i = 0; i < k->args.words_n; i++)
        s.patterns[i] = bytes_str(kith_word(k, i));
    s.request = (struct subscribe){.subscription = 1,
                                   .patterns = s.patterns,
                                   .patterns_n = (uint32_t)k->args.words_n,
                                   .lease_ms = LEASE_MS};
    if (!ask(k, WIRE_SUBSCRIBE, &s.request, WIRE_SUBSCRIBED, &status))
        return status;
    if (isatty(STDERR_FILENO) && k->args.format == VIEW_TABLE)
        kith_tell("subscribed; Ctrl-C ends it");
    status = follow(k, &s);
    ask_tell(k, WIRE_UNSUBSCRIBE, &(struct unsubscribe){.subscription = s.request.subscription});
    return status;
}
