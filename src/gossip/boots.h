#ifndef KITH_GOSSIP_BOOTS_H
#define KITH_GOSSIP_BOOTS_H
/*
 * Finds cloned data folders: two live peers with one node id.
 *
 * A restart writes the member row with a new boot. If the former boot then writes it again with a
 * higher incarnation, it was alive while the other was: no restart looks like that. Of the two, the
 * one with the later boot ULID is the intruder; its frames are refused. Which of them that is hangs on
 * their clocks, but every peer decides alike.
 */
#include "base/ulid.h"

struct boots;

struct boots *boots_new(void);
void boots_free(struct boots *b);

/* A member row was seen. True: it proves a clone that was not known before. */
bool boots_row(struct boots *b, const struct ulid *id, uint64_t incarnation,
               const struct ulid *boot);

/* This boot of this id is an intruder. */
bool boots_banned(const struct boots *b, const struct ulid *id, const struct ulid *boot);

#endif
