/*
 * The parts and their order. Who is behind a frame comes first (admit.h); an authentic frame of a member
 * is heard (detect.h) before anything is made of what is in it; a changed row goes to those that keep
 * something about it.
 */
#include "gossip/gossip.h"

#include "base/mem.h"
#include "gossip/admit.h"
#include "gossip/anew.h"
#include "gossip/confirm.h"
#include "gossip/core.h"
#include "gossip/detect.h"
#include "gossip/joiner.h"
#include "gossip/loadcast.h"
#include "gossip/notes.h"
#include "gossip/overlay.h"
#include "gossip/reap.h"
#include "gossip/request.h"
#include "gossip/self.h"
#include "gossip/topics.h"
#include "state/merge.h"

#include <string.h>

struct gossip {
    struct core core;
    struct self *self;
    struct admit *admit;
    struct joiner *joiner;
    struct detect *detect;
    struct overlay *overlay;
    struct topics *topics;
    struct loadcast *load;
    struct notes notes;
    struct reaper reaper;
    struct confirm confirm;
    struct request_done done; /* of the frame that came last */
    bool entered;             /* core.member was seen */
};

static bool suspected(void *arg, const struct ulid *id)
{
    const struct gossip *g = arg;
    return detect_suspects(g->detect, id);
}

struct gossip *gossip_new(struct members *members, struct sync *sync)
{
    struct gossip *g = mem_alloc(sizeof(*g));
    g->core.members = members;
    g->core.sync = sync;
    g->core.boots = boots_new();
    g->core.atlas = atlas_new(&g->core.self);
    g->core.ways = ways_new(members);
    g->self = self_new(&g->core);
    g->admit = admit_new(&g->core);
    g->joiner = joiner_new(&g->core, g->admit, g->self);
    g->detect = detect_new(&g->core);
    g->overlay = overlay_new(&g->core, g->detect);
    g->topics = topics_new(&g->core, g->overlay, suspected, g);
    g->load = loadcast_new(&g->core, g->overlay, g->topics);
    return g;
}

void gossip_free(struct gossip *g)
{
    loadcast_free(g->load);
    topics_free(g->topics);
    notes_deinit(&g->notes);
    overlay_free(g->overlay);
    detect_free(g->detect);
    joiner_free(g->joiner);
    admit_free(g->admit);
    self_free(g->self);
    ways_free(g->core.ways);
    atlas_free(g->core.atlas);
    boots_free(g->core.boots);
    buf_deinit(&g->core.host);
    buf_deinit(&g->done.changed);
    mem_free(g);
}

static void member_moved(struct gossip *g, struct turn *t, const struct ulid *id)
{
    detect_member(g->detect, t, id);
    if (g->core.member)
        overlay_member(g->overlay, t, id);
    topics_members_changed(g->topics, t->now_us);
    loadcast_members_changed(g->load);
}

/* Those who are talked to by another way now are subscribed to by it. */
static void follow_ways(struct gossip *g, struct turn *t)
{
    struct ulid id;
    while (ways_take_moved(g->core.ways, &id))
        member_moved(g, t, &id);
}

/* Once, when this peer gets into its cluster; after a start at the first event behind it, since a start that loads a
 * large registry takes seconds, and what is due a second after its beginning would be late. */
static void enter(struct gossip *g, struct turn *t)
{
    if (g->entered || !g->core.member)
        return;
    g->entered = true;
    g->core.heard_us = t->now_us;
    self_enter(g->self, t);
    detect_enter(g->detect, t);
    const struct member *m = members_first(g->core.members);
    for (; m; m = members_next(g->core.members, m))
        member_moved(g, t, &m->id);
    topics_enter(g->topics, t);
}

/* A node that goes on in the boot it was in has nothing to tell: nothing is kept of most. A proof is named by
 * all: the intruder often ends before it sends anything that could be refused. */
static void keep_boot(struct gossip *g, struct turn *t, const struct member *before)
{
    const struct member *now = members_get(g->core.members, &before->id);
    if (!before->row || !now->row || ulid_equal(&before->row->boot, &now->row->boot))
        return;
    boots_row(g->core.boots, &before->id, before->incarnation, &before->row->boot);
    if (!boots_row(g->core.boots, &now->id, now->incarnation, &now->row->boot))
        return;
    struct ulid_text id = ulid_text(&now->id);
    naming_name(&g->core.naming, t, REFUSAL_CLONE, now->row->name,
                "two live peers have the id %s, the one that started later is refused: was a data "
                "folder copied?",
                id.s);
}

/* What the former run stored. */
static void load(struct gossip *g, struct turn *t)
{
    const struct row *row = state_first(t->state, TABLE_ID_ADMISSION, (struct bytes){0});
    for (; row; row = state_next(t->state, row, (struct bytes){0}))
        admit_row(g->admit, t, row);
    row = state_first(t->state, TABLE_ID_INTEREST, (struct bytes){0});
    for (; row; row = state_next(t->state, row, (struct bytes){0}))
        topics_row(g->topics, row);
}

