/*
 * confirm: the peer that took a command sends its rows, in parts of one frame, to every member that is to have
 * them; each answers each part (`confirmed`, with the part's number as correlation).
 */
#include "control/confirm.h"

#include "base/mem.h"
#include "control/inside.h"
#include "control/standing.h"
#include "wire/text.h"

#include <string.h>

#define PART_BYTES  60000u /* of records, unless one is larger */
#define NAMES_SHOWN 8u

struct confirmer { /* a member and what it has said */
    struct ulid node;
    uint64_t parts;     /* bits of those that it has confirmed */
    kith_time asked_us; /* KITH_NEVER: not yet */
};

struct confirm {
    uint64_t number; /* of its first part; the others follow */
    struct ack ack;
    struct envelope envelope;
    struct principal who;
    uint64_t route;
    enum wire_kind kind;
    struct buf payload; /* the answer */
    struct buf parts[CONFIRM_PARTS];
    uint32_t parts_n;
    struct confirmer *members;
    uint32_t members_n, members_cap;
    uint64_t token; /* nobody hears of the rows before this batch is on disk here */
    kith_time until_us;
};

static void confirm_free(struct confirm *w)
{
    for (uint32_t k = 0; k < w->parts_n; k++)
        buf_deinit(&w->parts[k]);
    buf_deinit(&w->payload);
    mem_free(w->members);
    mem_free(w);
}

void confirms_deinit(struct confirms *c)
{
    while (c->count)
        confirm_free(c->items[--c->count]);
}

/* ---- rows ---- */

void confirm_rows_deinit(struct confirm_rows *r)
{
    arena_deinit(&r->mem);
    mem_free(r->records);
    *r = (struct confirm_rows){0};
}

static void add_record(struct confirm_rows *r, struct bytes record)
{
    if (r->records_n == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 16;
        r->records = mem_grow(r->records, r->cap, sizeof(*r->records));
    }
    r->records[r->records_n++] = arena_bytes(&r->mem, record);
}

void confirm_row(struct confirm_rows *r, const struct turn *t, enum table_id table,
                 struct bytes key)
{
    const struct row *row = state_held(t->state, table, key);

    if (row)
        add_record(r, row->record);
}

void confirm_unpushed(struct confirm_rows *r, const struct turn *t)
{
    const struct bytes *records;
    size_t n = state_unpushed(t->state, &records);

    for (size_t i = 0; i < n; i++)
        add_record(r, records[i]);
}

/* Packs them into payloads. False: they are too many. */
static bool make_parts(struct confirm *w, const struct confirm_rows *rows)
{
    for (uint32_t at = 0; at < rows->records_n;) {
        struct confirm_ask part = {.durable = w->ack.kind != ACK_KIND_CONVERGED,
                                   .records = rows->records + at};
        size_t bytes = 0;

        if (w->parts_n == CONFIRM_PARTS)
            return false;
        while (at < rows->records_n && (!part.records_n || bytes < PART_BYTES))
            bytes += rows->records[at++].len, part.records_n++;
        confirm_ask_encode(&w->parts[w->parts_n++], &part);
    }
    return true;
}

/* ---- who is to confirm ---- */

static bool has_all(const struct confirm *w, const struct confirmer *m)
{
    uint64_t all = w->parts_n == CONFIRM_PARTS ? UINT64_MAX : (UINT64_C(1) << w->parts_n) - 1;

    return m->parts == all;
}

static struct confirmer *find_member(struct confirm *w, const struct ulid *node)
{
    for (uint32_t k = 0; k < w->members_n; k++) {
        if (ulid_equal(&w->members[k].node, node))
            return &w->members[k];
    }
    return NULL;
}

static struct confirmer *need_member(struct confirm *w, const struct ulid *node)
{
    struct confirmer *m = find_member(w, node);

    if (m)
        return m;
    if (w->members_n == w->members_cap) {
        w->members_cap = w->members_cap ? 2 * w->members_cap : 16;
        w->members = mem_grow(w->members, w->members_cap, sizeof(*w->members));
    }
    w->members[w->members_n] = (struct confirmer){.node = *node, .asked_us = KITH_NEVER};
    return &w->members[w->members_n++];
}

/* How many have it, and how many are to have it; both with this peer. */
struct tally {
    uint32_t have, wanted;
};

static struct tally count(const struct control *c, struct confirm *w)
{
    struct tally t = {.have = 1};
    uint32_t live = 1, known = 1;

