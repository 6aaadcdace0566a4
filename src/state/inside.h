#ifndef KITH_STATE_INSIDE_H
#define KITH_STATE_INSIDE_H
/* What sync sees of a state beyond state.h: rows by key hash and the digest over them. Internal to
 * src/state. */
#include "state/table.h"

const struct table *state_table(const struct state *s);
/* state_row_token() of what is held. */
uint64_t state_content_token(const struct state *s, struct content *c);
/* Whether another record of the same key is held than this one, which was merged before. */
bool state_holds_other(struct state *s, struct bytes record, uint64_t *ret_key_hash);

#endif
