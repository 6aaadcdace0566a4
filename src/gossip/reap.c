#include "gossip/reap.h"

static bool is_first(const struct core *core)
{
    const struct member *m = members_first(core->members);
    while (m && !core_alive(core, &m->id))
        m = members_next(core->members, m);
    return m && ulid_equal(&m->id, &core->self);
}

static kith_time horizon_us(const struct reaper *r)
{
    return r->dead_us > 0 ? r->dead_us : REAP_DEAD;
}

static bool is_over(const struct reaper *r, const struct member *m, kith_time wall_us)
{
    kith_time gone_us = wall_us - m->changed_wall_us;
    if (!m->row || m->forgotten)
        return false;
    return (m->state == MEMBER_STATE_LEFT && gone_us >= REAP_LEFT) ||
           (m->state == MEMBER_STATE_DEAD && gone_us >= horizon_us(r));
}

static void forget(struct core *core, struct turn *t, const struct member *m)
{
    struct ulid_text text;
    struct bytes name = core_name(core, &m->id, &text);
    bool left = m->state == MEMBER_STATE_LEFT;
    const char *why = left ? "left a day ago" : "dead for longer than the horizon";
    if (core_forget(core, t, m, /* for_good= */ false, why) == 0)
        effect_log(t->out, LOG_INFO_, BYTES_FMT " is forgotten: %s", BYTES_ARG(name), why);
}

void reap_time(struct reaper *r, struct core *core, struct turn *t)
{
    if (t->now_us < r->look_us)
        return;
    r->look_us = t->now_us + kith_time_min(REAP_EVERY, horizon_us(r));
    if (!core->member || core->leaving || !is_first(core))
        return;
    const struct member *m = members_first(core->members);
    for (; m; m = members_next(core->members, m)) {
        if (is_over(r, m, t->wall_us))
            forget(core, t, m);
    }
}

kith_time reap_deadline(const struct reaper *r)
{
    return r->look_us;
}
