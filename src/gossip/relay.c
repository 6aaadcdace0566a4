#include "gossip/relay.h"

#include "base/mem.h"

/* Rows kept to be passed on at the end of the step. Beyond it they are left to repair. */
#define RELAY_MAX       2048
#define RELAY_MAX_BYTES (1u << 20)
/* Where each passes on what is news to it, many at once are no news but a snapshot. */
#define RELAY_NEWS_MAX 64
/* News that come so soon after others wait for more of them: each further frame on a connection that loses
 * packets holds up those behind it, and when many hosts go at once there is one for each. */
#define RELAY_GATHER (100 * KITH_MS)
/* Verdicts go along so many of the connections for probes, others each time: more ways around a lost packet, but
 * each frame may also be the lost one that holds up those behind it, which are probes and reports there. */
#define RELAY_BY_PROBES 10
/* Of one death each observer may write a verdict. All need the same row in the end, but who has one is in no hurry
 * for another, and it would hold up the verdicts about other deaths. */
#define RELAY_SETTLED KITH_SEC
/* By which connections the neighbours are told verdicts: all that hear this peer, those that it made, those that they
 * made. Where packets are lost they are taken in turn, so that few wait for the one before on the same. */
enum by { BY_PUB, BY_OWN, BY_THEIRS, BY_N };
/* What guests are told waits for more of it. */
#define TELL_GATHER (30 * KITH_MS)
/* Records, one after the other. */
struct pile {
    struct buf records;
    uint32_t len[RELAY_MAX];
    uint32_t n;
};

struct relay {
    struct core *core;
    const struct neighbours *links;
    struct detect *detect;
    struct spread *spread;
    bool hush;
    uint32_t turns;             /* of enum by */
    kith_time lingers_until_us; /* in full view since lately: others may not be yet */
    kith_time relayed_us;       /* when news were passed on last */
    kith_time settled_us;       /* when `settled` is passed on; KITH_NEVER */
    kith_time tell_us;          /* when `told` is; KITH_NEVER: there are none */
    struct pile news;           /* about members, to be published */
    struct pile settled; /* the same, but nobody's state changed by them: there is no hurry */
    struct pile pushed;  /* others, pushed by one that has all in view */
    struct pile told;    /* about members, for guests and the host */
};

struct relay *relay_new(struct core *core, const struct neighbours *links, struct detect *detect,
                        struct spread *spread)
{
    struct relay *r = mem_alloc(sizeof(*r));
    r->core = core;
    r->links = links;
    r->detect = detect;
    r->spread = spread;
    r->settled_us = r->tell_us = KITH_NEVER;
    return r;
}

void relay_free(struct relay *r)
{
    buf_deinit(&r->news.records);
    buf_deinit(&r->settled.records);
    buf_deinit(&r->pushed.records);
    buf_deinit(&r->told.records);
    mem_free(r);
}

static bool about_members(enum table_id table)
{
    return table == TABLE_ID_MEMBER || table == TABLE_ID_VERDICT || table == TABLE_ID_ADMISSION;
}

static void pile_add(struct pile *p, struct bytes record, uint32_t max)
{
    if (p->n >= max || p->records.len + record.len > RELAY_MAX_BYTES)
        return;
    buf_append(&p->records, record.data, record.len);
    p->len[p->n++] = (uint32_t)record.len;
}

/* The records of a pile, which is empty afterwards; they live in `mem`. */
static struct rows pile_take(struct pile *p, struct arena *mem)
{
    struct bytes all = arena_bytes(mem, buf_bytes(&p->records));
    struct bytes *records = arena_array(mem, p->n, sizeof(*records));
    struct rows rows = {.records = records, .records_n = p->n};
    const uint8_t *at = all.data;
    for (uint32_t i = 0; i < p->n; i++) {
        records[i] = bytes_of(at, p->len[i]);
        at += p->len[i];
    }
    buf_reset(&p->records);
    p->n = 0;
    return rows;
}

