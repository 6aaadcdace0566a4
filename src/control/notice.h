#ifndef KITH_CONTROL_NOTICE_H
#define KITH_CONTROL_NOTICE_H
/*
 * What people want to see in `kith events`: read off the rows as they change, so that every peer tells
 * the same story about the whole cluster.
 *
 * What was unknown here and comes with NOTICE_BURST other rows at once is of a snapshot: it did not happen now, and
 * would only push what did out of the journal.
 */
#include "control/inside.h"

#define NOTICE_BURST 100u

/* Before the catalog takes the row in: what it said until now is still there. */
void notice_row(struct control *c, struct turn *t, const struct row *row);
/* Rows of instances, which are many, are told of when the catalog has taken them in. */
void notice_taken(struct control *c, struct turn *t);

#endif
