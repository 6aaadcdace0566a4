#include "dns/forward.h"

#include "base/mem.h"
#include "dns/question.h"
#include "shell/listen.h"

#include <bsd/sys/queue.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#define EVENTS_MAX 64
#define LENGTH     2 /* bytes of the length before a message by TCP */

struct asking {
    TAILQ_ENTRY(asking)
    others; /* of those that wait, the next to give up first; or of those that are done */
    struct forward_client client;
    uint8_t query[LENGTH + FORWARD_QUERY_MAX]; /* as it is sent */
    size_t query_len, question_end;            /* without the length */
    uint8_t id[2];                             /* the client's */
    int fd;
    unsigned tries;
    kith_time until_us;
    struct buf in; /* TCP: length and what has come of the message */
};

TAILQ_HEAD(askings, asking);

struct server {
    struct sockaddr_storage addr;
    socklen_t len;
};

struct forward {
    struct server servers[FORWARD_SERVERS_MAX];
    size_t servers_n, first; /* the one that answered last is asked first */
    int epoll_fd;
    struct askings waiting, done;
    size_t waiting_n;
    struct asking *shown;
    uint8_t in[DNS_MESSAGE];
};

/* ---- life ---- */

struct forward *forward_new(const char *const *servers, size_t n, struct buf *why)
{
    struct forward *f = mem_alloc(sizeof(*f));

    TAILQ_INIT(&f->waiting);
    TAILQ_INIT(&f->done);
    f->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < n && i < FORWARD_SERVERS_MAX; i++) {
        struct server *s = &f->servers[f->servers_n++];

        if (listen_parse(servers[i], &s->addr, &s->len) == 0)
            continue;
        buf_printf(why, "\"%s\" is no server to send queries on to: write ADDR:PORT", servers[i]);
        forward_free(f);
        return NULL;
    }
    return f;
}

static void close_socket(struct asking *a)
{
    if (a->fd >= 0)
        close(a->fd);
    a->fd = -1;
}

static void free_asking(struct asking *a)
{
    if (!a)
        return;
    close_socket(a);
    buf_deinit(&a->in);
    mem_free(a);
}

static void free_list(struct askings *list)
{
    for (struct asking *a; (a = TAILQ_FIRST(list)) != NULL;) {
        TAILQ_REMOVE(list, a, others);
        free_asking(a);
    }
}

void forward_free(struct forward *f)
{
    if (!f)
        return;
    free_list(&f->waiting);
    free_list(&f->done);
    free_asking(f->shown);
    close(f->epoll_fd);
    mem_free(f);
}

/* ---- asking ---- */

static bool is_stream(const struct asking *a)
{
    return a->client.stream != 0;
}

