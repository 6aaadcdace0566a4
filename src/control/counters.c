#include "control/counters.h"

#include "control/inside.h"

/* More than there are; checked below. */
#define COUNTERS_MAX 24

static void count(struct info *info, struct counter *counters, const char *name, int64_t value)
{
    counters[info->counters_n++] = (struct counter){.name = bytes_str(name), .value = value};
}

static int64_t instances_here(const struct control *c)
{
    struct local *i;
    int64_t n = 0;

    TREE_FOREACH_FROM(i, local_tree, locals_first(&c->locals))
    n += i->phase != PHASE_IDLE;
    return n;
}

void control_counters(const struct control *c, struct info *ret, struct arena *mem)
{
    struct counter *all = arena_array(mem, ret->counters_n + COUNTERS_MAX, sizeof(*all));

    for (uint32_t k = 0; k < ret->counters_n; k++)
        all[k] = ret->counters[k];
    ret->counters = all;
    count(ret, all, "services", c->catalog.known);
    count(ret, all, "instances_here", instances_here(c));
    count(ret, all, "needs_held_out", (int64_t)graph_held_count(c->catalog.graph));
    count(ret, all, "logs_under_way", c->logs.count);
    count(ret, all, "registrations_here", c->registrations.here);
    count(ret, all, "keys.decisions", (int64_t)c->keeper.decisions);
    count(ret, all, "keys.refusals", (int64_t)c->keeper.refusals);
    count(ret, all, "keys.adoptions", (int64_t)c->keeper.adoptions);
#define CONTROL_COUNT_SHOWN(field, name) count(ret, all, name, (int64_t)c->counts.field);
    CONTROL_COUNTS(CONTROL_COUNT_SHOWN)
#undef CONTROL_COUNT_SHOWN
#define CONTROL_COUNT_ONE(field, name) +1
    _Static_assert(8 + (0 CONTROL_COUNTS(CONTROL_COUNT_ONE)) <= COUNTERS_MAX, "room for all");
#undef CONTROL_COUNT_ONE
}
