#ifndef KITH_SHELL_TRAFFIC_H
#define KITH_SHELL_TRAFFIC_H
/*
 * One frame off a socket or into one, counted. Decides what is no frame (a message of more parts) and when a
 * socket is not asked again in this turn.
 */
#include "base/bytes.h"
#include "shell/pollset.h"
#include <stdint.h>

struct traffic {   /* between traffic_init() and traffic_deinit(); stays where it is */
    zmq_msg_t msg; /* the frame that was taken last */
    uint64_t frames_in, frames_out, bytes_in, bytes_out;
    uint64_t malformed; /* messages of more parts than one frame */
};

void traffic_init(struct traffic *t);
void traffic_deinit(struct traffic *t);

/* Takes one message off a socket into t->msg; with `id`, its routing id, which comes first, into that. One of
 * too many parts is thrown away. False: there is none, and then *budget is 0 (each further try would cost
 * system calls), or it was thrown away. A socket that said so has looked at all that came: it is not asked
 * again before its descriptor tells. */
bool traffic_take(struct traffic *t, struct pollset_item *from, zmq_msg_t *id, unsigned *budget);
struct bytes traffic_bytes(zmq_msg_t *msg); /* borrowed until the message is taken anew */

/* False: the socket takes nothing now. What stands for it in a set is to be touched before (pollset_touch()). */
bool traffic_give(struct traffic *t, void *socket, struct bytes frame);

#endif
