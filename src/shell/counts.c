#include "shell/counts.h"

#define LANE_COUNTERS  5
#define SHELL_COUNTERS 7
#define STORE_COUNTERS 6

static void add(struct event_counted *s, struct counter *list, const char *name, uint64_t value)
{
    list[s->counters_n++] = (struct counter){.name = bytes_str(name), .value = (int64_t)value};
}

static void add_lane(struct event_counted *s, struct counter *list, const char *lane,
                     const struct links_depth *d, struct arena *mem)
{
    const struct {
        const char *name;
        uint64_t value;
    } of[LANE_COUNTERS] = {
        {"connections", d->connections},     {"queued", d->frames},
        {"queued_bytes", d->bytes},          {"dropped_full", d->dropped_full},
        {"dropped_stale", d->dropped_stale},
    };
    for (size_t i = 0; i < LANE_COUNTERS; i++)
        add(s, list, arena_printf(mem, "lane.%s.%s", lane, of[i].name), of[i].value);
}

static void add_store(struct event_counted *s, struct counter *list, const struct store *store)
{
    struct store_stats stats;
    store_stats(store, &stats);
    add(s, list, "store.syncs", stats.syncs);
    add(s, list, "store.folds", stats.folds);
    add(s, list, "store.log_bytes", stats.redo_bytes);
    add(s, list, "store.file_bytes", stats.file_bytes);
    add(s, list, "store.map_bytes", stats.map_bytes);
    add(s, list, "store.free_pages", stats.free_pages);
}

void counts_take(struct event_counted *ret, const struct transport *t, const struct store *store,
                 struct arena *mem)
{
    const struct wire_enum *lanes = &wire_lane_enum;
    const struct transport_counters c = transport_counters(t);
    struct links_depth depth[LINKS_LANES];
    struct counter *list = arena_array(
        mem, lanes->values_n * LANE_COUNTERS + SHELL_COUNTERS + STORE_COUNTERS, sizeof *list);
    *ret = (struct event_counted){.counters = list};
    transport_depths(t, depth);
    for (size_t i = 0; i < lanes->values_n; i++)
        add_lane(ret, list, lanes->values[i].name, &depth[lanes->values[i].id], mem);
    add(ret, list, "shell.frames_in", c.frames_in);
    add(ret, list, "shell.frames_out", c.frames_out);
    add(ret, list, "shell.bytes_in", c.bytes_in);
    add(ret, list, "shell.bytes_out", c.bytes_out);
    add(ret, list, "shell.replies_dropped", c.dropped_replies);
    add(ret, list, "shell.connections_refused", c.refused);
    add(ret, list, "shell.messages_malformed", c.malformed);
    if (store != NULL)
        add_store(ret, list, store);
}