/* Sends to the next server, by a new socket. Not 0: it does not go. */
static int ask(struct forward *f, struct asking *a)
{
    const struct server *s = &f->servers[(f->first + a->tries) % f->servers_n];
    struct epoll_event event = {.events = is_stream(a) ? EPOLLOUT : EPOLLIN, .data.ptr = a};

    close_socket(a);
    a->tries++;
    buf_reset(&a->in);
    if (getrandom(a->query + LENGTH, sizeof(a->id), 0) != sizeof(a->id))
        return 1;
    a->fd = socket(s->addr.ss_family,
                   (is_stream(a) ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (a->fd < 0)
        return 1;
    if (connect(a->fd, (const struct sockaddr *)&s->addr, s->len) != 0 && errno != EINPROGRESS)
        return 1;
    if (!is_stream(a) && send(a->fd, a->query + LENGTH, a->query_len, 0) < 0)
        return 1;
    return epoll_ctl(f->epoll_fd, EPOLL_CTL_ADD, a->fd, &event);
}

static void finish(struct forward *f, struct asking *a)
{
    close_socket(a);
    TAILQ_REMOVE(&f->waiting, a, others);
    f->waiting_n--;
    TAILQ_INSERT_TAIL(&f->done, a, others);
}

/* The next server's turn, or the end. */
static void go_on(struct forward *f, struct asking *a, kith_time now_us)
{
    buf_reset(&a->in);
    TAILQ_REMOVE(&f->waiting, a, others);
    TAILQ_INSERT_TAIL(&f->waiting, a, others);
    a->until_us = now_us + FORWARD_TRY_US;
    while (a->tries < FORWARD_TRIES) {
        if (ask(f, a) == 0)
            return;
    }
    finish(f, a);
}

int forward_send(struct forward *f, const struct forward_client *client, struct bytes query,
                 kith_time now_us)
{
    struct question q;

    if (f->waiting_n == FORWARD_MAX || query.len > FORWARD_QUERY_MAX ||
        question_read(&q, query.data, query.len) != 0)
        return 1;
    struct asking *a = mem_alloc(sizeof(*a));

    a->client = *client;
    a->fd = -1;
    a->query[0] = (uint8_t)(query.len >> 8);
    a->query[1] = (uint8_t)query.len;
    memcpy(a->query + LENGTH, query.data, query.len);
    memcpy(a->id, query.data, sizeof(a->id));
    a->query_len = query.len;
    a->question_end = q.end;
    TAILQ_INSERT_TAIL(&f->waiting, a, others);
    f->waiting_n++;
    go_on(f, a, now_us);
    return 0;
}

/* ---- answers ---- */

/* It has our id and the question, to the letter. */
static bool is_answer(const struct asking *a, const uint8_t *message, size_t len)
{
    const uint8_t *query = a->query + LENGTH;

    return len >= a->question_end && memcmp(message, query, sizeof(a->id)) == 0 &&
           message[2] & 0x80 && memcmp(message + 4, query + 4, 2) == 0 &&
           memcmp(message + DNS_HEADER, query + DNS_HEADER, a->question_end - DNS_HEADER) == 0;
}

static void take_datagram(struct forward *f, struct asking *a, kith_time now_us)
{
    ssize_t len = recv(a->fd, f->in, sizeof(f->in), 0);

    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (len < 0) { /* nobody is there */
        go_on(f, a, now_us);
    } else if (is_answer(a, f->in, (size_t)len)) {
        f->first = (f->first + a->tries - 1) % f->servers_n;
        buf_append(&a->in, f->in, (size_t)len);
        finish(f, a);
    }
}

static void take_stream(struct forward *f, struct asking *a, kith_time now_us)
{
    ssize_t len = recv(a->fd, f->in, sizeof(f->in), 0);

    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (len > 0)
        buf_append(&a->in, f->in, (size_t)len);
    size_t whole =
        a->in.len < LENGTH ? SIZE_MAX : LENGTH + (size_t)(a->in.data[0] << 8 | a->in.data[1]);

    if (a->in.len >= whole && is_answer(a, a->in.data + LENGTH, whole - LENGTH)) {
        memmove(a->in.data, a->in.data + LENGTH, whole - LENGTH);
        a->in.len = whole - LENGTH;
        f->first = (f->first + a->tries - 1) % f->servers_n;
        finish(f, a);
    } else if (len <= 0 || a->in.len >= whole) {
        go_on(f, a, now_us);
    }
}

/* A connection stands, or could not be made: the query is small enough for one send. */
static void send_stream(struct forward *f, struct asking *a, kith_time now_us)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = a};
    size_t len = LENGTH + a->query_len;

    if (send(a->fd, a->query, len, MSG_NOSIGNAL) == (ssize_t)len &&
        epoll_ctl(f->epoll_fd, EPOLL_CTL_MOD, a->fd, &event) == 0)
        return;
    go_on(f, a, now_us);
}

int forward_fd(const struct forward *f)
{
    return f->epoll_fd;
}

kith_time forward_deadline(const struct forward *f)
{
    const struct asking *a = TAILQ_FIRST(&f->waiting);

    return a ? a->until_us : KITH_NEVER;
}

void forward_run(struct forward *f, kith_time now_us)
{
    struct epoll_event events[EVENTS_MAX];
    int n = epoll_wait(f->epoll_fd, events, EVENTS_MAX, 0);

    for (int i = 0; i < n; i++) {
        struct asking *a = events[i].data.ptr;

        if (!is_stream(a))
            take_datagram(f, a, now_us);
        else if (events[i].events & EPOLLOUT)
            send_stream(f, a, now_us);
        else
            take_stream(f, a, now_us);
    }
    for (struct asking *a; (a = TAILQ_FIRST(&f->waiting)) != NULL && a->until_us <= now_us;)
        go_on(f, a, now_us);
}

bool forward_take(struct forward *f, struct forward_done *ret)
{
    struct asking *a = TAILQ_FIRST(&f->done);

    free_asking(f->shown);
    f->shown = a;
    if (!a)
        return false;
    TAILQ_REMOVE(&f->done, a, others);
    memcpy(a->query + LENGTH, a->id, sizeof(a->id));
    if (a->in.len) {
        memcpy(a->in.data, a->id, sizeof(a->id));
        a->in.data[2] &= (uint8_t) ~(DNS_AA >> 8); /* it is not ours */
        a->in.data[3] |= DNS_RA;
    }
    *ret = (struct forward_done){.client = &a->client,
                                 .query = bytes_of(a->query + LENGTH, a->query_len),
                                 .answer = buf_bytes(&a->in)};
    return true;
}
