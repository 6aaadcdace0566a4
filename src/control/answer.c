#include "control/answer.h"

#include "control/explain.h"
#include "control/standing.h"
#include "graph/query.h"
#include "state/journal.h"
#include "state/loads.h"
#include "wire/frame.h"

#define ENVELOPE_ROOM 1024u
#define EVENTS_LIMIT  1000u

void answer_send(struct turn *t, const struct incoming *in, enum wire_kind kind,
                 const struct buf *payload)
{
    if (payload->len > FRAME_MAX_BYTES - ENVELOPE_ROOM)
        turn_fail(t, in, FAIL_CODE_REJECTED, "the answer is too large: ask for one service");
    else
        turn_reply(t, in, kind, buf_bytes(payload), /* wait= */ 0);
}

void answer_bad(struct turn *t, const struct incoming *in, const struct wire_error *err)
{
    turn_fail(t, in, FAIL_CODE_BAD_REQUEST, "%s: %s", err->field, err->why);
}

static void no_service(struct turn *t, const struct incoming *in, struct bytes name)
{
    turn_fail(t, in, FAIL_CODE_NOT_FOUND, "there is no service " BYTES_FMT, BYTES_ARG(name));
}

/* -- services -- */

static void list_held(const struct control *c, const struct service *s, struct service_info *info,
                      struct arena *mem)
{
    const struct service_spec *spec = service_spec(&c->catalog, s);
    struct bytes *held = arena_array(mem, spec ? spec->needs_n : 0, sizeof(*held));

    info->held = held;
    for (uint32_t k = 0; spec && k < spec->needs_n; k++) {
        const struct service *need = catalog_find(&c->catalog, spec->needs[k]);

        if (need && graph_edge_state(c->catalog.graph, &s->id, &need->id) == GRAPH_HELD)
            held[info->held_n++] = spec->needs[k];
    }
}

static void list_aliases(const struct control *c, const struct service *s,
                         struct service_info *info, struct arena *mem)
{
    struct ulid *aliases = arena_array(mem, SERVICE_INFO_ALIASES_MAX_ITEMS, sizeof(*aliases));
    struct service *other;

    info->aliases = aliases;
    SERVICES_FOREACH(other, &c->catalog)
    {
        if (other != s && other->known && bytes_equal(other->row.name, s->row.name) &&
            info->aliases_n < SERVICE_INFO_ALIASES_MAX_ITEMS)
            aliases[info->aliases_n++] = other->id;
    }
}

static uint32_t count_registered(const struct control *c, struct bytes name)
{
    struct registrations_walk registered = registrations_of(c, name);
    uint32_t count = 0;

    while (registrations_next(&registered))
        count++;
    return count;
}

static void fill_service(const struct control *c, const struct service *s, bool whole,
                         struct service_info *info, struct arena *mem)
{
    *info = (struct service_info){
        .id = s->id,
        .name = s->row.name,
        .count = s->counted ? s->count.count : 0,
        .every_host = service_every_host(s),
        .running = service_running(&c->catalog, s),
        .healthy = service_healthy(&c->catalog, s),
        .desired = s->row.desired,
        .spec_id = s->row.spec,
        .spec = whole ? service_spec(&c->catalog, s) : NULL,
        .problem = explain_problem(c, s, mem),
        .registered = count_registered(c, s->row.name),
    };
    if (service_every_host(s))
        info->count = service_wanted(&c->catalog, s);
    if (place_coordinator(&c->catalog, &s->id, &info->coordinator))
        info->coordinator_name = node_name(&c->catalog, &info->coordinator);
    list_held(c, s, info, mem);
    list_aliases(c, s, info, mem);
}

