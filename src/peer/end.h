#ifndef KITH_PEER_END_H
#define KITH_PEER_END_H
/*
 * How a peer's run ends. Three ways in: told to stop (services stay, to be adopted), told to leave
 * (others take over, what runs here stops first), the whole cluster halts (a row asks for it).
 *
 * leaving -> what runs here has stopped -> goodbye said -> PEER_END_LINGER for it to be heard ->
 * exit.
 */
#include "base/time.h"

#include <stdbool.h>

/* How long the last frames have to get out before sockets close. */
#define PEER_END_LINGER (300 * KITH_MS)
/* A leave waits this long for services to stop; then it goes on, and what still runs is left
 * running. */
#define PEER_END_PATIENCE (120 * KITH_SEC)

enum end_stage { END_NONE, END_LEAVING, END_GOODBYE, END_EXIT, END_OVER };

struct end { /* a zeroed one is valid: running */
    enum end_stage stage;
    bool leave;      /* says goodbye and is not expected back */
    kith_time at_us; /* deadline of this stage */
};

void end_stop(struct end *e);                    /* services stay, exit at once */
void end_leave(struct end *e, kith_time now_us); /* leave or halt; a second one changes nothing */

/* Moves on when the stage's condition is met. The caller acts on what it returns: END_GOODBYE: say
 * goodbye now; END_EXIT: end now; END_NONE: nothing to do. Each is returned once. */
enum end_stage end_next(struct end *e, kith_time now_us, bool idle);
kith_time end_deadline(const struct end *e);

#endif
