#ifndef KITH_NATIVE_METRICS_H
#define KITH_NATIVE_METRICS_H
/*
 * GET /metrics: what `kith info` counts (docs/info.md), and what this server and this process use, in Prometheus' text
 * format 0.0.4. The peer is asked for its counters, so a scrape shows what was counted until then.
 *
 * Names are made by rule, so that they stay what they are: `gossip.probes_sent` is kith_gossip_probes_sent_total, one marked
 * *now* there has no _total, `lane.member.queued` is kith_lane_queued{lane="member"}, and `..._us` is in seconds.
 */
#include "http/exchange.h"

void metrics_show(struct exchange *x);

/* The counters alone, sorted by family; scratch in mem. For tests, too. */
void metrics_counters(struct buf *out, const struct counter *counters, uint32_t n,
                      struct arena *mem);

#endif