/* The names in order lead to the services in effect, aliases are shown with those. */
void answer_services(struct control *c, struct turn *t, const struct incoming *in)
{
    struct services answer = {0};
    struct service_info *items, registered = {0};
    struct get_services request;
    const struct content *n;
    struct arena mem = {0};
    struct buf out = {0};
    struct wire_error err;
    size_t count = 0;

    if (get_services_decode(&request, in->payload, &mem, &err)) {
        answer_bad(t, in, &err);
        return;
    }
    NAMES_FOREACH(n, &c->catalog)
    count++;
    items = arena_array(&mem, count, sizeof(*items));
    answer.services = items;
    NAMES_FOREACH(n, &c->catalog)
    {
        const struct service *s = catalog_find(&c->catalog, content_key(n));

        if (s && (!request.service.len || bytes_equal(content_key(n), request.service)))
            fill_service(c, s, request.service.len != 0, &items[answer.services_n++], &mem);
    }
    if (request.service.len && !answer.services_n &&
        (registered.registered = count_registered(c, request.service)) > 0) {
        registered.name = request.service;
        answer = (struct services){.services = &registered, .services_n = 1};
    }
    if (request.service.len && !answer.services_n) {
        no_service(t, in, request.service);
    } else {
        services_encode(&out, &answer);
        answer_send(t, in, WIRE_SERVICES, &out);
    }
    buf_deinit(&out);
    arena_deinit(&mem);
}

/* -- instances -- */

static void fill_instance(const struct control *c, const struct service *s,
                          const struct instance *i, struct instance_info *info, struct arena *mem)
{
    const struct member *m = members_get(c->catalog.members, instance_node(i));
    const struct instance_row *says = instance_says(i, mem);
    struct buf slot = {0};

    struct slot at = instance_slot(i);
    slot_print(&slot, &at);
    *info = (struct instance_info){
        .id = *instance_id(i),
        .service = s->known ? s->row.name : bytes_str("?"),
        .node = *instance_node(i),
        .node_name = node_name(&c->catalog, instance_node(i)),
        .state = i->state,
        .healthy = instance_healthy(&c->catalog, i),
        .addr = says->addr,
        .ports = says->ports,
        .ports_n = says->ports_n,
        .pid = says->pid,
        .restarts = says->restarts,
        .slot = arena_bytes(mem, buf_bytes(&slot)),
        .started_ms = says->started_ms,
        .epoch = says->epoch,
        .reason = says->reason,
        .waits = says->waits,
        .waits_n = says->waits_n,
        .node_state = m ? m->state : MEMBER_STATE_UNKNOWN,
    };
    buf_deinit(&slot);
}

static bool shown(const struct control *c, const struct instance *i, bool all)
{
    if (all)
        return true;
    return node_lives(&c->catalog, instance_node(i)) && i->state != INSTANCE_STATE_REFUSED &&
           (i->state != INSTANCE_STATE_STOPPED || instance_placed(&c->catalog, i));
}

void answer_instances(struct control *c, struct turn *t, const struct incoming *in)
{
    struct instances answer = {0};
    struct instance_info *items;
    struct get_instances request;
    struct arena mem = {0};
    struct buf out = {0};
    struct wire_error err;
    struct service *s;
    struct instance *i;

    if (get_instances_decode(&request, in->payload, &mem, &err)) {
        answer_bad(t, in, &err);
        return;
    }
    const struct service *only = catalog_find(&c->catalog, request.service);

    items = arena_array(&mem, c->catalog.instances.count, sizeof(*items));
    answer.instances = items;
    SERVICES_FOREACH(s, &c->catalog)
    {
        FLEET_FOREACH (i, service_fleet(s)) {
            if ((!only || s == only) && shown(c, i, request.all))
                fill_instance(c, s, i, &items[answer.instances_n++], &mem);
        }
    }
    if (request.service.len && !only) {
        no_service(t, in, request.service);
    } else {
        instances_encode(&out, &answer);
        answer_send(t, in, WIRE_INSTANCES, &out);
    }
    buf_deinit(&out);
    arena_deinit(&mem);
}

/* -- endpoints -- */

/* What its host reported of it last; zero when nothing is known. */
static void add_load(const struct turn *t, const struct instance *i, struct endpoint_info *ret)
{
    struct load_value v;

    if (!loads_endpoint(t->loads, instance_node(i), instance_id(i), t->now_us, &v))
        return;
    ret->latency_us = 100u * v.value;
    ret->load_age_ms = (uint64_t)((t->now_us - v.taken_us) / KITH_MS);
}

