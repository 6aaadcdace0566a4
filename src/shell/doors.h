#ifndef KITH_SHELL_DOORS_H
#define KITH_SHELL_DOORS_H
/*
 * The sockets that others connect to: two ROUTERs and the PUB, each bound to an endpoint of every way
 * (tcp, WebSocket, ipc), and the ROUTER on the daemon's own ipc socket. Knows who connected from where, so that a
 * failed handshake can be named.
 */
#include "base/time.h"
#include "shell/pollset.h"
#include "shell/sockets.h"
#include "wire/event.h"

#define DOORS_PORT_BASE 5484 /* probes and membership */
#define DOORS_PORT_PUB  1    /* above the base */
#define DOORS_PORT_HTTP 2    /* above the base: src/http */
#define DOORS_PORT_DNS  3    /* above the base: src/dns */
#define DOORS_PORT_BULK 4    /* above the base */
#define DOORS_PORT_WS   10   /* above the base: where those of WebSocket begin */
#define DOORS_COUNT     4    /* by enum door; DOOR_SUB stands for the own PUB here */
#define DOORS_BUDGET    64   /* frames taken from one door in one turn */

struct door_socket {
    void *socket, *monitor;
    uint64_t handshakes; /* that succeeded */
    struct pollset_item item, monitor_item;
    unsigned budget;
    char uri[300]; /* that was bound last, or could not be */
};

struct door_visitor;

struct doors {
    void *ctx;
    struct pollset *set;
    struct door_socket door[DOORS_COUNT];
    struct door_visitor *visitors; /* by descriptor */
    size_t visitors_n;
    const char *failure; /* of the connection whose end comes next */
};

/* Stays where it is; its sockets are in `set` while they are open. */
void doors_init(struct doors *d, void *ctx, struct pollset *set);
void doors_deinit(struct doors *d);

/* Binds to an endpoint of each way. 0, or 1 with errno set: one cannot be bound, d->door[which].uri says
 * which, and the door is closed. DOOR_LOCAL has its endpoints themselves as ways. */
int doors_bind(struct doors *d, enum door which, const char *const *ways, size_t ways_n,
               const struct curve *keys);

/* The next failed handshake of a door. False: none. The address may be "an unknown address". */
bool doors_watch(struct doors *d, enum door which, const char **ret_address, const char **ret_why);

/* The endpoint of a door by a way: tcp://HOST:PORT and ws://HOST:PORT with the door's own port, PORT being
 * that for probes; ipc://PATH with the door's name behind it. */
void doors_endpoint(char *out, size_t size, const char *way, enum door which);

#endif
