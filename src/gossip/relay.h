#ifndef KITH_GOSSIP_RELAY_H
#define KITH_GOSSIP_RELAY_H
/*
 * Which rows that are news here are told to others, by which ways, and when.
 *
 * Rows about members are small and urgent: in partial view whoever one is news to publishes it once more, verdicts also along
 * the connections for probes, and where packets are lost each time by other connections with the neighbours. Guests (guests.h) are told them on the connection of their hello. All other rows go
 * along the tree (spread.h). What comes in bursts is gathered for some tens of milliseconds, in piles of at most 2,048
 * rows and 1 MiB; what does not fit is left to repair.
 *
 * `partial` everywhere: there are too many members to have all in view (overlay.h).
 */
#include "gossip/core.h"
#include "gossip/detect.h"
#include "gossip/spread.h"

struct relay;

/* The others are borrowed for as long as it lives. */
struct relay *relay_new(struct core *core, const struct neighbours *links, struct detect *detect,
                        struct spread *spread);
void relay_free(struct relay *r);

/* A row changed here. moved: a member's state did by it. */
void relay_changed(struct relay *r, struct turn *t, const struct row *row, bool moved,
                   bool partial);
/* Own rows, and what the step has changed, as a payload of kind rows. */
void relay_broadcast(struct relay *r, struct turn *t, struct bytes rows_payload, bool partial);
/* All are in view since now: others may not have that view before `until_us`, and are still told as in partial view. */
void relay_linger(struct relay *r, kith_time until_us);
/* Nobody is heard: nothing is told until somebody is. */
void relay_hush(struct relay *r, bool hush);

void relay_time(struct relay *r, struct turn *t, bool partial);
kith_time relay_deadline(const struct relay *r);

#endif