static uint32_t count_ports(const struct control *c, const struct service *s, struct bytes name)
{
    struct registrations_walk registered = registrations_of(c, name);
    const struct registration *r;
    struct instance *i;
    uint32_t count = 0;

    while ((r = registrations_next(&registered)) != NULL)
        count += r->ports_n ? r->ports_n : 1u;
    FLEET_FOREACH (i, service_fleet(s))
        count += instance_healthy(&c->catalog, i) ? i->ports_n : 0;
    return count;
}

static void add_instance(const struct control *c, const struct turn *t, const struct service *s,
                         const struct instance *i, struct endpoints *ret, struct arena *mem)
{
    struct endpoint_info *items = (struct endpoint_info *)(uintptr_t)ret->endpoints;
    const struct service_spec *spec = service_spec(&c->catalog, s);
    const struct instance_row *says = instance_says(i, mem);

    if (!instance_healthy(&c->catalog, i) || maintenance_of(c, instance_node(i), instance_id(i)) ||
        registrations_host_health(c, instance_node(i)) == ENDPOINT_HEALTH_CRITICAL)
        return;
    for (uint32_t k = 0; k < says->ports_n; k++) {
        items[ret->endpoints_n] = (struct endpoint_info){
            .instance = *instance_id(i),
            .node = *instance_node(i),
            .addr = says->addr,
            .port_name = says->ports[k].name,
            .port = says->ports[k].port,
            .tags = spec ? spec->tags : NULL,
            .tags_n = spec ? spec->tags_n : 0,
        };
        add_load(t, i, &items[ret->endpoints_n++]);
    }
}

static void add_registration(const struct control *c, const struct registration *r,
                             struct endpoints *ret, struct arena *mem)
{
    const struct registration_row *says = registration_says(r, mem);
    struct endpoint_info *items = (struct endpoint_info *)(uintptr_t)ret->endpoints;
    struct endpoint_info one = {
        .instance = *registration_id(r),
        .node = *registration_node(r),
        .addr = says->addr,
        .tags = says->tags,
        .tags_n = says->tags_n,
        .registration = says->name,
    };

    if (says->health == ENDPOINT_HEALTH_CRITICAL || maintenance_of(c, &one.node, &one.instance) ||
        (registrations_host_health(c, &one.node) == ENDPOINT_HEALTH_CRITICAL &&
         !registration_is_foreign(says)))
        return;
    for (uint32_t k = 0; k < says->ports_n; k++) {
        items[ret->endpoints_n] = one;
        items[ret->endpoints_n].port_name = says->ports[k].name;
        items[ret->endpoints_n++].port = says->ports[k].port;
    }
    if (says->ports_n == 0)
        items[ret->endpoints_n++] = one;
}

/* What Kith started and is healthy, then what was registered. */
static void list_endpoints(const struct control *c, const struct turn *t, struct bytes name,
                           struct endpoints *ret, struct arena *mem)
{
    const struct service *s = catalog_find(&c->catalog, name);
    struct registrations_walk registered = registrations_of(c, name);
    const struct registration *r;
    struct instance *i;

    ret->endpoints = arena_array(mem, count_ports(c, s, name), sizeof(*ret->endpoints));
    FLEET_FOREACH (i, service_fleet(s))
        add_instance(c, t, s, i, ret, mem);
    while ((r = registrations_next(&registered)) != NULL)
        add_registration(c, r, ret, mem);
}

void answer_endpoints(struct control *c, struct turn *t, const struct incoming *in)
{
    struct endpoints answer = {0};
    struct get_endpoints request;
    struct arena mem = {0};
    struct buf out = {0};
    struct wire_error err;

    if (get_endpoints_decode(&request, in->payload, &mem, &err)) {
        answer_bad(t, in, &err);
    } else if (!catalog_find(&c->catalog, request.service) &&
               !registrations_any(c, request.service)) {
        no_service(t, in, request.service);
    } else {
        list_endpoints(c, t, request.service, &answer, &mem);
        endpoints_encode(&out, &answer);
        answer_send(t, in, WIRE_ENDPOINTS, &out);
    }
    buf_deinit(&out);
    arena_deinit(&mem);
}