    for (const struct member *m = members_first(c->catalog.members); m;
         m = members_next(c->catalog.members, m)) {
        if (ulid_equal(&m->id, &c->self) || m->forgotten)
            continue;
        const struct confirmer *said = find_member(w, &m->id);
        bool lives = m->state == MEMBER_STATE_ALIVE;

        live += lives;
        known += lives || m->state == MEMBER_STATE_DEAD;
        t.have += said && has_all(w, said) && (lives || w->ack.kind != ACK_KIND_CONVERGED);
    }
    t.wanted = w->ack.kind == ACK_KIND_COUNT      ? w->ack.count
               : w->ack.kind == ACK_KIND_MAJORITY ? known / 2 + 1
                                                  : live;
    return t;
}

/* Whether everybody who lives has it; for all and converged a count is not enough, since some may have died since. */
static bool all_live_have(const struct control *c, struct confirm *w)
{
    for (const struct member *m = members_first(c->catalog.members); m;
         m = members_next(c->catalog.members, m)) {
        if (ulid_equal(&m->id, &c->self) || m->forgotten || m->state != MEMBER_STATE_ALIVE)
            continue;
        const struct confirmer *said = find_member(w, &m->id);

        if (!said || !has_all(w, said))
            return false;
    }
    return true;
}

static bool is_enough(const struct control *c, struct confirm *w)
{
    struct tally t = count(c, w);

    if (w->ack.kind == ACK_KIND_ALL || w->ack.kind == ACK_KIND_CONVERGED)
        return all_live_have(c, w);
    return t.have >= t.wanted;
}

/* ---- asking ---- */

static void ask(struct turn *t, struct confirm *w, struct confirmer *m, struct bytes uri)
{
    uint64_t before = effects_wait(t->out, w->token);

    for (uint32_t k = 0; k < w->parts_n; k++) {
        if (!(m->parts & UINT64_C(1) << k))
            post_send(t->post, t->out, uri, WIRE_CONFIRM_ASK, buf_bytes(&w->parts[k]),
                      w->number + k);
    }
    effects_wait(t->out, before);
    m->asked_us = t->now_us;
}

/* Asks members that live and have not answered lately, as many as the window takes. */
static void ask_all(struct control *c, struct turn *t, struct confirm *w)
{
    uint32_t under_way = 0;

    for (uint32_t k = 0; k < w->members_n; k++)
        under_way += !has_all(w, &w->members[k]) &&
                     t->now_us - w->members[k].asked_us < CONFIRM_RETRY &&
                     w->members[k].asked_us != KITH_NEVER;
    for (const struct member *m = members_first(c->catalog.members);
         m && under_way < CONFIRM_WINDOW; m = members_next(c->catalog.members, m)) {
        struct bytes uri = member_uri(m, ADDR_ROLE_BULK);

        if (ulid_equal(&m->id, &c->self) || m->forgotten || m->state != MEMBER_STATE_ALIVE ||
            !uri.len)
            continue;
        struct confirmer *said = need_member(w, &m->id);

        if (has_all(w, said) ||
            (said->asked_us != KITH_NEVER && t->now_us - said->asked_us < CONFIRM_RETRY))
            continue;
        ask(t, w, said, uri);
        under_way++;
    }
}

/* ---- ends ---- */

static struct incoming asker(const struct confirm *w)
{
    return (struct incoming){.who = w->who, .envelope = &w->envelope, .route = w->route};
}

static void drop(struct confirms *c, uint32_t index)
{
    confirm_free(c->items[index]);
    c->items[index] = c->items[--c->count];
}

static void succeed(struct turn *t, const struct confirm *w)
{
    struct incoming in = asker(w);

    turn_reply(t, &in, w->kind, buf_bytes(&w->payload), w->token);
}

static void say_missing(const struct control *c, struct confirm *w, struct buf *out)
{
    uint32_t missing = 0;

    for (const struct member *m = members_first(c->catalog.members); m;
         m = members_next(c->catalog.members, m)) {
        const struct confirmer *said = find_member(w, &m->id);

        if (ulid_equal(&m->id, &c->self) || m->forgotten || m->state == MEMBER_STATE_LEFT ||
            (said && has_all(w, said)))
            continue;
        if (missing++ < NAMES_SHOWN)
            buf_printf(out, "%s" BYTES_FMT "%s", missing > 1 ? ", " : "",
                       BYTES_ARG(node_name(&c->catalog, &m->id)),
                       m->state == MEMBER_STATE_ALIVE ? "" : " (dead)");
    }
    if (missing > NAMES_SHOWN)
        buf_printf(out, " and %u more", missing - NAMES_SHOWN);
    if (!missing)
        buf_str(out, "there are no other members");
}

