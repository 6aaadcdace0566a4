#include "gossip/detect_inside.h"

#include "base/mem.h"

/* TCP repeats what is lost by itself, in order: another probe behind it would only wait for it. Still one
 * goes out now and then, for connections that broke without saying so. */
#define PROBE_AGAIN (3 * KITH_SEC)
/* While the connection is closed: a process that lives has connected again and answered by then. */
#define PATIENCE_DOWN_LAN (400 * KITH_MS)
#define PATIENCE_DOWN_WAN (2000 * KITH_MS)
/* So often what is missed is told again. */
#define TELL_AGAIN (3 * KITH_SEC)
/* One that is no subject is watched for so long after another asked about it. */
#define ASKED_HOLDS (5 * KITH_SEC)
/* What is owed for so long at a tick counts against the own senses. */
#define LATE (500 * KITH_MS)

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
void detect_skip_settled(struct detect *d)
{
    struct timer gone;
    while (timers_first(&d->timers) && is_settled(d, timers_first(&d->timers)))
        (void)timers_pop(&d->timers, KITH_NEVER, &gone);
}

void detect_seat(struct detect *d, struct watch *w, kith_time now_us)
{
    struct ulid observers[RINGS_OBSERVERS];
    size_t n = rings_observers(d->rings, &w->id, observers);
    watch_seat(w, observers, n, &d->core->self, now_us);
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
        detect_calm(d, w);
        w->heard_us = t->now_us; /* until it had time to be */
        if (owed)
            detect_probe(d, t, w);
    }
}

static void drop(struct detect *d, struct watch *w)
{
    detect_calm(d, w);
    watch_drop(&d->watches, w);
}

void detect_member(struct detect *d, struct turn *t, const struct ulid *id)
{
    bool self = ulid_equal(id, &d->core->self);
    bool in = self ? d->entered && !d->core->leaving : core_alive(d->core, id);
    if (rings_set(d->rings, id, in)) {
        d->stale = true;
        d->closed = d->closed || !in;
    }
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
    detect_calm(d, w);
    watch_hush(w);
    if (w->subject)
        detect_probe(d, t, w);
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
        detect_probe(d, t, w); /* what was under way may be lost */
        kith_time due_us = senses_stretch(&d->senses, patience_us) + t->now_us;
        detect_arm(d, w, kith_time_min(due_us, w->owed_us + detect_patience(d, w, t->now_us)));
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

/* A subject of the dead: where several died together it may be the next, and nobody else may be left to see it. */
static void take_over(struct detect *d, struct turn *t, const struct ulid *id)
{
    struct watch *w = watch_find(&d->watches, id);
    if (w->owed_us == 0 && w->probes == 0 && core_alive(d->core, id))
        detect_probe(d, t, w);
}

/* The rings changed: whom to observe, and who else does. */
static void refresh(struct detect *d, struct turn *t)
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
        detect_seat(d, w, t->now_us);
    }
    for (size_t i = 0; i < n; i++)
        refresh_neighbours(d, watch_find(&d->watches, &subjects[i]), t->now_us);
    for (w = watch_first(&d->watches); w; w = watch_next(w)) {
        const struct member *m = members_get(d->core->members, &w->id);
        w->incarnation = m ? m->incarnation : 0;
    }
    for (size_t i = 0; d->closed && i < n; i++)
        take_over(d, t, &subjects[i]);
    d->closed = false;
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
    detect_send_probe(d, t, &m->id, ADDR_ROLE_PROBE, &p);
    d->tried = m->id;
    d->tried_nonce = p.nonce;
}

/* One watched member's part of a tick. */
static void look_at(struct detect *d, struct turn *t, struct watch *w)
{
    if (w->missed && t->now_us - w->told_us >= TELL_AGAIN)
        jury_tell(&d->jury, t, w, true);
    bool asked = w->asked_us != 0;
    if ((w->subject || asked) && (w->owed_us == 0 || t->now_us - w->probed_us >= PROBE_AGAIN))
        detect_probe(d, t, w);
}

static void tick(struct detect *d, struct turn *t, kith_time at_us)
{
    struct watch *w, *next;
    size_t probed = 0, missed = 0;
    kith_time again_us = at_us + DETECT_PERIOD;
    if (again_us <= t->now_us)
        again_us = t->now_us + DETECT_PERIOD;
    timers_add(&d->timers, (struct timer){.at_us = again_us, .kind = TIMER_TICK});
    if (t->now_us < d->core->settles_us)
        return;

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

void detect_time(struct detect *d, struct turn *t)
{
    struct timer timer;
    if (d->stale)
        refresh(d, t);
    while (timers_pop(&d->timers, t->now_us, &timer)) {
        struct watch *w = watch_find(&d->watches, &timer.key);
        if (is_settled(d, &timer))
            continue;
        if (timer.kind == TIMER_TICK)
            tick(d, t, timer.at_us);
        else if (timer.kind == TIMER_VERDICT)
            detect_verdict_due(d, t, w);
        else if (timer.kind == TIMER_WEIGH)
            detect_weigh(d, t, w);
        else
            detect_timed_out(d, t, w);
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