/* Some hear this peer and not those whom it hears. */
static bool relays(const struct relay *r, const struct turn *t, bool partial)
{
    return partial || t->now_us < r->lingers_until_us;
}

/* Newcomers hear of it by who let them in, and that one by them. */
static void tell_later(struct relay *r, struct turn *t, const struct row *row)
{
    bool own = ulid_equal(&row->origin, &r->core->self);
    bool up = t->now_us < r->core->settles_us && !own && !r->core->by_host;
    if (!up && !guests_any(&r->core->guests, t->now_us))
        return;
    pile_add(&r->told, row->record, RELAY_MAX);
    r->tell_us = kith_time_min(r->tell_us, t->now_us + TELL_GATHER);
}

void relay_changed(struct relay *r, struct turn *t, const struct row *row, bool moved, bool partial)
{
    if (about_members(row->table))
        tell_later(r, t, row);
    if (ulid_equal(&row->origin, &r->core->self))
        return;
    if (row->table == TABLE_ID_VERDICT && !moved && relays(r, t, partial)) {
        pile_add(&r->settled, row->record, RELAY_MAX);
        r->settled_us = kith_time_min(r->settled_us, t->now_us + RELAY_SETTLED);
    } else if (about_members(row->table)) {
        if (relays(r, t, partial) || r->core->directed)
            pile_add(&r->news, row->record, relays(r, t, partial) ? RELAY_NEWS_MAX : RELAY_MAX);
    } else if (partial && r->core->pushed) {
        pile_add(&r->pushed, row->record, RELAY_MAX);
    }
}

static void publish_rows(struct turn *t, const struct rows *rows)
{
    struct buf payload = {0};
    rows_encode(&payload, rows);
    post_publish(t->post, t->out, WIRE_ROWS, buf_bytes(&payload));
    buf_deinit(&payload);
}

static enum table_id table_of(struct bytes record)
{
    struct arena mem = {0};
    struct record r = {0};
    struct wire_error err;
    enum table_id table = record_decode(&r, record, &mem, &err) == 0 ? r.table : (enum table_id)0;
    arena_deinit(&mem);
    return table;
}

static void tell_neighbours(const struct relay *r, struct turn *t, enum by by, struct bytes news)
{
    for (int i = 0; i < NEIGHBOURS_MAX; i++) {
        if (!neighbours_has(r->links, i))
            continue;
        if (by == BY_OWN)
            neighbours_send(r->links, t, i, WIRE_NEWS, news);
        else
            neighbours_send_aside(r->links, t, i, WIRE_NEWS, news);
    }
}

/* To all neighbours; verdicts also go along the connections of the probes. */
static void publish_news(struct relay *r, struct turn *t, const struct rows *rows, bool partial)
{
    bool in_turn = partial && core_sees_loss(r->core);
    enum by by = in_turn ? (enum by)(r->turns++ % BY_N) : BY_PUB;
    struct arena mem = {0};
    struct bytes *others = arena_array(&mem, rows->records_n, sizeof(*others));
    struct bytes verdicts[RELAY_NEWS_MAX];
    struct news news = {.records = verdicts};
    struct rows rest = {.records = others};
    struct buf payload = {0};
    for (uint32_t i = 0; i < rows->records_n; i++) {
        if (news.records_n < RELAY_NEWS_MAX && table_of(rows->records[i]) == TABLE_ID_VERDICT)
            verdicts[news.records_n++] = rows->records[i];
        else
            others[rest.records_n++] = rows->records[i];
    }
    if (by == BY_PUB)
        publish_rows(t, rows);
    else if (rest.records_n > 0)
        publish_rows(t, &rest);
    if (news.records_n > 0 && relays(r, t, partial)) {
        news_encode(&payload, &news);
        if (by != BY_PUB)
            tell_neighbours(r, t, by, buf_bytes(&payload));
        detect_tell_some(r->detect, t, WIRE_NEWS, buf_bytes(&payload), RELAY_BY_PROBES);
    }
    buf_deinit(&payload);
    arena_deinit(&mem);
}

