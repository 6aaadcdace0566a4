/*
 * One step of a peer:
 *
 *   1. the event goes to the part that owns it;
 *   2. parts hear of every row that changed, and may write more, until nothing changes;
 *   3. rows written here go to the others as soon as they are on disk here;
 *   4. the step's writes leave as one store batch; after a frame behind which there are more, these two
 *      wait for the last of them, so that a burst costs one batch and few messages;
 *   5. what waits for a batch stays in the outbox, the rest leaves.
 */
#include "peer/peer.h"

#include "base/mem.h"
#include "control/control.h"
#include "gossip/gossip.h"
#include "peer/end.h"
#include "peer/info.h"
#include "peer/outbox.h"
#include "state/journal.h"
#include "state/loads.h"
#include "state/restore.h"
#include "trust/authority.h"

#include <assert.h>
#include <string.h>

/* After a failed store: how long until it is tried again. */
#define STORE_RETRY (500 * KITH_MS)
/* Rows that parts write in answer to rows settle in a few rounds; more means two parts undo each
 * other. */
#define SETTLE_ROUNDS_MAX 64

struct peer {
    bool started;
    struct rng rng;
    struct ulid_source ulids;
    struct post post;
    struct state *state;
    struct members *members;
    struct journal *journal;
    struct loads *loads;
    struct sync *sync;
    struct restore *restore;
    struct gossip *gossip;
    struct control *control;
    struct outbox *outbox;
    struct contents *shared; /* borrowed; NULL */
    struct effects step;     /* of the step under way, before the outbox */
    struct buf name, version;
    struct end end;
    struct info_about about;
    kith_time store_after_us; /* no batch leaves before: the disk failed lately */
    bool dirty;               /* a batch waits for store_after_us */
    kith_time state_at_us; /* when the state wants the time: its wall clock's, by the monotonic */
    bool anew;             /* it begins anew, and waits for nothing but the disk */
    bool refusing;         /* the disk took no batch since one failed: changes are refused */
};

struct peer *peer_new(struct contents *shared)
{
    struct peer *p = mem_alloc(sizeof(*p));
    p->shared = shared;
    return p;
}

void peer_free(struct peer *p)
{
    if (p->started) {
        control_free(p->control);
        gossip_free(p->gossip);
        restore_free(p->restore);
        sync_free(p->sync);
        loads_free(p->loads);
        journal_free(p->journal);
        members_free(p->members);
        state_free(p->state);
        outbox_free(p->outbox);
    }
    effects_deinit(&p->step);
    buf_deinit(&p->name);
    buf_deinit(&p->version);
    mem_free(p);
}

const struct state *peer_state(const struct peer *p)
{
    return p->state;
}

const struct loads *peer_loads(const struct peer *p)
{
    return p->loads;
}

const struct members *peer_members(const struct peer *p)
{
    return p->members;
}

static struct turn turn_of(struct peer *p, const struct event *event)
{
    return (struct turn){
        .now_us = event->now_us,
        .wall_us = event->wall_us,
        .rng = &p->rng,
        .ulids = &p->ulids,
        .state = p->state,
        .journal = p->journal,
        .loads = p->loads,
        .out = &p->step,
        .post = &p->post,
    };
}

static struct bytes local(const struct event_start *s, const char *name)
{
    for (size_t i = 0; i < s->locals_n; i++) {
        if (bytes_equal_str(s->locals[i].name, name))
            return s->locals[i].value;
    }
    return (struct bytes){0};
}

/* Each start has an incarnation larger than any before, stored before anyone hears it: so own rows
 * never repeat a version, whatever the last run had not written down. */
static uint64_t next_incarnation(const struct state *state, const struct event_start *s)
{
    uint64_t last = 0, row = state_major(state, TABLE_ID_MEMBER, ulid_bytes(&s->node));
    struct bytes stored = local(s, "node/incarnation");
    if (stored.len == sizeof(last))
        memcpy(&last, stored.data, sizeof(last));
    return (row > last ? row : last) + 1;
}

static void load(struct peer *p, const struct event_start *s, kith_time wall_us)
{
    state_clock(p->state, wall_us);
    for (size_t i = 0; i < s->records_n; i++) {
        if (state_load(p->state, s->records[i]) != 0)
            effect_log(&p->step, LOG_WARN_, "a stored row is not readable and was left out");
    }
    for (size_t i = 0; i < s->locals_n; i++) {
        state_load_collected(p->state, s->locals[i].name, s->locals[i].value);
        (void)state_load_conflict(p->state, s->locals[i].name, s->locals[i].value);
    }
    static const enum table_id tables[] = {TABLE_ID_MEMBER, TABLE_ID_VERDICT};
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        struct member before;
        const struct row *row = state_first(p->state, tables[i], (struct bytes){0});
        for (; row; row = state_next(p->state, row, (struct bytes){0}))
            members_changed(p->members, row, wall_us, &before);
    }
}

