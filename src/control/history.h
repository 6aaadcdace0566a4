#ifndef KITH_CONTROL_HISTORY_H
#define KITH_CONTROL_HISTORY_H
/*
 * Commands for people: each with the entries that all peers wrote about it, by time. A command's state
 * is the furthest of them.
 */
#include "control/inside.h"

void answer_commands(struct control *c, struct turn *t, const struct incoming *in);

#endif
