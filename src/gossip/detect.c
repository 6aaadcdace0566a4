#include "gossip/detect.h"

#include "base/mem.h"
#include "base/timers.h"
#include "gossip/jury.h"
#include "gossip/senses.h"
#include "state/journal.h"

/* How long an answer may take at least, over a connection that stands (watch_patience() adds to it). */
#define PATIENCE_LAN (1000 * KITH_MS)
#define PATIENCE_WAN (4000 * KITH_MS)
/* While the connection is closed: a process that lives has connected again and answered by then. */
#define PATIENCE_DOWN_LAN (400 * KITH_MS)
#define PATIENCE_DOWN_WAN (2000 * KITH_MS)
/* TCP repeats what is lost by itself, in order: another probe behind it would only wait for it. Still one
 * goes out now and then, for connections that broke without saying so. */
#define PROBE_AGAIN (3 * KITH_SEC)
/* So often what is missed is told again, and so often enough is looked at whether enough agree. */
#define TELL_AGAIN  (3 * KITH_SEC)
#define WEIGH_AGAIN (200 * KITH_MS)
/* One that is no subject is watched for so long after another asked about it. */
#define ASKED_HOLDS (5 * KITH_SEC)
/* What is owed for so long at a tick counts against the own senses. */
#define LATE (500 * KITH_MS)
/* A round trip beyond this is a clock's or a peer's fault. */
#define ROUND_TRIP_MAX KITH_MIN

enum { TIMER_TICK, TIMER_PROBE, TIMER_WEIGH, TIMER_VERDICT };

struct detect {
    struct core *core;
    struct rings *rings;
    struct watch_tree watches;
    struct jury jury;
    struct senses senses;
    struct timers timers;
    uint64_t nonce;
    uint32_t generation;
    bool entered;
    bool stale; /* the rings changed: who is a subject is to be found anew */
    size_t suspects;
};

struct detect *detect_new(struct core *core)
{
    struct detect *d = mem_alloc(sizeof(*d));
    d->core = core;
    d->rings = rings_new();
    d->jury = (struct jury){.core = core, .rings = d->rings, .watches = &d->watches};
    return d;
}

void detect_free(struct detect *d)
{
    watch_clear(&d->watches);
    timers_deinit(&d->timers);
    rings_free(d->rings);
    mem_free(d);
}

void detect_enter(struct detect *d, struct turn *t)
{
    d->entered = true;
    d->nonce = rng_u64(t->rng);
    rings_set(d->rings, &d->core->self, true);
    d->stale = true;
    kith_time phase = (kith_time)rng_below(t->rng, (uint64_t)DETECT_PERIOD);
    timers_add(&d->timers, (struct timer){.at_us = t->now_us + phase, .kind = TIMER_TICK});
}

static kith_time patience(const struct detect *d, const struct watch *w)
{
    kith_time floor_us = d->core->wan ? PATIENCE_WAN : PATIENCE_LAN;
    return senses_stretch(&d->senses, watch_patience(w, floor_us));
}

static void send_probe(struct detect *d, struct turn *t, const struct ulid *id, enum addr_role door,
                       struct probe *p)
{
    struct bytes uri = core_uri(d->core, id, door);
    if (uri.len == 0)
        return;
    p->nonce = ++d->nonce;
    p->about = *id;
    p->sent_us = t->now_us;
    struct buf payload = {0};
    probe_encode(&payload, p);
    post_send(t->post, t->out, uri, WIRE_PROBE, buf_bytes(&payload), /* correlation= */ 0);
    buf_deinit(&payload);
    d->core->counts.probes_sent++;
    ways_asked(d->core->ways, t, id);
}

static void set(struct detect *d, const struct watch *w, int kind, kith_time at_us)
{
    timers_add(&d->timers, (struct timer){.at_us = at_us,
                                          .kind = (uint32_t)kind,
                                          .generation = w->generation,
                                          .key = w->id});
}

/* Its time-out is at `due_us` from now on. */
static void arm(struct detect *d, struct watch *w, kith_time due_us)
{
    w->generation = ++d->generation;
    set(d, w, TIMER_PROBE, due_us);
}

