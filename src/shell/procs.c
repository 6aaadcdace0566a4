#include "shell/procs.h"
#include "base/mem.h"
#include "base/tree.h"
#include "shell/adopt.h"
#include "shell/clock.h"
#include "shell/log.h"
#include "shell/mail.h"
#include "shell/outlog.h"
#include "shell/pollset.h"
#include "shell/procenv.h"
#include "shell/procfs.h"
#include "shell/rundir.h"
#include "shell/spawn.h"
#include "shell/tcp.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define EXIT_UNKNOWN INT64_MIN

struct instance {
    struct ulid id;
    char *dir;
    int report_fd;                             /* -1 once it has told how it started */
    struct process runner;                     /* its kith-run */
    kith_time kill_at_us;                      /* KITH_NEVER, or when kith-run itself is killed */
    struct pollset_item end_item, report_item; /* of the pidfd, if there is one, and of report_fd */
    TREE_ENTRY(instance) by_id;
};

static int compare_instance(const struct instance *a, const struct instance *b)
{
    return ulid_compare(&a->id, &b->id);
}

TREE_DEFINE(instance_tree, instance, by_id, compare_instance)

struct procs {
    zsock_t *pipe;
    struct pollset set;
    struct pollset_item jobs;
    char *data, *run, *kith_run, *default_user;
    struct instance_tree instances;
};

/* ---- the config, and the actor's memory ---- */

struct procs *procs_new(const struct procs_config *c)
{
    char run[RUNDIR_PATH_MAX];
    struct procs *p = mem_alloc(sizeof *p);
    p->data = mem_str(c->data);
    p->kith_run = mem_str(c->kith_run);
    p->default_user = mem_str(c->default_user != NULL ? c->default_user : "");
    p->run = mem_str(rundir_path(run, c->data, "run", NULL) ? run : c->data);
    pollset_init(&p->set);
    return p;
}

static void end_report(struct instance *i)
{
    pollset_remove(&i->report_item);
    if (i->report_fd >= 0)
        close(i->report_fd);
    i->report_fd = -1;
}

static void forget(struct procs *p, struct instance *i)
{
    TREE_REMOVE(instance_tree, &p->instances, i);
    end_report(i);
    pollset_remove(&i->end_item);
    process_close(&i->runner);
    mem_free(i->dir);
    mem_free(i);
}

void procs_free(struct procs *p)
{
    if (p == NULL)
        return;
    struct instance *i, *next;
    TREE_FOREACH_SAFE(i, instance_tree, &p->instances, next)
    forget(p, i);
    pollset_remove(&p->jobs);
    pollset_deinit(&p->set);
    mem_free(p->data);
    mem_free(p->run);
    mem_free(p->kith_run);
    mem_free(p->default_user);
    mem_free(p);
}

static struct instance *find(struct procs *p, const struct ulid *id)
{
    struct instance key = {.id = *id};
    return TREE_FIND(instance_tree, &p->instances, &key);
}

/* report_fd: -1 when it has told how it started. */
static void watch(struct procs *p, const struct ulid *id, const char *dir,
                  const struct process *runner, int report_fd)
{
    struct instance *i = mem_alloc(sizeof *i);
    *i = (struct instance){
        .id = *id, .dir = mem_str(dir), .runner = *runner, .report_fd = report_fd};
    i->kill_at_us = KITH_NEVER;
    TREE_INSERT(instance_tree, &p->instances, i);
    if (runner->pidfd >= 0)
        pollset_add_fd(&p->set, &i->end_item, runner->pidfd, /* tell= */ NULL, /* arg= */ NULL);
    if (report_fd >= 0)
        pollset_add_fd(&p->set, &i->report_item, report_fd, /* tell= */ NULL, /* arg= */ NULL);
}

static bool instance_dir(const struct procs *p, const struct ulid *id, char out[RUNDIR_PATH_MAX])
{
    return rundir_path(out, p->run, ulid_text(id).s, NULL);
}

/* ---- reports ---- */

static void tell_started(struct procs *p, const struct ulid *id, uint32_t pid, int64_t started_ms,
                         const char *why)
{
    struct report *r = report_new(EVENT_STARTED);
    r->event.started =
        (struct event_started){.instance = *id, .pid = pid, .started_ms = started_ms};
    r->event.started.why = arena_bytes(&r->mem, bytes_str(why));
    mail_send(p->pipe, r);
}

