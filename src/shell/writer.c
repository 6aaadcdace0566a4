#include "shell/writer.h"
#include "base/mem.h"
#include "shell/clock.h"
#include "shell/log.h"
#include "shell/mail.h"
#include <sys/stat.h>

#define BATCH_MAX   256            /* jobs in one commit: what came later waits for the next */
#define BATCH_BYTES (4u << 20)     /* and what they hold, about */
#define FOLD_RETRY  (1 * KITH_SEC) /* after it failed */

enum order { ORDER_FOLD = 1, ORDER_FOLD_AND_COPY };

struct folder {
    struct store *store;
    struct bytes path; /* of the copy; the writer's, which leaves it alone meanwhile */
};

struct writer {
    zsock_t *pipe;
    struct store *store;
    zactor_t *folder;
    struct folder orders;
    struct job *copy; /* a backup that is wanted; NULL: none */
    bool copying;     /* the fold under way ends with it */
    bool folding;
    kith_time fold_after_us; /* not before */
    bool fold_said;          /* that folding fails: once, until it works again */
    bool failed;             /* everything is dropped until the mark */
    bool said;               /* that the disk fails: once, until it works again */
    struct job *jobs[BATCH_MAX];
    size_t count, bytes;
};

/* ---- the folder: a thread of its own, so that no answer waits for a fold ---- */

/* A message of one byte is an order; the answer is its problem and the reason. Anything else ends it. */
static void folder(zsock_t *pipe, void *arg)
{
    struct folder *f = arg;
    struct buf why = {0};
    uint8_t order;
    zsock_signal(pipe, 0);
    for (;;) {
        int rc = zmq_recv(zsock_resolve(pipe), &order, sizeof order, 0);
        if (rc < 0 && errno == EINTR)
            continue;
        if (rc != (int)sizeof order)
            break;
        buf_reset(&why);
        int problem[2] = {store_fold(f->store, &why), 0};
        if (order == ORDER_FOLD_AND_COPY && problem[0] == 0) {
            char *path = bytes_to_str(f->path);
            problem[1] = store_copy(f->store, path, &why);
            mem_free(path);
        }
        zmq_send(zsock_resolve(pipe), problem, sizeof problem, ZMQ_SNDMORE);
        zmq_send(zsock_resolve(pipe), buf_cstr(&why), why.len + 1, 0);
    }
    buf_deinit(&why);
}

static void begin_fold(struct writer *w)
{
    bool wanted = store_wants_fold(w->store) || w->copy != NULL;
    if (w->folding || !wanted || (w->copy == NULL && clock_now_us() < w->fold_after_us))
        return;
    /* What an earlier attempt left is taken over first: a copy needs all that was written until now. */
    uint8_t order =
        w->copy != NULL && !store_has_sealed(w->store) ? ORDER_FOLD_AND_COPY : ORDER_FOLD;
    w->copying = order == ORDER_FOLD_AND_COPY;
    store_fold_begin(w->store);
    w->folding = true;
    zmq_send(zsock_resolve(w->folder), &order, sizeof order, 0);
}

static uint64_t bytes_of_file(struct bytes path)
{
    char *text = bytes_to_str(path);
    struct stat st;
    uint64_t bytes = stat(text, &st) == 0 ? (uint64_t)st.st_size : 0;
    mem_free(text);
    return bytes;
}

static void end_copy(struct writer *w, bool good, const char *why)
{
    const struct effect_backup *b = &w->copy->effects.items[0].backup;
    struct report *r = report_new(EVENT_BACKED_UP);
    r->event.backed_up = (struct event_backed_up){.number = b->number};
    if (good)
        r->event.backed_up.bytes = bytes_of_file(b->path);
    else
        r->event.backed_up.why = arena_bytes(&r->mem, bytes_str(why));
    mail_send(w->pipe, r);
    job_free(w->copy);
    w->copy = NULL;
}

static void end_fold(struct writer *w)
{
    char why[1024] = "";
    int problem[2] = {0};
    zmq_recv(zsock_resolve(w->folder), problem, sizeof problem, 0);
    int len = zmq_recv(zsock_resolve(w->folder), why, sizeof why - 1, 0);
    why[len < 0 ? 0 : len < (int)sizeof why - 1 ? len : (int)sizeof why - 1] = '\0';
    store_fold_end(w->store, problem[0]);
    w->folding = false;
    if (problem[0] != 0 && !w->fold_said)
        log_line(LOG_WARN_, "what is stored stays in the log until the disk takes it: %s", why);
    w->fold_said = problem[0] != 0;
    w->fold_after_us = problem[0] != 0 ? clock_now_us() + FOLD_RETRY : 0;
    if (w->copy != NULL && (w->copying || problem[0] != 0))
        end_copy(w, problem[0] == 0 && problem[1] == 0, why);
    begin_fold(w);
}

