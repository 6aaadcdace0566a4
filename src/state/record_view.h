#ifndef KITH_STATE_RECORD_VIEW_H
#define KITH_STATE_RECORD_VIEW_H
/*
 * Reads what a struct row has of a record beside its bytes (version, origin, flags, end), from one that row_read() has
 * accepted once: a state does this whenever it hands out a row, so it is ten times as fast as the record's codec and
 * allocates nothing. Internal to src/state.
 */
#include "state/state.h"

/* ret->record is set; fills ret->version, origin, flags and expires_ms. */
void record_view(struct row *ret);

#endif
