#include "shell/mail.h"
#include "base/mem.h"
#include <assert.h>

struct job *job_new(const struct effect *e)
{
    struct job *j = mem_alloc(sizeof *j);
    effects_add(&j->effects, e);
    return j;
}

void job_free(struct job *j)
{
    if (j == NULL)
        return;
    effects_deinit(&j->effects);
    mem_free(j);
}

struct report *report_new(enum event_kind kind)
{
    struct report *r = mem_alloc(sizeof *r);
    r->event.kind = kind;
    return r;
}

void report_free(struct report *r)
{
    if (r == NULL)
        return;
    arena_deinit(&r->mem);
    mem_free(r);
}

void mail_send(zsock_t *to, void *object)
{
    int rc;
    do
        rc = zmq_send(zsock_resolve(to), &object, sizeof object, 0);
    while (rc < 0 && errno == EINTR);
    assert(rc == (int)sizeof object);
}

void *mail_receive(zsock_t *from, bool *ret_end)
{
    /* A message that is no pointer is czmq's own "$TERM" from zactor_destroy(). */
    void *object = NULL;
    int rc;
    do
        rc = zmq_recv(zsock_resolve(from), &object, sizeof object, ZMQ_DONTWAIT);
    while (rc < 0 && errno == EINTR);
    if (rc == (int)sizeof object)
        return object;
    if (rc >= 0 || errno == ETERM)
        *ret_end = true;
    return NULL;
}

void mail_end(zsock_t *to)
{
    mail_send(to, NULL);
}

void mail_stop(zactor_t **actor)
{
    if (*actor == NULL)
        return;
    zstr_send(*actor, "$TERM");
    for (;;) {
        struct report *r = NULL;
        int rc = zmq_recv(zsock_resolve(*actor), &r, sizeof r, 0);
        if (rc < 0 && errno == EINTR)
            continue;
        if (rc != (int)sizeof r || r == NULL)
            break;
        report_free(r);
    }
    zactor_destroy(actor);
}