void gossip_start(struct gossip *g, struct turn *t, const struct event_start *start)
{
    g->core.self = start->node;
    g->core.boot = start->boot;
    g->core.wan = start->wan;
    g->core.insecure = start->insecure;
    g->reaper.dead_us = start->horizon_us;
    anew_start(&g->core, t, start);
    load(g, t);
    confirm_start(&g->confirm, &g->core, t, start->tombstones_us);
    self_start(g->self, t, start);
    joiner_start(g->joiner, t, start);
}

/* Nothing is known yet of where this step's rows come from. */
static void begin_step(struct gossip *g, struct turn *t)
{
    detect_wake(g->detect, t);
    g->core.directed = g->core.pushed = g->core.fresh = g->core.by_host = false;
}

bool gossip_identify(struct gossip *g, struct turn *t, const struct event_frame *frame,
                     const struct envelope *envelope, struct principal *ret)
{
    const struct ulid *publisher =
        frame->door == DOOR_SUB ? overlay_whose(g->overlay, frame->from) : NULL;
    begin_step(g, t);
    if (!admit_identify(g->admit, t, frame, envelope, publisher, ret))
        return false;
    g->core.directed = frame->door != DOOR_SUB;
    if (ret->kind == PRINCIPAL_KIND_NODE) {
        overlay_heard(g->overlay, t, &ret->id);
        detect_heard(g->detect, t, &ret->id, envelope->kind == WIRE_PROBE ? frame->route : 0);
        overlay_hush(g->overlay, false);
    }
    return true;
}

void gossip_garbage(struct gossip *g, struct turn *t, const struct event_frame *frame,
                    const char *why)
{
    naming_refuse(&g->core.naming, t, REFUSAL_GARBAGE, frame->from, "sends no frame of ours: %s",
                  why);
}

/* Frames of members alone; a hello and its answers are read from anybody. */
static bool from_member(struct gossip *g, struct turn *t, const struct incoming *in)
{
    if (in->who.kind != PRINCIPAL_KIND_NODE || !g->core.member)
        return false;
    g->core.fresh = true;
    return self_receive(g->self, t, in) || detect_receive(g->detect, t, in) ||
           overlay_receive(g->overlay, t, in) || topics_receive(g->topics, t, in) ||
           loadcast_receive(g->load, t, in);
}

bool gossip_receive(struct gossip *g, struct turn *t, const struct incoming *in)
{
    const struct request request = {.core = &g->core,
                                    .admit = g->admit,
                                    .joiner = g->joiner,
                                    .detect = g->detect,
                                    .done = &g->done};
    buf_reset(&g->done.changed);
    bool taken = admit_receive(g->admit, t, in) || joiner_receive(g->joiner, t, in) ||
                 from_member(g, t, in) || gossip_request(&request, t, in) ||
                 topics_request(g->topics, t, in);
    loadcast_take(g->load, t);
    enter(g, t);
    follow_ways(g, t);
    return taken;
}

bool gossip_done(const struct gossip *g, struct ack *ret_ack, struct bytes *ret_changed)
{
    *ret_ack = g->done.ack;
    *ret_changed = buf_bytes(&g->done.changed);
    return ret_changed->len > 0;
}

void gossip_link(struct gossip *g, struct turn *t, const struct event_link *link)
{
    begin_step(g, t);
    detect_link(g->detect, t, link);
    overlay_link(g->overlay, t, link);
    if (g->core.member && !g->core.leaving)
        ways_link(g->core.ways, t, link);
}

/* One that was dead is back, and told this peer first: there may be more that the halves do not know of
 * each other. */
static void reunite(struct gossip *g, struct turn *t, const struct member *before,
                    const struct member *now)
{
    if (before->state == MEMBER_STATE_DEAD && now->state == MEMBER_STATE_ALIVE &&
        g->core.directed && !ulid_equal(&now->id, &g->core.self))
        sync_with(g->core.sync, t, member_uri(now, ADDR_ROLE_BULK));
}

/* How long it took to get here. Own tables are ordered without a clock: their stamps say nothing. */
static void time_it(struct gossip *g, struct turn *t, const struct row *row)
{
    kith_time took_us = t->wall_us - hlc_wall_us(row->version.minor);

    if (!g->core.fresh || table_rule(row->table) == RULE_OWN ||
        ulid_equal(&row->origin, &g->core.self))
        return;
    histogram_add(&g->core.convergence, took_us);
    g->core.counts.convergence_late += took_us > CORE_LATE;
}

/* It was taken for dead at this very start, so it ran all the while. */
static bool refuted(const struct member *before, const struct member *now)
{
    return before->state == MEMBER_STATE_DEAD && now->state == MEMBER_STATE_ALIVE && before->row &&
           now->row && ulid_equal(&before->row->boot, &now->row->boot);
}

