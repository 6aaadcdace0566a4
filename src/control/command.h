#ifndef KITH_CONTROL_COMMAND_H
#define KITH_CONTROL_COMMAND_H
/*
 * Commands: the requests that change the cluster, from whatever peer and door. Checked in full first
 * (vet.h); then everything is written in one batch: the command's row, the events of its history and the
 * rows it changes; and the answer waits until that batch is on disk. What follows is the work of those
 * who see the rows: placement, hosts.
 *
 * Idempotent by the client's ULID: what a command creates has ids derived from it, and a command that is
 * here already is answered as it was the first time. The same id for something else is refused.
 * A command that was refused is recorded too, with the reason.
 */
#include "control/catalog.h"
#include "state/turn.h"

#define COMMAND_KEEP_MS (INT64_C(30) * 24 * 3600 * 1000) /* then the rows expire */

struct control;

void command_apply(struct control *c, struct turn *t, const struct incoming *in);
void command_change(struct control *c, struct turn *t, const struct incoming *in);

#endif
