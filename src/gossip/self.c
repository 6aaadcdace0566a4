#include "gossip/self.h"

#include "base/mem.h"
#include "gossip/anew.h"
#include "gossip/limit.h"
#include "gossip/rings.h"

/* Feature level of this program: rules that all live members must know switch on by it. */
#define FEATURE_LEVEL 1

#define ANNOUNCE_TO    3
#define ANNOUNCE_FIRST (300 * KITH_MS)
#define ANNOUNCE_MAX   (10 * KITH_SEC)
/* Distance of two raises for suspicion alone: doubles, is forgotten after a quiet time. */
#define RAISE_FIRST  KITH_SEC
#define RAISE_MAX    (8 * KITH_SEC)
#define RAISE_FORGET KITH_MIN
/* Doubts of different observers within this time count together. */
#define DOUBTS_WITHIN (3 * KITH_SEC)
/* Half of its observers have to doubt it before it rises, two where there are few: less than it takes to agree on
 * its death, and of ten more than the two or three who wait for a lost packet at any time under heavy loss. Each
 * rise is told to everybody. */
#define DOUBTS_LEAST 2
#define DOUBTS       (RINGS_OBSERVERS / 2)

/* One who died and rose lately rises again only when the others answer it, or none is left, or after this time: so who
 * loses most of its packets does not go on and off. */
#define REVIVE_AGAIN (5 * KITH_MIN)
#define REVIVE_WELL  (3 * KITH_SEC)
/* Answers to probes of members held for dead, a second. */
#define ACCUSE_PER_SECOND 20

struct doubt {
    struct ulid by;
    kith_time at_us;
};

struct self {
    struct core *core;
    struct arena mem; /* of `row` */
    struct member_row row;
    uint64_t token; /* of the batch that makes the incarnation durable */
    bool known;     /* somebody probed this peer at its incarnation */
    kith_time announce_at_us, announce_every_us;
    kith_time raise_after_us, raise_every_us;
    struct doubt doubts[DOUBTS]; /* the latest of as many observers */
    kith_time revived_us;        /* when it last rose from a verdict; 0: never */
    struct limit accusing;
    uint64_t held_at; /* it is held for dead at this incarnation and waits to rise; 0 */
};

struct self *self_new(struct core *core)
{
    struct self *s = mem_alloc(sizeof(*s));
    s->core = core;
    s->announce_at_us = KITH_NEVER;
    return s;
}

void self_free(struct self *s)
{
    arena_deinit(&s->mem);
    mem_free(s);
}

void self_start(struct self *s, struct turn *t, const struct event_start *start)
{
    struct member_row row = {
        .name = start->name,
        .addrs = start->addrs,
        .addrs_n = start->addrs_n,
        .tags = start->tags,
        .tags_n = start->tags_n,
        .boot = start->boot,
        .feature = FEATURE_LEVEL,
        .proto_min = FRAME_PROTO_MIN,
        .proto_max = FRAME_PROTO_MAX,
        .started_ms = t->wall_us / KITH_MS,
        .capacity = start->capacity,
        .host = start->host,
        .anew = s->core->anew,
    };
    member_row_copy(&s->mem, &s->row, &row);
}

static void write_row(struct self *s, struct turn *t)
{
    struct buf value = {0};
    member_row_encode(&value, &s->row);
    int r = state_put(t->state, TABLE_ID_MEMBER, ulid_bytes(&s->core->self), buf_bytes(&value),
                      /* major= */ 0, /* expires_ms= */ 0);
    if (r != 0)
        effect_log(t->out, LOG_ERROR_, "the own member row was not taken (%d)", r);
    buf_deinit(&value);
    s->token = state_token(t->state);
}

static void announce_anew(struct self *s, struct turn *t)
{
    s->known = false;
    s->announce_every_us = ANNOUNCE_FIRST;
    s->announce_at_us = t->now_us;
}

void self_enter(struct self *s, struct turn *t)
{
    s->row.left = false;
    write_row(s, t);
    announce_anew(s, t);
    if (s->core->settles_us > t->now_us) /* who let it in is told, and tells */
        s->announce_at_us = s->core->settles_us + ANNOUNCE_FIRST;
}