static void probe_by(struct detect *d, struct turn *t, struct watch *w, enum addr_role door)
{
    struct probe p = {.incarnation = w->incarnation, .suspected = w->missed};
    if (door == ADDR_ROLE_PROBE)
        atlas_probe(d->core->atlas, t, &w->id, &p);
    send_probe(d, t, &w->id, door, &p);
    w->nonces[w->probes++ % WATCH_NONCES] = d->nonce;
    w->probed_us = t->now_us;
    if (w->owed_us != 0)
        return;
    w->owed_us = t->now_us;
    arm(d, w, t->now_us + patience(d, w) / 2);
}

/* What is owed already stays due when it was. */
static void probe(struct detect *d, struct turn *t, struct watch *w)
{
    probe_by(d, t, w, ADDR_ROLE_PROBE);
}

/* Do enough agree by now? */
static void consider(struct detect *d, struct turn *t, struct watch *w)
{
    if (w->deciding || senses_in_grace(&d->senses, t->now_us))
        return;
    kith_time wait_us = jury_weigh(&d->jury, t, w);
    if (wait_us < 0)
        return;
    w->deciding = true;
    set(d, w, TIMER_VERDICT, t->now_us + wait_us);
}

/* One more that is missed may be what others waited for: it observes them too. */
static void consider_all(struct detect *d, struct turn *t)
{
    for (struct watch *w = watch_first(&d->watches); w; w = watch_next(w)) {
        if (w->missed)
            consider(d, t, w);
    }
}

static void suspect(struct detect *d, struct turn *t, struct watch *w)
{
    struct ulid_text text;
    w->missed = true;
    d->core->counts.suspicions++;
    d->suspects++;
    journal_add(t->journal, t->wall_us / KITH_MS, "member-suspect",
                core_name(d->core, &w->id, &text), "does not answer this peer");
    jury_tell(&d->jury, t, w, true);
    probe_by(d, t, w, ADDR_ROLE_BULK);
    consider_all(d, t);
    set(d, w, TIMER_WEIGH, t->now_us + WEIGH_AGAIN);
}

static void calm(struct detect *d, struct watch *w)
{
    if (w->missed && d->suspects > 0)
        d->suspects--;
    watch_calm(w);
}

/* Half of its time is over: a lost packet may hold up this connection for seconds, so the other door is
 * tried before anything is said. */
static void timed_out(struct detect *d, struct turn *t, struct watch *w)
{
    if (senses_in_grace(&d->senses, t->now_us)) {
        w->owed_us = 0;
        probe(d, t, w);
        return;
    }
    kith_time due_us = w->owed_us + patience(d, w);
    if (!w->down && !w->missed && t->now_us < due_us) {
        probe_by(d, t, w, ADDR_ROLE_BULK);
        arm(d, w, due_us);
        return;
    }
    d->core->counts.probes_missed++;
    if (!w->missed)
        suspect(d, t, w);
}

static void weigh(struct detect *d, struct turn *t, struct watch *w)
{
    consider(d, t, w);
    set(d, w, TIMER_WEIGH, t->now_us + WEIGH_AGAIN);
}

/* Two who agreed with themselves and each other's silence since the last answer, and yet differ, miss
 * something of each other. Where rows are under way digests differ too, but not twice the same. */
static void compare_digests(struct detect *d, struct turn *t, struct watch *w, uint64_t there)
{
    uint64_t here = state_digest(t->state);
    if (here != there && here == w->digest_here && there == w->digest_there) {
        d->core->counts.repairs_asked++;
        sync_with(d->core->sync, t, core_uri(d->core, &w->id, ADDR_ROLE_BULK));
    }
    w->digest_here = here;
    w->digest_there = there;
}

/* Another answers where this member should be. */
static void mistaken(struct detect *d, struct turn *t, const struct incoming *in, uint64_t nonce)
{
    for (struct watch *w = watch_first(&d->watches); w; w = watch_next(w)) {
        if (!watch_nonce_is_recent(w, nonce))
            continue;
        struct ulid_text is = ulid_text(&in->who.id), was = ulid_text(&w->id);
        naming_refuse(&d->core->naming, t, REFUSAL_SENDER, in->from,
                      "answers as %s at the address of %s: it is re-used", is.s, was.s);
    }
}

