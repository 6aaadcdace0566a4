#include "gossip/jury.h"

/* What another said holds for so long; it says it again every three seconds while it stands. */
#define SAID_HOLDS (7 * KITH_SEC)
/* What an observer said that another passes on: a lost packet delays it on one of two ways then. It counts for as
 * long as its own word may be under way, and is passed on only while it is fresh, so that what was taken back
 * meanwhile does not last. */
#define HEARSAY_FRESH (2 * KITH_SEC)
#define HEARSAY_HOLDS (1500 * KITH_MS)
/* One that observes this peer, and so probes it every second, is silent when it was not heard for a
 * period and the time that an answer may take. */
#define SILENT_LAN (2500 * KITH_MS)
#define SILENT_WAN (8 * KITH_SEC)
/* A new observer has a connection to make first, and waits longer for its first answer (watch_patience()). Where many
 * join at once nearly all are new: then they count after all. */
#define YOUNG_LAN (4 * KITH_SEC)
#define YOUNG_WAN (16 * KITH_SEC)
#define YOUNG_MAX 3
/* Nobody at all is heard; four times as long after each time that this was a mistake, so that one who hears a
 * word now and then does not call all others dead and alive in turns. */
#define DEAF_AFTER (3 * KITH_SEC)
#define DEAF_MAX   3
/* Each waits so much longer than the one before it to write the verdict. Two verdicts of one death are two rows
 * for everybody, but the second is in no hurry (overlay.c); where packets are lost, waiting costs more. */
#define TURN_LAN (10 * KITH_MS)
#define TURN_WAN (150 * KITH_MS)

size_t jury_quorum(size_t observers, size_t left)
{
    size_t all = observers > JURY_ALL && left < observers ? JURY_LEFT : JURY_ALL;
    size_t share = (7 * left + 9) / 10;
    size_t few = left < all ? left : all;
    return share > few ? share : few;
}

static bool is_silent(const struct jury *j, const struct ulid *id, kith_time now_us)
{
    const struct watch *w = watch_find(j->watches, id);
    if (!w)
        return false;
    if (w->subject)
        return w->missed;
    return now_us - w->heard_us >= (j->core->wan ? SILENT_WAN : SILENT_LAN);
}

void jury_send(const struct jury *j, struct turn *t, const struct watch *w, enum wire_kind kind,
               struct bytes payload)
{
    if (w->subject) {
        struct bytes uri = core_uri(j->core, &w->id, ADDR_ROLE_PROBE);
        if (uri.len > 0)
            post_send(t->post, t->out, uri, kind, payload, /* correlation= */ 0);
    } else if (w->route != 0 && !is_silent(j, &w->id, t->now_us)) {
        post_reply(t->post, t->out, w->route, kind, payload, /* correlation= */ 0);
    }
}

/* One that is not watched, or never asked, has no connection yet. */
static void send_miss(struct jury *j, struct turn *t, const struct ulid *to, struct bytes payload)
{
    const struct watch *w = watch_find(j->watches, to);
    if (w && (w->subject || w->route != 0)) {
        jury_send(j, t, w, WIRE_MISS, payload);
        return;
    }
    struct bytes uri = core_uri(j->core, to, ADDR_ROLE_PROBE);
    if (uri.len > 0)
        post_send(t->post, t->out, uri, WIRE_MISS, payload, /* correlation= */ 0);
}

static bool agrees(const struct seat *s, kith_time now_us)
{
    kith_time holds_us = s->hearsay ? HEARSAY_HOLDS : SAID_HOLDS;
    return s->says == SAYS_MISSING && now_us - s->said_us < holds_us;
}

void jury_tell(struct jury *j, struct turn *t, struct watch *w, bool missing)
{
    struct ulid others[RINGS_OBSERVERS];
    struct miss m = {
        .about = w->id, .incarnation = w->incarnation, .missing = missing, .others = others};
    for (size_t i = 0; missing && i < w->seats_n; i++) {
        const struct seat *s = &w->seats[i];
        if (agrees(s, t->now_us) && !s->hearsay && t->now_us - s->said_us < HEARSAY_FRESH)
            others[m.others_n++] = s->id;
    }
    struct buf payload = {0};
    miss_encode(&payload, &m);
    for (size_t i = 0; i < w->seats_n; i++)
        send_miss(j, t, &w->seats[i].id, buf_bytes(&payload));
    w->told_us = missing ? t->now_us : 0;
    buf_deinit(&payload);
}

/* What it said itself lately counts more than what another heard of it. seat NULL: no observer, as seen from here. */
static void note_hearsay(struct seat *seat, kith_time now_us)
{
    if (!seat || (seat->says != SAYS_NOTHING && now_us - seat->said_us < HEARSAY_FRESH) ||
        agrees(seat, now_us))
        return;
    *seat = (struct seat){.id = seat->id,
                          .says = SAYS_MISSING,
                          .said_us = now_us,
                          .hearsay = true,
                          .since_us = seat->since_us};
}

