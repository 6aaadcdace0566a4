#include "dns/streams.h"

#include "base/mem.h"
#include "shell/clock.h"
#include "shell/listen.h"

#include <bsd/sys/queue.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define LENGTH     2 /* bytes of the length before each message */
#define EVENTS_MAX 64

enum kind { LISTENER, STREAM };

struct listener {
    enum kind kind;
    int fd;
};

struct stream {
    enum kind kind; /* first, as in struct listener: what an epoll event leads to */
    int fd;
    TAILQ_ENTRY(stream) others; /* who asked last is last */
    uint64_t number;
    kith_time since_us; /* when it asked a whole question last, or came */
    struct buf in, out; /* what has come and is not answered; what has not been taken */
    size_t out_at;      /* so much of it has */
    bool waits;         /* for what was sent on */
    bool closed;        /* at the end of this turn it is gone */
};

TAILQ_HEAD(stream_list, stream);

struct streams {
    struct desk *desk;
    int epoll_fd;
    struct listener listeners[DESK_ADDRESSES_MAX];
    size_t listeners_n;
    struct stream_list open, closed;
    uint64_t number;
    uint8_t answer[LENGTH + DNS_MESSAGE];
};

struct streams *streams_new(struct desk *desk)
{
    struct streams *s = mem_alloc(sizeof(*s));

    s->desk = desk;
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    TAILQ_INIT(&s->open);
    TAILQ_INIT(&s->closed);
    return s;
}

/* Events of this turn may still lead to it, so its memory goes at the turn's end. */
static void close_stream(struct streams *s, struct stream *c)
{
    if (c->closed)
        return;
    c->closed = true;
    close(c->fd);
    TAILQ_REMOVE(&s->open, c, others);
    TAILQ_INSERT_TAIL(&s->closed, c, others);
    s->desk->counts.streams--;
}

static void free_closed(struct streams *s)
{
    for (struct stream *c; (c = TAILQ_FIRST(&s->closed)) != NULL;) {
        TAILQ_REMOVE(&s->closed, c, others);
        buf_deinit(&c->in);
        buf_deinit(&c->out);
        mem_free(c);
    }
}

void streams_free(struct streams *s)
{
    if (!s)
        return;
    for (struct stream *c; (c = TAILQ_FIRST(&s->open)) != NULL;)
        close_stream(s, c);
    free_closed(s);
    for (size_t i = 0; i < s->listeners_n; i++)
        close(s->listeners[i].fd);
    close(s->epoll_fd);
    mem_free(s);
}

int streams_listen(struct streams *s, const char *address, struct buf *why)
{
    struct listener *l = &s->listeners[s->listeners_n];
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = l};
    int fd = listen_open(address, SOCK_STREAM, why);

    if (fd < 0)
        return 1;
    *l = (struct listener){LISTENER, fd};
    s->listeners_n++;
    return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0;
}

int streams_fd(const struct streams *s)
{
    return s->epoll_fd;
}

kith_time streams_deadline(const struct streams *s)
{
    const struct stream *c = TAILQ_FIRST(&s->open);

    return c ? c->since_us + STREAMS_IDLE_US : KITH_NEVER;
}

/* ---- one connection ---- */

/* It is read from, or written to: while an answer is not taken no other question is. */
static void watch(struct streams *s, struct stream *c)
{
    struct epoll_event event = {.events = c->out.len ? EPOLLOUT
                                          : c->waits ? EPOLLRDHUP
                                                     : EPOLLIN,
                                .data.ptr = c};

    if (epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, c->fd, &event) != 0)
        close_stream(s, c);
}

