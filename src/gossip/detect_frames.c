#include "gossip/detect_inside.h"

/* An answer so much later than it may be (half of the shortest round trip for jitter left out) was lost on
 * the way, or its probe was: TCP repeats after 200 ms. */
#define DELAY_OF_LOSS (150 * KITH_MS)
/* A round trip beyond this is a clock's or a peer's fault. */
#define ROUND_TRIP_MAX KITH_MIN

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

static void name_reuse(struct detect *d, struct turn *t, const struct incoming *in,
                       const struct ulid *former)
{
    struct ulid_text is = ulid_text(&in->who.id), was = ulid_text(former);
    naming_refuse(&d->core->naming, t, REFUSAL_SENDER, in->from,
                  "answers as %s at the address of %s: it is re-used", is.s, was.s);
}

/* Another answers where this member should be, or was until it died. */
static void mistaken(struct detect *d, struct turn *t, const struct incoming *in, uint64_t nonce)
{
    for (struct watch *w = watch_first(&d->watches); w; w = watch_next(w)) {
        if (watch_nonce_is_recent(w, nonce))
            name_reuse(d, t, in, &w->id);
    }
    if (nonce == d->tried_nonce && !ulid_equal(&d->tried, &in->who.id))
        name_reuse(d, t, in, &d->tried);
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
        core_saw_delay(d->core, rtt_us > w->base_us + w->base_us / 2 + DELAY_OF_LOSS);
    }
    w->down = false;
    if (w->told_us > 0) {
        d->core->counts.suspicions_ended++;
        jury_tell(&d->jury, t, w, false);
    }
    detect_calm(d, w);
    detect_skip_settled(d);
    compare_digests(d, t, w, ack.digest);
}

/* Another observer tells what it misses. One who does not observe it, as the rings are seen from here,
 * looks too: views differ for a moment. */
static void take_report(struct detect *d, struct turn *t, const struct incoming *in,
                        const struct miss *m)
{
    const struct member *about = members_get(d->core->members, &m->about);
    if (!d->entered || !about || about->state != MEMBER_STATE_ALIVE || !about->row)
        return;
    struct watch *w = watch_find(&d->watches, &m->about);
    if (!w) {
        w = watch_get(&d->watches, &m->about);
        w->incarnation = about->incarnation;
        detect_seat(d, w, t->now_us);
    }
    size_t before = jury_doubts(w, t->now_us);
    jury_note(&d->jury, t, in, m, w);
    if (before < DETECT_CONFIRMED && jury_doubts(w, t->now_us) >= DETECT_CONFIRMED)
        detect_hasten(d, t, w);
    if (m->missing && !w->subject) {
        w->asked_us = t->now_us;
        if (w->owed_us == 0)
            detect_probe(d, t, w);
    }
    if (w->missed)
        detect_consider(d, t, w);
}

static void reported(struct detect *d, struct turn *t, const struct incoming *in)
{
    struct miss m;
    struct arena mem = {0};
    struct wire_error err;
    if (miss_decode(&m, in->payload, &mem, &err) != 0)
        naming_refuse(&d->core->naming, t, REFUSAL_PAYLOAD, in->from, "%s: %s", err.field, err.why);
    else
        take_report(d, t, in, &m);
    arena_deinit(&mem);
}

bool detect_receive(struct detect *d, struct turn *t, const struct incoming *in)
{
    switch (in->envelope->kind) {
    case WIRE_PROBE_ACK:
        answered(d, t, in);
        return true;
    case WIRE_MISS:
        reported(d, t, in);
        return true;
    default:
        return false;
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

static bool stands(const struct watch *w)
{
    return !w->missed && (w->subject || w->route != 0);
}

void detect_tell_some(struct detect *d, struct turn *t, enum wire_kind kind, struct bytes payload,
                      size_t some)
{
    size_t left = 0;
    struct watch *w;
    for (w = watch_first(&d->watches); w; w = watch_next(w))
        left += stands(w);
    /* Each with the chance that makes just `some` of them (Knuth's selection sampling). */
    for (w = watch_first(&d->watches); w && some > 0; w = watch_next(w)) {
        if (!stands(w))
            continue;
        if (rng_below(t->rng, left--) < some) {
            jury_send(&d->jury, t, w, kind, payload);
            some--;
        }
    }
}