/* -- graph -- */

static uint32_t layer_of(const struct graph_layers *layers, const struct ulid *id)
{
    for (size_t k = 0; k < layers->count; k++) {
        for (size_t j = 0; j < layers->layers[k].count; j++) {
            if (ulid_equal(&layers->layers[k].ids[j], id))
                return (uint32_t)k;
        }
    }
    return 0;
}

static uint32_t add_edges(const struct control *c, const struct service *s, bool wants,
                          struct edge_info *edges)
{
    const struct service_spec *spec = service_spec(&c->catalog, s);
    const struct bytes *names = wants ? spec->wants : spec->needs;
    uint32_t n = wants ? spec->wants_n : spec->needs_n;

    for (uint32_t k = 0; k < n; k++) {
        const struct service *to = catalog_find(&c->catalog, names[k]);

        edges[k] = (struct edge_info){
            .from = s->row.name,
            .to = names[k],
            .wants = wants,
            .missing = !to,
            .held =
                !wants && to && graph_edge_state(c->catalog.graph, &s->id, &to->id) == GRAPH_HELD,
        };
    }
    return n;
}

void answer_graph(struct control *c, struct turn *t, const struct incoming *in)
{
    struct arena mem = {0};
    struct graph_layers layers = graph_layers(c->catalog.graph, &mem);
    struct service_graph answer = {0};
    struct node_info *nodes;
    struct edge_info *edges;
    const struct content *n;
    struct buf out = {0};
    size_t nodes_max = 0, edges_max = 0;

    NAMES_FOREACH(n, &c->catalog)
    {
        const struct service *s = catalog_find(&c->catalog, content_key(n));
        const struct service_spec *spec = s ? service_spec(&c->catalog, s) : NULL;

        nodes_max++;
        edges_max += spec ? spec->needs_n + spec->wants_n : 0;
    }
    nodes = arena_array(&mem, nodes_max, sizeof(*nodes));
    edges = arena_array(&mem, edges_max, sizeof(*edges));
    answer.nodes = nodes;
    answer.edges = edges;
    NAMES_FOREACH(n, &c->catalog)
    {
        const struct service *s = catalog_find(&c->catalog, content_key(n));

        if (!s || !service_has_spec(s))
            continue;
        nodes[answer.nodes_n++] = (struct node_info){
            .name = s->row.name,
            .layer = layer_of(&layers, &s->id),
            .healthy = service_healthy(&c->catalog, s),
            .count = service_wanted(&c->catalog, s),
        };
        answer.edges_n += add_edges(c, s, /* wants= */ false, edges + answer.edges_n);
        answer.edges_n += add_edges(c, s, /* wants= */ true, edges + answer.edges_n);
    }
    service_graph_encode(&out, &answer);
    answer_send(t, in, WIRE_SERVICE_GRAPH, &out);
    buf_deinit(&out);
    arena_deinit(&mem);
}

/* -- events -- */

void answer_events(struct control *c, struct turn *t, const struct incoming *in)
{
    struct get_events request;
    struct events answer = {0};
    struct arena mem = {0};
    struct buf out = {0};
    struct wire_error err;

    (void)c;
    if (get_events_decode(&request, in->payload, &mem, &err)) {
        answer_bad(t, in, &err);
    } else {
        journal_read(t->journal, request.after,
                     request.limit && request.limit < EVENTS_EVENTS_MAX_ITEMS ? request.limit
                                                                              : EVENTS_LIMIT,
                     &answer, &mem);
        events_encode(&out, &answer);
        answer_send(t, in, WIRE_EVENTS, &out);
    }
    buf_deinit(&out);
    arena_deinit(&mem);
}
