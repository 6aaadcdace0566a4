#include "sim/converge.h"

#include "sim/view.h"

static bool members_agree(struct site_world *w, struct buf *why)
{
    for (uint32_t i = 0; i < w->sites_n; i++) {
        const struct site *s = w->sites[i];
        if (!site_runs(s)) {
            buf_printf(why, "host %u does not run", i + 1);
            return false;
        }
        const struct members *members = peer_members(site_peer(s));
        for (uint32_t j = 0; j < w->sites_n; j++) {
            const struct member *m = members_get(members, site_node(w->sites[j]));
            if (!m || m->state != MEMBER_STATE_ALIVE) {
                buf_printf(why, "host %u holds host %u for %s", i + 1, j + 1,
                           m ? "dead or gone" : "unknown");
                return false;
            }
        }
    }
    return true;
}

static bool rows_agree(struct site_world *w, struct buf *why)
{
    const struct state *first = peer_state(site_peer(w->sites[0]));
    for (uint32_t i = 1; i < w->sites_n; i++) {
        const struct state *other = peer_state(site_peer(w->sites[i]));
        if (state_digest(other) != state_digest(first)) {
            buf_printf(why, "hosts 1 and %u hold different rows (%zu and %zu)", i + 1,
                       state_count(first), state_count(other));
            return false;
        }
    }
    return true;
}

static bool services_are_up(struct site_world *w, struct buf *why)
{
    const struct peer *peer = site_peer(w->sites[0]);
    struct arena mem = {0};
    struct view_service *list;
    size_t n = view_services(peer_state(peer), peer_members(peer), &list, &mem), processes = 0,
           wanted = 0;
    bool ok = true;
    for (size_t i = 0; i < n && ok; i++) {
        const struct view_service *s = &list[i];
        if (s->desired == DESIRED_RUNNING && s->can_run &&
            (s->healthy != s->count || s->live != s->count))
            ok = false;
        if (s->desired != DESIRED_RUNNING && s->live > 0)
            ok = false;
        wanted += s->live;
        if (!ok)
            buf_printf(why, "service %.*s (desired %d) has %u healthy and %u live of %u",
                       (int)s->name.len, (const char *)s->name.data, (int)s->desired, s->healthy,
                       s->live, s->count);
    }
    for (uint32_t i = 0; i < w->sites_n; i++)
        processes += procs_running(site_procs(w->sites[i]));
    if (ok && processes != wanted) {
        buf_printf(why, "%zu processes run, the registry knows of %zu", processes, wanted);
        ok = false;
    }
    arena_deinit(&mem);
    return ok;
}

bool converge_look(struct site_world *w, struct buf *ret_why)
{
    buf_reset(ret_why);
    return members_agree(w, ret_why) && rows_agree(w, ret_why) && services_are_up(w, ret_why);
}
