#include "gossip/confirm.h"

#include "base/plant.h"

static bool read_row(const struct turn *t, const struct ulid *id, struct confirm_row *ret)
{
    const struct row *row = state_get(t->state, TABLE_ID_CONFIRM, ulid_bytes(id));
    struct wire_error err;

    return row && confirm_row_decode(ret, row->value, /* mem= */ NULL, &err) == 0;
}

void confirm_start(struct confirm *c, struct core *core, struct turn *t, kith_time period_us)
{
    struct confirm_row own;

    *c = (struct confirm){.core = core, .period_us = period_us ? period_us : CONFIRM_PERIOD};
    if (read_row(t, &core->self, &own))
        state_confirm(t->state, own.until_ms); /* a former run said so */
}

/* The end of the last period but one: what was deleted then has been under way for a period at least. */
static int64_t until_ms(const struct confirm *c, const struct turn *t)
{
    int64_t period_ms = c->period_us / KITH_MS;

    return (t->wall_us / KITH_MS / period_ms - 1) * period_ms;
}

static bool same(const struct confirm_row *a, const struct confirm_row *b)
{
    return a->until_ms == b->until_ms && a->digest == b->digest && a->count == b->count;
}

static void write_row(const struct confirm *c, struct turn *t, const struct confirm_row *row)
{
    struct confirm_row held;
    struct buf value = {0};

    if (read_row(t, &c->core->self, &held) && same(&held, row) &&
        held.collected_ms == row->collected_ms)
        return;
    state_confirm(t->state, row->until_ms);
    confirm_row_encode(&value, row);
    (void)state_put(t->state, TABLE_ID_CONFIRM, ulid_bytes(&c->core->self), buf_bytes(&value),
                    /* major= */ 0, /* expires_ms= */ 0);
    buf_deinit(&value);
}

/* Those that somebody found to be held by all. */
static int64_t collected_anywhere(const struct confirm *c, const struct turn *t)
{
    int64_t latest_ms = 0;
    struct confirm_row row;

    for (const struct member *m = members_first(c->core->members); m;
         m = members_next(c->core->members, m)) {
        if (!m->forgotten && read_row(t, &m->id, &row) && row.collected_ms > latest_ms)
            latest_ms = row.collected_ms;
    }
    return latest_ms;
}

static bool all_say(const struct confirm *c, const struct turn *t, const struct confirm_row *own)
{
    struct confirm_row row;

    if (PLANTED(PLANT_EARLY_COLLECTION))
        return true;
    for (const struct member *m = members_first(c->core->members); m;
         m = members_next(c->core->members, m)) {
        if (!m->forgotten && (!read_row(t, &m->id, &row) || !same(&row, own)))
            return false;
    }
    return true;
}

static void look(struct confirm *c, struct turn *t)
{
    struct confirm_row own = {.until_ms = until_ms(c, t)};

    c->core->counts.tombstones_collected += state_collect(t->state, collected_anywhere(c, t));
    if (own.until_ms - state_collected(t->state) >= CONFIRM_LATE * (c->period_us / KITH_MS))
        c->core->counts.tombstones_collected += state_collect_late(t->state);
    own.collected_ms = state_collected(t->state);
    own.digest = state_tombstones_until(t->state, own.until_ms, &own.count);
    if (own.count > 0) {
        write_row(c, t, &own);
        if (all_say(c, t, &own)) {
            c->core->counts.tombstones_collected += state_collect(t->state, own.until_ms);
            own.collected_ms = state_collected(t->state);
            write_row(c, t, &own);
        }
    } else if (read_row(t, &c->core->self, &own) && own.collected_ms < state_collected(t->state)) {
        own.collected_ms = state_collected(t->state);
        write_row(c, t, &own);
    }
}

void confirm_time(struct confirm *c, struct turn *t)
{
    if (t->now_us < c->look_us)
        return;
    c->look_us = t->now_us + c->period_us / CONFIRM_LOOKS;
    c->core->counts.tombstones = state_tombstones(t->state);
    if (c->core->member && !c->core->leaving && !state_clock_ahead(t->state))
        look(c, t);
}

kith_time confirm_deadline(const struct confirm *c)
{
    return c->look_us;
}
