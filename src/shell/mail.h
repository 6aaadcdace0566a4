#ifndef KITH_SHELL_MAIL_H
#define KITH_SHELL_MAIL_H
/*
 * What the threads of the shell hand each other: heap objects, by pointer, over inproc sockets. The
 * peer's thread gives jobs to the actors (writer, procs, checks) and gets reports back.
 *
 * Whoever receives one owns it. A socket that nobody reads any more loses what is in it; actors
 * therefore read until they are told to end, and the loop reads until the actors have ended.
 */
#include "wire/effect.h"
#include "wire/event.h"
#include <czmq.h>

/* Effects for one actor: a copy of what the machine asked for. */
struct job {
    struct effects effects;
};

/* An event for the machine; what it points to lies in mem. Its times are filled in by the loop. */
struct report {
    struct event event;
    struct arena mem;
};

struct job *job_new(const struct effect *e); /* holds a deep copy */
void job_free(struct job *j);

struct report *report_new(enum event_kind kind);
void report_free(struct report *r);

/* Passes the object on; the socket's high-water mark must be off, so this never waits. */
void mail_send(zsock_t *to, void *object);

/* The next object, or NULL: none is waiting, or *ret_end became true because the actor shall end. */
void *mail_receive(zsock_t *from, bool *ret_end);

/* The last thing an actor does. */
void mail_end(zsock_t *to);

/* Ends an actor: it handles what it was given before, and what it still reports is freed (czmq's own
 * end would throw it away unfreed). */
void mail_stop(zactor_t **actor);

#endif
