#include "http/server_inside.h"

#include "base/mem.h"
#include "http/ask.h"
#include "http/callers.h"
#include "http/replies.h"
#include "http/tls.h"
#include "shell/clock.h"
#include "shell/listen.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#define GONE_AT_ONCE 64 /* events of vanished clients taken in one go */
#define ENDING_RUNS  4 /* of libmicrohttpd: a stream's last message, its end, and what was before */
#define READ_ROOM    256 /* bytes: a token, and what rounding takes */

static inline int compare_due(const struct visit *a, const struct visit *b)
{
    if (a->x.until_us != b->x.until_us)
        return a->x.until_us < b->x.until_us ? -1 : 1;
    return a < b ? -1 : a > b;
}

static inline int compare_number(const struct visit *a, const struct visit *b)
{
    return a->number < b->number ? -1 : a->number > b->number;
}

TREE_DEFINE(due_visits, visit, by_due, compare_due)
TREE_DEFINE(asking_visits, visit, by_number, compare_number)

struct door {
    struct MHD_Daemon *daemon;
    int epoll_fd;
    struct pollset_item item;
};

struct server {
    const struct server_config *config;
    struct hub *hub;
    struct door doors[SERVER_ADDRESSES_MAX];
    unsigned doors_n;
    unsigned parked_max;
    int gone_fd; /* epoll of suspended connections: tells of clients that vanish */
    struct pollset_item gone_item;
    struct due_visits due;
    struct asking_visits asking;
    struct replies *replies;
    struct sockets sockets;
    struct callers callers;
    size_t unsent; /* bytes of answers that are on their way */
    bool ending;
};

/* ---- life ---- */

static unsigned connections_allowed(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY)
        return SERVER_CONNECTIONS_MAX;
    rlim_t half = files.rlim_cur / 2;
    rlim_t rest = files.rlim_cur > SERVER_FILES_KEPT ? files.rlim_cur - SERVER_FILES_KEPT : 0;
    rlim_t most = half > rest ? half : rest;

    return most < SERVER_CONNECTIONS_MAX ? (unsigned)most : SERVER_CONNECTIONS_MAX;
}

struct server *server_new(const struct server_config *config)
{
    struct server *s = mem_alloc(sizeof(*s));

    s->config = config;
    s->hub = config->hub;
    callers_init(&s->callers, connections_allowed());
    s->parked_max = s->callers.max - s->callers.max / 16;
    s->gone_fd = epoll_create1(EPOLL_CLOEXEC);
    s->replies = replies_new(s->hub);
    sockets_init(&s->sockets, s->callers.max / 16);
    return s;
}

static struct caller *caller_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* ---- suspended exchanges ---- */

static int descriptor(const struct visit *v)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(v->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    return info ? info->connect_fd : -1;
}

static bool waits_for_change(const struct visit *v)
{
    return v->x.state == EXCHANGE_PARKED || v->x.state == EXCHANGE_STREAMING;
}

void server_suspend(struct visit *v)
{
    struct server *s = v->server;
    /* Who has closed his side has no more to ask, but waits for what the peer says to his last question: that comes soon. A change may
     * be long in coming, so there he is taken for gone. */
    bool asks = v->x.state == EXCHANGE_ASKING;
    struct epoll_event event = {.events = asks ? 0 : EPOLLRDHUP, .data.ptr = v};

    v->suspended = true;
    s->hub->parked += waits_for_change(v);
    TREE_INSERT(due_visits, &s->due, v);
    if (v->x.state == EXCHANGE_ASKING)
        TREE_INSERT(asking_visits, &s->asking, v);
    /* Where it cannot be watched, it is found out when its time is over. */
    (void)epoll_ctl(s->gone_fd, EPOLL_CTL_ADD, descriptor(v), &event);
    MHD_suspend_connection(v->connection);
}

