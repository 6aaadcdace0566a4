#ifndef KITH_SHELL_TRANSPORT_H
#define KITH_SHELL_TRANSPORT_H
/*
 * Frames in and out of the peer, over ZeroMQ: the bound sockets (doors.h) and the connections that the peer
 * makes itself (links.h). One thread only.
 *
 * Decides which doors are bound with which keys, which way an answer goes back (routes.h), in which order
 * frames are taken, and who is told off for what (hourly.h). A send never blocks. It does not look into
 * frames.
 *
 * A peer that does not hold the ring's secret half has no doors but the ipc socket: it can say hello
 * to others and nothing else.
 */
#include "shell/doors.h"
#include "shell/links.h"
#include "shell/pollset.h"
#include "wire/effect.h"
#include "wire/event.h"

#define TRANSPORT_WAYS_MAX    5
#define TRANSPORT_SOCKETS_MAX 8192 /* three a connection; libzmq takes 16 bytes for each at once */

#define TRANSPORT_INSIDE "inproc://kithd" /* the daemon's own threads ask the peer here, */

struct transport_config {
    const char *const *ways; /* that the doors are bound on, as doors_endpoint() takes them */
    size_t ways_n;           /* up to TRANSPORT_WAYS_MAX */
    const char *ipc;         /* path of the local socket; NULL: none */
    struct ulid node;
    uint64_t nonce;    /* random: makes routing ids unguessable and new at each start */
    struct curve keys; /* what is known of the ring's keys at start */
};

struct transport_counters {
    uint64_t frames_in, frames_out, bytes_in, bytes_out;
    uint64_t dropped_replies; /* the way back was gone or full */
    uint64_t refused;         /* handshakes */
    uint64_t malformed;       /* messages of more parts than one frame */
};

struct transport;

struct transport *transport_new(const struct transport_config *c); /* copies */
void transport_free(struct transport *t);

/* Binds the ipc socket and, with insecure, all others. 0, or 1: logged, the daemon cannot run. */
int transport_start(struct transport *t);

/* with DEALERs of this context. What comes so counts as the ipc socket's: who listens to others has to know
 * who they are. All of it is closed before transport_free(). */
void *transport_context(const struct transport *t);

/* The ring's keys are known or have changed: binds, or binds again. As transport_start(). */
int transport_ring(struct transport *t, const struct effect_ring *ring);

void transport_send(struct transport *t, const struct effect_send *send, kith_time now_us);
void transport_reply(struct transport *t, const struct effect_reply *reply);
void transport_publish(struct transport *t, struct bytes frame);
void transport_subscribe(struct transport *t, const struct effect_subscribe *s, kith_time now_us);

/* A key that is no longer admitted soon loses its subscription too: the PUB is bound anew. */
void transport_admit(struct transport *t, const struct effect_admit *a, kith_time now_us);

/* What the thread waits for, between two turns: all of the transport's, and what the caller adds of its own and removes
 * before transport_free(). */
struct pollset *transport_set(struct transport *t);
/* After each wait: handles what is no frame (handshakes, links, queues). */
void transport_turn(struct transport *t, kith_time now_us);
kith_time transport_deadline(const struct transport *t); /* when to take a turn anyway */

/* Frames are taken by urgency. */
enum transport_class { TRANSPORT_MEMBER, TRANSPORT_TOPIC, TRANSPORT_REST };

/* The next frame of a class in this turn; borrowed until the next call. */
bool transport_receive(struct transport *t, enum transport_class class, kith_time now_us,
                       struct event_frame *ret);

/* The next own connection that came up or went down; borrowed until the next call. */
bool transport_link(struct transport *t, struct event_link *ret);

/* Before the end: gives what is queued up to `within_us` to leave. Frees nothing. */
void transport_flush(struct transport *t, kith_time within_us);

struct transport_counters transport_counters(const struct transport *t);
void transport_depths(const struct transport *t, struct links_depth ret[LINKS_LANES]);

#endif