static void start(struct peer *p, const struct event *event)
{
    const struct event_start *s = &event->start;
    assert(!p->started);
    p->started = true;
    rng_seed(&p->rng, s->seed);
    p->post = (struct post){.cluster = s->cluster, .self = s->node, .boot = s->boot};
    struct state_config config = {.cluster = s->cluster,
                                  .self = s->node,
                                  .shared = p->shared,
                                  .conflicts_us = s->conflicts_us};
    p->state = state_new(&config);
    p->members = members_new();
    p->journal = journal_new();
    p->loads = loads_new();
    p->sync = sync_new(p->members);
    p->restore = restore_new(p->members);
    p->gossip = gossip_new(p->members, p->sync);
    p->control = control_new(p->members);
    p->outbox = outbox_new();
    buf_append(&p->name, s->name.data, s->name.len);
    buf_append(&p->version, s->version.data, s->version.len);
    p->about.name = buf_bytes(&p->name);
    p->about.version = buf_bytes(&p->version);
    p->about.started_us = event->now_us;

    load(p, s, event->wall_us);
    uint64_t incarnation = next_incarnation(p->state, s);
    state_set_incarnation(p->state, incarnation);
    state_put_local(p->state, bytes_str("node/incarnation"),
                    bytes_of(&incarnation, sizeof(incarnation)));
    struct turn t = turn_of(p, event);
    gossip_start(p->gossip, &t, s);
    control_start(p->control, &t, s);
    restore_start(p->restore, &t, s, local(s, RESTORE_LOCAL));
}

static bool leave_receive(struct peer *p, struct turn *t, const struct incoming *in)
{
    if (in->envelope->kind != WIRE_LEAVE)
        return false;
    struct authority_subject who = {.kind = in->who.kind};
    if (!may(&who, AUTHORITY_MEMBER, (struct bytes){0})) {
        turn_fail(t, in, FAIL_CODE_NOT_ALLOWED, "this key may not make the host leave");
        return true;
    }
    struct buf payload = {0};
    struct done done = {
        .text = bytes_str("leaving: what runs here stops first, dependants before what they need")};
    done_encode(&payload, &done);
    turn_reply(t, in, WIRE_DONE, buf_bytes(&payload), 0);
    buf_deinit(&payload);
    p->end.leave = true;
    end_leave(&p->end, t->now_us);
    control_leave(p->control, t);
    return true;
}

/* A change that cannot be acknowledged is better refused at once: another peer's disk may have room. */
static bool no_room(const struct peer *p, struct turn *t, const struct incoming *in)
{
    enum authority_verb verb = authority_verb_of(in->envelope->kind);
    if (!p->refusing || in->route == 0 ||
        (verb != AUTHORITY_APPLY && verb != AUTHORITY_CHANGE && verb != AUTHORITY_REGISTER &&
         verb != AUTHORITY_KEYS && verb != AUTHORITY_FORGET))
        return false;
    turn_fail(
        t, in, FAIL_CODE_NOT_READY,
        "this peer's disk takes no writes (is it full?): make room there, or ask another peer");
    return true;
}

static bool receive_gossip(struct peer *p, struct turn *t, const struct incoming *in)
{
    struct ack ack;
    struct bytes changed;
    if (!gossip_receive(p->gossip, t, in))
        return false;
    if (gossip_done(p->gossip, &ack, &changed))
        control_confirm(p->control, t, in, &ack, WIRE_CHANGED, changed);
    return true;
}

static void receive(struct peer *p, struct turn *t, const struct event_frame *e)
{
    struct frame frame;
    struct wire_error err;
    if (frame_unpack(&frame, e->frame, &p->post.cluster, &err) != 0) {
        gossip_garbage(p->gossip, t, e, err.why);
        return;
    }
    struct incoming in = {.envelope = &frame.envelope,
                          .payload = frame.payload,
                          .door = e->door,
                          .route = e->route,
                          .from = e->from};
    if (!gossip_identify(p->gossip, t, e, &frame.envelope, &in.who))
        return;
    info_count(&p->about, frame.envelope.lane, e->frame.len);
    bool known = no_room(p, t, &in) || receive_gossip(p, t, &in) || sync_receive(p->sync, t, &in) ||
                 control_receive(p->control, t, &in) || leave_receive(p, t, &in) ||
                 info_receive(&p->about, t, &in);
    if (!known && in.who.kind != PRINCIPAL_KIND_NODE)
        turn_fail(t, &in, FAIL_CODE_BAD_REQUEST, "unknown kind of request: %u",
                  (unsigned)frame.envelope.kind);
}

