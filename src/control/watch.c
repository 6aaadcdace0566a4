#include "control/watch.h"

#include "base/mem.h"
#include "control/draft.h"
#include "control/inside.h"

#include <string.h>

void watch_deinit(struct watch *w)
{
    for (uint32_t k = 0; k < w->count; k++)
        mem_free(w->items[k].services);
}

void watch_add(struct watch *w, const struct watched *command)
{
    if (w->count == WATCH_MAX) {
        mem_free(w->items[0].services);
        memmove(w->items, w->items + 1, (WATCH_MAX - 1) * sizeof(*w->items));
        w->count--;
    }
    w->items[w->count] = *command;
    w->items[w->count++].services =
        mem_copy(command->services, command->services_n * sizeof(*command->services));
}

/* It was started as the service is wanted now. */
static bool is_current(const struct instance *i, const struct service *s)
{
    struct arena mem = {0};
    bool is = ulid_equal(instance_spec(i), &s->row.spec) &&
              instance_says(i, &mem)->restart_stamp == s->row.restart_stamp;

    arena_deinit(&mem);
    return is;
}

static bool all_current(const struct control *c, const struct service *s)
{
    struct instance *i;

    FLEET_FOREACH (i, service_fleet(s)) {
        if (instance_serves(&c->catalog, i) && !is_current(i, s))
            return false;
    }
    return true;
}

/* As the service is wanted, whichever command said so last. */
static bool in_effect(const struct control *c, const struct ulid *id)
{
    const struct service *s = catalog_get(&c->catalog, id);

    if (!s || !s->known)
        return true;
    if (s->row.desired == DESIRED_REMOVED)
        return false;
    uint32_t wanted = service_wanted(&c->catalog, s);

    return service_serving(&c->catalog, s) == wanted && service_running(&c->catalog, s) == wanted &&
           all_current(c, s);
}

static bool is_done(const struct control *c, const struct watched *w)
{
    struct service *s;

    for (uint32_t k = 0; k < w->services_n; k++) {
        if (!in_effect(c, &w->services[k]))
            return false;
    }
    if (w->kind != COMMAND_KIND_STOP_ALL)
        return true;
    SERVICES_FOREACH(s, &c->catalog)
    {
        if (service_running(&c->catalog, s))
            return false;
    }
    return true;
}

void watch_settle(struct control *c, struct turn *t)
{
    struct watch *watch = &c->watch;
    uint32_t kept = 0;

    for (uint32_t k = 0; k < watch->count; k++) {
        struct watched *w = &watch->items[k];

        if (is_done(c, w)) {
            draft_event(c, t, &w->id, w->next_number, COMMAND_STATE_DONE,
                        bytes_str("in effect, as seen here"));
            mem_free(w->services);
        } else {
            watch->items[kept++] = *w;
        }
    }
    watch->count = kept;
}
