/*
 * Streams over WebSocket: the same messages as server-sent events, each a text {"id": 7, "event": "service", "data": {...}}. Source:
 * RFC 6455; its frames are libwslay's business. What the client says is not listened to.
 *
 * libwslay's context has two buffers of 4 KiB, and thousands of sockets wait: so there is one only while something is on its way, from
 * the first byte of a frame to the last one, in either direction (docs/decisions/0097).
 *
 * By TLS, libmicrohttpd hands a pair of sockets over and forwards between that and its client with buffers of 4 bytes each way: what its
 * client says comes that way, what goes out is given to GnuTLS here (docs/decisions/0097).
 */
#include "base/mem.h"
#include "http/json.h"
#include "http/server_inside.h"
#include "http/stream.h"
#include "shell/clock.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sha1.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wslay/wslay.h>

#define SOCKET_EVENTS    64
#define SOCKET_HEARD_MAX 4096u           /* bytes of one message of the client */
#define SOCKET_PING_US   (30 * KITH_SEC) /* not heard of for so long it is asked, and then closed */
#define SOCKET_MAGIC     "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define SOCKET_KEY_MAX   64u

/* Of a client's frame: two bytes and its mask, and more for the length of a longer one. */
#define SOCKET_HEAD_BYTES 6u
#define SOCKET_SHORT      125u

struct socket {
    struct visit *visit;
    int fd;               /* what its client says comes from here */
    int out_fd;           /* its client's connection; without TLS the same */
    gnutls_session_t tls; /* NULL: none */
    struct MHD_UpgradeResponseHandle *handle;
    wslay_event_context_ptr context; /* NULL: nothing is on its way */
    uint64_t read_bytes;             /* since the context is there */
    uint64_t whole_bytes;            /* of these, in frames that have come whole */
    uint64_t frame_bytes;            /* of the frame that is being read, with its head */
    bool fragments;                  /* more frames of one message are to come */
    struct buf before;               /* bytes that libmicrohttpd had read already */
    size_t before_at;
    bool writes; /* a place to send is waited for */
    bool asked;  /* a ping went out, and nothing was heard since */
    bool moved;  /* something went out or came in since the last look */
    bool closed; /* nothing but its memory is there any more */
    kith_time look_us;
    TAILQ_ENTRY(socket) others; /* of all, or of those that are closed */
};

/* ---- what libwslay asks for ---- */