static void tell_exited(struct procs *p, const struct ulid *id, int64_t status)
{
    struct report *r = report_new(EVENT_EXITED);
    r->event.exited = (struct event_exited){.instance = *id, .exit_status = status};
    mail_send(p->pipe, r);
}

/* ---- start ---- */

/* Fills *ret from the effect; false and *why when it cannot be an intent. */
static bool make_intent(struct procs *p, const struct effect_start *e, struct run_intent *ret,
                        struct arena *mem, const char **why)
{
    struct wire_error err;
    char *dir = procenv_data_dir(mem, p->data, e->service, e->slot);
    if (dir == NULL) {
        *why = "its service or slot has a name that no folder can have";
        return false;
    }
    *ret = (struct run_intent){.instance = e->instance, .service = e->service, .slot = e->slot};
    ret->data_dir = bytes_str(dir);
    ret->user = e->user.len > 0 ? e->user : bytes_str(p->default_user);
    ret->ports = e->ports;
    ret->ports_n = e->ports_n;
    ret->log_file_bytes = OUTLOG_FILE_BYTES;
    ret->log_files = OUTLOG_FILES;
    procenv_fill(ret, mem, e->argv, e->argv_n, e->env, e->env_n);
    if (wire_check(&run_intent_struct, ret, &err) != 0) {
        *why = arena_printf(mem, "%s: %s", err.field, err.why);
        return false;
    }
    return true;
}

/* Writes the intent and starts kith-run under the directory's lock. NULL, or why not. */
static const char *launch(struct procs *p, const struct run_intent *intent, const char *dir,
                          struct arena *mem)
{
    mkdir(p->run, 0700);
    mkdir(dir, 0700);
    int lock = rundir_lock(dir);
    if (lock < 0)
        return errno == EWOULDBLOCK ? "it runs already"
                                    : arena_printf(mem, "cannot lock %s: %s", dir, strerror(errno));
    rundir_clean(dir);
    struct buf out = {0};
    run_intent_encode(&out, intent);
    int rc = rundir_write(dir, "intent", buf_bytes(&out), /* sync= */ true);
    buf_deinit(&out);
    struct spawned s;
    if (rc == 0)
        rc = spawn_runner(&s, p->kith_run, dir, lock);
    int why = errno;
    close(lock);
    if (rc != 0) {
        rundir_clean(dir);
        return arena_printf(mem, "cannot start %s: %s", p->kith_run, strerror(why));
    }
    watch(p, &intent->instance, dir, &s.process, s.report_fd);
    return NULL;
}

static void start(struct procs *p, const struct effect_start *e)
{
    char dir[RUNDIR_PATH_MAX];
    struct arena mem = {0};
    struct run_intent intent;
    const char *why = NULL;
    if (find(p, &e->instance) != NULL)
        why = "it runs already";
    else if (!instance_dir(p, &e->instance, dir))
        why = "the data folder's path is too long";
    else if (make_intent(p, e, &intent, &mem, &why))
        why = launch(p, &intent, dir, &mem);
    if (why != NULL)
        tell_started(p, &e->instance, /* pid= */ 0, /* started_ms= */ 0, why);
    arena_deinit(&mem);
}

/* kith-run has told how it went, or has ended without. */
static void on_report(struct procs *p, struct instance *i)
{
    char text[RUNDIR_REPORT_MAX + 1];
    struct arena mem = {0};
    struct run_state state;
    ssize_t got = read(i->report_fd, text, sizeof text - 1);
    text[got > 0 ? got : 0] = '\0';
    end_report(i);
    if (text[0] == '+' && rundir_state(i->dir, &state, &mem)) {
        tell_started(p, &i->id, state.pid, state.started_ms, "");
    } else {
        tell_started(p, &i->id, 0, 0, text[0] == '-' ? text + 1 : "kith-run ended at once");
        rundir_clean(i->dir);
    }
    arena_deinit(&mem);
}

/* ---- end ---- */

