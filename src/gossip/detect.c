#include "gossip/detect.h"

#include "base/mem.h"
#include "base/timers.h"
#include "gossip/jury.h"
#include "gossip/senses.h"
#include "state/journal.h"

#define PATIENCE_LAN (500 * KITH_MS)
#define PATIENCE_WAN (2000 * KITH_MS)
/* While the connection is closed: a process that lives has connected again and answered by then. */
#define PATIENCE_DOWN_LAN (200 * KITH_MS)
#define PATIENCE_DOWN_WAN (1000 * KITH_MS)
/* One that is no subject is watched for so long after another asked about it. */
#define ASKED_HOLDS (5 * KITH_SEC)
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
    d->jury = (struct jury){.core = core, .rings = d->rings};
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
    bool wan = d->core->wan;
    kith_time p = watch_patience(w, wan ? PATIENCE_WAN : PATIENCE_LAN);
    if (w->down)
        p = kith_time_min(p, wan ? PATIENCE_DOWN_WAN : PATIENCE_DOWN_LAN);
    return senses_stretch(&d->senses, p);
}

static void send_probe(struct detect *d, struct turn *t, const struct ulid *id, struct probe *p)
{
    struct bytes uri = core_uri(d->core, id, ADDR_ROLE_PROBE);
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
}

static void set(struct detect *d, const struct watch *w, int kind, kith_time at_us)
{
    timers_add(&d->timers, (struct timer){.at_us = at_us,
                                          .kind = (uint32_t)kind,
                                          .generation = w->generation,
                                          .key = w->id});
}

static void arm(struct detect *d, struct turn *t, struct watch *w)
{
    w->generation = ++d->generation;
    set(d, w, TIMER_PROBE, t->now_us + patience(d, w));
}

static void probe(struct detect *d, struct turn *t, struct watch *w)
{
    struct probe p = {.incarnation = w->incarnation, .suspected = w->misses >= WATCH_MISSES};
    atlas_probe(d->core->atlas, t, &w->id, &p);
    send_probe(d, t, &w->id, &p);
    w->nonces[w->probes++ % WATCH_NONCES] = d->nonce;
    w->waiting = true;
    w->probed_us = t->now_us;
    arm(d, t, w);
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

static void suspect(struct detect *d, struct turn *t, struct watch *w)
{
    struct ulid_text text;
    d->core->counts.suspicions++;
    d->suspects++;
    journal_add(t->journal, t->wall_us / KITH_MS, "member-suspect",
                core_name(d->core, &w->id, &text), "does not answer this peer");
    jury_tell(&d->jury, t, w, true);
    consider(d, t, w);
    set(d, w, TIMER_WEIGH, t->now_us + jury_patience(&d->jury));
}

static void calm(struct detect *d, struct watch *w)
{
    if (w->misses >= WATCH_MISSES && d->suspects > 0)
        d->suspects--;
    watch_calm(w);
}

static void timed_out(struct detect *d, struct turn *t, struct watch *w)
{
    w->waiting = false;
    if (senses_in_grace(&d->senses, t->now_us)) {
        probe(d, t, w);
        return;
    }
    d->core->counts.probes_missed++;
    if (w->misses++ == 0)
        w->missing_since_us = w->probed_us;
    if (w->misses < WATCH_MISSES)
        probe(d, t, w);
    else if (w->misses == WATCH_MISSES)
        suspect(d, t, w);
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

static void answered(struct detect *d, struct turn *t, const struct incoming *in)
{
    struct probe_ack ack;
    struct wire_error err;
    if (probe_ack_decode(&ack, in->payload, /* mem= */ NULL, &err) != 0) {
        naming_refuse(&d->core->naming, t, REFUSAL_PAYLOAD, in->from, "%s: %s", err.field, err.why);
        return;
    }
    struct watch *w = watch_find(&d->watches, &in->who.id);
    if (!w || !watch_nonce_is_recent(w, ack.nonce)) {
        mistaken(d, t, in, ack.nonce);
        return;
    }
    d->core->counts.probes_answered++;
    state_saw_clock(t->state, &in->who.id, ack.wall_ms);
    kith_time rtt_us = t->now_us - ack.sent_us;
    if (rtt_us >= 0 && rtt_us < ROUND_TRIP_MAX) {
        watch_round_trip(w, rtt_us > 0 ? rtt_us : 1);
        atlas_answered(d->core->atlas, t, &w->id, &ack, rtt_us > 0 ? rtt_us : 1);
    }
    w->waiting = false;
    w->down = false;
    if (w->told_us > 0) {
        d->core->counts.suspicions_ended++;
        jury_tell(&d->jury, t, w, false);
    }
    calm(d, w);
    compare_digests(d, t, w, ack.digest);
}

static void seat(struct detect *d, struct watch *w)
{
    struct ulid observers[RINGS_OBSERVERS];
    size_t n = rings_observers(d->rings, &w->id, observers);
    watch_seat(w, observers, n, &d->core->self);
}

/* Another observer tells what it sees. A miss makes this one look too, also if the rings, as seen from
 * here, give it another task: views differ for a moment. */
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
    if (m.missing) {
        w->asked_us = t->now_us;
        if (!w->waiting && w->misses == 0)
            probe(d, t, w);
    }
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
        if (w->told_us > 0)
            jury_tell(&d->jury, t, w, false);
        calm(d, w);
        if (w->waiting)
            probe(d, t, w);
    }
}

