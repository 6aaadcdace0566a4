#ifndef KITH_CONTROL_WATCH_H
#define KITH_CONTROL_WATCH_H
/*
 * Commands whose effect is awaited: the peer that took a command watches until every service that it
 * names is as it is wanted, and adds that to the command's history. Of more than WATCH_MAX the oldest
 * are no longer watched; nor are any after a restart of the daemon.
 */
#include "control/catalog.h"
#include "state/turn.h"

#define WATCH_MAX 64

struct control;

struct watched {
    struct ulid id;
    enum command_kind kind;
    struct ulid *services;
    uint32_t services_n;
    uint32_t next_number; /* of its next event */
};

struct watch { /* a zeroed one is valid and empty */
    struct watched items[WATCH_MAX];
    uint32_t count;
};

void watch_deinit(struct watch *w);
void watch_add(struct watch *w, const struct watched *command); /* copies what it points to */
/* Ends the watching of those that are in effect now. */
void watch_settle(struct control *c, struct turn *t);

#endif
