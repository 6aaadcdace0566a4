#ifndef KITH_HTTP_ASK_H
#define KITH_HTTP_ASK_H
/*
 * Asks the peer's thread, as its own socket's clients do (shell/transport.h, TRANSPORT_INSIDE), and never waits: what
 * was asked is matched with what is answered by a number. One thread's.
 *
 * A question of another program is one of the owner of the daemon's socket here: whoever asks in somebody's name has
 * to know first that he may.
 */
#include "base/time.h"
#include "wire/frame.h"

struct ask;

/* `context`: transport_context(), until ask_free(). */
struct ask *ask_new(void *context);
void ask_free(struct ask *a);

void *ask_socket(const struct ask *a); /* readable when there is an answer */

/* The number of the question; 0: the peer takes no more now. */
uint64_t ask_send(struct ask *a, enum wire_kind kind, struct bytes payload, kith_time within_us);

/* Whether something was sent since this was asked last: then the socket has to be looked at (shell/pollset.h). */
bool ask_sent(struct ask *a);

struct ask_answer { /* borrowed until the next call */
    uint64_t number;
    enum wire_kind kind;
    struct bytes payload;
};

bool ask_receive(struct ask *a, struct ask_answer *ret); /* false: none is there */

#endif