static void stored(struct peer *p, struct turn *t, uint64_t token, struct effects *ret)
{
    state_stored(p->state, token);
    outbox_stored(p->outbox, token, ret);
    if (p->refusing)
        effect_log(t->out, LOG_INFO_, "the disk takes writes again");
    p->refusing = false;
}

static void store_failed(struct peer *p, struct turn *t, uint64_t token)
{
    state_store_failed(p->state, token);
    outbox_failed(p->outbox, token, state_token(p->state));
    p->about.store_failures++;
    if (!p->refusing)
        effect_log(t->out, LOG_ERROR_,
                   "the disk refuses writes: nothing new is acknowledged until it takes them");
    p->refusing = true;
    p->store_after_us = t->now_us + STORE_RETRY;
    p->dirty = true;
}

static void stop(struct peer *p, struct turn *t, bool leave)
{
    if (!leave) {
        end_stop(&p->end);
        return;
    }
    p->end.leave = true;
    end_leave(&p->end, t->now_us);
    control_leave(p->control, t);
}

static void dispatch(struct peer *p, struct turn *t, const struct event *event, struct effects *ret)
{
    switch (event->kind) {
    case EVENT_START:
        break;
    case EVENT_FRAME:
        receive(p, t, &event->frame);
        break;
    case EVENT_TIME:
        gossip_time(p->gossip, t);
        sync_time(p->sync, t);
        restore_time(p->restore, t, sync_counts(p->sync)->finished > 0);
        control_time(p->control, t);
        state_time(p->state);
        break;
    case EVENT_STORED:
        stored(p, t, event->token, ret);
        break;
    case EVENT_STORE_FAILED:
        store_failed(p, t, event->token);
        break;
    case EVENT_LINK:
        gossip_link(p->gossip, t, &event->link);
        break;
    case EVENT_CLAIMED:
        control_claimed(p->control, t, &event->claimed);
        break;
    case EVENT_STARTED:
        control_started(p->control, t, &event->started);
        break;
    case EVENT_EXITED:
        control_exited(p->control, t, &event->exited);
        break;
    case EVENT_CHECKED:
        control_checked(p->control, t, &event->checked);
        gossip_checked(p->gossip, t, &event->checked);
        break;
    case EVENT_SAMPLE:
        gossip_sample(p->gossip, t, &event->sample);
        break;
    case EVENT_LOG_READ:
        control_log_read(p->control, t, &event->log_read);
        break;
    case EVENT_LOOKUP_FAILED:
        control_lookup_failed(p->control, t);
        break;
    case EVENT_COUNTED:
        info_counted(&p->about, p->gossip, p->control, p->members, t, &event->counted);
        break;
    case EVENT_BACKED_UP:
        control_backed_up(p->control, t, &event->backed_up);
        break;
    case EVENT_FLUSH:
        break;
    case EVENT_STOP:
        stop(p, t, event->leave);
        break;
    }
}

/* Lets every part hear of every changed row. False: none had changed. What parts write meanwhile is in
 * the next list; rows that it replaces stay readable for the rest of the step. */
static bool tell(struct peer *p, struct turn *t)
{
    const struct row *const *rows;
    size_t n = state_take_changes(p->state, &rows);
    t->changed = n;
    for (size_t i = 0; i < n; i++) {
        struct member before;
        bool moved = members_changed(p->members, rows[i], t->wall_us, &before);
        gossip_changed(p->gossip, t, rows[i], moved ? &before : NULL);
        control_changed(p->control, t, rows[i], moved ? &before : NULL);
    }
    return n > 0;
}

/* Until no row changes and nothing is left to decide. */
static void settle(struct peer *p, struct turn *t)
{
    for (int round = 0; round < SETTLE_ROUNDS_MAX; round++) {
        bool changed = tell(p, t);
        if (!control_settle(p->control, t) && !changed)
            return;
    }
    effect_log(t->out, LOG_ERROR_, "rows did not settle in %d rounds", SETTLE_ROUNDS_MAX);
}