/* Whoever gets the row over a connection passes it on, so it is known even though nobody may listen to
 * this peer's PUB: it has just started, or their subscriptions are being made again. */
static void tell_a_few(struct self *s, struct turn *t)
{
    for (int i = 0; i < ANNOUNCE_TO; i++) {
        const struct member *m = core_any(s->core, t);
        if (m)
            self_tell(s, t, member_uri(m, ADDR_ROLE_BULK));
    }
}

void self_leave(struct self *s, struct turn *t)
{
    s->core->leaving = true;
    s->announce_at_us = KITH_NEVER;
    if (!s->core->member)
        return;
    s->row.left = true;
    write_row(s, t);
    tell_a_few(s, t); /* there is no later to repair a goodbye that was not heard */
}

/* Rises above `above`, durably before anyone hears of it: the row and what tells of it wait. */
static void raise(struct self *s, struct turn *t, uint64_t above, const char *why)
{
    uint64_t next = state_incarnation(t->state);
    next = (above > next ? above : next) + 1;
    state_set_incarnation(t->state, next);
    state_put_local(t->state, bytes_str("node/incarnation"), bytes_of(&next, sizeof(next)));
    write_row(s, t);
    announce_anew(s, t);
    s->core->counts.refutations++;
    effect_log(t->out, LOG_INFO_, "%s: incarnation is now %llu", why, (unsigned long long)next);
}

static bool may_revive(const struct self *s, kith_time now_us)
{
    kith_time well_us = s->core->well_since_us;
    return s->revived_us == 0 || members_alive(s->core->members) == 0 ||
           now_us - s->revived_us >= REVIVE_AGAIN ||
           (well_us != 0 && now_us - well_us >= REVIVE_WELL);
}

/* It is held for dead at `at`, and is not. */
static void revive(struct self *s, struct turn *t, const struct ulid *by, uint64_t at)
{
    struct ulid_text text;
    if (at > state_incarnation(t->state) + STATE_INCARNATION_LEAP) {
        naming_refuse(&s->core->naming, t, REFUSAL_ROW, core_name(s->core, by, &text),
                      "holds this peer for dead at an incarnation that it cannot have seen");
        return;
    }
    if (!may_revive(s, t->now_us)) {
        s->held_at = at > s->held_at ? at : s->held_at;
        return;
    }
    s->revived_us = t->now_us;
    s->held_at = 0;
    raise(s, t, at, "another member holds this peer for dead");
}

static void tell(struct self *s, struct turn *t, struct bytes uri, enum wire_kind kind)
{
    const struct row *row = state_get(t->state, TABLE_ID_MEMBER, ulid_bytes(&s->core->self));
    if (!row || uri.len == 0)
        return;
    struct rows rows = {.records = &row->record, .records_n = 1};
    struct buf payload = {0};
    rows_encode(&payload, &rows); /* news has the same fields */
    uint64_t before = effects_wait(t->out, s->token);
    post_send(t->post, t->out, uri, kind, buf_bytes(&payload), /* correlation= */ 0);
    effects_wait(t->out, before);
    buf_deinit(&payload);
}

void self_tell(struct self *s, struct turn *t, struct bytes bulk_uri)
{
    tell(s, t, bulk_uri, WIRE_ROWS);
}

void self_arrive(struct self *s, struct turn *t, struct bytes hello_uri)
{
    tell(s, t, hello_uri, WIRE_NEWS);
}

/* How many observers doubt it lately, `by` now among them. */
static size_t doubters(struct self *s, const struct ulid *by, kith_time now_us)
{
    struct doubt *oldest = &s->doubts[0];
    size_t n = 0;
    for (size_t i = 0; i < DOUBTS; i++) {
        struct doubt *d = &s->doubts[i];
        if (ulid_equal(&d->by, by)) {
            oldest = d;
            break;
        }
        if (d->at_us < oldest->at_us)
            oldest = d;
    }
    *oldest = (struct doubt){.by = *by, .at_us = now_us};
    for (size_t i = 0; i < DOUBTS; i++)
        n += !ulid_is_zero(&s->doubts[i].by) && now_us - s->doubts[i].at_us < DOUBTS_WITHIN;
    return n;
}

