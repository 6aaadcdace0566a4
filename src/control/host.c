#include "control/host.h"

#include "control/life.h"
#include "control/order.h"
#include "control/rolling.h"

/* What is to become of an instance. */
enum fate {
    FATE_RUN,
    FATE_STOP,          /* at once: it is not wanted here any more */
    FATE_STOP_IN_ORDER, /* what needs it goes first */
};

static const struct placement *named(const struct control *c, const struct local *i)
{
    const struct service *s = catalog_get(&c->catalog, &i->service);
    const struct placement *p = s ? catalog_placement(s, &i->slot) : NULL;

    return p && ulid_equal(&p->row.node, &c->self) && ulid_equal(&p->row.instance, &i->id) ? p
                                                                                           : NULL;
}

static enum fate fate(const struct control *c, const struct local *i, const char **ret_why)
{
    const struct service *s = catalog_get(&c->catalog, &i->service);

    if (c->halting) {
        *ret_why = "the cluster stops";
        return FATE_STOP_IN_ORDER;
    }
    if (c->leaving) {
        *ret_why = "its host leaves";
        return FATE_STOP_IN_ORDER;
    }
    if (!s || !s->known) { /* it was taken up, so its service was known: that is gone */
        *ret_why = "its service is removed";
        return FATE_STOP;
    }
    if (!named(c, i)) {
        *ret_why = "it is not placed here any more";
        return FATE_STOP;
    }
    if (service_is_alias(&c->catalog, s)) {
        *ret_why = "its service was created twice; the other one is in effect";
        return FATE_STOP;
    }
    if (s->row.desired != DESIRED_RUNNING) {
        *ret_why =
            s->row.desired == DESIRED_STOPPED ? "its service is stopped" : "its service is removed";
        return FATE_STOP_IN_ORDER;
    }
    return FATE_RUN;
}

/* What is given to instances here. */
static struct resources used_here(const struct control *c, const struct local *except)
{
    struct resources used = {0};
    struct local *i;

    TREE_FOREACH_FROM(i, local_tree, locals_first(&c->locals))
    {
        bool counts = i->phase != PHASE_IDLE || i->state == INSTANCE_STATE_PENDING;

        if (i == except || !i->spec || !counts)
            continue;
        used.cpu_millis += i->spec->resources.cpu_millis;
        used.memory_bytes += i->spec->resources.memory_bytes;
    }
    return used;
}

/* Whether it fits into what is left; else its reason says what is short. */
static bool admit(const struct control *c, struct local *i)
{
    struct resources used = used_here(c, i);
    const struct resources *want = &i->spec->resources;

    if (c->capacity.cpu_millis && used.cpu_millis + want->cpu_millis > c->capacity.cpu_millis) {
        local_say(i, "wants %llu cpu_millis, %llu of %llu are given",
                  (unsigned long long)want->cpu_millis, (unsigned long long)used.cpu_millis,
                  (unsigned long long)c->capacity.cpu_millis);
        return false;
    }
    if (c->capacity.memory_bytes &&
        used.memory_bytes + want->memory_bytes > c->capacity.memory_bytes) {
        local_say(i, "wants %llu bytes of memory, %llu of %llu are given",
                  (unsigned long long)want->memory_bytes, (unsigned long long)used.memory_bytes,
                  (unsigned long long)c->capacity.memory_bytes);
        return false;
    }
    return true;
}

static void take_up(struct control *c, struct turn *t, const struct service *s,
                    const struct placement *p)
{
    struct local *i = local_find(&c->locals, &p->row.instance);

    if (i) {
        i->epoch = p->epoch;
        return;
    }
    if (!service_has_spec(s) || s->row.desired == DESIRED_REMOVED || c->halting)
        return;
    i = local_new(&c->locals, &p->row.instance);
    i->service = s->id;
    i->slot = p->slot;
    i->epoch = p->epoch;
    (void)local_take_spec(c, t, i);
    if (c->leaving)
        local_say(i, "this host leaves");
    if (c->leaving || !admit(c, i)) {
        i->given_up = c->leaving;
        life_rest(c, t, i, INSTANCE_STATE_REFUSED);
        return;
    }
    i->state = INSTANCE_STATE_PENDING;
    local_say(i, "admitted");
    local_write(c, t, i);
}

static void take_up_all(struct control *c, struct turn *t)
{
    struct placement *p;

    TREE_FOREACH (p, here_tree, &c->catalog.here) {
        const struct service *s = catalog_get(&c->catalog, &p->service);

        if (s->known)
            take_up(c, t, s, p);
    }
}

/* Another instance of this slot still has a process here: they share a data directory. */
static bool slot_is_taken(const struct control *c, const struct local *i)
{
    struct local *other;

    TREE_FOREACH_FROM(other, local_tree, locals_first(&c->locals))
    {
        if (other != i && other->phase != PHASE_IDLE && ulid_equal(&other->service, &i->service) &&
            slot_compare(&other->slot, &i->slot) == 0)
            return true;
    }
    return false;
}

static void print_names(struct buf *out, const struct bytes *names, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++)
        buf_printf(out, "%s" BYTES_FMT, k ? ", " : "", BYTES_ARG(names[k]));
}

/* True: everything it needs is there. Else the row says what it waits for. */
static bool needs_are_there(struct control *c, struct turn *t, struct local *i, kith_time *at_us)
{
    struct buf names = {0};

    arena_reset(&i->waits_mem);
    i->waits_n = order_waits(c, i->spec, t->now_us, &i->waits_mem, &i->waits, at_us);
    if (i->waits_n) {
        print_names(&names, i->waits, i->waits_n);
        local_say(i, "waits for %s", buf_cstr(&names));
        local_write(c, t, i);
    }
    buf_deinit(&names);
    return i->waits_n == 0;
}

