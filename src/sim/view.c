#include "sim/view.h"

#include <string.h>

static struct ulid key_ulid(const struct row *row, size_t at)
{
    struct ulid id;
    memcpy(&id, row->key.data + at, sizeof(id));
    return id;
}

static bool is_alive(const struct members *members, const struct ulid *node)
{
    const struct member *m = members_get(members, node);
    return m && m->state == MEMBER_STATE_ALIVE;
}

static void count_instances(const struct state *state, const struct members *members,
                            struct view_service *s)
{
    struct arena mem = {0};
    struct wire_error err;
    const struct row *row = state_first(state, TABLE_ID_INSTANCE, (struct bytes){0});
    for (; row; row = state_next(state, row, (struct bytes){0})) {
        struct instance_row i;
        struct ulid node = key_ulid(row, 0);
        if (instance_row_decode(&i, row->value, &mem, &err) != 0 ||
            !ulid_equal(&i.service, &s->id) || !is_alive(members, &node))
            continue;
        bool has_process =
            i.state == INSTANCE_STATE_STARTING || i.state == INSTANCE_STATE_RUNNING ||
            i.state == INSTANCE_STATE_UNHEALTHY || i.state == INSTANCE_STATE_STOPPING;
        s->healthy += i.state == INSTANCE_STATE_RUNNING;
        s->live += has_process;
        s->failed += i.state == INSTANCE_STATE_FAILED;
    }
    arena_deinit(&mem);
}

static void add_once(struct ulid *list, size_t *n, const struct ulid *id)
{
    for (size_t i = 0; i < *n; i++) {
        if (ulid_equal(&list[i], id))
            return;
    }
    list[(*n)++] = *id;
}

size_t view_healthy(const struct state *state, const struct members *members,
                    const struct ulid *self, struct ulid **ret, struct arena *mem)
{
    const struct bytes all = {0};
    const struct row *row;
    struct wire_error err;
    size_t n = 0, max = 0;
    for (row = state_first(state, TABLE_ID_INSTANCE, all); row; row = state_next(state, row, all))
        max++;
    *ret = arena_array(mem, max + 1, sizeof(**ret));
    for (row = state_first(state, TABLE_ID_INSTANCE, all); row; row = state_next(state, row, all)) {
        struct instance_row i;
        struct ulid node = key_ulid(row, 0);
        if ((is_alive(members, &node) || ulid_equal(&node, self)) &&
            instance_row_decode(&i, row->value, mem, &err) == 0 &&
            i.state == INSTANCE_STATE_RUNNING)
            add_once(*ret, &n, &i.service);
    }
    return n;
}

static const struct row *spec_of(const struct state *state, const struct ulid *service,
                                 const struct ulid *spec)
{
    uint8_t key[32];
    memcpy(key, service->b, 16);
    memcpy(key + 16, spec->b, 16);
    return state_get(state, TABLE_ID_SPEC, bytes_of(key, sizeof(key)));
}

/* Ids of the services that a specification needs; unknown names are left out and make *missing true. */
static size_t needs_of(const struct state *state, const struct ulid *service,
                       const struct ulid *spec, struct ulid *ret, size_t max, bool *missing)
{
    struct arena mem = {0};
    struct wire_error err;
    struct spec_row row;
    size_t n = 0;
    const struct row *found = spec_of(state, service, spec);
    *missing = !found;
    if (found && spec_row_decode(&row, found->value, &mem, &err) == 0) {
        for (uint32_t i = 0; i < row.spec.needs_n && n < max; i++) {
            struct name_row name;
            const struct row *named = state_get(state, TABLE_ID_NAME, row.spec.needs[i]);
            if (named && name_row_decode(&name, named->value, &mem, &err) == 0)
                ret[n++] = name.service;
            else
                *missing = true;
        }
    }
    arena_deinit(&mem);
    return n;
}

size_t view_needs(const struct state *state, const struct ulid *node, const struct ulid *instance,
                  struct ulid *ret, size_t max)
{
    uint8_t key[32];
    memcpy(key, node->b, 16);
    memcpy(key + 16, instance->b, 16);
    const struct row *row = state_get(state, TABLE_ID_INSTANCE, bytes_of(key, sizeof(key)));
    struct arena mem = {0};
    struct wire_error err;
    struct instance_row i;
    bool missing;
    size_t n = 0;
    if (row && instance_row_decode(&i, row->value, &mem, &err) == 0)
        n = needs_of(state, &i.service, &i.spec, ret, max, &missing);
    arena_deinit(&mem);
    return n;
}

static struct view_service *find(struct view_service *list, size_t n, const struct ulid *id)
{
    for (size_t i = 0; i < n; i++) {
        if (ulid_equal(&list[i].id, id))
            return &list[i];
    }
    return NULL;
}

/* Marks what can run: what needs nothing first, then what needs only that, until nothing is added. */
static void mark_can_run(const struct state *state, struct view_service *list, size_t n,
                         const struct ulid *specs)
{
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < n; i++) {
            struct ulid needs[64];
            bool missing;
            size_t count = needs_of(state, &list[i].id, &specs[i], needs, 64, &missing);
            bool can = list[i].desired == DESIRED_RUNNING && list[i].count > 0 && !missing;
            for (size_t k = 0; can && k < count; k++) {
                const struct view_service *need = find(list, n, &needs[k]);
                can = need && need->can_run;
            }
            more = more || (can && !list[i].can_run);
            list[i].can_run = can;
        }
    }
}

static uint32_t wanted(const struct state *state, const struct members *members,
                       const struct ulid *service)
{
    struct arena mem = {0};
    struct wire_error err;
    struct count_row count = {0};
    const struct row *row = state_get(state, TABLE_ID_COUNT, ulid_bytes(service));
    if (row)
        count_row_decode(&count, row->value, &mem, &err);
    arena_deinit(&mem);
    return count.every_host ? (uint32_t)members_alive(members) : count.count;
}

size_t view_services(const struct state *state, const struct members *members,
                     struct view_service **ret, struct arena *mem)
{
    size_t n = 0, max = 0;
    struct wire_error err;
    const struct bytes all = {0};
    const struct row *row;
    for (row = state_first(state, TABLE_ID_SERVICE, all); row; row = state_next(state, row, all))
        max++;
    struct view_service *list = arena_array(mem, max + 1, sizeof(*list));
    struct ulid *specs = arena_array(mem, max + 1, sizeof(*specs));
    for (row = state_first(state, TABLE_ID_SERVICE, all); row; row = state_next(state, row, all)) {
        struct service_row s;
        struct name_row name;
        if (service_row_decode(&s, row->value, mem, &err) != 0)
            continue;
        /* A second creation of a name settled to the first: it is an alias and runs nothing. */
        const struct row *named = state_get(state, TABLE_ID_NAME, s.name);
        struct ulid id = key_ulid(row, 0);
        if (!named || name_row_decode(&name, named->value, mem, &err) != 0 ||
            !ulid_equal(&name.service, &id))
            continue;
        list[n] = (struct view_service){.id = id,
                                        .name = arena_bytes(mem, s.name),
                                        .desired = s.desired,
                                        .count = wanted(state, members, &id)};
        count_instances(state, members, &list[n]);
        specs[n++] = s.spec;
    }
    mark_can_run(state, list, n, specs);
    *ret = list;
    return n;
}