void gossip_changed(struct gossip *g, struct turn *t, const struct row *row,
                    const struct member *before)
{
    if (row->table == TABLE_ID_ADMISSION)
        admit_row(g->admit, t, row);
    if (row->table == TABLE_ID_MEMBER && before)
        keep_boot(g, t, before);
    if (row->table == TABLE_ID_INTEREST)
        topics_row(g->topics, row);
    loadcast_row(g->load, row);
    overlay_changed(g->overlay, t, row, before != NULL);
    time_it(g, t, row);
    if (row->table == TABLE_ID_MEMBER || row->table == TABLE_ID_VERDICT) {
        if (bytes_equal(row->key, ulid_bytes(&g->core.self)))
            self_changed(g->self, t, row);
    }
    if (!before)
        return;
    struct ulid id = before->id;
    const struct member *now = members_get(g->core.members, &id);
    if (now) {
        notes_member(&g->notes, &g->core, t, before, now);
        g->core.counts.verdicts_refuted += refuted(before, now);
        reunite(g, t, before, now);
    }
    member_moved(g, t, &id);
}

void gossip_broadcast(struct gossip *g, struct turn *t, struct bytes rows_payload)
{
    overlay_broadcast(g->overlay, t, rows_payload);
}

void gossip_sample(struct gossip *g, struct turn *t, const struct event_sample *sample)
{
    loadcast_sample(g->load, t, sample);
}

void gossip_checked(struct gossip *g, struct turn *t, const struct event_checked *checked)
{
    loadcast_checked(g->load, t, checked);
}

bool gossip_begins_anew(const struct gossip *g, uint64_t *ret_stamp)
{
    *ret_stamp = g->core.anew;
    return g->core.begins_anew;
}

void gossip_leave(struct gossip *g, struct turn *t)
{
    self_leave(g->self, t);
    detect_member(g->detect, t, &g->core.self);
}

void gossip_time(struct gossip *g, struct turn *t)
{
    begin_step(g, t);
    enter(g, t);
    admit_time(g->admit, t);
    joiner_time(g->joiner, t);
    self_time(g->self, t);
    detect_time(g->detect, t);
    if (g->core.member && !g->core.leaving)
        atlas_time(g->core.atlas, t, members_alive(g->core.members), core_sees_loss(&g->core));
    ways_time(g->core.ways, t, g->core.wan);
    overlay_hush(g->overlay, detect_is_alone(g->detect));
    overlay_time(g->overlay, t);
    loadcast_time(g->load, t);
    topics_time(g->topics, t);
    notes_time(&g->notes, &g->core, t);
    reap_time(&g->reaper, &g->core, t);
    confirm_time(&g->confirm, t);
}

kith_time gossip_deadline(const struct gossip *g)
{
    if (g->core.member && !g->entered)
        return 0;
    kith_time at_us = kith_time_min(joiner_deadline(g->joiner), self_deadline(g->self));
    at_us = kith_time_min(at_us, admit_deadline(g->admit));
    at_us = kith_time_min(at_us, detect_deadline(g->detect));
    at_us = kith_time_min(at_us, notes_deadline(&g->notes));
    at_us = kith_time_min(at_us, reap_deadline(&g->reaper));
    at_us = kith_time_min(at_us, confirm_deadline(&g->confirm));
    if (g->core.member && !g->core.leaving)
        at_us = kith_time_min(at_us, atlas_deadline(g->core.atlas));
    at_us = kith_time_min(at_us, ways_deadline(g->core.ways, g->core.wan));
    at_us = kith_time_min(at_us, topics_deadline(g->topics));
    at_us = kith_time_min(at_us, loadcast_deadline(g->load));
    return kith_time_min(at_us, overlay_deadline(g->overlay));
}

static void add(struct info *ret, struct counter *counters, struct arena *mem, const char *name,
                uint64_t value)
{
    counters[ret->counters_n++] = (struct counter){
        .name = bytes_str(arena_printf(mem, "gossip.%s", name)), .value = (int64_t)value};
}

void gossip_counters(const struct gossip *g, struct info *ret, struct arena *mem)
{
    const struct core_counts *c = &g->core.counts;
    size_t fields = sizeof(*c) / sizeof(uint64_t);
    struct counter *counters =
        arena_array(mem, ret->counters_n + fields + REFUSALS + 4, sizeof(*counters));
    for (uint32_t i = 0; i < ret->counters_n; i++)
        counters[i] = ret->counters[i];
#define CORE_COUNT_ADD(field) add(ret, counters, mem, #field, c->field);
    CORE_COUNTS(CORE_COUNT_ADD)
#undef CORE_COUNT_ADD
    for (int i = 0; i < REFUSALS; i++)
        add(ret, counters, mem, arena_printf(mem, "refused_%s", refusal_name((enum refusal)i)),
            g->core.naming.refused[i]);
    add(ret, counters, mem, "refused_unnamed", g->core.naming.unnamed);
    add(ret, counters, mem, "convergence_rows", g->core.convergence.count);
    add(ret, counters, mem, "convergence_p50_us",
        (uint64_t)histogram_quantile(&g->core.convergence, 500));
    add(ret, counters, mem, "convergence_p99_us",
        (uint64_t)histogram_quantile(&g->core.convergence, 990));
    ret->counters = counters;
    topics_info(g->topics, ret, mem);
    loadcast_info(g->load, ret, mem);
}
