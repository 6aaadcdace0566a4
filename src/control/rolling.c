#include "control/rolling.h"

static bool same_texts(const struct bytes *a, uint32_t a_n, const struct bytes *b, uint32_t b_n)
{
    bool same = a_n == b_n;

    for (uint32_t k = 0; same && k < a_n; k++)
        same = bytes_equal(a[k], b[k]);
    return same;
}

static bool same_pairs(const struct pair *a, uint32_t a_n, const struct pair *b, uint32_t b_n)
{
    bool same = a_n == b_n;

    for (uint32_t k = 0; same && k < a_n; k++)
        same = bytes_equal(a[k].key, b[k].key) && bytes_equal(a[k].value, b[k].value);
    return same;
}

static bool same_ports(const struct service_spec *a, const struct service_spec *b)
{
    bool same = a->ports_n == b->ports_n;

    for (uint32_t k = 0; same && k < a->ports_n; k++)
        same =
            a->ports[k].port == b->ports[k].port && bytes_equal(a->ports[k].name, b->ports[k].name);
    return same;
}

/* Both start the same process: they differ only in what a running one need not be restarted for. */
static bool same_process(const struct service_spec *a, const struct service_spec *b)
{
    return same_texts(a->argv, a->argv_n, b->argv, b->argv_n) &&
           same_pairs(a->env, a->env_n, b->env, b->env_n) && same_ports(a, b) &&
           bytes_equal(a->user, b->user);
}

/* A new specification for the process that runs: checks, stop and the like follow at once. */
static bool follow_spec(struct control *c, struct turn *t, struct local *i, const struct service *s)
{
    if (ulid_equal(&i->spec_id, &s->row.spec))
        return true;
    const struct service_spec *spec = service_spec(&c->catalog, s);

    if (!spec || !same_process(i->spec, spec))
        return false;
    uint64_t stamp = i->restart_stamp;

    (void)local_take_spec(c, t, i);
    i->restart_stamp = stamp;
    if (i->spec->check.kind == CHECK_KIND_NONE)
        i->state = INSTANCE_STATE_RUNNING;
    local_write(c, t, i);
    return true;
}

static bool current(const struct catalog *c, const struct service *s, const struct instance *i,
                    uint64_t values)
{
    struct arena mem = {0};
    const struct instance_row *says = instance_says(i, &mem);
    bool is = ulid_equal(&says->spec, &s->row.spec) &&
              says->restart_stamp == s->row.restart_stamp &&
              (says->values_hash == values || service_spec(c, s)->on_change != ON_CHANGE_RESTART);

    arena_deinit(&mem);
    return is;
}

/* Whether this other instance has to get along first. */
static bool goes_first(const struct catalog *c, const struct service *s,
                       const struct instance *other, const struct slot *own, uint64_t values)
{
    switch ((enum instance_state)other->state) {
    case INSTANCE_STATE_STARTING:
    case INSTANCE_STATE_STOPPING:
        return true;
    case INSTANCE_STATE_FAILED:
    case INSTANCE_STATE_REFUSED:
    case INSTANCE_STATE_STOPPED:
        return false;
    default:
        break;
    }
    struct slot slot = instance_slot(other);

    if (slot_compare(&slot, own) > 0)
        return false;
    return other->state != INSTANCE_STATE_RUNNING || !current(c, s, other, values);
}

static const struct instance *blocker(const struct control *c, const struct service *s,
                                      const struct local *i)
{
    uint64_t values = values_hash(&c->catalog, service_spec(&c->catalog, s));
    struct instance *other;

    FLEET_FOREACH (other, service_fleet(s)) {
        if (ulid_equal(instance_id(other), &i->id) ||
            !node_lives(&c->catalog, instance_node(other)) || !instance_placed(&c->catalog, other))
            continue;
        if (goes_first(&c->catalog, s, other, &i->slot, values))
            return other;
    }
    return NULL;
}

static bool its_turn(const struct control *c, const struct turn *t, const struct service *s,
                     struct local *i, kith_time *at_us)
{
    const struct instance *other = blocker(c, s, i);

    if (!other || i->state == INSTANCE_STATE_STARTING) /* nobody relies on one that only starts */
        return true;
    if (!i->blocked_us || !ulid_equal(&i->blocker, instance_id(other))) {
        i->blocker = *instance_id(other);
        i->blocked_us = t->now_us;
    }
    if (t->now_us >= i->blocked_us + ROLLING_PATIENCE)
        return true;
    *at_us = kith_time_min(*at_us, i->blocked_us + ROLLING_PATIENCE);
    return false;
}

enum rolling rolling_turn(struct control *c, struct turn *t, struct local *i, const char **ret_why,
                          kith_time *at_us)
{
    const struct service *s = catalog_get(&c->catalog, &i->service);
    bool values_only = false;

    if (!s || !service_has_spec(s))
        return ROLLING_CURRENT;
    if (!follow_spec(c, t, i, s)) {
        *ret_why = "restarts with a new specification";
    } else if (i->restart_stamp != s->row.restart_stamp) {
        *ret_why = "restarts by a command";
    } else if (i->spec->on_change != ON_CHANGE_IGNORE &&
               i->values_hash != values_hash(&c->catalog, i->spec) &&
               values_settled(&c->catalog, i->spec, t->now_us, at_us)) {
        *ret_why = "restarts with new endpoints";
        values_only = true;
    } else {
        i->blocked_us = 0;
        return ROLLING_CURRENT;
    }
    if (values_only && i->spec->on_change == ON_CHANGE_SIGNAL)
        return ROLLING_SIGNAL;
    return its_turn(c, t, s, i, at_us) ? ROLLING_RESTART : ROLLING_WAITS;
}
