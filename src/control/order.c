#include "control/order.h"

#include "base/plant.h"

uint32_t order_waits(const struct control *c, const struct service_spec *spec, kith_time now_us,
                     struct arena *mem, const struct bytes **ret_names, kith_time *at_us)
{
    const struct service *self = catalog_find(&c->catalog, spec->name);
    struct bytes *names = arena_array(mem, spec->needs_n, sizeof(*names));
    uint32_t count = 0;

    *ret_names = names;
    if (PLANTED(PLANT_START_BEFORE_NEEDS))
        return 0;
    for (uint32_t k = 0; k < spec->needs_n; k++) {
        const struct service *need = catalog_find(&c->catalog, spec->needs[k]);

        if (need && self && graph_edge_state(c->catalog.graph, &self->id, &need->id) == GRAPH_HELD)
            continue; /* it would close a cycle: not acted on, and shown */
        if (!need || !service_ready(&c->catalog, need, now_us, at_us))
            names[count++] = arena_bytes(mem, spec->needs[k]);
    }
    return count;
}

/* Something of it runs, and is to stop. */
static bool is_ending(const struct control *c, const struct service *user)
{
    bool all = c->halting || c->leaving || !service_active(&c->catalog, user);
    struct instance *i;

    FLEET_FOREACH (i, service_fleet(user)) {
        if (!instance_runs(&c->catalog, i) ||
            (c->leaving && !c->halting && !ulid_equal(instance_node(i), &c->self)))
            continue;
        if (all || !instance_placed(&c->catalog, i))
            return true;
    }
    return false;
}

bool order_may_stop(const struct control *c, const struct service *s)
{
    struct service *user;

    SERVICES_FOREACH(user, &c->catalog)
    {
        if (user != s && service_needs(&c->catalog, user, s) && is_ending(c, user))
            return false;
    }
    return true;
}
