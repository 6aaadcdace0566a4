#include "gossip/jury.h"

/* What another said holds for so long; it says it again each second while it stands. */
#define SAID_HOLDS (4 * KITH_SEC)
/* An observer that has not been heard for so long since it was told is out of reach; the second when
 * more than half of those needed are. */
#define UNHEARD_LAN  (800 * KITH_MS)
#define UNHEARD_WAN  (2500 * KITH_MS)
#define UNHEARD_LONG (3 * KITH_SEC)
/* Each waits so much longer than the one before it to write the verdict. */
#define TURN_LAN (30 * KITH_MS)
#define TURN_WAN (150 * KITH_MS)

kith_time jury_patience(const struct jury *j)
{
    return j->core->wan ? UNHEARD_WAN : UNHEARD_LAN;
}

size_t jury_quorum(size_t observers)
{
    return (7 * observers + 9) / 10;
}

static void send_miss(struct jury *j, struct turn *t, const struct ulid *to, struct bytes payload)
{
    struct bytes uri = core_uri(j->core, to, ADDR_ROLE_PROBE);
    if (uri.len > 0)
        post_send(t->post, t->out, uri, WIRE_MISS, payload, /* correlation= */ 0);
}

void jury_tell(struct jury *j, struct turn *t, struct watch *w, bool missing)
{
    struct miss m = {.about = w->id, .incarnation = w->incarnation, .missing = missing};
    struct buf payload = {0};
    miss_encode(&payload, &m);
    for (size_t i = 0; i < w->seats_n; i++)
        send_miss(j, t, &w->seats[i].id, buf_bytes(&payload));
    if (missing) {
        send_miss(j, t, &w->id, buf_bytes(&payload));
        if (w->told_us == 0)
            w->told_us = t->now_us;
    }
    buf_deinit(&payload);
}

void jury_note(struct jury *j, struct turn *t, const struct incoming *in, const struct miss *m,
               struct watch *w)
{
    struct seat *seat = watch_seat_of(w, &in->who.id);
    j->core->counts.reports_received++;
    if (seat && m->incarnation == w->incarnation) {
        seat->says = m->missing ? SAYS_MISSING : SAYS_FINE;
        seat->said_us = t->now_us;
    }
    if (in->route == 0)
        return; /* that was an answer */
    struct miss own = {
        .about = w->id, .incarnation = w->incarnation, .missing = w->misses >= WATCH_MISSES};
    struct buf payload = {0};
    miss_encode(&payload, &own);
    post_reply(t->post, t->out, in->route, WIRE_MISS, buf_bytes(&payload),
               in->envelope->correlation);
    buf_deinit(&payload);
}

void jury_heard(struct watch *w, const struct ulid *from, kith_time now_us)
{
    struct seat *seat = w->told_us > 0 ? watch_seat_of(w, from) : NULL;
    if (seat)
        seat->heard_us = now_us;
}

static bool agrees(const struct seat *s, kith_time now_us)
{
    return s->says == SAYS_MISSING && now_us - s->said_us < SAID_HOLDS;
}

/* Not heard since it was told, or for a while. */
static bool unheard(const struct watch *w, const struct seat *s, kith_time now_us, kith_time since)
{
    if (s->heard_us < w->told_us)
        return now_us - w->told_us >= since;
    return now_us - s->heard_us >= since + KITH_SEC;
}

static size_t count_unheard(const struct watch *w, kith_time now_us, kith_time since)
{
    size_t n = 0;
    for (size_t i = 0; i < w->seats_n; i++)
        n += !agrees(&w->seats[i], now_us) && unheard(w, &w->seats[i], now_us, since);
    return n;
}

static size_t count_agree(const struct watch *w, kith_time now_us)
{
    size_t n = 1; /* this peer */
    for (size_t i = 0; i < w->seats_n; i++)
        n += agrees(&w->seats[i], now_us);
    return n;
}

/* Nobody at all is heard: this peer alone decides, and for itself. */
static bool deaf(const struct jury *j, const struct turn *t)
{
    return t->now_us - j->core->heard_us >= UNHEARD_LONG;
}

static bool enough(const struct jury *j, const struct turn *t, const struct watch *w)
{
    size_t need = jury_quorum(w->seats_n + 1);
    size_t agree = count_agree(w, t->now_us);
    if (agree >= need)
        return true;
    if (agree < 2)
        return deaf(j, t);
    kith_time since = jury_patience(j);
    if (2 * agree < need)
        since = j->core->wan ? 2 * UNHEARD_LONG : UNHEARD_LONG;
    return agree + count_unheard(w, t->now_us, since) >= need;
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
    if (!w->subject || w->misses < WATCH_MISSES || !core_alive(j->core, &w->id) || !enough(j, t, w))
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
    bool alone = n == 1 && j->core->heard_us < w->told_us;
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
    j->alone_n = 0;
}

bool jury_is_alone(const struct jury *j)
{
    return j->alone_n > 0;
}