void detect_heard(struct detect *d, struct turn *t, const struct ulid *from)
{
    d->core->heard_us = t->now_us;
    if (jury_is_alone(&d->jury))
        jury_hears(&d->jury, t);
    if (d->suspects == 0)
        return;
    for (struct watch *w = watch_first(&d->watches); w; w = watch_next(w))
        jury_heard(w, from, t->now_us);
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
    if (w->subject)
        probe(d, t, w);
}

void detect_link(struct detect *d, struct turn *t, const struct event_link *link)
{
    for (struct watch *w = watch_first(&d->watches); w; w = watch_next(w)) {
        const struct member *m = members_get(d->core->members, &w->id);
        if (!m || !m->row)
            continue;
        if (bytes_equal(member_uri(m, ADDR_ROLE_PROBE), link->uri))
            w->down = !link->up;
        else if (link->up || (!bytes_equal(member_uri(m, ADDR_ROLE_BULK), link->uri) &&
                              !bytes_equal(member_uri(m, ADDR_ROLE_PUB), link->uri)))
            continue;
        if (link->up || !w->subject)
            continue;
        if (w->waiting)
            arm(d, t, w); /* it waits for less long now */
        else if (w->misses < WATCH_MISSES)
            probe(d, t, w);
    }
}

/* The rings changed: whom to observe, and who else does. */
static void refresh(struct detect *d)
{
    struct ulid subjects[RINGS_SUBJECTS];
    size_t n =
        d->entered && !d->core->leaving ? rings_subjects(d->rings, &d->core->self, subjects) : 0;
    struct watch *w;
    d->stale = false;
    for (w = watch_first(&d->watches); w; w = watch_next(w))
        w->subject = false;
    for (size_t i = 0; i < n; i++) {
        w = watch_get(&d->watches, &subjects[i]);
        w->subject = true;
        const struct member *m = members_get(d->core->members, &subjects[i]);
        w->incarnation = m ? m->incarnation : 0;
    }
    for (w = watch_first(&d->watches); w; w = watch_next(w))
        seat(d, w);
}

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
    send_probe(d, t, &m->id, &p);
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
        if (!w->subject && t->now_us - w->asked_us > ASKED_HOLDS) {
            drop(d, w);
            continue;
        }
        probed += w->subject;
        missed += w->subject && w->misses > 0;
        if (w->misses >= WATCH_MISSES) {
            jury_tell(&d->jury, t, w, true);
            consider(d, t, w);
        }
        if (!w->waiting)
            probe(d, t, w);
    }
    senses_round(&d->senses, probed, missed);
    d->core->counts.doubt = d->senses.doubt;
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
        refresh(d);
    while (timers_pop(&d->timers, t->now_us, &timer)) {
        struct watch *w = watch_find(&d->watches, &timer.key);
        if (timer.kind == TIMER_TICK)
            tick(d, t, timer.at_us);
        else if (!w)
            continue;
        else if (timer.kind == TIMER_VERDICT && w->deciding)
            verdict_due(d, t, w);
        else if (timer.kind == TIMER_WEIGH)
            consider(d, t, w);
        else if (timer.kind == TIMER_PROBE && w->waiting && timer.generation == w->generation)
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
    return w && w->misses >= WATCH_MISSES;
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
