#ifndef KITH_SHELL_LOOP_H
#define KITH_SHELL_LOOP_H
/*
 * The peer's thread: waits for sockets, actors, signals and the machine's deadline, makes events of
 * them, steps the machine, does what it wants done, in order. It decides nothing and never blocks.
 *
 * A turn takes a bounded number of frames, membership first. The time is told to the machine only
 * when no membership frame is waiting (or has been for too long): a process that was stopped for a
 * while drains its backlog before it accuses anybody.
 *
 * SIGTERM: EVENT_STOP. SIGINT: EVENT_STOP with leave; a second one ends at once.
 */
#include "shell/transport.h"
#include <czmq.h>

#define LOOP_MEMBER_MAX  256 /* frames a turn, of each class */
#define LOOP_TOPIC_MAX   128
#define LOOP_REST_MAX    16
#define LOOP_CLASS_US    (20 * KITH_MS)  /* after so long of one class it is another's turn */
#define LOOP_TRIM_ROWS   1024            /* stored since the heap was given back: it is once more */
#define LOOP_REPORTS_MAX 256             /* reports a turn, of each actor */
#define LOOP_DRAIN_US    (500 * KITH_MS) /* the longest that a backlog holds the time back */
#define LOOP_SAMPLE_US   (1 * KITH_SEC)  /* the host is measured so often, */
#define LOOP_SAMPLE_LATE (250 * KITH_MS) /* or so much later if nothing else wakes the thread */
#define LOOP_FLUSH_US    (200 * KITH_MS) /* at the end, for frames that are queued */

struct loop_parts { /* all borrowed */
    struct transport *transport;
    zactor_t *writer, *procs, *checks, *lookups;
    zsock_t *keys;             /* EFFECT_KEYS goes there, as jobs (mail.h); NULL: nowhere */
    const struct store *store; /* to be counted only: the writer's */
    const char *data;          /* folder: what is exported goes into a file there */
    struct arena *loaded; /* the stored rows of `start`: freed when the machine has taken them in */
    int signal_fd;        /* a signalfd of SIGTERM and SIGINT, non-blocking */
};

/* Runs one machine from `start` until it exits. Returns the exit code of the program, or LOOP_AGAIN: it is to be
 * started once more, with what is stored then. */
#define LOOP_AGAIN (-1)
int loop_run(const struct loop_parts *parts, const struct event_start *start);

#endif