static void flush(struct streams *s, struct stream *c)
{
    while (c->out_at < c->out.len) {
        ssize_t n = send(c->fd, c->out.data + c->out_at, c->out.len - c->out_at, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            close_stream(s, c);
        if (n < 0)
            return;
        c->out_at += (size_t)n;
    }
    buf_deinit(&c->out);
    c->out_at = 0;
}

static void put(struct stream *c, const uint8_t *message, size_t len)
{
    buf_byte(&c->out, (uint8_t)(len >> 8));
    buf_byte(&c->out, (uint8_t)len);
    buf_append(&c->out, message, len);
}

static void send_on(struct streams *s, struct stream *c, struct bytes query)
{
    struct forward_client client = {.fd = -1, .stream = c->number};
    size_t len;

    if (forward_send(s->desk->forward, &client, query, s->desk->now_us) == 0) {
        s->desk->counts.forwarded++;
        c->waits = true;
        return;
    }
    s->desk->counts.unforwarded++;
    len = responder_fail(s->desk->responder, query.data, query.len, s->answer);
    put(c, s->answer, len);
}

/* What cannot be answered at all ends the connection. */
static void answer(struct streams *s, struct stream *c, struct bytes query)
{
    size_t len = 0;

    s->desk->counts.tcp++;
    c->since_us = s->desk->now_us;
    TAILQ_REMOVE(&s->open, c, others);
    TAILQ_INSERT_TAIL(&s->open, c, others);
    switch (responder_answer(s->desk->responder, query.data, query.len, /* tcp= */ true, s->answer,
                             &len)) {
    case RESPOND_ANSWER:
        put(c, s->answer, len);
        break;
    case RESPOND_FORWARD:
        send_on(s, c, query);
        break;
    case RESPOND_NOTHING:
        close_stream(s, c);
        break;
    }
}

/* Answers what has come whole, as long as the answers are taken. */
static void answer_all(struct streams *s, struct stream *c)
{
    size_t at = 0;
    kith_time begun_us = clock_now_us();
    unsigned n = 0;

    while (!c->closed && !c->waits && c->out.len == 0 && c->in.len - at >= LENGTH) {
        size_t len = (size_t)(c->in.data[at] << 8 | c->in.data[at + 1]);

        if (len > STREAMS_QUERY_MAX) {
            close_stream(s, c);
            return;
        }
        if (c->in.len - at - LENGTH < len)
            break;
        answer(s, c, bytes_of(c->in.data + at + LENGTH, len));
        if (c->closed)
            return;
        flush(s, c);
        at += LENGTH + len;
        n++;
    }
    if (c->closed)
        return;
    if (n)
        times_add_n(&s->desk->times, clock_now_us() - begun_us, n);
    memmove(c->in.data, c->in.data + at, c->in.len - at);
    c->in.len -= at;
    if (c->in.len == 0)
        buf_deinit(&c->in);
    watch(s, c);
}

static void take(struct streams *s, struct stream *c)
{
    uint8_t some[LENGTH + STREAMS_QUERY_MAX];
    ssize_t n = recv(c->fd, some, sizeof(some) > c->in.len ? sizeof(some) - c->in.len : 0, 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        close_stream(s, c);
        return;
    }
    buf_append(&c->in, some, (size_t)n);
    answer_all(s, c);
}

/* ---- all ---- */

static void add(struct streams *s, int fd)
{
    struct stream *c = mem_alloc(sizeof(*c));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};

    *c = (struct stream){
        .kind = STREAM, .fd = fd, .number = ++s->number, .since_us = s->desk->now_us};
    TAILQ_INSERT_TAIL(&s->open, c, others);
    s->desk->counts.streams++;
    if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        close_stream(s, c);
}

static void turn_away(struct streams *s)
{
    struct stream *oldest = TAILQ_FIRST(&s->open);

    if (!oldest)
        return;
    close_stream(s, oldest);
    s->desk->counts.turned_away++;
}

static void accept_some(struct streams *s, const struct listener *l)
{
    for (unsigned i = 0; i < STREAMS_ACCEPTED; i++) {
        int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0 && (errno == EMFILE || errno == ENFILE))
            turn_away(s);
        if (fd < 0)
            return;
        if (s->desk->counts.streams == STREAMS_MAX)
            turn_away(s);
        add(s, fd);
    }
}

static void run_stream(struct streams *s, struct stream *c, uint32_t events)
{
    if (c->closed)
        return;
    if (events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) {
        close_stream(s, c);
    } else if (events & EPOLLOUT) {
        flush(s, c);
        if (!c->closed)
            answer_all(s, c);
    } else {
        take(s, c);
    }
}

void streams_run(struct streams *s)
{
    struct epoll_event events[EVENTS_MAX];
    int n = epoll_wait(s->epoll_fd, events, EVENTS_MAX, 0);

    for (int i = 0; i < n; i++) {
        if (*(const enum kind *)events[i].data.ptr == LISTENER)
            accept_some(s, events[i].data.ptr);
        else
            run_stream(s, events[i].data.ptr, events[i].events);
    }
    for (struct stream *c;
         (c = TAILQ_FIRST(&s->open)) != NULL && c->since_us + STREAMS_IDLE_US <= s->desk->now_us;)
        close_stream(s, c);
    free_closed(s);
}

void streams_send(struct streams *s, const struct forward_client *client, struct bytes message)
{
    struct stream *c = TAILQ_FIRST(&s->open);

    while (c && c->number != client->stream)
        c = TAILQ_NEXT(c, others);
    if (!c)
        return;
    c->waits = false;
    put(c, message.data, message.len);
    flush(s, c);
    if (!c->closed)
        answer_all(s, c);
}