/* It goes on as soon as libmicrohttpd runs again. */
static void resume(struct visit *v)
{
    struct server *s = v->server;

    s->hub->parked -= waits_for_change(v);
    TREE_REMOVE(due_visits, &s->due, v);
    if (v->x.state == EXCHANGE_ASKING)
        TREE_REMOVE(asking_visits, &s->asking, v);
    (void)epoll_ctl(s->gone_fd, EPOLL_CTL_DEL, descriptor(v), NULL);
    v->suspended = false;
    MHD_resume_connection(v->connection);
}

struct sockets *server_sockets(struct visit *v)
{
    return &v->server->sockets;
}

bool server_is_ending(const struct visit *v)
{
    return v->server->ending;
}

/* Time is over, or nobody is there any more who waits: the answer is what there is then. */
static void give_up(struct visit *v)
{
    resume(v);
    if (v->x.state == EXCHANGE_PARKED || v->x.state == EXCHANGE_WRITING)
        v->woken = true;
    else if (v->x.state == EXCHANGE_STREAMING)
        v->quiet = true;
    else
        exchange_take(&v->x, (enum wire_kind)0, (struct bytes){0});
}

void server_woken(struct server *s, struct watcher *w)
{
    struct visit *v =
        w->owner ? w->owner : (struct visit *)((char *)w - offsetof(struct visit, x.watcher));

    s->hub->woken++;
    if (v->socket)
        socket_woken(&s->sockets, v->socket);
    if (!v->suspended)
        return;
    resume(v);
    v->woken = true; /* handlers read the directory when it is told whole */
}

void server_answered(struct server *s, uint64_t number, enum wire_kind kind, struct bytes payload)
{
    struct visit key = {.number = number};
    struct visit *v = TREE_FIND(asking_visits, &s->asking, &key);

    if (!v)
        return; /* it has waited too long for that */
    resume(v);
    exchange_take(&v->x, kind, payload);
}

static void take_gone(struct server *s)
{
    struct epoll_event events[GONE_AT_ONCE];
    int n = epoll_wait(s->gone_fd, events, GONE_AT_ONCE, 0);

    for (int i = 0; i < n; i++) {
        struct visit *v = events[i].data.ptr;

        v->x.gone = true;
        give_up(v);
    }
}

static void take_due(struct server *s)
{
    struct visit *v;

    while ((v = TREE_FIRST(due_visits, &s->due)) && v->x.until_us <= s->hub->now_us)
        give_up(v);
}

/* ---- answers ---- */

static enum MHD_Result send_reply(struct visit *v, unsigned status, struct reply reply)
{
    v->sent = reply.bytes;
    v->held = reply.bytes;
    v->server->unsent += v->held;
    return reply.response ? MHD_queue_response(v->connection, status, reply.response) : MHD_NO;
}

static enum MHD_Result respond(struct visit *v)
{
    if (v->server->unsent + v->x.answer.body.len > SERVER_UNSENT_MAX)
        answer_error(&v->x, 503, "busy", "others are slow to take their answers: try again");
    return send_reply(v, v->x.answer.status, replies_make(v->server->replies, &v->x));
}

/* An answer, or what is to be waited for; a question goes out to the peer. */
static enum MHD_Result go_on(struct visit *v)
{
    struct server *s = v->server;
    struct exchange *x = &v->x;