static void try_start(struct control *c, struct turn *t, struct local *i, kith_time *at_us)
{
    kith_time from_us = i->retry_us;

    if (i->known_at_start && c->started_us + HOST_HOLD > from_us)
        from_us = c->started_us + HOST_HOLD;
    if (t->now_us < from_us) {
        *at_us = kith_time_min(*at_us, from_us);
        return;
    }
    if (!local_take_spec(c, t, i) || !needs_are_there(c, t, i, at_us))
        return;
    if (slot_is_taken(c, i)) {
        local_say(i, "waits until the former instance of its slot has ended");
        local_write(c, t, i);
        return;
    }
    life_begin(c, t, i);
}

/* A stopped or failed one gets another chance by a start, a new specification, a person's restart. */
static bool has_new_chance(const struct control *c, const struct local *i)
{
    const struct service *s = catalog_get(&c->catalog, &i->service);

    if (i->state == INSTANCE_STATE_PENDING)
        return true;
    if (i->given_up || i->state == INSTANCE_STATE_REFUSED || !service_has_spec(s))
        return false;
    return i->state == INSTANCE_STATE_STOPPED || !ulid_equal(&i->spec_id, &s->row.spec) ||
           i->restart_stamp != s->row.restart_stamp;
}

static void run_idle(struct control *c, struct turn *t, struct local *i, kith_time *at_us)
{
    if (!has_new_chance(c, i))
        return;
    if (i->state != INSTANCE_STATE_PENDING) {
        if (!local_take_spec(c, t, i))
            return;
        restart_forget(&i->history);
        i->retry_us = t->now_us;
        if (!admit(c, i)) {
            life_rest(c, t, i, INSTANCE_STATE_REFUSED);
            return;
        }
        i->state = INSTANCE_STATE_PENDING;
        local_say(i, "to be started again");
        local_write(c, t, i);
    }
    try_start(c, t, i, at_us);
}

static void run_up(struct control *c, struct turn *t, struct local *i, kith_time *at_us)
{
    const char *why = "";

    switch (rolling_turn(c, t, i, &why, at_us)) {
    case ROLLING_RESTART:
        restart_forget(&i->history);
        life_stop(c, t, i, /* again= */ true, why);
        break;
    case ROLLING_SIGNAL:
        i->values_hash = values_hash(&c->catalog, i->spec);
        local_say(i, "told of new endpoints");
        local_write(c, t, i);
        life_signal(t, &i->id, /* SIGHUP */ 1);
        break;
    case ROLLING_CURRENT:
    case ROLLING_WAITS:
        break;
    }
}

static void stop(struct control *c, struct turn *t, struct local *i, bool in_order, const char *why)
{
    const struct service *s = catalog_get(&c->catalog, &i->service);

    switch (i->phase) {
    case PHASE_IDLE:
        if (i->state == INSTANCE_STATE_PENDING) {
            local_say(i, "%s", why);
            life_rest(c, t, i, INSTANCE_STATE_STOPPED);
        }
        break;
    case PHASE_UP:
        if (!in_order || !s || order_may_stop(c, s))
            life_stop(c, t, i, /* again= */ false, why);
        break;
    case PHASE_ENDING:
        i->again = false;
        break;
    case PHASE_CLAIMING:
    case PHASE_STARTING:
        break; /* the answer comes soon, then it is one of the others */
    }
}

/* True: it was dropped. */
static bool retire(struct control *c, struct turn *t, struct local *i, kith_time *at_us)
{
    const struct service *s = catalog_get(&c->catalog, &i->service);
    kith_time until_us = i->ended_us + HOST_RETAIN;

    if (i->phase != PHASE_IDLE || i->state == INSTANCE_STATE_PENDING || named(c, i) || c->leaving)
        return false;
    if (s && s->known && i->state != INSTANCE_STATE_REFUSED && t->now_us < until_us) {
        *at_us = kith_time_min(*at_us, until_us);
        return false;
    }
    local_delete_row(c, t, i);
    local_free(&c->locals, i);
    return true;
}

static void give_up(struct control *c, struct turn *t, struct local *i)
{
    if (i->given_up)
        return;
    i->given_up = true;
    local_write(c, t, i);
}

kith_time host_settle(struct control *c, struct turn *t)
{
    kith_time at_us = KITH_NEVER;
    struct local *i, *next;
    const char *why = "";

    take_up_all(c, t);
    for (i = locals_first(&c->locals); i; i = next) {
        next = TREE_NEXT(local_tree, &c->locals.tree, i);
        if (c->leaving && !c->halting)
            give_up(c, t, i);
        switch (fate(c, i, &why)) {
        case FATE_RUN:
            if (i->phase == PHASE_IDLE)
                run_idle(c, t, i, &at_us);
            else if (i->phase == PHASE_UP)
                run_up(c, t, i, &at_us);
            break;
        case FATE_STOP:
            stop(c, t, i, /* in_order= */ false, why);
            break;
        case FATE_STOP_IN_ORDER:
            stop(c, t, i, /* in_order= */ true, why);
            break;
        }
        if (retire(c, t, i, &at_us))
            continue;
        life_time(c, t, i);
        at_us = kith_time_min(at_us, life_deadline(i));
    }
    return at_us;
}

bool host_idle(const struct control *c)
{
    struct local *i;

    TREE_FOREACH_FROM(i, local_tree, locals_first(&c->locals))
    {
        if (i->phase != PHASE_IDLE)
            return false;
    }
    return true;
}
