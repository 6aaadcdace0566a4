#include "control/standing.h"

bool node_lives(const struct catalog *c, const struct ulid *node)
{
    if (ulid_equal(node, &c->self))
        return true;
    const struct member *m = members_get(c->members, node);

    return m && m->state == MEMBER_STATE_ALIVE && !m->forgotten;
}

struct bytes node_name(const struct catalog *c, const struct ulid *node)
{
    const struct member *m = members_get(c->members, node);

    return m && m->row ? m->row->name : bytes_str("?");
}

bool instance_healthy(const struct catalog *c, const struct instance *i)
{
    return i->state == INSTANCE_STATE_RUNNING && node_lives(c, instance_node(i));
}

bool instance_runs(const struct catalog *c, const struct instance *i)
{
    return instance_state_runs((enum instance_state)i->state) && node_lives(c, instance_node(i));
}

bool instance_placed(const struct catalog *c, const struct instance *i)
{
    struct slot slot = instance_slot(i);
    const struct placement *p = catalog_placement(i->service, &slot);

    (void)c;
    return p && ulid_equal(&p->row.instance, instance_id(i)) &&
           ulid_equal(&p->row.node, instance_node(i));
}

bool instance_serves(const struct catalog *c, const struct instance *i)
{
    return instance_healthy(c, i) && instance_placed(c, i);
}

bool service_active(const struct catalog *c, const struct service *s)
{
    return s->known && service_has_spec(s) && s->row.desired == DESIRED_RUNNING &&
           !service_is_alias(c, s);
}

bool service_every_host(const struct service *s)
{
    return s->counted ? s->count.every_host : s->stated.every_host;
}

uint32_t service_wanted(const struct catalog *c, const struct service *s)
{
    uint32_t alive = 0;

    if (!service_active(c, s))
        return 0;
    if (!service_every_host(s))
        return s->counted ? s->count.count : s->stated.count;
    for (const struct member *m = members_first(c->members); m; m = members_next(c->members, m))
        alive += node_lives(c, &m->id);
    return alive;
}

bool service_wants_slot(const struct catalog *c, const struct service *s, const struct slot *slot)
{
    if (!service_active(c, s))
        return false;
    if (service_every_host(s))
        return slot->len == SLOT_NODE_LEN;
    return slot->len == SLOT_ORDINAL_LEN && slot_number(slot) < service_wanted(c, s);
}

static uint32_t how_many(const struct catalog *c, const struct service *s,
                         bool (*is)(const struct catalog *, const struct instance *))
{
    struct instance *i;
    uint32_t count = 0;

    FLEET_FOREACH (i, service_fleet(s))
        count += is(c, i);
    return count;
}

uint32_t service_healthy(const struct catalog *c, const struct service *s)
{
    return how_many(c, s, instance_healthy);
}

uint32_t service_serving(const struct catalog *c, const struct service *s)
{
    return how_many(c, s, instance_serves);
}

uint32_t service_running(const struct catalog *c, const struct service *s)
{
    return how_many(c, s, instance_runs);
}

bool service_ready(const struct catalog *c, const struct service *s, kith_time now_us,
                   kith_time *ret_at_us)
{
    uint32_t serving = service_serving(c, s);
    kith_time at_us = s->healthy_changed_us + SERVICE_SETTLE;

    if (!serving)
        return false;
    if (serving >= service_wanted(c, s) || now_us >= at_us)
        return true;
    if (ret_at_us)
        *ret_at_us = kith_time_min(*ret_at_us, at_us);
    return false;
}

bool service_needs(const struct catalog *c, const struct service *from, const struct service *to)
{
    return graph_edge_state(c->graph, &from->id, &to->id) == 0;
}
