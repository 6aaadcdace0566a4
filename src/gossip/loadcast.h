#ifndef KITH_GOSSIP_LOADCAST_H
#define KITH_GOSSIP_LOADCAST_H
/*
 * The load channel: how busy every host is and how fast its endpoints answer, the latest value only, never in
 * the registry (state/loads.h).
 *
 * To everybody: each host reports every LOADCAST_EVERY (LOADCAST_EVERY_SMALL in a small cluster), more seldom as there are more
 * entries than the budget carries. In full view that is one PUBLISH. Above, what is news travels along the overlay's
 * eager links, on connections that payloads do not use, all of LOADCAST_FLUSH in one frame per link, never back to where it came from. Two that know the
 * same members name a host by its place among them (roster.h): a report takes four bytes, else seven.
 * To those who care: a host with instances of service NAME publishes on topic load/NAME at each sample what they
 * report, for the hosts whose instances need that service and for subscribers. Those have values younger than 2 s.
 *
 * All of it is held to LOADCAST_BYTES a second: what does not fit waits for the next flush, and its age shows it.
 * What an endpoint reports is the smoothed latency of its health checks.
 */
#include "gossip/overlay.h"
#include "gossip/topics.h"
#include "state/loads.h"

#define LOADCAST_BYTES 4000u  /* a second, that this peer sends */
#define LOADCAST_BURST 32000u /* what a newcomer's neighbourhood may take at once */
/* A host's own report to all; more seldom as the cluster's size demands. In a small cluster, where few hops have to
 * be made in time, each frame that is spared counts: more often would be half of all that an idle peer gets. */
#define LOADCAST_EVERY       (3 * KITH_SEC)
#define LOADCAST_EVERY_SMALL (5 * KITH_SEC)
/* News wait so long for others, and where there are many links longer: each frame has an envelope. */
#define LOADCAST_FLUSH       (400 * KITH_MS)
#define LOADCAST_FLUSH_SMALL (1200 * KITH_MS)
/* In a small cluster they go so much earlier with the next thing that wakes the peer anyway: its probes do each second. */
#define LOADCAST_EARLY_SMALL KITH_SEC
#define LOADCAST_FLUSH_LINK  (100 * KITH_MS) /* a link, where that is more */
#define LOADCAST_SMALL       64              /* live members */
#define LOADCAST_OWN_MAX     256             /* own endpoints reported */

struct loadcast;

struct loadcast *loadcast_new(struct core *core, struct overlay *overlay, struct topics *topics);
void loadcast_free(struct loadcast *l);

/* The host was measured (EVENT_SAMPLE), about once a second. Its reports are made then, so that they are fresh. */
void loadcast_sample(struct loadcast *l, struct turn *t, const struct event_sample *sample);
/* A check of an own instance ended (EVENT_CHECKED). */
void loadcast_checked(struct loadcast *l, struct turn *t, const struct event_checked *checked);
/* A member came or went. */
void loadcast_members_changed(struct loadcast *l);
/* An own instance, or what a service is, changed. */
void loadcast_row(struct loadcast *l, const struct row *row);

/* load_batch. False: another kind. */
bool loadcast_receive(struct loadcast *l, struct turn *t, const struct incoming *in);
/* Reads what came on topics for this peer. After topics_receive(). */
void loadcast_take(struct loadcast *l, struct turn *t);

void loadcast_time(struct loadcast *l, struct turn *t);
kith_time loadcast_deadline(const struct loadcast *l);

/* Adds its counters ("load....") to what `kith info` shows. */
void loadcast_info(const struct loadcast *l, struct info *ret, struct arena *mem);

#endif
