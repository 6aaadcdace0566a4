#include "shell/checks.h"
#include "base/mem.h"
#include "shell/clock.h"
#include "shell/http_get.h"
#include "shell/mail.h"
#include "shell/pollset.h"
#include "shell/procenv.h"
#include "shell/rundir.h"
#include "shell/spawn.h"
#include "shell/tcp.h"
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEXT_MAX   256
#define EVENTS_MAX 32

enum tag { TAG_HTTP = 1, TAG_TCP, TAG_EXEC };

/* One check that is running, or a killed program that has not ended yet. */
struct check {
    struct check *next;
    struct job *job;
    const struct effect_check *what; /* of the job */
    kith_time started_us, until_us;
    int fd;        /* a connection under way, or a pidfd; -1 */
    pid_t pid;     /* exec */
    void *request; /* http */
    bool answered;
};

struct checks {
    zsock_t *pipe;
    char *data, *kith_run;
    int epoll_fd;
    struct http_get *http;
    struct check *running;
    size_t running_n;
    struct job *waiting[CHECKS_WAITING]; /* a ring */
    size_t waiting_at, waiting_n;
};

/* ---- answers ---- */

static void answer(struct checks *s, const struct effect_check *what, kith_time started_us, bool ok,
                   const char *text)
{
    struct report *r = report_new(EVENT_CHECKED);
    r->event.checked = (struct event_checked){
        .instance = what->instance,
        .number = what->number,
        .ok = ok,
        .took_us = clock_now_us() - started_us,
        .text = arena_bytes(&r->mem, bytes_str(text)),
    };
    mail_send(s->pipe, r);
}

/* Once for each check; what comes after a time-out is not told any more. */
static void finish(struct checks *s, struct check *c, bool ok, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void finish(struct checks *s, struct check *c, bool ok, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list args;
    if (c->answered)
        return;
    c->answered = true;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    answer(s, c->what, c->started_us, ok, text);
}

/* ---- the three kinds ---- */

static void watch(struct checks *s, struct check *c, enum tag tag, uint32_t events)
{
    struct epoll_event e = {.events = events};
    e.data.u64 = (uint64_t)tag << 32 | (uint32_t)c->fd;
    epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, c->fd, &e);
}

static void start_http(struct checks *s, struct check *c, struct arena *mem)
{
    const struct effect_check *w = c->what;
    const char *why = "";
    bool ipv6 = memchr(w->addr.data, ':', w->addr.len) != NULL;
    bool slash = w->path.len > 0 && w->path.data[0] == '/';
    char *url = arena_printf(mem, "http://%s" BYTES_FMT "%s:%u%s" BYTES_FMT, ipv6 ? "[" : "",
                             BYTES_ARG(w->addr), ipv6 ? "]" : "", w->port, slash ? "" : "/",
                             BYTES_ARG(w->path));
    c->request = http_get_start(s->http, url, c, &why);
    if (c->request == NULL)
        finish(s, c, false, "%s", why);
}

static void start_tcp(struct checks *s, struct check *c)
{
    int why;
    c->fd = tcp_connect(c->what->addr, c->what->port, &why);
    if (c->fd >= 0)
        watch(s, c, TAG_TCP, EPOLLOUT);
    else
        finish(s, c, false, "connect to port %u: %s", c->what->port, strerror(why));
}

static void start_exec(struct checks *s, struct check *c, struct arena *mem)
{
    const struct effect_check *w = c->what;
    char run[RUNDIR_PATH_MAX], dir[RUNDIR_PATH_MAX];
    struct run_intent intent;
    struct spawned spawned;
    if (!rundir_path(run, s->data, "run", NULL) ||
        !rundir_path(dir, run, ulid_text(&w->instance).s, NULL) ||
        !rundir_intent(dir, &intent, mem)) {
        finish(s, c, false, "the instance does not run");
        return;
    }
    const char *data_dir = arena_str(mem, intent.data_dir);
    char **argv = arena_array(mem, w->argv_n + 5, sizeof *argv);
    char **env = arena_array(mem, intent.env_n + 1, sizeof *env);
    argv[0] = s->kith_run;
    argv[1] = arena_str(mem, bytes_str("check"));
    argv[2] = arena_str(mem, intent.user);
    argv[3] = arena_str(mem, intent.data_dir);
    for (uint32_t i = 0; i < w->argv_n; i++)
        argv[4 + i] = arena_str(mem, procenv_resolve(mem, w->argv[i], data_dir));
    for (uint32_t i = 0; i < intent.env_n; i++)
        env[i] = arena_printf(mem, BYTES_FMT "=" BYTES_FMT, BYTES_ARG(intent.env[i].key),
                              BYTES_ARG(intent.env[i].value));
    if (spawn_check(&spawned, argv, env) != 0) {
        finish(s, c, false, "cannot run %s: %s", s->kith_run, strerror(errno));
        return;
    }
    c->pid = spawned.process.pid;
    c->fd = spawned.process.pidfd;
    if (c->fd >= 0)
        watch(s, c, TAG_EXEC, EPOLLIN);
}

