#ifndef KITH_CONTROL_BACKUP_H
#define KITH_CONTROL_BACKUP_H
/*
 * `backup`: the registry as it is stored now, in one file, while writing goes on. The shell makes it (shell/writer.h); here
 * requests wait for that. Only at the daemon's own socket: the path is of the host. At most BACKUPS_MAX wait.
 */
#include "state/turn.h"

#define BACKUPS_MAX 4u

struct control;

struct backup_wait {
    uint64_t number, route, correlation;
    struct bytes path; /* on the heap */
};

struct backups { /* a zeroed one is valid and empty */
    struct backup_wait waits[BACKUPS_MAX];
    uint32_t count;
    uint64_t last;
};

void backups_deinit(struct backups *b);
void backup_receive(struct control *c, struct turn *t, const struct incoming *in);
void backup_done(struct control *c, struct turn *t, const struct event_backed_up *e);

#endif
