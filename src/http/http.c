#include "http/http.h"

#include "base/mem.h"
#include "client/held.h"
#include "http/access_log.h"
#include "http/ask.h"
#include "http/messages.h"
#include "http/server.h"
#include "http/tls.h"
#include "shell/clock.h"
#include "shell/log.h"
#include "shell/mail.h"
#include "store/lookup_read.h"

#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define HTTP_SPACE    "default" /* the one namespace until there are more */
#define NEVER_TOLD_US KITH_HOUR /* the age of what nobody vouches for */

struct http {
    const struct http_config *config;
    zsock_t *feed_in, *feed; /* the ends of the look-ups' jobs */
    zsock_t *keys_in, *keys; /* and of those about keys */
    zactor_t *actor;
    void *context;
    struct hub hub;
    struct held *held;
    struct access_log *log;
    struct tls *tls;
    struct ask *ask;
    struct feed topic;
    struct messages messages;
    struct server_config server_config;
    struct server *server;
};

/* ---- life ---- */

static kith_time age_us(void *arg)
{
    struct http *h = arg;
    struct held_use use;

    if (held_enter(h->held, /* hash= */ 0, &use) != 0)
        return NEVER_TOLD_US;
    held_leave(h->held, &use);
    return use.age_us;
}

static void woken(void *arg, struct watcher *w)
{
    struct http *h = arg;

    server_woken(h->server, w);
}

static int read_service(void *arg, struct bytes name, struct arena *mem, struct lookup_service *ret)
{
    struct http *h = arg;
    struct held_use use;
    int problem = held_enter(h->held, /* hash= */ 0, &use);

    if (problem)
        return problem;
    problem = lookup_read_service(use.map, bytes_str(HTTP_SPACE), name, mem, ret);
    held_leave(h->held, &use);
    return problem;
}

/* Never full: what does not fit would have to be told anew. */
static zsock_t *feed_end(void)
{
    zsock_t *end = zsock_new(ZMQ_PAIR);

    zsock_set_sndhwm(end, 0);
    zsock_set_rcvhwm(end, 0);
    return end;
}

static void open_feed(const struct http *h, const char *what, zsock_t **ret_in, zsock_t **ret)
{
    char name[64];

    snprintf(name, sizeof(name), "inproc://http-%s-%p", what, (const void *)h);
    *ret = feed_end();
    *ret_in = feed_end();
    zsock_bind(*ret, "%s", name);
    zsock_connect(*ret_in, "%s", name);
}

static int open_log(struct http *h, struct buf *why)
{
    if (h->config->access_log)
        h->log = access_log_open(h->config->access_log, why);
    return h->config->access_log && !h->log;
}

static int open_tls(struct http *h, struct buf *why)
{
    if (h->config->certificate)
        h->tls = tls_open(h->config->certificate, h->config->key, why);
    return h->config->certificate && !h->tls;
}

static int open_server(struct http *h, struct buf *why)
{
    int bad = 0;

    h->server_config = (struct server_config){
        .hub = &h->hub, .routes = h->config->routes, .log = h->log, .tls = h->tls};
    h->server = server_new(&h->server_config);
    for (size_t i = 0; i < h->config->addresses_n && !bad; i++)
        bad = server_listen(h->server, h->config->addresses[i], why);
    return bad;
}

struct http *http_open(const struct http_config *config, struct buf *why)
{
    struct http *h = mem_alloc(sizeof(*h));
    struct buf path = {0};

    h->config = config;
    buf_printf(&path, "%s/" LOOKUP_FILE_NAME, config->lookups);
    h->held = held_new(buf_cstr(&path));
    buf_deinit(&path);
    h->hub = (struct hub){.self = config->self,
                          .name = config->name,
                          .address = server_address(config->addresses[0]),
                          .version = config->version,
                          .token = config->token,
                          .now_us = clock_now_us(),
                          .age_us = age_us,
                          .arg = h,
                          .more_metrics = config->more_metrics,
                          .more_arg = config->more_arg};
    directory_init(&h->hub.directory, (uint64_t)(clock_wall_us() / KITH_MS),
                   &(struct directory_host){.woken = woken, .read = read_service, .arg = h});
    shelf_init(&h->hub.shelf, &h->hub.directory);
    h->messages.hub = &h->hub;
    h->hub.messages = &h->messages;
    event_list_init(&h->hub.events, &h->hub.directory);
    open_feed(h, "feed", &h->feed_in, &h->feed);
    open_feed(h, "keys", &h->keys_in, &h->keys);
    if (open_log(h, why) == 0 && open_tls(h, why) == 0 && open_server(h, why) == 0)
        return h;
    http_stop(h);
    return NULL;
}

zsock_t *http_feed(struct http *h)
{
    return h->feed_in;
}

zsock_t *http_keys(struct http *h)
{
    return h->keys_in;
}

static void drain(zsock_t *feed)
{
    bool end = false;

    for (struct job *j; (j = mail_receive(feed, &end)) != NULL;)
        job_free(j);
}