static void end_tcp(struct checks *s, struct check *c)
{
    int why = tcp_result(c->fd);
    if (why == 0)
        finish(s, c, true, "port %u accepts connections", c->what->port);
    else
        finish(s, c, false, "connect to port %u: %s", c->what->port, strerror(why));
}

static void end_exec(struct checks *s, struct check *c)
{
    int status = 0;
    if (waitpid(c->pid, &status, WNOHANG) != c->pid)
        return;
    c->pid = 0;
    if (WIFEXITED(status))
        finish(s, c, WEXITSTATUS(status) == 0, "exit status %d", WEXITSTATUS(status));
    else
        finish(s, c, false, "killed by signal %d", WTERMSIG(status));
}

/* ---- running ---- */

static void start(struct checks *s, struct job *j)
{
    struct arena mem = {0};
    struct check *c = mem_alloc(sizeof *c);
    c->job = j;
    c->what = &j->effects.items[0].check;
    c->fd = -1;
    c->started_us = clock_now_us();
    c->until_us = c->started_us + c->what->timeout_ms * KITH_MS;
    c->next = s->running;
    s->running = c;
    s->running_n++;
    if (c->what->kind == CHECK_KIND_HTTP)
        start_http(s, c, &mem);
    else if (c->what->kind == CHECK_KIND_TCP)
        start_tcp(s, c);
    else if (c->what->kind == CHECK_KIND_EXEC && c->what->argv_n > 0)
        start_exec(s, c, &mem);
    else
        finish(s, c, true, "nothing to check");
    arena_deinit(&mem);
}

/* Whether anything of it is left outside: a program that was told to die has still to be reaped. */
static bool is_over(const struct check *c)
{
    return c->answered && c->pid == 0;
}

static void check_free(struct checks *s, struct check *c)
{
    if (c->request != NULL)
        http_get_cancel(s->http, c->request);
    if (c->fd >= 0)
        close(c->fd);
    job_free(c->job);
    mem_free(c);
    s->running_n--;
}

static void remove_over(struct checks *s)
{
    for (struct check **at = &s->running; *at != NULL;) {
        struct check *c = *at;
        if (is_over(c)) {
            *at = c->next;
            check_free(s, c);
        } else {
            at = &c->next;
        }
    }
}

/* Programs without a pidfd; see procfs.h. */
static void look_for_ended(struct checks *s)
{
    for (struct check *c = s->running; c != NULL; c = c->next)
        if (c->pid != 0 && c->fd < 0)
            end_exec(s, c);
}

static void time_out(struct checks *s, kith_time now_us)
{
    for (struct check *c = s->running; c != NULL; c = c->next) {
        if (c->answered || now_us < c->until_us)
            continue;
        finish(s, c, false, "timed out after %u ms", (unsigned)c->what->timeout_ms);
        if (c->pid != 0)
            kill(-c->pid, SIGKILL);
    }
}

static void start_waiting(struct checks *s)
{
    while (s->waiting_n > 0 && s->running_n < CHECKS_MAX) {
        struct job *j = s->waiting[s->waiting_at];
        s->waiting_at = (s->waiting_at + 1) % CHECKS_WAITING;
        s->waiting_n--;
        start(s, j);
    }
}

static void enqueue(struct checks *s, struct job *j)
{
    if (s->waiting_n == CHECKS_WAITING) {
        answer(s, &j->effects.items[0].check, clock_now_us(), false, "too many checks at once");
        job_free(j);
        return;
    }
    s->waiting[(s->waiting_at + s->waiting_n++) % CHECKS_WAITING] = j;
}