/* What this timer was set for has been settled by other means: nobody has to be woken for it. */
static bool is_settled(struct detect *d, const struct timer *timer)
{
    const struct watch *w = watch_find(&d->watches, &timer->key);
    if (timer->kind == TIMER_TICK)
        return false;
    if (!w)
        return true;
    if (timer->kind == TIMER_PROBE)
        return w->owed_us == 0 || timer->generation != w->generation;
    return timer->kind == TIMER_VERDICT ? !w->deciding : !w->missed;
}

/* Ten time-outs a second are set, and nearly all of them are not needed. */
static void skip_settled(struct detect *d)
{
    struct timer gone;
    while (timers_first(&d->timers) && is_settled(d, timers_first(&d->timers)))
        (void)timers_pop(&d->timers, KITH_NEVER, &gone);
}

static void answered(struct detect *d, struct turn *t, const struct incoming *in)
{
    struct probe_ack ack;
    struct wire_error err;
    if (probe_ack_decode(&ack, in->payload, /* mem= */ NULL, &err) != 0) {
        naming_refuse(&d->core->naming, t, REFUSAL_PAYLOAD, in->from, "%s: %s", err.field, err.why);
        return;
    }
    struct watch *w = watch_find(&d->watches, &in->who.id);
    bool by_way = ways_answered(d->core->ways, t, in, &ack);
    if (!w || (!by_way && !watch_nonce_is_recent(w, ack.nonce))) {
        if (by_way)
            return;
        mistaken(d, t, in, ack.nonce);
        return;
    }
    d->core->counts.probes_answered++;
    state_saw_clock(t->state, &in->who.id, ack.wall_ms);
    kith_time rtt_us = t->now_us - ack.sent_us;
    if (rtt_us >= 0 && rtt_us < ROUND_TRIP_MAX) {
        watch_round_trip(w, rtt_us > 0 ? rtt_us : 1);
        atlas_answered(d->core->atlas, t, &w->id, &ack, rtt_us > 0 ? rtt_us : 1);
        core_measured(d->core, &w->id, rtt_us > 0 ? rtt_us : 1);
    }
    w->down = false;
    if (w->told_us > 0) {
        d->core->counts.suspicions_ended++;
        jury_tell(&d->jury, t, w, false);
    }
    calm(d, w);
    skip_settled(d);
    compare_digests(d, t, w, ack.digest);
}

static void seat(struct detect *d, struct watch *w)
{
    struct ulid observers[RINGS_OBSERVERS];
    size_t n = rings_observers(d->rings, &w->id, observers);
    watch_seat(w, observers, n, &d->core->self);
}

/* Another observer tells what it misses. One who does not observe it, as the rings are seen from here,
 * looks too: views differ for a moment. */
static bool reported(struct detect *d, struct turn *t, const struct incoming *in)
{
    struct miss m;
    struct wire_error err;
    if (miss_decode(&m, in->payload, /* mem= */ NULL, &err) != 0) {
        naming_refuse(&d->core->naming, t, REFUSAL_PAYLOAD, in->from, "%s: %s", err.field, err.why);
        return true;
    }
    const struct member *about = members_get(d->core->members, &m.about);
    if (!d->entered || !about || about->state != MEMBER_STATE_ALIVE || !about->row)
        return true;
    struct watch *w = watch_find(&d->watches, &m.about);
    if (!w) {
        w = watch_get(&d->watches, &m.about);
        w->incarnation = about->incarnation;
        seat(d, w);
    }
    jury_note(&d->jury, t, in, &m, w);
    if (m.missing && !w->subject) {
        w->asked_us = t->now_us;
        if (w->owed_us == 0)
            probe(d, t, w);
    }
    if (w->missed)
        consider(d, t, w);
    return true;
}

bool detect_receive(struct detect *d, struct turn *t, const struct incoming *in)
{
    switch (in->envelope->kind) {
    case WIRE_PROBE_ACK:
        answered(d, t, in);
        return true;
    case WIRE_MISS:
        return reported(d, t, in);
    default:
        return false;
    }
}

