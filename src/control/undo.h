#ifndef KITH_CONTROL_UNDO_H
#define KITH_CONTROL_UNDO_H
/*
 * What was overwritten by writes that did not know of it (state_conflicts()): shown, and brought back.
 *
 * Counts and services can be brought back: they are written anew with what the loser said, which is a command like
 * any other. Specifications and commands are never changed once written, names go to the lowest service, and
 * admissions and the cluster's settings have verbs of their own: those are shown only.
 */
#include "control/draft.h"

struct control;

/* get_conflicts. */
void undo_answer(struct control *c, struct turn *t, const struct incoming *in);
/* Brings one back, or answers why not. */
void undo(struct draft *r, uint64_t conflict);
/* As people read and write it. In mem. */
struct bytes undo_id(struct arena *mem, uint64_t conflict);

#endif