/* ---- the actor ---- */

static struct check *check_of(struct checks *s, int fd)
{
    for (struct check *c = s->running; c != NULL; c = c->next)
        if (c->fd == fd)
            return c;
    return NULL;
}

static void on_ready(struct checks *s, const struct epoll_event *e)
{
    int fd = (int)(uint32_t)e->data.u64;
    enum tag tag = (enum tag)(e->data.u64 >> 32);
    struct check *c = tag == TAG_HTTP ? NULL : check_of(s, fd);
    if (tag == TAG_HTTP)
        http_get_ready(s->http, fd, e->events & EPOLLIN, e->events & EPOLLOUT,
                       e->events & (EPOLLERR | EPOLLHUP));
    else if (c != NULL && tag == TAG_TCP)
        end_tcp(s, c);
    else if (c != NULL)
        end_exec(s, c);
}

static void take_results(struct checks *s)
{
    struct http_result r;
    while (http_get_result(s->http, &r)) {
        struct check *c = r.owner;
        c->request = NULL;
        bool ok = r.status >= 200 && r.status <= 399;
        if (r.status == 0)
            finish(s, c, false, "GET " BYTES_FMT ": %s", BYTES_ARG(c->what->path), r.why);
        else
            finish(s, c, ok, "GET " BYTES_FMT " -> %ld", BYTES_ARG(c->what->path), r.status);
    }
}

static kith_time deadline(const struct checks *s)
{
    kith_time at_us = http_get_deadline(s->http);
    for (const struct check *c = s->running; c != NULL; c = c->next) {
        if (!c->answered)
            at_us = kith_time_min(at_us, c->until_us);
        if (c->pid != 0 && c->fd < 0)
            at_us = kith_time_min(at_us, clock_now_us() + PROCFS_LOOK_US);
    }
    return at_us;
}

static void turn(struct checks *s, struct pollset *p, bool *ret_end)
{
    struct epoll_event events[EVENTS_MAX];
    pollset_wait(p, deadline(s));
    int count = epoll_wait(s->epoll_fd, events, EVENTS_MAX, 0);
    for (int i = 0; i < count; i++)
        on_ready(s, &events[i]);
    http_get_time(s->http, clock_now_us());
    take_results(s);
    look_for_ended(s);
    time_out(s, clock_now_us());
    remove_over(s);
    for (struct job *j; (j = mail_receive(s->pipe, ret_end)) != NULL;)
        enqueue(s, j);
    start_waiting(s);
}

static void end_all(struct checks *s)
{
    for (struct check *c = s->running, *next; c != NULL; c = next) {
        next = c->next;
        if (c->pid != 0) {
            kill(-c->pid, SIGKILL);
            waitpid(c->pid, NULL, 0);
        }
        check_free(s, c);
    }
    for (; s->waiting_n > 0; s->waiting_n--) {
        job_free(s->waiting[s->waiting_at]);
        s->waiting_at = (s->waiting_at + 1) % CHECKS_WAITING;
    }
}

static void actor(zsock_t *pipe, void *arg)
{
    struct checks *s = arg;
    struct pollset p;
    struct pollset_item jobs = {0}, events = {0};
    bool end = false;
    s->pipe = pipe;
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    pollset_init(&p);
    pollset_add(&p, &jobs, zsock_resolve(pipe), /* tell= */ NULL, /* arg= */ NULL);
    pollset_add_fd(&p, &events, s->epoll_fd, /* tell= */ NULL, /* arg= */ NULL);
    s->http = http_get_new(s->epoll_fd, TAG_HTTP);
    zsock_signal(pipe, 0);
    while (!end)
        turn(s, &p, &end);
    pollset_remove(&jobs);
    pollset_remove(&events);
    pollset_deinit(&p);
    mail_end(pipe);
    end_all(s);
    http_get_free(s->http);
    close(s->epoll_fd);
    mem_free(s->data);
    mem_free(s->kith_run);
    mem_free(s);
}

zactor_t *checks_new(const struct checks_config *c)
{
    struct checks *s = mem_alloc(sizeof *s);
    s->data = mem_str(c->data);
    s->kith_run = mem_str(c->kith_run);
    return zactor_new(actor, s);
}