/* ---- commits ---- */

static void tell(struct writer *w, enum event_kind kind, uint64_t token)
{
    struct report *r = report_new(kind);
    r->event.token = token;
    mail_send(w->pipe, r);
}

static void commit(struct writer *w)
{
    const struct effect_store *batches[BATCH_MAX];
    if (w->count == 0)
        return;
    while (store_is_behind(w->store) && w->folding) /* a disk that cannot follow sets the pace */
        end_fold(w);
    for (size_t i = 0; i < w->count; i++)
        batches[i] = &w->jobs[i]->effects.items[0].store;
    if (store_write(w->store, batches, w->count) == 0) {
        tell(w, EVENT_STORED, batches[w->count - 1]->token);
        w->said = false;
    } else {
        if (!w->said)
            log_line(LOG_ERROR_, "cannot store: %s", store_why(w->store));
        w->failed = w->said = true;
        tell(w, EVENT_STORE_FAILED, batches[0]->token);
    }
    for (size_t i = 0; i < w->count; i++)
        job_free(w->jobs[i]);
    w->count = w->bytes = 0;
    begin_fold(w);
}

static size_t bytes_of_job(const struct job *j)
{
    const struct effect_store *s = &j->effects.items[0].store;
    size_t bytes = 0;
    for (uint32_t i = 0; i < s->writes_n; i++)
        bytes += s->writes[i].key.len + s->writes[i].value.len;
    return bytes;
}

/* One at a time: whoever asks for another meanwhile is told so. */
static void take_backup(struct writer *w, struct job *j)
{
    struct job *other = w->copy;
    commit(w);
    w->copy = j;
    if (other != NULL) {
        end_copy(w, false, "another backup is being written");
        w->copy = other;
        return;
    }
    w->orders.path = j->effects.items[0].backup.path;
    begin_fold(w);
}

static void take(struct writer *w, struct job *j)
{
    if (j->effects.count != 0 && j->effects.items[0].kind == EFFECT_BACKUP) {
        take_backup(w, j);
        return;
    }
    if (j->effects.count == 0) { /* the mark */
        commit(w);
        w->failed = false;
        job_free(j);
    } else if (w->failed) {
        job_free(j);
    } else {
        w->jobs[w->count++] = j;
        w->bytes += bytes_of_job(j);
        if (w->count == BATCH_MAX || w->bytes >= BATCH_BYTES)
            commit(w);
    }
}

/* ---- the thread ---- */

static void wait_for_work(struct writer *w)
{
    zmq_pollitem_t items[] = {{.socket = zsock_resolve(w->pipe), .events = ZMQ_POLLIN},
                              {.socket = zsock_resolve(w->folder), .events = ZMQ_POLLIN}};
    bool retry = !w->folding && store_wants_fold(w->store);
    zmq_poll(items, 2, retry ? FOLD_RETRY / KITH_MS : -1);
    if (items[1].revents != 0)
        end_fold(w);
    if (retry)
        begin_fold(w);
}

static void actor(zsock_t *pipe, void *arg)
{
    struct writer *w = mem_alloc(sizeof *w);
    bool end = false;
    w->pipe = pipe;
    w->store = arg;
    w->orders.store = arg;
    w->folder = zactor_new(folder, &w->orders);
    zsock_signal(pipe, 0);
    begin_fold(w); /* of what an earlier run left */
    while (!end) {
        wait_for_work(w);
        for (struct job *j; (j = mail_receive(pipe, &end)) != NULL;)
            take(w, j);
        commit(w);
    }
    while (w->folding)
        end_fold(w);
    if (w->copy != NULL)
        end_copy(w, false, "the daemon ends");
    zactor_destroy(&w->folder);
    mail_end(pipe);
    mem_free(w);
}

zactor_t *writer_new(struct store *store)
{
    return zactor_new(actor, store);
}

void writer_resume(zactor_t *writer)
{
    mail_send(zactor_sock(writer), mem_alloc(sizeof(struct job)));
}
