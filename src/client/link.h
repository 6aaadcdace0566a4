#ifndef KITH_CLIENT_LINK_H
#define KITH_CLIENT_LINK_H
/*
 * One DEALER to one peer, and what its monitor tells of the connection: so that "nothing listens there",
 * "it does not know our keys" and "it does not answer" are three different messages. Knows frames as bytes only.
 */
#include "base/time.h"
#include "trust/keys.h"

struct link;

enum link_state {
    LINK_TRYING,  /* not connected yet */
    LINK_REFUSED, /* the last attempt found nobody; tried again all the time */
    LINK_STRANGE, /* somebody is there, the handshake failed: other keys, or no peer at all */
    LINK_UP,
    LINK_LOST, /* was up once, is not now; tried again */
};

struct link_keys { /* NULL for ipc and insecure */
    struct curve_pair own;
    struct key32 ring_public;
};

/* Never NULL; connects in the background. NULL when the endpoint is none that can be connected to. */
struct link *link_open(const char *uri, const struct link_keys *keys);
void link_close(struct link *l);

/* False: its queue is full, or it is not up. */
bool link_send(struct link *l, struct bytes frame);

enum link_result { LINK_FRAME, LINK_CHANGED, LINK_TIMEOUT };

/* Waits for a frame (*ret, borrowed until the next call), a change of state, or the deadline by link_now(). */
enum link_result link_wait(struct link *l, kith_time deadline_us, struct bytes *ret);
enum link_state link_state(const struct link *l);

/* What became of the attempts so far, for those who have to tell what is wrong. */
struct link_story {
    bool connected;  /* the other end took a connection, whatever came of it */
    bool mechanism;  /* a handshake failed since one side uses keys and the other does not */
    bool not_zeromq; /* a handshake failed since what answers speaks something else */
};
struct link_story link_story(const struct link *l);

kith_time link_now(void); /* monotonic */

#endif
