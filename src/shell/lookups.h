#ifndef KITH_SHELL_LOOKUPS_H
#define KITH_SHELL_LOOKUPS_H
/*
 * The thread that writes the look-up file (store/lookup_file.h): apart from the store's, so that a slow fsync
 * never holds up what applications read.
 *
 * What it has written it can pass on to another thread of this program (HTTP): whole, in order, so that it knows what has
 * changed, and finds it in the file. What could not be written is not passed on: all is told anew then.
 *
 * Takes jobs (mail.h): EFFECT_LOOKUP. Sends reports: EVENT_LOOKUP_FAILED, once until all is told anew; what
 * comes meanwhile is dropped, and the age of what readers see grows.
 */
#include "store/lookup_file.h"
#include <czmq.h>

/* How often the loop says that all is well: readers' age is never more than this, and what waits in the queue,
 * while the daemon works. */
#define LOOKUPS_BEAT_US    (400 * KITH_MS)
#define LOOKUPS_BEAT_EARLY (60 * KITH_MS) /* so much earlier if something else wakes the loop */

struct lookups_config { /* used until the actor has ended */
    struct lookup_file *file;
    zsock_t *onward; /* jobs go there when they are done, with who owns them; NULL: nowhere */
};

zactor_t *lookups_new(const struct lookups_config *config);

/* The peer's thread is alive, and has told all that it knows up to now. */
void lookups_beat(zactor_t *lookups);

#endif
