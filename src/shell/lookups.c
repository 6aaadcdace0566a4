#include "shell/lookups.h"
#include "base/mem.h"
#include "shell/log.h"
#include "shell/mail.h"
#include <string.h>

struct lookups {
    zsock_t *pipe, *onward;
    struct lookup_file *file;
    bool behind; /* something could not be written: nothing counts until all is told anew */
    bool said;   /* in the log, until it works again */
};

static void fail(struct lookups *l, int error)
{
    l->behind = true;
    if (!l->said)
        log_line(LOG_ERROR_, "look-ups of this host are not up to date: cannot write: %s",
                 strerror(error));
    l->said = true;
    mail_send(l->pipe, report_new(EVENT_LOOKUP_FAILED));
}

/* Most of all when another version of kithd ran here: its readers need the new libkith. */
static int begin(struct lookups *l)
{
    int r = lookup_file_begin(l->file);

    switch (lookup_file_former_problem(l->file)) {
    case LOOKUP_VERSION_:
        log_line(LOG_WARN_,
                 "the look-up file here is of another version of kithd: it will be replaced, "
                 "and its readers need the libkith of this one");
        break;
    case LOOKUP_TORN:
    case LOOKUP_FOREIGN:
        log_line(LOG_WARN_, "the look-up file here is damaged: it will be replaced");
        break;
    default:
        break;
    }
    return r;
}

static int apply(struct lookups *l, const struct effect_lookup *e)
{
    int r = e->anew ? begin(l) : 0;
    for (uint32_t i = 0; r == 0 && i < e->members_n; i++) {
        if (!e->members[i].foreign)
            r = lookup_file_put_member(l->file, &e->members[i]);
    }
    for (uint32_t i = 0; r == 0 && i < e->services_n; i++)
        r = lookup_file_put(l->file, &e->services[i]);
    if (r == 0 && e->whole)
        r = lookup_file_publish(l->file);
    return r;
}

/* False: it is not in the file. */
static bool take(struct lookups *l, const struct job *j)
{
    if (j->effects.count == 0) {
        if (!l->behind)
            lookup_file_beat(l->file);
        return false;
    }
    const struct effect_lookup *e = &j->effects.items[0].lookup;
    l->behind = l->behind && !e->anew;
    if (l->behind)
        return false;
    int r = apply(l, e);
    if (r != 0)
        fail(l, -r);
    else if (e->whole && l->said) {
        log_line(LOG_INFO_, "look-ups of this host are up to date again");
        l->said = false;
    }
    return r == 0;
}

/* Beats say nothing to others: they read the file's age. */
static void pass_on(struct lookups *l, struct job *j, bool written)
{
    if (l->onward != NULL && written)
        mail_send(l->onward, j);
    else
        job_free(j);
}

static void actor(zsock_t *pipe, void *arg)
{
    const struct lookups_config *config = arg;
    struct lookups l = {.pipe = pipe, .file = config->file, .onward = config->onward};
    bool end = false;
    zsock_signal(pipe, 0);
    while (!end) {
        zmq_pollitem_t item = {.socket = zsock_resolve(pipe), .events = ZMQ_POLLIN};
        zmq_poll(&item, 1, -1);
        for (struct job *j; (j = mail_receive(pipe, &end)) != NULL;) {
            bool written = take(&l, j);

            pass_on(&l, j, written);
        }
    }
    mail_end(pipe);
}

zactor_t *lookups_new(const struct lookups_config *config)
{
    return zactor_new(actor, (void *)(uintptr_t)config);
}

void lookups_beat(zactor_t *lookups)
{
    mail_send(zactor_sock(lookups), mem_alloc(sizeof(struct job)));
}