    if (x->state != EXCHANGE_READY && s->ending) {
        directory_unwatch(&x->watcher);
        x->state = EXCHANGE_READY;
        answer_error(x, 503, "not_ready", "this peer is stopping: ask another one");
    } else if (waits_for_change(v) &&
               (s->hub->parked >= s->parked_max || (x->upgrades && !socket_has_room(v)))) {
        directory_unwatch(&x->watcher);
        s->hub->refused++;
        x->state = EXCHANGE_READY;
        x->answer.retry = "5";
        answer_error(x, 429, "busy",
                     "too many requests wait at this peer: try again, or ask another");
    } else if (x->state == EXCHANGE_ASKING) {
        v->number = ask_send(s->config->ask, x->ask, buf_bytes(&x->question), x->within_us);
        if (!v->number) {
            x->state = EXCHANGE_READY;
            answer_error(x, 503, "busy", "this peer has too much to do: try again");
        }
    }
    if (x->state == EXCHANGE_STREAMING && x->upgrades && !socket_is_possible(v)) {
        x->state = EXCHANGE_READY;
        answer_error(x, 400, "bad_request", "this is no request for a WebSocket of version 13");
    }
    if (x->state == EXCHANGE_READY)
        return respond(v);
    if (x->state == EXCHANGE_STREAMING)
        return x->upgrades ? socket_begin(v) : server_stream(v);
    s->hub->blocked += x->state == EXCHANGE_PARKED;
    server_suspend(v);
    return MHD_YES;
}

/* ---- requests ---- */

static void *on_target(void *cls, const char *raw, struct MHD_Connection *connection)
{
    struct server *s = cls;
    struct visit *v = mem_alloc(sizeof(*v));

    v->server = s;
    v->connection = connection;
    v->came_us = clock_now_us();
    v->x.hub = s->hub;
    /* As much as reading takes: thousands of these wait, and a block of the usual size is ten times that. */
    arena_reserve(&v->x.mem, strlen(raw) + target_room(bytes_str(raw)) + READ_ROOM);
    v->raw = arena_str(&v->x.mem, bytes_str(raw));
    return v;
}

static const char *header(struct visit *v, const char *name)
{
    return MHD_lookup_connection_value(v->connection, MHD_HEADER_KIND, name);
}

/* Browsers say where a request comes from, and pages cannot make them lie. */
static bool is_from_page(struct visit *v)
{
    const char *site = header(v, "Sec-Fetch-Site");

    if (site)
        return strcmp(site, "none") != 0 && strcmp(site, "same-origin") != 0;
    return header(v, "Origin") != NULL;
}

