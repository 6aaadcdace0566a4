#include "control/holder.h"

#include "control/inside.h"
#include "control/keeper.h"

int ballot_compare(const struct ballot *a, const struct ballot *b)
{
    if (a->round != b->round)
        return a->round < b->round ? -1 : 1;
    return ulid_compare(&a->node, &b->node);
}

void holder_deinit(struct holder *h)
{
    arena_deinit(&h->mem);
}

/* ---- over restarts ---- */

static void save(const struct holder *h, struct turn *t)
{
    struct buf value = {0};
    struct held_row row = {.promised = h->promised,
                           .held = h->held,
                           .number = h->number,
                           .shown = h->shown,
                           .records = h->records,
                           .records_n = h->records_n};

    held_row_encode(&value, &row);
    state_put_local(t->state, bytes_str(HOLDER_LOCAL), buf_bytes(&value));
    buf_deinit(&value);
}

static void keep(struct holder *h, const struct bytes *records, uint32_t n)
{
    arena_reset(&h->mem);
    h->records = arena_array(&h->mem, n, sizeof(*h->records));
    h->records_n = n;
    for (uint32_t i = 0; i < n; i++)
        h->records[i] = arena_bytes(&h->mem, records[i]);
}

static void load(struct holder *h, struct turn *t, struct bytes value)
{
    struct arena mem = {0};
    struct held_row row;
    struct wire_error err;

    if (held_row_decode(&row, value, &mem, &err) == 0) {
        h->promised = row.promised;
        h->held = row.held;
        h->number = row.number;
        h->shown = row.shown;
        h->since_us = t->now_us;
        keep(h, row.records, row.records_n);
        for (uint32_t i = 0; i < row.records_n; i++)
            state_foresee(t->state, row.records[i]);
    }
    arena_deinit(&mem);
}

void holder_start(struct control *c, struct turn *t, const struct event_start *start)
{
    for (size_t i = 0; i < start->locals_n; i++) {
        if (bytes_equal_str(start->locals[i].name, HOLDER_LOCAL))
            load(&c->holder, t, start->locals[i].value);
    }
}

/* ---- read ---- */

struct reading {
    const struct state *state;
    struct bytes *records; /* in mem */
    uint32_t n;
    size_t bytes;
    bool too_many;
};

static void add(struct reading *r, const struct row *row)
{
    if (!row)
        return;
    if (r->n == KEYS_TOLD_RECORDS_MAX_ITEMS) {
        r->too_many = true;
        return;
    }
    r->records[r->n++] = row->record;
}

static void add_tree(struct reading *r, enum table_id table, struct bytes prefix)
{
    const struct row *row = state_first_held(r->state, table, prefix);
    uint32_t from = r->n;

    for (; row && !r->too_many; row = state_next_held(r->state, row, prefix)) {
        r->bytes += row->record.len;
        r->too_many = r->n - from >= HOLDER_TREE_ROWS || r->bytes > HOLDER_TREE_BYTES;
        add(r, row);
    }
}

static void read_rows(const struct state *state, const struct keys_ask *ask, struct keys_told *ret,
                      struct arena *mem)
{
    struct reading r = {.state = state,
                        .records =
                            arena_array(mem, KEYS_TOLD_RECORDS_MAX_ITEMS, sizeof(*r.records))};

    for (uint32_t i = 0; i < ask->keys_n; i++) {
        add(&r, state_held(state, TABLE_ID_KEY, ask->keys[i]));
        add(&r, state_held(state, TABLE_ID_LOCK, ask->keys[i]));
    }
    for (uint32_t i = 0; i < ask->trees_n && !r.too_many; i++) {
        add_tree(&r, TABLE_ID_KEY, ask->trees[i]);
        add_tree(&r, TABLE_ID_LOCK, ask->trees[i]);
    }
    ret->records = r.records;
    ret->records_n = r.n;
    ret->too_many = r.too_many;
}

/* ---- what keepers ask ---- */

/* False: it follows a later one. */
static bool follow(struct holder *h, const struct ballot *b)
{
    int order = ballot_compare(b, &h->promised);

    if (order > 0)
        h->promised = *b;
    return order >= 0;
}

static void read(struct holder *h, struct turn *t, const struct keys_ask *ask,
                 struct keys_told *ret, struct arena *mem)
{
    bool known = ballot_compare(&ask->ballot, &h->promised) == 0;

    ret->refused = !follow(h, &ask->ballot);
    if (ret->refused)
        return;
    if (!known)
        save(h, t);
    ret->held = h->held;
    ret->number = h->number;
    ret->shown = h->shown;
    ret->held_records = h->records;
    ret->held_records_n = h->records_n;
    read_rows(t->state, ask, ret, mem);
}

