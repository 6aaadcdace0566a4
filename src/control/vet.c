#include "control/vet.h"

#include "base/variables.h"
#include "graph/cycles.h"
#include "graph/query.h"

#include <stdarg.h>

#define SIGNAL_MAX     64
#define NAME_MAX_BYTES 63 /* a label of DNS */

static bool bad(struct vet_error *err, struct bytes service, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool bad(struct vet_error *err, struct bytes service, const char *format, ...)
{
    va_list args;

    err->service = service;
    va_start(args, format);
    buf_vprintf(&err->text, format, args);
    va_end(args);
    return false;
}

static bool name_ok(struct bytes name)
{
    for (size_t k = 0; k < name.len; k++) {
        uint8_t ch = name.data[k];
        bool alnum = (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9');

        if (!alnum && !(ch == '-' && k > 0 && k + 1 < name.len))
            return false;
    }
    return name.len != 0 && name.len <= NAME_MAX_BYTES;
}

static bool has(const struct bytes *names, uint32_t n, struct bytes name)
{
    for (uint32_t k = 0; k < n; k++) {
        if (bytes_equal(names[k], name))
            return true;
    }
    return false;
}

static bool has_port(const struct service_spec *spec, struct bytes name)
{
    for (uint32_t k = 0; k < spec->ports_n; k++) {
        if (bytes_equal(spec->ports[k].name, name))
            return true;
    }
    return false;
}

static bool is_known(const struct service_spec *spec, const struct variable *v)
{
    static const char *const plain[] = {"addr", "instance", "slot", "data"};

    if (!v->closed)
        return false;
    for (size_t k = 0; k < sizeof(plain) / sizeof(plain[0]); k++) {
        if (bytes_equal_str(v->name, plain[k]) && !v->arg.len)
            return true;
    }
    if (bytes_equal_str(v->name, "port"))
        return has_port(spec, v->arg);
    return bytes_equal_str(v->name, "endpoint") &&
           (has(spec->needs, spec->needs_n, v->arg) || has(spec->wants, spec->wants_n, v->arg));
}

static bool vet_variables(const struct service_spec *spec, struct bytes text, struct vet_error *err)
{
    struct variable v = {0};

    while (variable_next(text, v.end, &v)) {
        if (!is_known(spec, &v))
            return bad(err, spec->name,
                       BYTES_FMT
                       " is not known: there are addr, instance, slot, data, port.NAME of "
                       "its ports, endpoint.NAME of what it needs or wants",
                       (int)(v.end - v.start), (const char *)text.data + v.start);
    }
    return true;
}

static bool vet_all_variables(const struct service_spec *spec, struct vet_error *err)
{
    bool ok = vet_variables(spec, spec->check.path, err);

    for (uint32_t k = 0; ok && k < spec->argv_n; k++)
        ok = vet_variables(spec, spec->argv[k], err);
    for (uint32_t k = 0; ok && k < spec->env_n; k++)
        ok = vet_variables(spec, spec->env[k].value, err);
    for (uint32_t k = 0; ok && k < spec->check.argv_n; k++)
        ok = vet_variables(spec, spec->check.argv[k], err);
    return ok;
}

static bool vet_check(const struct service_spec *spec, struct vet_error *err)
{
    const struct check_spec *check = &spec->check;

    if (check->kind == CHECK_KIND_EXEC && !check->argv_n)
        return bad(err, spec->name, "its check has nothing to execute");
    if ((check->kind == CHECK_KIND_HTTP || check->kind == CHECK_KIND_TCP) &&
        !(check->port.len ? has_port(spec, check->port) : spec->ports_n))
        return bad(err, spec->name, "its check wants port " BYTES_FMT ", which it does not have",
                   BYTES_ARG(check->port));
    return true;
}

static bool vet_ports(const struct service_spec *spec, struct vet_error *err)
{
    for (uint32_t k = 0; k < spec->ports_n; k++) {
        for (uint32_t j = 0; j < k; j++) {
            if (bytes_equal(spec->ports[j].name, spec->ports[k].name))
                return bad(err, spec->name, "port " BYTES_FMT " is there twice",
                           BYTES_ARG(spec->ports[k].name));
        }
    }
    return true;
}

static bool vet_spec(const struct service_spec *spec, struct vet_error *err)
{
    if (!name_ok(spec->name))
        return bad(err, spec->name,
                   "a service's name has 1 to 63 lower case letters, digits and inner hyphens");
    if (!spec->argv_n || !spec->argv[0].len)
        return bad(err, spec->name, "it has nothing to run");
    if (!spec->every_host && spec->count > VET_COUNT_MAX)
        return bad(err, spec->name, "count %u is over %u", spec->count, VET_COUNT_MAX);
    if (has(spec->needs, spec->needs_n, spec->name))
        return bad(err, spec->name, "it needs itself");
    if (spec->stop.signal > SIGNAL_MAX)
        return bad(err, spec->name, "there is no signal %u", spec->stop.signal);
    return vet_ports(spec, err) && vet_check(spec, err) && vet_all_variables(spec, err);
}

static const struct ulid *find_id(const struct catalog *c, const struct apply *request,
                                  const struct ulid *ids, struct bytes name)
{
    const struct service *s;

    for (uint32_t k = 0; k < request->specs_n; k++) {
        if (bytes_equal(request->specs[k].name, name))
            return &ids[k];
    }
    s = catalog_find(c, name);
    return s && s->row.desired != DESIRED_REMOVED ? &s->id : NULL;
}

static bool vet_needs(const struct catalog *c, const struct apply *request, const struct ulid *ids,
                      const struct service_spec *spec, struct vet_error *err)
{
    for (uint32_t k = 0; k < spec->needs_n; k++) {
        if (!find_id(c, request, ids, spec->needs[k]))
            return bad(err, spec->name,
                       "it needs " BYTES_FMT
                       ", which is neither in this request nor in the cluster",
                       BYTES_ARG(spec->needs[k]));
    }
    return true;
}

static bool in_request(const struct apply *request, const struct ulid *ids, const struct ulid *id)
{
    for (uint32_t k = 0; k < request->specs_n; k++) {
        if (ulid_equal(&ids[k], id))
            return true;
    }
    return false;
}

/* The graph as it is, without the edges that the request states anew. */
static struct graph *graph_without(const struct catalog *c, const struct apply *request,
                                   const struct ulid *ids)
{
    struct graph *g = graph_new();
    struct arena mem = {0};
    struct graph_edges edges = graph_edges(c->graph, &mem);

    for (size_t k = 0; k < edges.count; k++) {
        const struct graph_edge *e = &edges.edges[k];

        if (!e->held && !in_request(request, ids, &e->from))
            (void)graph_set_edge(g, &e->from, &e->to, e->rank);
    }
    arena_deinit(&mem);
    return g;
}

static struct bytes name_of(const struct catalog *c, const struct apply *request,
                            const struct ulid *ids, const struct ulid *id)
{
    const struct service *s;

    for (uint32_t k = 0; k < request->specs_n; k++) {
        if (ulid_equal(&ids[k], id))
            return request->specs[k].name;
    }
    s = catalog_get(c, id);
    return s && s->known ? s->row.name : bytes_str("?");
}

static bool say_cycle(const struct catalog *c, const struct apply *request, const struct ulid *ids,
                      const struct graph *g, const struct ulid *from, const struct ulid *to,
                      struct vet_error *err)
{
    struct arena mem = {0};
    struct graph_ids path = graph_cycle_path(g, from, to, &mem);

    bad(err, name_of(c, request, ids, from), "what it needs goes in a circle: ");
    for (size_t k = 0; k < path.count; k++)
        buf_printf(&err->text, "%s" BYTES_FMT, k ? " needs " : "",
                   BYTES_ARG(name_of(c, request, ids, &path.ids[k])));
    arena_deinit(&mem);
    return false;
}

static bool vet_cycles(const struct catalog *c, const struct apply *request, const struct ulid *ids,
                       struct vet_error *err)
{
    struct graph *g = graph_without(c, request, ids);
    bool ok = true;

    for (uint32_t k = 0; ok && k < request->specs_n; k++) {
        const struct service_spec *spec = &request->specs[k];

        for (uint32_t j = 0; ok && j < spec->needs_n; j++) {
            const struct ulid *to = find_id(c, request, ids, spec->needs[j]);
            struct graph_rank last = {.major = UINT64_MAX, .minor = UINT64_MAX, .id = ids[k]};

            if (graph_set_edge(g, &ids[k], to, last) == GRAPH_HELD)
                ok = say_cycle(c, request, ids, g, &ids[k], to, err);
        }
    }
    graph_free(g);
    return ok;
}

bool vet_apply(const struct catalog *c, const struct apply *request, const struct ulid *ids,
               struct vet_error *err)
{
    if (!request->specs_n)
        return bad(err, (struct bytes){0}, "there is no service in it");
    for (uint32_t k = 0; k < request->specs_n; k++) {
        const struct service_spec *spec = &request->specs[k];
        const struct service *s = catalog_find(c, spec->name);

        for (uint32_t j = 0; j < k; j++) {
            if (bytes_equal(request->specs[j].name, spec->name))
                return bad(err, spec->name, "it is there twice");
        }
        if (s && s->row.desired == DESIRED_REMOVED)
            return bad(err, spec->name, "it is just being removed: apply again when it is gone");
        if (!vet_spec(spec, err) || !vet_needs(c, request, ids, spec, err))
            return false;
    }
    return vet_cycles(c, request, ids, err);
}

struct graph_ids vet_users(const struct catalog *c, const struct service *s, bool remove,
                           struct arena *mem)
{
    struct graph_ids all = graph_impact(c->graph, &s->id, mem);
    struct ulid *kept = arena_array(mem, all.count, sizeof(*kept));
    size_t count = 0;

    for (size_t k = all.count; k-- > 0;) {
        const struct service *user = catalog_get(c, &all.ids[k]);

        if (user && user->known &&
            (remove ? user->row.desired != DESIRED_REMOVED : service_active(c, user)))
            kept[count++] = all.ids[k];
    }
    return (struct graph_ids){.ids = kept, .count = count};
}