static void read_head(struct visit *v, const char *method)
{
    const char *token = header(v, "X-Consul-Token"), *bearer = header(v, "Authorization");
    const char *length = header(v, "Content-Length"), *known = header(v, "If-None-Match");
    const char *last = header(v, "Last-Event-ID");
    const union MHD_ConnectionInfo *client =
        MHD_get_connection_info(v->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    uint64_t bytes = 0;

    v->read = true;
    v->x.method = route_method(method);
    if (!token && bearer && strncasecmp(bearer, "Bearer ", 7) == 0)
        token = bearer + 7;
    v->x.known = known ? arena_bytes(&v->x.mem, bytes_str(known)) : (struct bytes){0};
    v->x.last_event = last ? arena_bytes(&v->x.mem, bytes_str(last)) : (struct bytes){0};
    v->x.token = token ? arena_bytes(&v->x.mem, bytes_str(token)) : (struct bytes){0};
    v->x.secure =
        MHD_get_connection_info(v->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION) != NULL;
    v->x.from_page = is_from_page(v);
    v->x.upgrades = socket_is_asked_for(v->connection);
    v->x.from_here = client && listen_is_own(client->client_addr, descriptor(v));
    if (v->server->config->log) {
        snprintf(v->method, sizeof(v->method), "%s", method);
        listen_address(v->client, sizeof(v->client), client ? client->client_addr : NULL);
    }
    v->too_large =
        length && (read_number(bytes_str(length), &bytes) != 0 || bytes > SERVER_BODY_MAX);
}

static void read_body(struct visit *v, const char *data, size_t len)
{
    v->too_large = v->too_large || v->x.body.len + len > SERVER_BODY_MAX;
    if (!v->too_large)
        buf_append(&v->x.body, data, len);
}

static enum MHD_Result refuse_body(struct visit *v)
{
    v->begun = true;
    answer_error(&v->x, 413, "too_large", "a body has 1 MiB at most here");
    return respond(v);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_len, void **context)
{
    struct server *s = cls;
    struct visit *v = *context;

    (void)url;
    (void)version;
    if (!v->read) {
        read_head(v, method);
        return v->too_large ? refuse_body(v) : MHD_YES;
    }
    if (*data_len > 0) {
        read_body(v, data, *data_len);
        *data_len = 0;
        return MHD_YES;
    }
    if (v->too_large)
        return refuse_body(v);
    if (!v->begun) {
        v->begun = true;
        callers_busy(&s->callers, caller_of(connection));
        s->hub->now_us = clock_now_us();
        struct reply kept;

        if (replies_find(s->replies, &v->x, bytes_str(v->raw), &kept)) {
            v->x.answer.status = 200;
            return send_reply(v, 200, kept);
        }
        exchange_begin(&v->x, s->config->routes, bytes_str(v->raw));
    }
    if (v->woken) {
        v->woken = false;
        exchange_resume(&v->x);
    }
    return go_on(v);
}

static void log_visit(const struct visit *v)
{
    access_log_add(v->server->config->log,
                   &(struct access){
                       .client = v->client,
                       .method = v->method,
                       .target = v->raw,
                       .status = v->x.answer.status,
                       .bytes = strcmp(v->method, "HEAD") == 0 ? 0 : v->sent,
                       .token = v->x.token.len > 0 || target_has(&v->x.target, "token"),
                       .took_us = clock_now_us() - v->came_us,
                   });
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct server *s = cls;
    struct visit *v = *context;

    (void)code;
    if (!v)
        return;
    *context = NULL;
    callers_idle(&s->callers, caller_of(connection), clock_now_us());
    s->unsent -= v->held;
    s->sockets.ending_n -= v->ending;
    unsigned class = v->x.answer.status / 100;

    s->hub->requests[class < HUB_CLASSES ? class : 0]++;
    if (!v->x.waited)
        times_add(&s->hub->times, clock_now_us() - v->came_us);
    if (s->config->log && v->begun)
        log_visit(v);
    exchange_deinit(&v->x);
    buf_deinit(&v->pending);
    mem_free(v);
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct server *s = cls;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        struct sockaddr_storage own = {0};
        socklen_t len = sizeof(own);

        (void)getsockname(fd, (struct sockaddr *)&own, &len);
        *context = callers_add(
            &s->callers, fd,
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr,
            (const struct sockaddr *)&own, clock_now_us());
    } else {
        callers_remove(&s->callers, *context);
    }
    s->hub->connections = s->callers.count;
    s->hub->sent_away = s->callers.sent_away + s->callers.turned_away;
}

static enum MHD_Result on_accept(void *cls, const struct sockaddr *from, socklen_t len)
{
    struct server *s = cls;

    (void)len;
    return callers_admit(&s->callers, from) ? MHD_YES : MHD_NO;
}

/* ---- listening ---- */

/* For what is accepted: a client whose host has gone away says no farewell, so it is asked for a sign of life. What one
 * who takes nothing leaves in the kernel is bounded, too. */
static void set_options(int fd)
{
    const int on = 1, held = SERVER_HELD_BYTES, after_s = SERVER_SILENT_S / 2,
              every_s = SERVER_SILENT_S / 6, times = 3;

    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &held, sizeof(held));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &after_s, sizeof(after_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof(every_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof(times));
}

const char *server_address(const char *address)
{
    size_t len = strlen(SERVER_TLS);

    return strncmp(address, SERVER_TLS, len) == 0 ? address + len : address;
}

static struct MHD_Daemon *start(struct server *s, int fd, bool tls)
{
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE;
    char priorities[] = TLS_PRIORITIES;
    struct MHD_OptionItem more[] = {
        {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)(intptr_t)tls_certificate},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, priorities},
        {MHD_OPTION_END, 0, NULL}};

    return MHD_start_daemon(tls ? flags | MHD_USE_TLS : flags, 0, on_accept, s, on_request, s,
                            MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
                            s->callers.max + CALLERS_SPARE, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            (size_t)SERVER_MEMORY, MHD_OPTION_CONNECTION_TIMEOUT, SERVER_IDLE_S,
                            MHD_OPTION_URI_LOG_CALLBACK, on_target, s, MHD_OPTION_NOTIFY_COMPLETED,
                            on_completed, s, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
                            MHD_OPTION_ARRAY, tls ? more : more + 2, MHD_OPTION_END);
}