/* What is about members goes from each to all its neighbours, the rest along the tree. */
static void broadcast_partial(struct relay *r, struct turn *t, const struct rows *all,
                              struct arena *mem)
{
    struct bytes *small = arena_array(mem, all->records_n, sizeof(*small));
    struct bytes *rest = arena_array(mem, all->records_n, sizeof(*rest));
    struct rows news = {.records = small};
    uint32_t rest_n = 0;
    for (uint32_t i = 0; i < all->records_n; i++) {
        if (about_members(table_of(all->records[i])))
            small[news.records_n++] = all->records[i];
        else
            rest[rest_n++] = all->records[i];
    }
    if (news.records_n > 0)
        publish_news(r, t, &news, /* partial= */ true);
    if (rest_n > 0)
        spread_say(r->spread, t, rest, rest_n);
}

void relay_broadcast(struct relay *r, struct turn *t, struct bytes rows_payload, bool partial)
{
    struct arena mem = {0};
    struct rows rows;
    struct wire_error err;
    if (r->hush) {
        r->core->counts.broadcasts_kept++;
        return;
    }
    r->core->counts.broadcasts++;
    if (!partial)
        post_publish(t->post, t->out, WIRE_ROWS, rows_payload);
    else if (rows_decode(&rows, rows_payload, &mem, &err) == 0)
        broadcast_partial(r, t, &rows, &mem);
    arena_deinit(&mem);
}

static void pass_on(struct relay *r, struct turn *t, bool partial)
{
    struct arena mem = {0};
    struct rows news = pile_take(&r->news, &mem), pushed = pile_take(&r->pushed, &mem);
    r->relayed_us = t->now_us;
    r->core->counts.rows_relayed += news.records_n + pushed.records_n;
    if (r->hush)
        r->core->counts.broadcasts_kept++;
    else {
        r->core->counts.broadcasts++;
        if (news.records_n > 0)
            publish_news(r, t, &news, partial);
        if (pushed.records_n > 0)
            spread_say(r->spread, t, pushed.records, pushed.records_n);
    }
    arena_deinit(&mem);
}

static void pass_on_settled(struct relay *r, struct turn *t)
{
    struct arena mem = {0};
    struct rows rows = pile_take(&r->settled, &mem);
    r->settled_us = KITH_NEVER;
    if (!r->hush && rows.records_n > 0)
        publish_rows(t, &rows);
    arena_deinit(&mem);
}

/* What the host itself told is told it again when guests are: it is no news there, and a few frames. */
static void tell_now(struct relay *r, struct turn *t)
{
    struct arena mem = {0};
    struct rows rows = pile_take(&r->told, &mem);
    struct buf payload = {0};
    r->tell_us = KITH_NEVER;
    rows_encode(&payload, &rows);
    bool settling = t->now_us < r->core->settles_us;
    struct bytes host = settling ? buf_bytes(&r->core->host) : (struct bytes){0};
    if (!r->hush)
        guests_tell(&r->core->guests, t, buf_bytes(&payload), host);
    buf_deinit(&payload);
    arena_deinit(&mem);
}

static kith_time pass_on_at(const struct relay *r)
{
    if (r->pushed.n > 0)
        return 0;
    return r->news.n > 0 ? r->relayed_us + RELAY_GATHER : KITH_NEVER;
}

void relay_linger(struct relay *r, kith_time until_us)
{
    r->lingers_until_us = until_us;
}

void relay_hush(struct relay *r, bool hush)
{
    r->hush = hush;
}

void relay_time(struct relay *r, struct turn *t, bool partial)
{
    if (t->now_us >= r->tell_us)
        tell_now(r, t);
    if (t->now_us >= pass_on_at(r))
        pass_on(r, t, partial);
    if (t->now_us >= r->settled_us)
        pass_on_settled(r, t);
}

kith_time relay_deadline(const struct relay *r)
{
    return kith_time_min(kith_time_min(pass_on_at(r), r->settled_us), r->tell_us);
}