/* It was forgotten: nothing of what it holds is told to anybody; once the disk has none of it, the daemon starts
 * once more. */
static void begin_anew(struct peer *p, struct turn *t, uint64_t stamp)
{
    p->anew = true;
    state_begin_anew(p->state);
    state_put_local(p->state, bytes_str("node/anew"), bytes_of(&stamp, sizeof(stamp)));
    effects_add(t->out, &(struct effect){
                            .kind = EFFECT_EXIT, .again = true, .wait = state_token(p->state)});
}

static void push(struct peer *p, struct turn *t)
{
    struct buf rows = {0};
    uint64_t before = effects_wait(t->out, state_token(p->state));
    while (state_take_push(p->state, &rows)) {
        gossip_broadcast(p->gossip, t, buf_bytes(&rows));
        buf_reset(&rows);
    }
    effects_wait(t->out, before);
    buf_deinit(&rows);
}

/* While the disk refuses writes nothing is pushed either: what goes out then is what is stored then. */
static void push_and_store(struct peer *p, struct turn *t)
{
    p->dirty = t->now_us < p->store_after_us;
    if (p->dirty)
        return;
    push(p, t);
    state_take_batch(p->state, t->out);
}

/* Moves the end of the run on. True: the daemon ends with this step. */
static bool end(struct peer *p, struct turn *t)
{
    if (control_halted(p->control))
        end_leave(&p->end, t->now_us);
    switch (end_next(&p->end, t->now_us, control_idle(p->control))) {
    case END_GOODBYE:
        if (p->end.leave)
            gossip_leave(p->gossip, t);
        return false;
    case END_EXIT:
        return true;
    default:
        return false;
    }
}

/* The wall clock may be stepped at any time: what it says is translated anew in every step. */
static kith_time state_at(const struct peer *p, const struct event *event)
{
    kith_time at_us = state_deadline_wall(p->state);
    if (at_us == KITH_NEVER)
        return KITH_NEVER;
    kith_time left_us = at_us > event->wall_us ? at_us - event->wall_us : 0;
    return left_us < KITH_NEVER - event->now_us ? event->now_us + left_us : KITH_NEVER;
}

/* An event and all that follows from it. True: the daemon ends. */
static bool live(struct peer *p, struct turn *t, const struct event *event, struct effects *ret)
{
    uint64_t stamp;

    dispatch(p, t, event, ret);
    settle(p, t);
    if (gossip_begins_anew(p->gossip, &stamp)) {
        begin_anew(p, t, stamp);
        return false;
    }
    bool ends = end(p, t);
    settle(p, t);
    return ends;
}

static void wait_for_disk(struct peer *p, struct turn *t, const struct event *event,
                          struct effects *ret)
{
    if (event->kind == EVENT_STORED)
        stored(p, t, event->token, ret);
    else if (event->kind == EVENT_STORE_FAILED)
        store_failed(p, t, event->token);
}

int peer_step(struct peer *p, const struct event *event, struct effects *ret)
{
    assert(p->started || event->kind == EVENT_START);
    p->about.steps++;
    effects_reset(&p->step);
    if (event->kind == EVENT_START)
        start(p, event);
    struct turn t = turn_of(p, event);
    bool ends = false;
    state_clock(p->state, event->wall_us);
    if (p->anew)
        wait_for_disk(p, &t, event, ret);
    else
        ends = live(p, &t, event, ret);
    if (ends || p->anew || event->kind != EVENT_FRAME || !event->frame.more) {
        if (!p->anew)
            control_tell(p->control, &t);
        push_and_store(p, &t);
    }
    if (ends)
        effects_add(&p->step, &(struct effect){.kind = EFFECT_EXIT});
    outbox_pass(p->outbox, &p->step, ret);
    p->about.outbox_count = outbox_count(p->outbox);
    p->about.outbox_dropped = outbox_dropped(p->outbox);
    p->state_at_us = state_at(p, event);
    return 0;
}

kith_time peer_deadline(const struct peer *p)
{
    if (!p->started)
        return KITH_NEVER;
    if (p->anew)
        return p->dirty ? p->store_after_us : KITH_NEVER;
    kith_time at = gossip_deadline(p->gossip);
    at = kith_time_min(at, sync_deadline(p->sync));
    at = kith_time_min(at, restore_deadline(p->restore));
    at = kith_time_min(at, control_deadline(p->control));
    at = kith_time_min(at, end_deadline(&p->end));
    if (p->dirty)
        at = kith_time_min(at, p->store_after_us);
    return kith_time_min(at, p->state_at_us);
}