/* How many have to. */
static size_t doubters_needed(const struct self *s)
{
    size_t others = core_others(s->core), half = rings_wanted(members_alive(s->core->members)) / 2;
    if (half < DOUBTS_LEAST)
        half = DOUBTS_LEAST;
    return others < half ? others : half;
}

/* Suspicion at the present incarnation by one observer. */
static void suspected(struct self *s, struct turn *t, const struct ulid *by)
{
    if (doubters(s, by, t->now_us) < doubters_needed(s) || !may_revive(s, t->now_us))
        return;
    if (s->core->well_since_us == 0)
        s->revived_us = t->now_us; /* what they say may be true: once is enough */
    if (t->now_us < s->raise_after_us)
        return;
    if (s->raise_every_us == 0 || t->now_us - s->raise_after_us > RAISE_FORGET)
        s->raise_every_us = RAISE_FIRST;
    s->raise_after_us = t->now_us + s->raise_every_us;
    s->raise_every_us = kith_time_min(2 * s->raise_every_us, RAISE_MAX);
    raise(s, t, /* above= */ 0, "others miss this peer's answers");
}

static void answer(struct self *s, struct turn *t, const struct incoming *in, const struct probe *p)
{
    struct probe_ack ack = {
        .nonce = p->nonce,
        .incarnation = state_incarnation(t->state),
        .sent_us = p->sent_us,
        .wall_ms = t->wall_us / KITH_MS,
        .left = s->core->leaving,
        .digest = state_digest(t->state),
    };
    struct buf payload = {0};
    atlas_probed(s->core->atlas, t, &in->who.id, p, &ack);
    probe_ack_encode(&payload, &ack);
    uint64_t before = effects_wait(t->out, s->token);
    post_reply(t->post, t->out, in->route, WIRE_PROBE_ACK, buf_bytes(&payload),
               in->envelope->correlation);
    effects_wait(t->out, before);
    buf_deinit(&payload);
}

/* One that is held for dead asks as if it were not: it is told, and has to rise above that, or it stays
 * dead by a misunderstanding. */
static void accuse(struct self *s, struct turn *t, const struct ulid *id)
{
    const struct member *m = members_get(s->core->members, id);
    if (!m || !m->row || m->state != MEMBER_STATE_DEAD ||
        !limit_take(&s->accusing, t->now_us, ACCUSE_PER_SECOND, ACCUSE_PER_SECOND))
        return;
    if (m->forgotten) {
        anew_tell(s->core, t, m);
        return;
    }
    const struct row *verdict = state_get(t->state, TABLE_ID_VERDICT, ulid_bytes(id));
    struct probe p = {
        .about = *id, .incarnation = m->incarnation, .dead = true, .sent_us = t->now_us};
    if (verdict && verdict->version.major > p.incarnation)
        p.incarnation = verdict->version.major;
    struct buf payload = {0};
    probe_encode(&payload, &p);
    post_send(t->post, t->out, member_uri(m, ADDR_ROLE_PROBE), WIRE_PROBE, buf_bytes(&payload),
              /* correlation= */ 0);
    buf_deinit(&payload);
    s->core->counts.accusations++;
}

static void probed(struct self *s, struct turn *t, const struct incoming *in)
{
    struct probe p;
    struct wire_error err;
    if (probe_decode(&p, in->payload, /* mem= */ NULL, &err) != 0) {
        naming_refuse(&s->core->naming, t, REFUSAL_PAYLOAD, in->from, "%s: %s", err.field, err.why);
        return;
    }
    s->core->counts.probes_received++;
    if (!p.dead)
        accuse(s, t, &in->who.id);
    bool here = ulid_equal(&p.about, &s->core->self);
    uint64_t own = state_incarnation(t->state);
    if (here && !s->core->leaving) {
        if (p.dead && p.incarnation >= own)
            revive(s, t, &in->who.id, p.incarnation);
        else if (p.suspected && p.incarnation >= own)
            suspected(s, t, &in->who.id);
        if (p.dead)
            self_tell(s, t, core_uri(s->core, &in->who.id, ADDR_ROLE_BULK));
        else if (p.incarnation == own)
            s->known = true;
    }
    answer(s, t, in, &p);
}

