#include "control/values.h"

#include "base/variables.h"
#include "state/hash.h"

static void add_endpoint(struct buf *out, const struct catalog *c, struct bytes service)
{
    const struct service *s = catalog_find(c, service);
    struct arena mem = {0};
    struct instance *i;
    bool first = true;

    if (!s)
        return;
    FLEET_FOREACH (i, service_fleet(s)) {
        if (!instance_serves(c, i))
            continue;
        if (!first)
            buf_byte(out, ',');
        first = false;
        const struct instance_row *says = instance_says(i, &mem);
        buf_append(out, says->addr.data, says->addr.len);
        if (says->ports_n)
            buf_printf(out, ":%u", says->ports[0].port);
    }
    arena_deinit(&mem);
}

static void port(struct buf *out, const struct values *v, struct bytes name)
{
    for (uint32_t i = 0; i < v->ports_n; i++) {
        if (bytes_equal(v->ports[i].name, name))
            buf_printf(out, "%u", v->ports[i].port);
    }
}

/* False: not a variable that is resolved here. */
static bool expand(struct buf *out, const struct values *v, const struct variable *variable)
{
    if (!variable->closed)
        return false;
    if (bytes_equal_str(variable->name, "addr"))
        buf_append(out, v->addr.data, v->addr.len);
    else if (bytes_equal_str(variable->name, "instance"))
        buf_str(out, ulid_text(&v->instance).s);
    else if (bytes_equal_str(variable->name, "slot"))
        slot_print(out, &v->slot);
    else if (bytes_equal_str(variable->name, "endpoint"))
        add_endpoint(out, v->catalog, variable->arg);
    else if (bytes_equal_str(variable->name, "port"))
        port(out, v, variable->arg);
    else
        return false;
    return true;
}

struct bytes values_resolve(const struct values *v, struct bytes text, struct arena *mem)
{
    struct variable variable = {0};
    struct buf out = {0};
    size_t copied = 0;

    while (variable_next(text, variable.end, &variable)) {
        buf_append(&out, text.data + copied, variable.start - copied);
        if (!expand(&out, v, &variable))
            buf_append(&out, text.data + variable.start, variable.end - variable.start);
        copied = variable.end;
    }
    if (copied < text.len)
        buf_append(&out, text.data + copied, text.len - copied);
    struct bytes ret = arena_bytes(mem, buf_bytes(&out));

    buf_deinit(&out);
    return ret;
}

/* What is done with each ${endpoint.SERVICE} of a specification. */
struct walk {
    const struct catalog *catalog;
    const struct service_spec *spec;
    kith_time now_us;
    kith_time *at_us;
    bool settled;
    struct buf *out; /* name and value of each; NULL: not wanted */
};

static bool is_needed(const struct service_spec *spec, struct bytes service)
{
    for (uint32_t i = 0; i < spec->needs_n; i++) {
        if (bytes_equal(spec->needs[i], service))
            return true;
    }
    return false;
}

/* What is only wanted may be absent: at once when it is not to run, else when that has lasted. */
static bool is_absent_for_good(struct walk *w, const struct service *s)
{
    if (!s || !service_wanted(w->catalog, s))
        return true;
    if (service_serving(w->catalog, s))
        return false;
    kith_time at_us = s->healthy_changed_us + VALUES_ABSENT;

    if (w->now_us < at_us)
        *w->at_us = kith_time_min(*w->at_us, at_us);
    return w->now_us >= at_us;
}

static void walk_endpoint(struct walk *w, struct bytes service)
{
    const struct service *s = catalog_find(w->catalog, service);

    if (w->out) {
        buf_append(w->out, service.data, service.len);
        buf_byte(w->out, '=');
        add_endpoint(w->out, w->catalog, service);
        buf_byte(w->out, '\n');
        return;
    }
    if (s && service_ready(w->catalog, s, w->now_us, w->at_us))
        return;
    if (is_needed(w->spec, service) || !is_absent_for_good(w, s))
        w->settled = false;
}

static void walk_text(struct walk *w, struct bytes text)
{
    struct variable variable = {0};

    while (variable_next(text, variable.end, &variable)) {
        if (variable.closed && bytes_equal_str(variable.name, "endpoint"))
            walk_endpoint(w, variable.arg);
    }
}

static void walk_spec(struct walk *w, const struct service_spec *spec)
{
    for (uint32_t i = 0; i < spec->argv_n; i++)
        walk_text(w, spec->argv[i]);
    for (uint32_t i = 0; i < spec->env_n; i++)
        walk_text(w, spec->env[i].value);
    walk_text(w, spec->check.path);
    for (uint32_t i = 0; i < spec->check.argv_n; i++)
        walk_text(w, spec->check.argv[i]);
}

uint64_t values_hash(const struct catalog *c, const struct service_spec *spec)
{
    struct buf text = {0};
    struct walk w = {.catalog = c, .spec = spec, .out = &text};

    walk_spec(&w, spec);
    uint64_t hash = text.len ? hash64(buf_bytes(&text)) : 0;

    buf_deinit(&text);
    return hash;
}

bool values_settled(const struct catalog *c, const struct service_spec *spec, kith_time now_us,
                    kith_time *at_us)
{
    struct walk w = {.catalog = c, .spec = spec, .now_us = now_us, .at_us = at_us, .settled = true};

    walk_spec(&w, spec);
    return w.settled;
}
