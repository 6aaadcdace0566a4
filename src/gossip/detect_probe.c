#include "gossip/detect_inside.h"

#include "state/journal.h"

/* How long an answer may take at least, over a connection that stands (watch_patience() adds to it). */
#define PATIENCE_LAN (1000 * KITH_MS)
#define PATIENCE_WAN (4000 * KITH_MS)
/* So often it is looked at whether enough agree. */
#define WEIGH_AGAIN (200 * KITH_MS)

/* When others miss it as well it is not for this peer's senses that it is late. */
kith_time detect_patience(const struct detect *d, const struct watch *w, kith_time now_us)
{
    kith_time floor_us = d->core->wan ? PATIENCE_WAN : PATIENCE_LAN;
    kith_time patience_us = watch_patience(w, floor_us);
    return jury_doubts(w, now_us) >= DETECT_CONFIRMED ? patience_us
                                                      : senses_stretch(&d->senses, patience_us);
}

void detect_send_probe(struct detect *d, struct turn *t, const struct ulid *id, enum addr_role door,
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

void detect_arm(struct detect *d, struct watch *w, kith_time due_us)
{
    w->generation = ++d->generation;
    set(d, w, TIMER_PROBE, due_us);
}

static void probe_by(struct detect *d, struct turn *t, struct watch *w, enum addr_role door)
{
    struct probe p = {.incarnation = w->incarnation, .suspected = w->missed};
    if (door == ADDR_ROLE_PROBE)
        atlas_probe(d->core->atlas, t, &w->id, &p);
    detect_send_probe(d, t, &w->id, door, &p);
    w->nonces[w->probes++ % WATCH_NONCES] = d->nonce;
    w->probed_us = t->now_us;
    if (w->owed_us != 0)
        return;
    w->owed_us = t->now_us;
    detect_arm(d, w, t->now_us + detect_patience(d, w, t->now_us) / 2);
}

/* What is owed already stays due when it was. */
void detect_probe(struct detect *d, struct turn *t, struct watch *w)
{
    probe_by(d, t, w, ADDR_ROLE_PROBE);
}

void detect_consider(struct detect *d, struct turn *t, struct watch *w)
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
            detect_consider(d, t, w);
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

void detect_calm(struct detect *d, struct watch *w)
{
    if (w->missed && d->suspects > 0)
        d->suspects--;
    watch_calm(w);
}

/* Half of its time is over: a lost packet may hold up this connection for seconds, so the other door is
 * tried before anything is said. */
void detect_timed_out(struct detect *d, struct turn *t, struct watch *w)
{
    if (senses_in_grace(&d->senses, t->now_us)) {
        w->owed_us = 0;
        detect_probe(d, t, w);
        return;
    }
    kith_time due_us = w->owed_us + detect_patience(d, w, t->now_us);
    if (!w->down && !w->missed && t->now_us < due_us) {
        probe_by(d, t, w, ADDR_ROLE_BULK);
        detect_arm(d, w, due_us);
        return;
    }
    d->core->counts.probes_missed++;
    if (!w->missed)
        suspect(d, t, w);
}

void detect_hasten(struct detect *d, struct turn *t, struct watch *w)
{
    if (w->owed_us == 0 || w->missed)
        return;
    kith_time due_us = w->owed_us + detect_patience(d, w, t->now_us) / 2;
    detect_arm(d, w, due_us > t->now_us ? due_us : t->now_us);
}

void detect_weigh(struct detect *d, struct turn *t, struct watch *w)
{
    detect_consider(d, t, w);
    set(d, w, TIMER_WEIGH, t->now_us + WEIGH_AGAIN);
}

void detect_verdict_due(struct detect *d, struct turn *t, struct watch *w)
{
    w->deciding = false;
    if (!senses_in_grace(&d->senses, t->now_us) && jury_weigh(&d->jury, t, w) >= 0)
        jury_rule(&d->jury, t, w);
}