void detect_wake(struct detect *d, struct turn *t)
{
    if (!senses_wake(&d->senses, t->now_us, timers_next(&d->timers)))
        return;
    d->core->counts.pauses++;
    for (struct watch *w = watch_first(&d->watches); w; w = watch_next(w)) {
        bool owed = w->owed_us != 0;
        if (w->told_us > 0)
            jury_tell(&d->jury, t, w, false);
        calm(d, w);
        w->heard_us = t->now_us; /* until it had time to be */
        if (owed)
            probe(d, t, w);
    }
}

void detect_heard(struct detect *d, struct turn *t, const struct ulid *from, uint64_t route)
{
    struct watch *w = watch_find(&d->watches, from);
    d->core->heard_us = t->now_us;
    if (w) {
        w->heard_us = t->now_us;
        if (route != 0)
            w->route = route;
    }
    if (jury_is_alone(&d->jury))
        jury_hears(&d->jury, t);
}

static void drop(struct detect *d, struct watch *w)
{
    calm(d, w);
    watch_drop(&d->watches, w);
}

void detect_member(struct detect *d, struct turn *t, const struct ulid *id)
{
    bool self = ulid_equal(id, &d->core->self);
    bool in = self ? d->entered && !d->core->leaving : core_alive(d->core, id);
    if (rings_set(d->rings, id, in))
        d->stale = true;
    struct watch *w = watch_find(&d->watches, id);
    if (!w)
        return;
    if (!in) {
        drop(d, w);
        return;
    }
    uint64_t incarnation = members_get(d->core->members, id)->incarnation;
    if (incarnation == w->incarnation)
        return;
    w->incarnation = incarnation;
    calm(d, w);
    watch_hush(w);
    if (w->subject)
        probe(d, t, w);
}

static bool is_of(const struct member *m, struct bytes uri)
{
    return bytes_equal(member_uri(m, ADDR_ROLE_PROBE), uri) ||
           bytes_equal(member_uri(m, ADDR_ROLE_BULK), uri) ||
           bytes_equal(member_uri(m, ADDR_ROLE_PUB), uri);
}

void detect_link(struct detect *d, struct turn *t, const struct event_link *link)
{
    kith_time patience_us = d->core->wan ? PATIENCE_DOWN_WAN : PATIENCE_DOWN_LAN;
    for (struct watch *w = watch_first(&d->watches); w; w = watch_next(w)) {
        const struct member *m = members_get(d->core->members, &w->id);
        if (!m || !m->row || !is_of(m, link->uri))
            continue;
        if (bytes_equal(member_uri(m, ADDR_ROLE_PROBE), link->uri))
            w->down = !link->up;
        if (link->up || !w->subject || w->missed)
            continue;
        probe(d, t, w); /* what was under way may be lost */
        kith_time due_us = senses_stretch(&d->senses, patience_us) + t->now_us;
        arm(d, w, kith_time_min(due_us, w->owed_us + patience(d, w)));
    }
}

/* Those that share a subject with this peer: their silence counts. */
static void refresh_neighbours(struct detect *d, const struct watch *subject, kith_time now_us)
{
    for (size_t i = 0; i < subject->seats_n; i++) {
        struct watch *w = watch_find(&d->watches, &subject->seats[i].id);
        if (!w) {
            w = watch_get(&d->watches, &subject->seats[i].id);
            w->heard_us = now_us;
        }
        w->neighbour = true;
    }
}

/* The rings changed: whom to observe, and who else does. */
static void refresh(struct detect *d, kith_time now_us)
{
    struct ulid subjects[RINGS_SUBJECTS];
    size_t n =
        d->entered && !d->core->leaving ? rings_subjects(d->rings, &d->core->self, subjects) : 0;
    struct watch *w;
    d->stale = false;
    for (w = watch_first(&d->watches); w; w = watch_next(w))
        w->subject = w->neighbour = false;
    for (size_t i = 0; i < n; i++) {
        w = watch_get(&d->watches, &subjects[i]);
        w->subject = true;
        seat(d, w);
    }
    for (size_t i = 0; i < n; i++)
        refresh_neighbours(d, watch_find(&d->watches, &subjects[i]), now_us);
    for (w = watch_first(&d->watches); w; w = watch_next(w)) {
        const struct member *m = members_get(d->core->members, &w->id);
        w->incarnation = m ? m->incarnation : 0;
    }
}