int server_listen(struct server *s, const char *address, struct buf *why)
{
    struct door *door = &s->doors[s->doors_n];
    const char *bare = server_address(address);

    if (s->doors_n == SERVER_ADDRESSES_MAX) {
        buf_printf(why, "%d addresses at most", SERVER_ADDRESSES_MAX);
        return 1;
    }
    int fd = listen_open(bare, SOCK_STREAM, why);

    if (fd < 0)
        return 1;
    set_options(fd);
    door->daemon = start(s, fd, bare != address);
    if (!door->daemon) {
        buf_printf(why, "%s: libmicrohttpd does not start", address);
        close(fd);
        return 1;
    }
    door->epoll_fd = MHD_get_daemon_info(door->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    s->doors_n++;
    return 0;
}

void server_free(struct server *s)
{
    struct visit *v, *next;

    s->ending = true;
    sockets_deinit(&s->sockets);
    TREE_FOREACH_SAFE(v, due_visits, &s->due, next)
    give_up(v);
    for (unsigned i = 0; i < s->doors_n; i++) {
        for (int k = 0; k < ENDING_RUNS; k++)
            MHD_run(s->doors[i].daemon); /* they get their answers */
        MHD_stop_daemon(s->doors[i].daemon);
    }
    callers_deinit(&s->callers);
    replies_free(s->replies);
    close(s->gone_fd);
    mem_free(s);
}

/* ---- turns ---- */

void server_join(struct server *s, struct pollset *p)
{
    for (unsigned i = 0; i < s->doors_n; i++)
        pollset_add_fd(p, &s->doors[i].item, s->doors[i].epoll_fd, /* tell= */ NULL,
                       /* arg= */ NULL);
    pollset_add_fd(p, &s->gone_item, s->gone_fd, /* tell= */ NULL, /* arg= */ NULL);
    pollset_add_fd(p, &s->sockets.item, s->sockets.epoll_fd, /* tell= */ NULL, /* arg= */ NULL);
}

void server_leave(struct server *s)
{
    for (unsigned i = 0; i < s->doors_n; i++)
        pollset_remove(&s->doors[i].item);
    pollset_remove(&s->gone_item);
    pollset_remove(&s->sockets.item);
}

kith_time server_deadline(const struct server *s)
{
    const struct visit *v = TREE_FIRST(due_visits, (struct due_visits *)(uintptr_t)&s->due);
    kith_time at_us = v ? v->x.until_us : KITH_NEVER;

    if (s->sockets.ending_n > 0)
        return 0; /* libmicrohttpd takes several turns for them, and does not ask for these */
    at_us = kith_time_min(at_us, sockets_deadline(&s->sockets));
    at_us = kith_time_min(at_us, callers_deadline(&s->callers));
    for (unsigned i = 0; i < s->doors_n; i++) {
        MHD_UNSIGNED_LONG_LONG ms;

        if (MHD_get_timeout(s->doors[i].daemon, &ms) == MHD_YES)
            at_us = kith_time_min(at_us, s->hub->now_us + (kith_time)ms * KITH_MS);
    }
    return at_us;
}

void server_run(struct server *s)
{
    if (pollset_ready(&s->gone_item))
        take_gone(s);
    take_due(s);
    callers_drop(&s->callers, s->hub->now_us);
    if (pollset_ready(&s->sockets.item) || sockets_deadline(&s->sockets) <= s->hub->now_us)
        sockets_run(&s->sockets, s->hub->now_us);
    for (unsigned i = 0; i < s->doors_n; i++)
        MHD_run(s->doors[i].daemon);
}