/* kith-run has ended: normally after it wrote the status and killed all, else all is killed here. */
static void on_end(struct procs *p, struct instance *i)
{
    struct run_exit e;
    struct stat st;
    char intent[RUNDIR_PATH_MAX];
    if (i->report_fd >= 0)
        on_report(p, i);
    bool known = rundir_exit(i->dir, &e);
    if (!known) {
        /* While kith-run is a zombie its number, and so the session's, is still its own. */
        char marker[64];
        snprintf(marker, sizeof marker, "%s=%s", RUNDIR_MARKER, ulid_text(&i->id).s);
        procfs_kill_instance(i->runner.pid, marker);
    }
    process_reap(&i->runner); /* ours, or adopted: then no child */
    /* A failed start has been cleaned, and told by EVENT_STARTED. */
    if (rundir_path(intent, i->dir, "intent", NULL) && stat(intent, &st) == 0)
        tell_exited(p, &i->id, known ? e.status : EXIT_UNKNOWN);
    forget(p, i);
}

static void pass_signal(struct procs *p, const struct effect_signal *e)
{
    struct instance *i = find(p, &e->instance);
    if (i == NULL)
        return;
    process_signal(&i->runner, SIGRTMIN, e->signal);
    if (e->signal == SIGKILL && i->kill_at_us == KITH_NEVER)
        i->kill_at_us = clock_now_us() + PROCS_KILL_WAIT_US;
}

/* kith-run did not manage: it and everything of the instance is killed from here. */
static void kill_overdue(struct procs *p, kith_time now_us)
{
    struct instance *i;
    TREE_FOREACH (i, instance_tree, &p->instances) {
        char marker[64];
        if (now_us < i->kill_at_us)
            continue;
        snprintf(marker, sizeof marker, "%s=%s", RUNDIR_MARKER, ulid_text(&i->id).s);
        log_line(LOG_WARN_, "instance %s: kith-run does not answer, killing it", marker);
        procfs_kill_instance(i->runner.pid, marker);
        i->kill_at_us = now_us + PROCS_KILL_WAIT_US;
    }
}

/* Keeps the output of the last few that ended; ULIDs sort by age. */
static void clean(struct procs *p, const struct ulid *id)
{
    char dir[RUNDIR_PATH_MAX];
    if (find(p, id) != NULL || !instance_dir(p, id, dir))
        return;
    rundir_clean(dir);
    struct dirent **names;
    int count = scandir(p->run, &names, NULL, alphasort), kept = 0;
    for (int i = count - 1; i >= 0; i--) {
        char path[RUNDIR_PATH_MAX], intent[RUNDIR_PATH_MAX];
        struct stat st;
        bool ended = names[i]->d_name[0] != '.' &&
                     rundir_path(path, p->run, names[i]->d_name, NULL) &&
                     rundir_path(intent, path, "intent", NULL) && stat(intent, &st) < 0;
        if (ended && ++kept > PROCS_LOGS_KEPT)
            rundir_remove(path);
        free(names[i]);
    }
    if (count >= 0)
        free(names);
}

/* ---- small questions ---- */

static void claim(struct procs *p, const struct effect_claim *e)
{
    struct report *r = report_new(EVENT_CLAIMED);
    struct bound_port *taken = arena_array(&r->mem, e->ports_n, sizeof *taken);
    uint32_t count = 0;
    for (uint32_t i = 0; i < e->ports_n; i++) {
        if (tcp_try_port(e->addr, e->ports[i].port) == 0)
            continue;
        taken[count] = e->ports[i];
        taken[count++].name = arena_bytes(&r->mem, e->ports[i].name);
    }
    r->event.claimed =
        (struct event_claimed){.instance = e->instance, .ports = taken, .ports_n = count};
    mail_send(p->pipe, r);
}

static void read_log(struct procs *p, const struct effect_read_log *e)
{
    char dir[RUNDIR_PATH_MAX];
    struct buf out = {0};
    struct report *r = report_new(EVENT_LOG_READ);
    struct event_log_read *a = &r->event.log_read;
    a->request = e->request;
    if (!instance_dir(p, &e->instance, dir) ||
        outlog_read(dir, e->offset, e->tail_bytes, &out, &a->offset, &a->next) != 0)
        a->why = bytes_str("this host has no output of that instance");
    a->data = arena_bytes(&r->mem, buf_bytes(&out));
    buf_deinit(&out);
    mail_send(p->pipe, r);
}

