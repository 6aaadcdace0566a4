#ifndef KITH_STATE_SYNC_H
#define KITH_STATE_SYNC_H
/*
 * Anti-entropy: repairs what pushes missed. Periodically compares digests with one live member at a
 * time and exchanges what differs; streams a snapshot to one that joins. Bounded in bytes per frame
 * and frames under way. Messages: proto/state.toml.
 */
#include "state/turn.h"

struct sync;

struct sync *sync_new(void);
void sync_free(struct sync *s);

/* Compare with this member now (its bulk URI): after joining, after a heal, when it says it has more. */
void sync_with(struct sync *s, struct turn *t, struct bytes bulk_uri);
bool sync_receive(struct sync *s, struct turn *t,
                  const struct incoming *in); /* false: not its kind */
void sync_time(struct sync *s, struct turn *t);
kith_time sync_deadline(const struct sync *s);

#endif