void jury_note(struct jury *j, struct turn *t, const struct incoming *in, const struct miss *m,
               struct watch *w)
{
    struct seat *seat = watch_seat_of(w, &in->who.id);
    j->core->counts.reports_received++;
    if (!seat || m->incarnation != w->incarnation)
        return;
    seat->says = m->missing ? SAYS_MISSING : SAYS_FINE;
    seat->said_us = t->now_us;
    seat->hearsay = false;
    for (uint32_t i = 0; m->missing && i < m->others_n; i++)
        note_hearsay(watch_seat_of(w, &m->others[i]), t->now_us);
}

/* Those that cannot know: they are silent, or took the place of one that died so lately that they have not probed
 * long enough. */
static size_t count_out(const struct jury *j, const struct watch *w, kith_time now_us)
{
    size_t silent = 0, young = 0;
    for (size_t i = 0; i < w->seats_n; i++) {
        const struct seat *s = &w->seats[i];
        if (agrees(s, now_us))
            continue;
        if (is_silent(j, &s->id, now_us))
            silent++;
        else if (s->since_us != 0 && now_us - s->since_us < (j->core->wan ? YOUNG_WAN : YOUNG_LAN))
            young++;
    }
    return silent + (young < YOUNG_MAX ? young : YOUNG_MAX);
}

size_t jury_doubts(const struct watch *w, kith_time now_us)
{
    size_t n = 0;
    for (size_t i = 0; i < w->seats_n; i++)
        n += agrees(&w->seats[i], now_us);
    return n;
}

static size_t count_agree(const struct watch *w, kith_time now_us)
{
    return 1 + jury_doubts(w, now_us); /* this peer too */
}

/* Nobody at all is heard: this peer alone decides, and for itself. */
static bool deaf(const struct jury *j, const struct turn *t)
{
    return t->now_us - j->core->heard_us >= DEAF_AFTER << (2 * j->mistaken);
}

static bool enough(const struct jury *j, const struct turn *t, const struct watch *w)
{
    size_t observers = w->seats_n + 1;
    size_t agree = count_agree(w, t->now_us);
    size_t out = count_out(j, w, t->now_us);
    if (agree >= jury_quorum(observers, observers))
        return true;
    if (agree < 2)
        return j->alone_n < JURY_PRIVATE_MAX && deaf(j, t);
    return agree >= jury_quorum(observers, observers - out);
}

/* How many of those that agree stand before this peer in the order of the rings. */
static kith_time turns_before(const struct jury *j, const struct watch *w, kith_time now_us)
{
    struct ulid observers[RINGS_OBSERVERS];
    size_t n = rings_observers(j->rings, &w->id, observers);
    kith_time turns = 0;
    for (size_t i = 0; i < n && !ulid_equal(&observers[i], &j->core->self); i++) {
        for (size_t k = 0; k < w->seats_n; k++)
            turns += ulid_equal(&w->seats[k].id, &observers[i]) && agrees(&w->seats[k], now_us);
    }
    return turns * (j->core->wan ? TURN_WAN : TURN_LAN);
}

kith_time jury_weigh(const struct jury *j, const struct turn *t, const struct watch *w)
{
    if (!w->subject || !w->missed || !core_alive(j->core, &w->id) || !enough(j, t, w))
        return -1;
    return turns_before(j, w, t->now_us);
}

static int put(struct turn *t, const struct ulid *id, uint64_t incarnation,
               const struct verdict_row *row)
{
    struct buf value = {0};
    verdict_row_encode(&value, row);
    int r = state_put(t->state, TABLE_ID_VERDICT, ulid_bytes(id), buf_bytes(&value), incarnation,
                      /* expires_ms= */ 0);
    buf_deinit(&value);
    return r;
}

void jury_rule(struct jury *j, struct turn *t, const struct watch *w)
{
    struct ulid agree[RINGS_OBSERVERS + 1] = {j->core->self};
    uint32_t n = 1;
    for (size_t i = 0; i < w->seats_n; i++) {
        if (agrees(&w->seats[i], t->now_us))
            agree[n++] = w->seats[i].id;
    }
    bool alone = n == 1;
    struct verdict_row row = {
        .observers = agree,
        .observers_n = n,
        .at_ms = t->wall_us / KITH_MS,
        .reason = bytes_str(w->down ? "its connections closed and it does not answer"
                                    : "it does not answer"),
    };
    if (put(t, &w->id, w->incarnation, &row) != 0)
        return;
    j->core->counts.verdicts_written++;
    if (alone && !w->down && j->alone_n < JURY_PRIVATE_MAX) {
        j->alone[j->alone_n].id = w->id;
        j->alone[j->alone_n++].incarnation = w->incarnation;
    }
}

void jury_hears(struct jury *j, struct turn *t)
{
    struct verdict_row row = {
        .at_ms = t->wall_us / KITH_MS,
        .reason = bytes_str("withdrawn: the one who wrote it heard nobody"),
        .withdrawn = true,
    };
    for (uint32_t i = 0; i < j->alone_n; i++) {
        if (put(t, &j->alone[i].id, j->alone[i].incarnation, &row) == 0)
            j->core->counts.verdicts_withdrawn++;
    }
    if (j->alone_n > 0 && j->mistaken < DEAF_MAX)
        j->mistaken++;
    j->alone_n = 0;
}

bool jury_is_alone(const struct jury *j)
{
    return j->alone_n > 0;
}
