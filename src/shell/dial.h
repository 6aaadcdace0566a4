#ifndef KITH_SHELL_DIAL_H
#define KITH_SHELL_DIAL_H
/*
 * One outgoing connection: a DEALER or SUB, its monitor, and its back-off.
 *
 * libzmq reconnects by itself after a connection broke or was refused. After a failed handshake it
 * may stay silent for good, and a refused key (ZAP 400) always does, while sends vanish with
 * success. So then the socket is made anew here, after a pause that doubles from 200 ms to 3 s.
 *
 * Over WebSocket libzmq 4.3.4 tells of two handshakes, its own and then ZeroMQ's; only the second counts.
 * And there a SUB's subscription is lost when CURVE is on: so it is an XSUB, which subscribes by a message
 * each time the connection is up (docs/decisions/0024).
 */
#include "base/time.h"
#include "shell/pollset.h"
#include "shell/sockets.h"

#define DIAL_BACKOFF_US     (200 * KITH_MS)
#define DIAL_BACKOFF_MAX_US (3 * KITH_SEC) /* a refused newcomer is known everywhere soon */
#define DIAL_BUDGET         32             /* frames taken from one socket in one turn */

struct dial {
    void *ctx;
    int type;
    char *uri;      /* own copy */
    uint8_t id[64]; /* routing id, for a DEALER */
    size_t id_len;
    void *socket, *monitor;  /* NULL while it waits for retry_at_us */
    bool websocket, greeted; /* greeted: of the two handshakes the first is over */
    bool up;
    kith_time retry_at_us; /* KITH_NEVER: nothing to retry */
    kith_time backoff_us;
    struct pollset_item item, monitor_item; /* in `set` while it is open */
    struct pollset *set;
    pollset_told *readable,
        *news; /* what is called when there is something to be read, and for dial_watch() */
    void *arg;
    unsigned budget; /* frames that may still be taken this turn */
};

struct dial_config {
    void *ctx;
    struct pollset *set;
    int type; /* ZMQ_DEALER, ZMQ_SUB */
    pollset_told *readable, *news;
    void *arg;
};

/* The dial stays where it is. Copies uri and id. */
void dial_init(struct dial *d, const struct dial_config *c, struct bytes uri, struct bytes id);
void dial_deinit(struct dial *d);

/* Opens the socket if it is closed and due and the keys suffice. 0, or 1: the URI is no good. */
int dial_open(struct dial *d, const struct curve *keys, kith_time now_us);
void dial_close(struct dial *d); /* to be opened again at once, for instance with new keys */

enum dial_news { DIAL_NOTHING, DIAL_UP, DIAL_DOWN, DIAL_FAILED };

/* The next thing the monitor tells. With DIAL_FAILED, *ret_why says what (static text); the socket
 * may be closed then. */
enum dial_news dial_watch(struct dial *d, kith_time now_us, const char **ret_why);

#endif
