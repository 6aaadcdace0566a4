#include "gossip/core.h"

#include "state/merge.h"

/* This share of late answers, in 65536ths. */
#define LOSS 20000

struct bytes core_uri(const struct core *c, const struct ulid *id, enum addr_role role)
{
    const struct member *m = members_get(c->members, id);
    return m && m->row ? member_uri(m, role) : (struct bytes){0};
}

struct bytes core_name(const struct core *c, const struct ulid *id, struct ulid_text *mem)
{
    const struct member *m = members_get(c->members, id);
    if (m && m->row && m->row->name.len > 0)
        return m->row->name;
    *mem = ulid_text(id);
    return bytes_str(mem->s);
}

bool core_alive(const struct core *c, const struct ulid *id)
{
    const struct member *m = members_get(c->members, id);
    return m && m->row && m->state == MEMBER_STATE_ALIVE;
}

void core_saw_delay(struct core *c, bool late)
{
    /* A mean that forgets one part in 32 with each; in 65536ths, so that small steps are not lost. */
    c->late_share += ((late ? 65536 : 0) - c->late_share) / 32;
}

bool core_sees_loss(const struct core *c)
{
    return c->late_share >= LOSS;
}

size_t core_others(const struct core *c)
{
    return members_alive(c->members) - core_alive(c, &c->self);
}

void core_measured(struct core *c, const struct ulid *id, kith_time rtt_us)
{
    c->trips[c->trips_n++ % CORE_TRIPS] = (struct core_trip){.id = *id, .rtt_us = rtt_us};
}

const struct member *core_any(const struct core *c, struct turn *t)
{
    return members_draw(c->members, t->rng, &c->self);
}

static bool is_dead(const struct core *c, const struct member *m)
{
    return m->state == MEMBER_STATE_DEAD && m->row && !m->forgotten &&
           !ulid_equal(&m->id, &c->self);
}

/* Each as likely: the second of two passes stops at the one drawn. */
const struct member *core_any_dead(const struct core *c, struct turn *t)
{
    const struct member *m;
    uint64_t n = 0;
    if (members_dead(c->members) == 0)
        return NULL;
    for (m = members_first(c->members); m; m = members_next(c->members, m))
        n += is_dead(c, m);
    if (n == 0)
        return NULL;
    uint64_t drawn = rng_below(t->rng, n);
    for (m = members_first(c->members); m; m = members_next(c->members, m)) {
        if (is_dead(c, m) && drawn-- == 0)
            return m;
    }
    return NULL;
}

int core_forget(const struct core *c, struct turn *t, const struct member *m, bool for_good,
                const char *why)
{
    struct verdict_row verdict = {
        .observers = &c->self,
        .observers_n = 1,
        .at_ms = t->wall_us / KITH_MS,
        .reason = bytes_str(why),
        .forgotten = true,
    };
    const struct row *held = state_get(t->state, TABLE_ID_VERDICT, ulid_bytes(&m->id));
    uint64_t major = for_good ? STATE_MAJOR_MAX : m->incarnation;
    if (held && held->version.major > major)
        major = held->version.major;
    struct buf value = {0};
    verdict_row_encode(&value, &verdict);
    int result =
        state_put(t->state, TABLE_ID_VERDICT, ulid_bytes(&m->id), buf_bytes(&value), major, 0);
    buf_deinit(&value);
    return result;
}