/* It is told that it is held for dead: if it lives it rises above that. */
static void try_dead(struct detect *d, struct turn *t)
{
    if (rng_below(t->rng, DETECT_DEAD_ONE_IN) != 0)
        return;
    const struct member *m = core_any_dead(d->core, t);
    if (!m)
        return;
    const struct row *verdict = state_get(t->state, TABLE_ID_VERDICT, ulid_bytes(&m->id));
    struct probe p = {.incarnation = m->incarnation, .dead = true};
    if (verdict && verdict->version.major > p.incarnation)
        p.incarnation = verdict->version.major;
    send_probe(d, t, &m->id, ADDR_ROLE_PROBE, &p);
}

/* One watched member's part of a tick. */
static void look_at(struct detect *d, struct turn *t, struct watch *w)
{
    if (w->missed && t->now_us - w->told_us >= TELL_AGAIN)
        jury_tell(&d->jury, t, w, true);
    bool asked = w->asked_us != 0;
    if ((w->subject || asked) && (w->owed_us == 0 || t->now_us - w->probed_us >= PROBE_AGAIN))
        probe(d, t, w);
}

static void tick(struct detect *d, struct turn *t, kith_time at_us)
{
    struct watch *w, *next;
    size_t probed = 0, missed = 0;
    kith_time again_us = at_us + DETECT_PERIOD;
    if (again_us <= t->now_us)
        again_us = t->now_us + DETECT_PERIOD;
    timers_add(&d->timers, (struct timer){.at_us = again_us, .kind = TIMER_TICK});

    for (w = watch_first(&d->watches); w; w = next) {
        next = watch_next(w);
        if (w->asked_us != 0 && t->now_us - w->asked_us > ASKED_HOLDS)
            w->asked_us = 0;
        if (!w->subject && !w->neighbour && w->asked_us == 0) {
            drop(d, w);
            continue;
        }
        probed += w->subject;
        missed += w->subject && w->owed_us != 0 && t->now_us - w->owed_us >= LATE;
        look_at(d, t, w);
    }
    if (probed > 0 && t->now_us - at_us > (kith_time)d->core->counts.probe_late_us)
        d->core->counts.probe_late_us = (uint64_t)(t->now_us - at_us);
    senses_round(&d->senses, probed, missed);
    d->core->counts.doubt = d->senses.doubt;
    if (4 * missed > probed)
        d->core->well_since_us = 0;
    else if (d->core->well_since_us == 0)
        d->core->well_since_us = t->now_us;
    else if (t->now_us - d->core->well_since_us > KITH_MIN)
        d->jury.mistaken = 0;
    try_dead(d, t);
}

static void verdict_due(struct detect *d, struct turn *t, struct watch *w)
{
    w->deciding = false;
    if (!senses_in_grace(&d->senses, t->now_us) && jury_weigh(&d->jury, t, w) >= 0)
        jury_rule(&d->jury, t, w);
}

void detect_time(struct detect *d, struct turn *t)
{
    struct timer timer;
    if (d->stale)
        refresh(d, t->now_us);
    while (timers_pop(&d->timers, t->now_us, &timer)) {
        struct watch *w = watch_find(&d->watches, &timer.key);
        if (is_settled(d, &timer))
            continue;
        if (timer.kind == TIMER_TICK)
            tick(d, t, timer.at_us);
        else if (timer.kind == TIMER_VERDICT)
            verdict_due(d, t, w);
        else if (timer.kind == TIMER_WEIGH)
            weigh(d, t, w);
        else
            timed_out(d, t, w);
    }
}

kith_time detect_deadline(const struct detect *d)
{
    return d->stale && d->entered ? 0 : timers_next(&d->timers);
}

bool detect_suspects(const struct detect *d, const struct ulid *id)
{
    struct watch_tree tree = d->watches;
    const struct watch *w = watch_find(&tree, id);
    return w && w->missed;
}

uint64_t detect_rtt_us(const struct detect *d, const struct ulid *id)
{
    struct watch_tree tree = d->watches;
    const struct watch *w = watch_find(&tree, id);
    return w ? (uint64_t)w->srtt_us : 0;
}

bool detect_is_alone(const struct detect *d)
{
    return jury_is_alone(&d->jury);
}