static ssize_t on_read(wslay_event_context_ptr context, uint8_t *data, size_t len, int flags,
                       void *arg)
{
    struct socket *k = arg;
    size_t left = k->before.len - k->before_at;

    (void)flags;
    if (left > 0) {
        len = len < left ? len : left;
        memcpy(data, k->before.data + k->before_at, len);
        k->before_at += len;
        k->read_bytes += len;
        return (ssize_t)len;
    }
    ssize_t n = recv(k->fd, data, len, MSG_DONTWAIT);

    if (n > 0) {
        k->moved = true;
        k->asked = false;
        k->read_bytes += (uint64_t)n;
        return n;
    }
    wslay_event_set_error(context, n < 0 && (errno == EAGAIN || errno == EINTR)
                                       ? WSLAY_ERR_WOULDBLOCK
                                       : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

/* Of a send that would have to wait, GnuTLS has the bytes: it is called with the same ones again, as libwslay does. */
static ssize_t send_tls(struct socket *k, const uint8_t *data, size_t len, bool *ret_waits)
{
    ssize_t n = gnutls_record_send(k->tls, data, len);

    *ret_waits = n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED;
    return n;
}

static ssize_t send_plain(struct socket *k, const uint8_t *data, size_t len, bool more,
                          bool *ret_waits)
{
    ssize_t n = send(k->out_fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0));

    *ret_waits = n < 0 && (errno == EAGAIN || errno == EINTR);
    return n;
}

static ssize_t on_write(wslay_event_context_ptr context, const uint8_t *data, size_t len, int flags,
                        void *arg)
{
    struct socket *k = arg;
    bool waits;
    ssize_t n = k->tls ? send_tls(k, data, len, &waits)
                       : send_plain(k, data, len, flags & WSLAY_MSG_MORE, &waits);

    if (n >= 0) {
        k->moved = k->moved || n > 0;
        k->visit->sent += (size_t)n;
        return n;
    }
    wslay_event_set_error(context, waits ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static void on_frame(wslay_event_context_ptr context,
                     const struct wslay_event_on_frame_recv_start_arg *frame, void *arg)
{
    struct socket *k = arg;
    uint64_t len = frame->payload_length;

    (void)context;
    k->frame_bytes = SOCKET_HEAD_BYTES + (len > UINT16_MAX ? 8 : len > SOCKET_SHORT ? 2 : 0) + len;
    if (!wslay_is_ctrl_frame(frame->opcode))
        k->fragments = !frame->fin;
}

static void on_frame_end(wslay_event_context_ptr context, void *arg)
{
    struct socket *k = arg;

    (void)context;
    k->whole_bytes += k->frame_bytes;
}

static const struct wslay_event_callbacks callbacks = {.recv_callback = on_read,
                                                       .send_callback = on_write,
                                                       .on_frame_recv_start_callback = on_frame,
                                                       .on_frame_recv_end_callback = on_frame_end};

static void open_context(struct socket *k)
{
    if (k->context)
        return;
    if (wslay_event_context_server_init(&k->context, &callbacks, k) != 0)
        abort(); /* out of memory: docs/decisions/0001 */
    wslay_event_config_set_max_recv_msg_length(k->context, SOCKET_HEARD_MAX);
    k->read_bytes = k->whole_bytes = 0;
}

static void close_context(struct socket *k)
{
    if (k->context)
        wslay_event_context_free(k->context);
    k->context = NULL;
}

/* No frame is on its way in either direction; and all goes on: who has said or heard a close needs what the context knows. */
static bool is_at_rest(const struct socket *k)
{
    return k->read_bytes == k->whole_bytes && !k->fragments &&
           !wslay_event_want_write(k->context) && wslay_event_get_read_enabled(k->context) &&
           wslay_event_get_write_enabled(k->context) && !wslay_event_get_close_sent(k->context);
}

/* ---- a socket's way ---- */

/* Its memory stays until the turn is over: more of it may have happened. */
static void close_socket(struct sockets *all, struct socket *k)
{
    TAILQ_REMOVE(&all->list, k, others);
    TAILQ_INSERT_TAIL(&all->closed, k, others);
    k->closed = true;
    all->tls_n -= k->tls != NULL;
    all->ending_n += k->visit->ending = k->tls != NULL;
    (void)epoll_ctl(all->epoll_fd, EPOLL_CTL_DEL, k->fd, NULL);
    if (k->tls)
        (void)epoll_ctl(all->epoll_fd, EPOLL_CTL_DEL, k->out_fd, NULL);
    close_context(k);
    buf_deinit(&k->before);
    k->visit->socket = NULL;
    k->visit->x.hub->parked--;
    stream_free(k->visit->x.stream);
    k->visit->x.stream = NULL;
    MHD_upgrade_action(k->handle, MHD_UPGRADE_ACTION_CLOSE);
}

static void free_closed(struct sockets *all)
{
    struct socket *k;

    while ((k = TAILQ_FIRST(&all->closed)) != NULL) {
        TAILQ_REMOVE(&all->closed, k, others);
        mem_free(k);
    }
}

/* False: it is said already. */
static bool say_end(struct socket *k, uint16_t code, const char *why)
{
    return wslay_event_queue_close(k->context, code, (const uint8_t *)why, strlen(why)) == 0;
}

/* The next message, when the one before it is out. False: there is none now. */
static bool queue_next(struct socket *k)
{
    struct stream_message m = {0};
    struct stream *stream = k->visit->x.stream;
    bool some = stream_next(stream, &m);

    if (some) {
        struct buf out = {0};

        json_open(&out, '{');
        if (m.position)
            json_unsigned_of(&out, "id", m.position);
        json_string_of(&out, "event", m.name);
        json_name(&out, "data");
        buf_append(&out, m.json.data, m.json.len);
        json_close(&out, '}');
        wslay_event_queue_msg(k->context,
                              &(struct wslay_event_msg){WSLAY_TEXT_FRAME, out.data, out.len});
        buf_deinit(&out);
    }
    buf_deinit(&m.json);
    if (some || !stream_has_ended(stream))
        return some;
    return say_end(k, WSLAY_CODE_GOING_AWAY, "the stream has ended, its last message says why");
}

/* For what its client says, and for a place to send, too. */
static void wait_for(struct sockets *all, struct socket *k, bool writes)
{
    uint32_t out = writes ? EPOLLOUT : 0;
    struct epoll_event event = {.events = (k->tls ? EPOLLRDHUP : EPOLLIN) | out, .data.ptr = k};

    if (k->writes != writes)
        (void)epoll_ctl(all->epoll_fd, EPOLL_CTL_MOD, k->out_fd, &event);
    k->writes = writes;
}

/* As far as it goes without waiting. */
static void go_on(struct sockets *all, struct socket *k, bool read)
{
    open_context(k);
    bool bad = (read || k->before_at < k->before.len) && wslay_event_recv(k->context) != 0;

    while (!bad && (wslay_event_want_write(k->context) || queue_next(k))) {
        size_t left = wslay_event_get_queued_msg_count(k->context);

        bad = wslay_event_send(k->context) != 0;
        if (left && wslay_event_want_write(k->context))
            break; /* the rest when there is room */
    }
    bool writes = wslay_event_want_write(k->context);

    if (bad || (!writes && !wslay_event_want_read(k->context))) {
        close_socket(all, k);
        return;
    }
    if (!writes)
        stream_sleep(k->visit->x.stream, k->visit);
    if (is_at_rest(k))
        close_context(k);
    wait_for(all, k, writes);
}

/* ---- its begin ---- */

bool socket_is_asked_for(struct MHD_Connection *connection)
{
    const char *upgrade =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_UPGRADE);

    return upgrade && strcasecmp(upgrade, "websocket") == 0;
}

static const char *header(const struct visit *v, const char *name)
{
    return MHD_lookup_connection_value(v->connection, MHD_HEADER_KIND, name);
}

bool socket_has_room(struct visit *v)
{
    const struct sockets *all = server_sockets(v);

    return !v->x.secure || all->tls_n < all->tls_max;
}

bool socket_is_possible(const struct visit *v)
{
    const char *key = header(v, MHD_HTTP_HEADER_SEC_WEBSOCKET_KEY);
    const char *version = header(v, MHD_HTTP_HEADER_SEC_WEBSOCKET_VERSION);

    return key && *key && strlen(key) <= SOCKET_KEY_MAX && version && strcmp(version, "13") == 0;
}

/* The answer to the client's key: RFC 6455, 4.2.2. */
static void write_accept(struct buf *out, const char *key)
{
    uint8_t digest[SHA1_DIGEST_LENGTH];
    SHA1_CTX sha;

    SHA1Init(&sha);
    SHA1Update(&sha, (const uint8_t *)key, strlen(key));
    SHA1Update(&sha, (const uint8_t *)SOCKET_MAGIC, strlen(SOCKET_MAGIC));
    SHA1Final(digest, &sha);
    json_base64(out, bytes_of(digest, sizeof(digest)));
}

/* Messages are small and each is to be there at once: the second one would wait until its client acknowledges the first, 40 ms. */
static void send_at_once(const struct socket *k)
{
    const int on = 1;

    (void)setsockopt(k->out_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void watch(struct sockets *all, struct socket *k)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = k};

    if (k->tls)
        (void)epoll_ctl(all->epoll_fd, EPOLL_CTL_ADD, k->fd, &event);
    event.events = (k->tls ? EPOLLRDHUP : EPOLLIN) | EPOLLOUT;
    k->writes = true;
    (void)epoll_ctl(all->epoll_fd, EPOLL_CTL_ADD, k->out_fd, &event);
}

static void on_upgraded(void *cls, struct MHD_Connection *connection, void *context,
                        const char *before, size_t before_len, MHD_socket fd,
                        struct MHD_UpgradeResponseHandle *handle)
{
    struct visit *v = cls;
    struct sockets *all = server_sockets(v);
    struct socket *k = mem_alloc(sizeof(*k));
    const union MHD_ConnectionInfo *tls =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);

    (void)context;
    k->visit = v;
    k->fd = fd;
    k->out_fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    k->tls = tls ? tls->tls_session : NULL;
    k->handle = handle;
    k->look_us = clock_now_us() + SOCKET_PING_US;
    buf_append(&k->before, before, before_len);
    v->socket = k;
    v->x.hub->parked++;
    all->tls_n += k->tls != NULL;
    TAILQ_INSERT_TAIL(&all->list, k, others);
    send_at_once(k);
    watch(all, k);
}

enum MHD_Result socket_begin(struct visit *v)
{
    struct MHD_Response *r = MHD_create_response_for_upgrade(on_upgraded, v);
    struct buf accept = {0};

    if (!r)
        return MHD_NO;
    write_accept(&accept, header(v, MHD_HTTP_HEADER_SEC_WEBSOCKET_KEY));
    MHD_add_response_header(r, MHD_HTTP_HEADER_UPGRADE, "websocket");
    MHD_add_response_header(r, MHD_HTTP_HEADER_SEC_WEBSOCKET_ACCEPT, buf_cstr(&accept));
    buf_deinit(&accept);
    v->x.answer.status = MHD_HTTP_SWITCHING_PROTOCOLS;
    enum MHD_Result result = MHD_queue_response(v->connection, MHD_HTTP_SWITCHING_PROTOCOLS, r);

    MHD_destroy_response(r);
    return result;
}

/* ---- all of them ---- */

void sockets_init(struct sockets *all, uint32_t tls_max)
{
    all->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    all->tls_max = tls_max;
    TAILQ_INIT(&all->list);
    TAILQ_INIT(&all->closed);
}

void sockets_deinit(struct sockets *all)
{
    struct socket *k;

    while ((k = TAILQ_FIRST(&all->list)) != NULL) {
        stream_end(k->visit->x.stream, "this peer is stopping: ask another one");
        go_on(all, k, /* read= */ false);
        if (TAILQ_FIRST(&all->list) == k)
            close_socket(all, k);
    }
    free_closed(all);
    close(all->epoll_fd);
}

/* Not at once: the directory is being told. */
void socket_woken(struct sockets *all, struct socket *k)
{
    wait_for(all, k, /* writes= */ true);
}

/* Nothing moved for a while: its client is asked, and closed if that does not move anything. */
static void look_at(struct sockets *all, struct socket *k, kith_time now_us)
{
    TAILQ_REMOVE(&all->list, k, others);
    TAILQ_INSERT_TAIL(&all->list, k, others);
    k->look_us = now_us + SOCKET_PING_US;
    open_context(k);
    bool stuck = !k->moved && wslay_event_want_write(k->context);

    if (stuck || (!k->moved && k->asked)) {
        (void)say_end(k, WSLAY_CODE_POLICY_VIOLATION,
                      "nothing was taken for too long: come again with your position");
        (void)wslay_event_send(k->context);
        close_socket(all, k);
        return;
    }
    k->moved = false;
    k->asked = true;
    wslay_event_queue_msg(k->context, &(struct wslay_event_msg){WSLAY_PING, NULL, 0});
    go_on(all, k, /* read= */ false);
}

kith_time sockets_deadline(const struct sockets *all)
{
    const struct socket *k = TAILQ_FIRST(&all->list);

    return k ? k->look_us : KITH_NEVER;
}

static void take_events(struct sockets *all, struct socket *k, uint32_t events)
{
    bool gone = events & (EPOLLHUP | EPOLLERR);

    if (k->tls && (gone || events & EPOLLRDHUP))
        close_socket(all,
                     k); /* nothing more would come by way of libmicrohttpd, nor the news of that */
    else
        go_on(all, k, gone || events & EPOLLIN);
}

void sockets_run(struct sockets *all, kith_time now_us)
{
    struct epoll_event events[SOCKET_EVENTS];
    int n = epoll_wait(all->epoll_fd, events, SOCKET_EVENTS, 0);
    struct socket *k;

    for (int i = 0; i < n; i++) {
        k = events[i].data.ptr;
        if (!k->closed)
            take_events(all, k, events[i].events);
    }
    while ((k = TAILQ_FIRST(&all->list)) && k->look_us <= now_us)
        look_at(all, k, now_us);
    free_closed(all);
}
