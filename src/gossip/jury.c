#include "gossip/jury.h"

/* What another said holds for so long; it says it again every three seconds while it stands. */
#define SAID_HOLDS (7 * KITH_SEC)
/* One that observes this peer, and so probes it every second, is silent when it was not heard for a
 * period and the time that an answer may take. */
#define SILENT_LAN (2500 * KITH_MS)
#define SILENT_WAN (8 * KITH_SEC)
/* Nobody at all is heard; four times as long after each time that this was a mistake, so that one who hears a
 * word now and then does not call all others dead and alive in turns. */
#define DEAF_AFTER (3 * KITH_SEC)
#define DEAF_MAX   3
/* Each waits so much longer than the one before it to write the verdict. */
#define TURN_LAN (30 * KITH_MS)
#define TURN_WAN (150 * KITH_MS)

size_t jury_quorum(size_t observers)
{
    return (7 * observers + 9) / 10;
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

/* On a connection that stands: the own one to a subject, the other's one to this peer. */
static void send_miss(struct jury *j, struct turn *t, const struct ulid *to, struct bytes payload)
{
    const struct watch *w = watch_find(j->watches, to);
    if (w && !w->subject && w->route != 0) {
        if (!is_silent(j, to, t->now_us))
            post_reply(t->post, t->out, w->route, WIRE_MISS, payload, /* correlation= */ 0);
        return;
    }
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
    w->told_us = missing ? t->now_us : 0;
    buf_deinit(&payload);
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
}

static bool agrees(const struct seat *s, kith_time now_us)
{
    return s->says == SAYS_MISSING && now_us - s->said_us < SAID_HOLDS;
}

static size_t count_silent(const struct jury *j, const struct watch *w, kith_time now_us)
{
    size_t n = 0;
    for (size_t i = 0; i < w->seats_n; i++)
        n += !agrees(&w->seats[i], now_us) && is_silent(j, &w->seats[i].id, now_us);
    return n;
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
    size_t silent = count_silent(j, w, t->now_us);
    if (agree >= jury_quorum(observers))
        return true;
    if (agree < 2)
        return j->alone_n < JURY_PRIVATE_MAX && deaf(j, t);
    return agree >= jury_quorum(observers - silent);
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