static void give_up(const struct control *c, struct turn *t, struct confirm *w)
{
    struct tally now = count(c, w);
    struct incoming in = asker(w);
    struct buf missing = {0};

    say_missing(c, w, &missing);
    turn_fail(
        t, &in, FAIL_CODE_UNCONFIRMED,
        "done here, but only %u of %u have %s in time; missing: %s. It reaches them as they come back",
        now.have, now.wanted, w->ack.kind == ACK_KIND_CONVERGED ? "taken it in" : "it on disk",
        buf_cstr(&missing));
    buf_deinit(&missing);
}

kith_time confirm_settle(struct control *c, struct turn *t)
{
    struct confirms *all = &c->confirms;
    kith_time at_us = KITH_NEVER;

    for (uint32_t k = all->count; k-- > 0;) {
        struct confirm *w = all->items[k];

        if (is_enough(c, w)) {
            succeed(t, w);
            drop(all, k);
        } else if (t->now_us >= w->until_us) {
            give_up(c, t, w);
            drop(all, k);
        } else {
            ask_all(c, t, w);
            at_us = kith_time_min(at_us, kith_time_min(w->until_us, t->now_us + CONFIRM_RETRY));
        }
    }
    return at_us;
}

/* ---- requests ---- */

static kith_time time_of(const struct incoming *in)
{
    uint64_t ms = in->envelope->deadline_ms;

    if (ms == 0 || ms > INT32_MAX)
        return CONFIRM_TIME;
    return (kith_time)(ms - ms / 10) * KITH_MS;
}

static struct confirm *begin(const struct turn *t, const struct incoming *in, const struct ack *ack,
                             enum wire_kind kind, struct bytes payload)
{
    struct confirm *w = mem_alloc(sizeof(*w));

    w->ack = *ack;
    w->envelope.correlation = in->envelope->correlation;
    w->who = (struct principal){.kind = in->who.kind, .id = in->who.id};
    w->route = in->route;
    w->kind = kind;
    buf_append(&w->payload, payload.data, payload.len);
    w->token = state_unstored(t->state);
    w->until_us = t->now_us + time_of(in);
    return w;
}

void confirm_answer(struct control *c, struct turn *t, const struct incoming *in,
                    const struct ack *ack, const struct confirm_rows *rows, enum wire_kind kind,
                    struct bytes payload)
{
    struct confirms *all = &c->confirms;

    if (ack->kind == ACK_KIND_HERE || in->route == 0) {
        turn_reply(t, in, kind, payload, state_unstored(t->state));
        return;
    }
    if (all->count == CONFIRMS_MAX) {
        turn_fail(t, in, FAIL_CODE_UNCONFIRMED,
                  "done here, but too many commands wait to be confirmed by others");
        return;
    }
    struct confirm *w = begin(t, in, ack, kind, payload);

    if (!make_parts(w, rows)) {
        turn_fail(t, in, FAIL_CODE_UNCONFIRMED,
                  "done here, but it is too much to be confirmed by others: apply it in parts");
        confirm_free(w);
        return;
    }
    w->number = all->last + 1;
    all->last += CONFIRM_PARTS;
    all->items[all->count++] = w;
    c->dirty = true;
}

/* ---- between peers ---- */

void confirm_receive(struct control *c, struct turn *t, const struct incoming *in)
{
    struct confirm_ask request;
    struct arena mem = {0};
    struct buf out = {0};
    struct wire_error err;
    bool good = confirm_ask_decode(&request, in->payload, &mem, &err) == 0;

    (void)c;
    for (uint32_t k = 0; good && k < request.records_n; k++) {
        int r = state_merge(t->state, request.records[k]);

        good = r == STATE_DONE || r == STATE_OLD || r == STATE_FROZEN;
    }
    if (good) { /* who cannot take it in says nothing: the one that asks names it */
        confirmed_encode(&out, &(struct confirmed){0});
        turn_reply(t, in, WIRE_CONFIRMED, buf_bytes(&out),
                   request.durable ? state_unstored(t->state) : 0);
    }
    buf_deinit(&out);
    arena_deinit(&mem);
}

void confirm_received(struct control *c, struct turn *t, const struct incoming *in)
{
    uint64_t number = in->envelope->correlation;

    (void)t;
    for (uint32_t k = 0; k < c->confirms.count; k++) {
        struct confirm *w = c->confirms.items[k];

        if (number < w->number || number >= w->number + w->parts_n)
            continue;
        struct confirmer *m = find_member(w, &in->who.id);

        if (m)
            m->parts |= UINT64_C(1) << (number - w->number);
        c->dirty = true;
    }
}