/* An observer says that it misses this peer. Hearing of it is the answer; it probes again at once. */
static bool missed(struct self *s, struct turn *t, const struct incoming *in)
{
    struct miss m;
    struct arena mem = {0};
    struct wire_error err;
    bool about_self =
        miss_decode(&m, in->payload, &mem, &err) == 0 && ulid_equal(&m.about, &s->core->self);
    arena_deinit(&mem);
    if (!about_self)
        return false;
    s->core->counts.reports_received++;
    if (m.missing && !s->core->leaving && m.incarnation >= state_incarnation(t->state))
        suspected(s, t, &in->who.id);
    return true;
}

bool self_receive(struct self *s, struct turn *t, const struct incoming *in)
{
    if (in->envelope->kind == WIRE_PROBE) {
        probed(s, t, in);
        return true;
    }
    return in->envelope->kind == WIRE_MISS && missed(s, t, in);
}

static void end_as_intruder(struct self *s, struct turn *t)
{
    effect_log(t->out, LOG_ERROR_,
               "another live peer has this node's id, and had it first: this daemon ends. Was its "
               "data folder copied? Start with an empty one and a new token");
    effects_add(t->out, &(struct effect){.kind = EFFECT_EXIT});
    s->core->leaving = true;
}

/* The own row. As another process of this id wrote it: an older life that this data folder does not
 * remember (it was restored), or a clone. Rising above it is right in both cases, unless it is this
 * process that is the intruder; which may be proved by this very rise, so each own row is looked at. */
static void own_row(struct self *s, struct turn *t, const struct row *row)
{
    struct member_row other;
    struct arena mem = {0};
    struct wire_error err;
    if (boots_banned(s->core->boots, &s->core->self, &s->core->boot))
        end_as_intruder(s, t);
    else if (member_row_decode(&other, row->value, &mem, &err) == 0 &&
             !ulid_equal(&other.boot, &s->core->boot))
        raise(s, t, row->version.major, "another process wrote this peer's member row");
    arena_deinit(&mem);
}

void self_changed(struct self *s, struct turn *t, const struct row *row)
{
    if (!s->core->member || s->core->leaving || s->core->begins_anew)
        return;
    if (anew_verdict(s->core, t, row)) {
        s->core->begins_anew = true;
        return;
    }
    if (row->table == TABLE_ID_MEMBER) {
        own_row(s, t, row);
        return;
    }
    struct verdict_row verdict;
    struct arena mem = {0};
    struct wire_error err;
    if (row->value.len > 0 && row->version.major >= state_incarnation(t->state) &&
        verdict_row_decode(&verdict, row->value, &mem, &err) == 0 && !verdict.withdrawn)
        revive(s, t, &row->origin, row->version.major);
    arena_deinit(&mem);
}

void self_time(struct self *s, struct turn *t)
{
    if (s->held_at != 0 && may_revive(s, t->now_us) && !s->core->leaving)
        revive(s, t, &s->core->self, s->held_at);
    if (t->now_us < s->announce_at_us)
        return;
    if (s->known || !s->core->member || s->core->leaving) {
        s->announce_at_us = KITH_NEVER;
        return;
    }
    tell_a_few(s, t);
    s->announce_at_us = t->now_us + s->announce_every_us +
                        (kith_time)rng_below(t->rng, (uint64_t)s->announce_every_us / 4);
    s->announce_every_us = kith_time_min(2 * s->announce_every_us, ANNOUNCE_MAX);
}

kith_time self_deadline(const struct self *s)
{
    if (s->held_at == 0)
        return s->announce_at_us;
    kith_time well_us = s->core->well_since_us;
    kith_time at_us = s->revived_us + REVIVE_AGAIN;
    if (well_us != 0)
        at_us = kith_time_min(at_us, well_us + REVIVE_WELL);
    return kith_time_min(at_us, s->announce_at_us);
}
