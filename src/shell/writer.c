#include "shell/writer.h"
#include "base/mem.h"
#include "shell/log.h"
#include "shell/mail.h"

#define BATCH_MAX 256 /* jobs in one commit: what came later waits for the next */

struct writer {
    zsock_t *pipe;
    struct store *store;
    bool failed; /* everything is dropped until the mark */
    bool said;   /* that the disk fails: once, until it works again */
    struct job *jobs[BATCH_MAX];
    size_t count;
};

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
    w->count = 0;
}

static void take(struct writer *w, struct job *j)
{
    if (j->effects.count == 0) { /* the mark */
        commit(w);
        w->failed = false;
        job_free(j);
    } else if (w->failed) {
        job_free(j);
    } else {
        w->jobs[w->count++] = j;
        if (w->count == BATCH_MAX)
            commit(w);
    }
}

static void actor(zsock_t *pipe, void *arg)
{
    struct writer *w = mem_alloc(sizeof *w);
    bool end = false;
    w->pipe = pipe;
    w->store = arg;
    zsock_signal(pipe, 0);
    while (!end) {
        zmq_pollitem_t item = {.socket = zsock_resolve(pipe), .events = ZMQ_POLLIN};
        zmq_poll(&item, 1, -1);
        for (struct job *j; (j = mail_receive(pipe, &end)) != NULL;)
            take(w, j);
        commit(w);
    }
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
