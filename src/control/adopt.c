#include "control/adopt.h"

#include "control/life.h"

#define SIGNAL_KILL 9

static bool intended(const struct event_start *start, const struct ulid *id)
{
    struct ulid other;

    for (size_t k = 0; k < start->locals_n; k++) {
        if (local_intent(start->locals[k].name, &other) && ulid_equal(&other, id))
            return true;
    }
    return false;
}

static const struct found_instance *find(const struct event_start *start, const struct ulid *id)
{
    for (uint32_t k = 0; k < start->found_n; k++) {
        if (ulid_equal(&start->found[k].instance, id))
            return &start->found[k];
    }
    return NULL;
}

/* The former daemon's view of its health is taken until the first checks say otherwise. */
static void go_on(struct control *c, struct turn *t, struct local *i,
                  const struct found_instance *found)
{
    i->phase = PHASE_UP;
    i->pid = found->pid;
    i->started_ms = found->started_ms;
    local_set_ports(i, found->ports, found->ports_n);
    for (uint32_t k = 0; k < i->ports_n; k++)
        (void)ports_hold(&c->locals.ports, i->ports[k].port, &i->id, t->now_us);
    health_begin(&i->health, t->now_us);
    i->health.healthy = i->state == INSTANCE_STATE_RUNNING;
    if (i->state != INSTANCE_STATE_RUNNING && i->state != INSTANCE_STATE_UNHEALTHY)
        i->state = i->spec->check.kind == CHECK_KIND_NONE ? INSTANCE_STATE_RUNNING
                                                          : INSTANCE_STATE_STARTING;
    life_resolve(c, i);
    local_say(i, "taken up by a restarted daemon");
    local_write(c, t, i);
}

static void take_end(struct control *c, struct turn *t, struct local *i,
                     const struct found_instance *found)
{
    i->phase = i->state == INSTANCE_STATE_STOPPING ? PHASE_ENDING : PHASE_UP;
    life_exited(c, t, i, found->exit_status);
}

static void take_lost(struct control *c, struct turn *t, struct local *i)
{
    local_intend_no_more(t, i);
    if (i->state == INSTANCE_STATE_STOPPING) {
        local_say(i, "was gone when the daemon started");
        life_rest(c, t, i, INSTANCE_STATE_STOPPED);
        return;
    }
    i->state = INSTANCE_STATE_PENDING;
    i->pid = 0;
    local_say(i, "was gone when the daemon started; to be started again");
    local_write(c, t, i);
}

static void take_up(struct control *c, struct turn *t, const struct event_start *start,
                    const struct instance *row)
{
    const struct ulid *id = instance_id(row);
    const struct found_instance *found = intended(start, id) ? find(start, id) : NULL;
    struct local *i = local_new(&c->locals, id);
    bool given_up = row->given_up;

    local_load(i, row, t->state);
    if (found && found->running && i->spec)
        go_on(c, t, i, found);
    else if (found && !found->running && i->spec)
        take_end(c, t, i, found);
    else if (instance_state_runs(i->state))
        take_lost(c, t, i);
    else if (given_up)
        local_write(c, t, i);
}

static void drop_stranger(struct turn *t, const struct found_instance *found)
{
    effect_log(t->out, LOG_WARN_, "instance %s is nobody's: %s", ulid_text(&found->instance).s,
               found->running ? "it is killed" : "what it left is cleaned away");
    if (found->running)
        life_signal(t, &found->instance, SIGNAL_KILL); /* EVENT_EXITED cleans up after it */
    else
        life_clean(t, &found->instance);
}

void adopt(struct control *c, struct turn *t, const struct event_start *start)
{
    struct bytes self = ulid_bytes(&c->self);
    const struct row *row;

    for (uint32_t k = 0; k < start->found_n; k++) {
        const struct found_instance *found = &start->found[k];
        const struct instance *held = catalog_instance(&c->catalog, &c->self, &found->instance);

        if (!held || !intended(start, &found->instance) ||
            !catalog_spec(t->state, &held->service->id, instance_spec(held), &t->out->mem))
            drop_stranger(t, found);
    }
    row = state_first(t->state, TABLE_ID_INSTANCE, self);
    for (; row; row = state_next(t->state, row, self)) {
        const struct instance *i = catalog_instance_of(&c->catalog, row);

        if (i)
            take_up(c, t, start, i);
    }
}