void http_stop(struct http *h)
{
    if (!h)
        return;
    mail_stop(&h->actor);
    if (h->server)
        server_free(h->server);
    ask_free(h->ask);
    drain(h->feed);
    drain(h->keys);
    zsock_destroy(&h->feed_in);
    zsock_destroy(&h->feed);
    zsock_destroy(&h->keys_in);
    zsock_destroy(&h->keys);
    event_list_deinit(&h->hub.events);
    shelf_deinit(&h->hub.shelf);
    directory_deinit(&h->hub.directory);
    cache_deinit(&h->hub.cache);
    access_log_close(h->log);
    tls_close(h->tls);
    held_free(h->held);
    mem_free(h);
}

/* ---- the thread ---- */

static void take(struct http *h, const struct effect *e)
{
    if (e->kind == EFFECT_LOOKUP) {
        held_look(h->held); /* it may be in a file that took the place of the one before */
        directory_tell(&h->hub.directory, &e->lookup);
    } else if (e->kind == EFFECT_KEYS) {
        shelf_tell(&h->hub.shelf, &e->keys);
    }
}

static void take_feed(struct http *h, zsock_t *feed)
{
    bool end = false;

    for (int i = 0; i < HTTP_FEED_AT_ONCE; i++) {
        struct job *j = mail_receive(feed, &end);

        if (!j)
            return;
        for (size_t k = 0; k < j->effects.count; k++)
            take(h, &j->effects.items[k]);
        job_free(j);
    }
}

static void take_answers(struct http *h)
{
    struct ask_answer answer;

    while (ask_receive(h->ask, &answer)) {
        if (!feed_take(&h->topic, answer.kind, answer.payload) &&
            !messages_take(&h->messages, answer.kind, answer.payload))
            server_answered(h->server, answer.number, answer.kind, answer.payload);
    }
}

static int hangups(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Files may have been moved away or renewed. */
static void look_at_files(struct http *h, int hangup_fd)
{
    struct signalfd_siginfo one;
    struct buf why = {0};

    while (read(hangup_fd, &one, sizeof(one)) == (ssize_t)sizeof(one))
        ;
    access_log_reopen(h->log);
    if (h->tls && tls_reload(h->tls, &why) != 0)
        log_line(LOG_ERROR_, "HTTP goes on with its former certificate: %s", buf_cstr(&why));
    else
        log_line(LOG_INFO_, "HTTP has opened its files anew");
    buf_deinit(&why);
}

static kith_time deadline(const struct http *h)
{
    kith_time at_us = kith_time_min(server_deadline(h->server), h->topic.next_us);

    return kith_time_min(at_us, messages_deadline(&h->messages));
}

static void actor(zsock_t *pipe, void *arg)
{
    struct http *h = arg;
    struct pollset set;
    struct pollset_item end_item = {0}, feed = {0}, keys = {0}, answers = {0}, hangup = {0};
    int hangup_fd = hangups();
    bool end = false;

    pollset_init(&set);
    pollset_add(&set, &end_item, zsock_resolve(pipe), /* tell= */ NULL, /* arg= */ NULL);
    pollset_add(&set, &feed, zsock_resolve(h->feed), /* tell= */ NULL, /* arg= */ NULL);
    pollset_add(&set, &keys, zsock_resolve(h->keys), /* tell= */ NULL, /* arg= */ NULL);
    pollset_add(&set, &answers, ask_socket(h->ask), /* tell= */ NULL, /* arg= */ NULL);
    pollset_add_fd(&set, &hangup, hangup_fd, /* tell= */ NULL, /* arg= */ NULL);
    server_join(h->server, &set);
    zsock_signal(pipe, 0);
    while (!end) {
        pollset_wait(&set, deadline(h));
        h->hub.now_us = clock_now_us();
        if (pollset_ready(&end_item))
            (void)mail_receive(pipe, &end);
        if (pollset_ready(&feed))
            take_feed(h, h->feed);
        if (pollset_ready(&keys))
            take_feed(h, h->keys);
        if (pollset_ready(&answers))
            take_answers(h);
        if (pollset_ready(&hangup))
            look_at_files(h, hangup_fd);
        server_run(h->server);
        feed_run(&h->topic);
        messages_run(&h->messages);
        if (ask_sent(h->ask))
            pollset_touch(&answers);
        access_log_flush(h->log);
    }
    server_leave(h->server);
    pollset_remove(&hangup);
    close(hangup_fd);
    pollset_remove(&answers);
    pollset_remove(&keys);
    pollset_remove(&feed);
    pollset_remove(&end_item);
    pollset_deinit(&set);
    mail_end(pipe);
}

void http_start(struct http *h, void *context)
{
    h->ask = ask_new(context);
    h->server_config.ask = h->ask;
    h->messages.ask = h->ask;
    h->topic = (struct feed){.hub = &h->hub,
                             .ask = h->ask,
                             .topic = h->config->topic,
                             .taken_by = h->config->topic_taken};
    h->actor = zactor_new(actor, h);
}