/* ---- the actor ---- */

static void on_job(struct procs *p, const struct effect *e)
{
    switch (e->kind) {
    case EFFECT_START:
        start(p, &e->start);
        break;
    case EFFECT_SIGNAL:
        pass_signal(p, &e->signal);
        break;
    case EFFECT_CLEAN:
        clean(p, &e->clean);
        break;
    case EFFECT_CLAIM:
        claim(p, &e->claim);
        break;
    case EFFECT_READ_LOG:
        read_log(p, &e->read_log);
        break;
    default:
        break;
    }
}

static void take_jobs(struct procs *p, bool *ret_end)
{
    for (struct job *j; (j = mail_receive(p->pipe, ret_end)) != NULL;) {
        on_job(p, &j->effects.items[0]);
        job_free(j);
    }
}

static kith_time deadline(const struct procs *p)
{
    kith_time until_us = KITH_NEVER;
    struct instance *i;
    TREE_FOREACH (i, instance_tree, (struct instance_tree *)&p->instances) {
        if (i->runner.pidfd < 0)
            until_us = kith_time_min(until_us, clock_now_us() + PROCFS_LOOK_US);
        until_us = kith_time_min(until_us, i->kill_at_us);
    }
    return until_us;
}

static void turn(struct procs *p, bool *ret_end)
{
    struct instance *i, *next;
    pollset_wait(&p->set, deadline(p));
    TREE_FOREACH_SAFE(i, instance_tree, &p->instances, next)
    {
        if (pollset_ready(&i->report_item) != 0)
            on_report(p, i);
        if (i->runner.pidfd < 0 ? process_ended(&i->runner) : pollset_ready(&i->end_item) != 0)
            on_end(p, i);
    }
    kill_overdue(p, clock_now_us());
    take_jobs(p, ret_end);
}

static void actor(zsock_t *pipe, void *arg)
{
    struct procs *p = arg;
    bool end = false;
    p->pipe = pipe;
    pollset_add(&p->set, &p->jobs, zsock_resolve(pipe), /* tell= */ NULL, /* arg= */ NULL);
    zsock_signal(pipe, 0);
    while (!end)
        turn(p, &end);
    mail_end(pipe);
    procs_free(p);
}

zactor_t *procs_start(struct procs *p)
{
    return zactor_new(actor, p);
}

/* ---- at start ---- */

struct finding {
    struct procs *procs;
    struct arena *mem;
    kith_time until_us;
    struct procs_found found;
    uint32_t cap;
};

static struct found_instance *add_found(struct finding *f)
{
    struct procs_found *all = &f->found;
    if (all->count == f->cap) {
        f->cap = 2 * f->cap + 16;
        struct found_instance *more = arena_array(f->mem, f->cap, sizeof *more);
        if (all->count > 0)
            memcpy(more, all->items, all->count * sizeof *more);
        all->items = more;
    }
    return &all->items[all->count++];
}

static void look_at(struct finding *f, const char *name)
{
    struct adopted a;
    struct run_exit e;
    if (!adopt_one(&a, f->procs->data, name, f->mem, f->until_us))
        return;
    struct found_instance *i = add_found(f);
    *i = (struct found_instance){.instance = a.intent.instance, .running = a.running};
    i->started_ms = a.state.started_ms;
    i->ports = a.intent.ports;
    i->ports_n = a.intent.ports_n;
    i->exit_status = EXIT_UNKNOWN;
    if (i->running) {
        i->pid = a.state.pid;
        watch(f->procs, &i->instance, a.dir, &a.runner, /* report_fd= */ -1);
    } else if (rundir_exit(a.dir, &e)) {
        i->exit_status = e.status;
    }
}

struct procs_found procs_find(struct procs *p, struct arena *mem)
{
    struct finding f = {.procs = p, .mem = mem};
    f.until_us = clock_now_us() + PROCS_ADOPT_MS * KITH_MS;
    struct dirent **names;
    int count = scandir(p->run, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        look_at(&f, names[i]->d_name);
        free(names[i]);
    }
    if (count >= 0)
        free(names);
    return f.found;
}