/* An ask that was overtaken on its way is refused; the same one again is not. */
static bool is_late(const struct holder *h, const struct keys_ask *ask)
{
    return ballot_compare(&ask->ballot, &h->held) == 0 && ask->number < h->number;
}

/* What could not be shown here is not held here: a majority that holds it has to be able to show it. */
static bool can_show(struct turn *t, const struct keys_ask *ask)
{
    for (uint32_t i = 0; i < ask->records_n; i++) {
        if (state_is_ahead(t->state, ask->records[i]))
            return false;
    }
    return true;
}

static void hold(struct holder *h, struct turn *t, const struct keys_ask *ask,
                 struct keys_told *ret)
{
    bool same = ballot_compare(&ask->ballot, &h->held) == 0 && ask->number == h->number;

    ret->refused = !follow(h, &ask->ballot) || is_late(h, ask);
    if (ret->refused || same)
        return;
    h->since_us = t->now_us;
    h->held = ask->ballot;
    h->number = ask->number;
    h->shown = false;
    keep(h, ask->records, ask->records_n);
    save(h, t);
}

/* Whether the record, or one that wins over it, is among the rows. */
static bool is_in(struct turn *t, struct bytes record, struct arena *mem)
{
    struct record r;
    struct wire_error err;

    if (record_decode(&r, record, mem, &err) != 0)
        return true; /* nobody will ever take it in */
    const struct row *row = state_held(t->state, r.table, r.key);

    if (!row || row->version.minor < r.version.minor)
        return false;
    return row->version.minor > r.version.minor || ulid_compare(&row->origin, &r.origin) >= 0;
}

/* Notes it when what is held has been shown. Its records stay until others take their place: whoever missed them may still need
 * them. */
static void settle(struct holder *h, struct turn *t)
{
    struct arena mem = {0};
    bool all = true;

    for (uint32_t i = 0; i < h->records_n && all; i++)
        all = is_in(t, h->records[i], &mem);
    arena_deinit(&mem);
    if (!all)
        return;
    h->shown = true;
    save(h, t);
}

/* Who missed that it was to be held learns it now. */
static void learn(struct holder *h, struct turn *t, const struct keys_ask *ask)
{
    int order = ballot_compare(&ask->ballot, &h->held);

    if (order < 0 || (order == 0 && ask->number < h->number) ||
        (order == 0 && ask->number == h->number && h->shown))
        return;
    (void)follow(h, &ask->ballot);
    h->held = ask->ballot;
    h->number = ask->number;
    h->shown = true;
    keep(h, ask->records, ask->records_n);
    save(h, t);
}

/* False: a row cannot be taken in now, such as one of a clock that is far ahead. */
static bool show(struct holder *h, struct turn *t, const struct keys_ask *ask)
{
    for (uint32_t i = 0; i < ask->records_n; i++) {
        int r = state_merge(t->state, ask->records[i]);

        if (r != STATE_DONE && r != STATE_OLD)
            return false;
    }
    learn(h, t, ask);
    return true;
}

bool holder_ask(struct control *c, struct turn *t, const struct keys_ask *ask,
                struct keys_told *ret, struct arena *mem)
{
    struct holder *h = &c->holder;
    bool good = true;

    *ret = (struct keys_told){0};
    switch (ask->phase) {
    case KEYS_PHASE_READ:
        read(h, t, ask, ret, mem);
        break;
    case KEYS_PHASE_HOLD:
        good = can_show(t, ask);
        if (good)
            hold(h, t, ask, ret);
        break;
    case KEYS_PHASE_SHOW:
        good = show(h, t, ask);
        break;
    default:
        return false;
    }
    ret->promised = h->promised;
    ret->members = quorum_of(c).known;
    return good;
}

void holder_receive(struct control *c, struct turn *t, const struct incoming *in)
{
    struct keys_ask ask;
    struct keys_told told;
    struct arena mem = {0};
    struct wire_error err;
    struct buf out = {0};

    if (keys_ask_decode(&ask, in->payload, &mem, &err) == 0 &&
        holder_ask(c, t, &ask, &told, &mem)) {
        keys_told_encode(&out, &told);
        turn_reply(t, in, WIRE_KEYS_TOLD, buf_bytes(&out), state_unstored(t->state));
    }
    buf_deinit(&out);
    arena_deinit(&mem);
}

void holder_row(struct control *c, struct turn *t)
{
    if (!c->holder.shown && c->holder.records_n)
        settle(&c->holder, t);
}
