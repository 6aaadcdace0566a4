#include "view/things.h"

#include "view/safe.h"
#include "wire/gen/client.h"
#include "wire/gen/topic.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* NAME_columns of STRUCT, from NAME_items. */
#define COLUMNS(name, wire)                                                                        \
    static const struct columns name##_columns = {&wire##_struct, name##_items, COUNT(name##_items)}

/* ---- cells that combine fields ---- */

static json_t *text_or_id(struct bytes text, const struct ulid *id)
{
    if (text.len > 0)
        return json_stringn((const char *)text.data, text.len);
    return ulid_is_zero(id) ? json_null() : json_string(ulid_text(id).s);
}

static json_t *service_coordinator(const void *item)
{
    const struct service_info *s = item;

    return text_or_id(s->coordinator_name, &s->coordinator);
}

static json_t *service_count(const void *item)
{
    const struct service_info *s = item;

    return s->every_host ? json_string("every") : json_integer(s->count);
}

static json_t *instance_node(const void *item)
{
    const struct instance_info *i = item;

    return text_or_id(i->node_name, &i->node);
}

/* The last thing its host said; a host that is gone says nothing new. */
static json_t *instance_state(const void *item)
{
    const struct instance_info *i = item;
    const char *name = instance_state_name(i->state);

    if (i->node_state == MEMBER_STATE_DEAD || i->node_state == MEMBER_STATE_LEFT ||
        i->node_state == MEMBER_STATE_SUSPECT)
        return json_sprintf("%s (host %s)", name, member_state_name(i->node_state));
    return json_string(name);
}

static json_t *instance_health(const void *item)
{
    const struct instance_info *i = item;

    if (i->healthy)
        return json_string("healthy");
    return json_string(i->state == INSTANCE_STATE_UNHEALTHY ? "unhealthy" : "unknown");
}

static json_t *step_node(const void *item)
{
    const struct command_step *s = item;

    return text_or_id(s->node_name, &s->node);
}

static json_t *edge_state(const void *item)
{
    const struct edge_info *e = item;

    if (e->held)
        return json_string("held out: would close a cycle");
    return json_string(e->missing ? "missing" : "ok");
}

static json_t *edge_kind(const void *item)
{
    return json_string(((const struct edge_info *)item)->wants ? "wants" : "needs");
}

static json_t *percent(uint32_t permille)
{
    return json_sprintf("%u.%u%%", permille / 10, permille % 10);
}

static json_t *member_cpu(const void *item)
{
    const struct load_info *l = ((const struct member_info *)item)->load;

    return l ? percent(l->cpu_permille) : json_null();
}

static json_t *member_memory(const void *item)
{
    const struct load_info *l = ((const struct member_info *)item)->load;

    return l ? percent(l->memory_permille) : json_null();
}

static json_t *member_load_age(const void *item)
{
    const struct load_info *l = ((const struct member_info *)item)->load;

    return l ? json_integer((json_int_t)l->age_ms) : json_null();
}

static json_t *endpoint_load_age(const void *item)
{
    const struct endpoint_info *e = item;

    return e->latency_us ? json_integer((json_int_t)e->load_age_ms) : json_null();
}

/* None of what Kith started itself. */
static json_t *endpoint_registration(const void *item)
{
    struct bytes name = ((const struct endpoint_info *)item)->registration;

    return name.len ? json_stringn((const char *)name.data, name.len) : json_null();
}

/* ---- members ---- */

/* As measured; "~" before what is only estimated. */
static json_t *member_rtt(const void *item)
{
    const struct member_info *m = item;

    if (m->rtt_us > 0)
        return json_sprintf("%.3f", (double)m->rtt_us / 1000.0);
    return m->rtt_estimate_us > 0 ? json_sprintf("~%.3f", (double)m->rtt_estimate_us / 1000.0)
                                  : json_null();
}

static const struct column member_items[] = {
    {.name = "id", .title = "ID", .wide = true, .field = "id"},
    {.name = "name", .title = "NAME", .field = "name"},
    {.name = "addr", .title = "ADDR", .field = "addr"},
    {.name = "state", .title = "STATE", .field = "state"},
    {.name = "incarnation", .title = "INCARNATION", .field = "incarnation"},
    {.name = "instances", .title = "INSTANCES", .field = "instances"},
    {.name = "rtt_ms", .field = "rtt_us", .as = COLUMN_US_AS_MS},
    {.name = "rtt_estimate_ms", .field = "rtt_estimate_us", .as = COLUMN_US_AS_MS},
    {.title = "RTT_MS", .as = COLUMN_MADE, .make = member_rtt},
    {.name = "since", .title = "SINCE", .wide = true, .field = "since_ms", .as = COLUMN_TIME},
    {.name = "started", .title = "STARTED", .wide = true, .field = "started_ms", .as = COLUMN_TIME},
    {.name = "capacity", .title = "CAPACITY", .wide = true, .field = "capacity"},
    {.name = "load", .field = "load"},
    {.title = "CPU", .wide = true, .as = COLUMN_MADE, .make = member_cpu},
    {.title = "MEM", .wide = true, .as = COLUMN_MADE, .make = member_memory},
    {.title = "AGE_MS", .wide = true, .as = COLUMN_MADE, .make = member_load_age},
    {.name = "tags", .title = "TAGS", .field = "tags", .as = COLUMN_MAP},
};
COLUMNS(member, member_info);

/* An error in thousandths, as a share of one. */
static json_t *rtt_error(const void *item)
{
    const struct rtt_info *r = item;

    return r->estimate_us == 0 ? json_null() : json_real((double)r->error / 1000.0);
}

static json_t *rtt_from(const void *item)
{
    const struct rtt_info *r = item;

    return text_or_id(r->from_name, &r->from);
}

static json_t *rtt_to(const void *item)
{
    const struct rtt_info *r = item;

    return text_or_id(r->to_name, &r->to);
}

static const struct column rtt_items[] = {
    {.name = "from", .field = "from"},
    {.name = "from_name", .field = "from_name"},
    {.title = "FROM", .as = COLUMN_MADE, .make = rtt_from},
    {.name = "to", .field = "to"},
    {.name = "to_name", .field = "to_name"},
    {.title = "TO", .as = COLUMN_MADE, .make = rtt_to},
    {.name = "estimate_ms", .title = "ESTIMATE_MS", .field = "estimate_us", .as = COLUMN_US_AS_MS},
    {.name = "error", .title = "ERROR", .as = COLUMN_MADE, .make = rtt_error},
    {.name = "measured_ms", .title = "MEASURED_MS", .field = "measured_us", .as = COLUMN_US_AS_MS},
};
COLUMNS(rtt, rtt_info);

static const struct column topic_items[] = {
    {.name = "topic", .field = "topic"},
    {.name = "published", .field = "published"},
    {.name = "dropped", .field = "dropped"},
    {.name = "received", .field = "received"},
    {.name = "delivered", .field = "delivered"},
    {.name = "p50_ms", .field = "p50_us", .as = COLUMN_US_AS_MS},
    {.name = "p99_ms", .field = "p99_us", .as = COLUMN_US_AS_MS},
    {.name = "max_ms", .field = "max_us", .as = COLUMN_US_AS_MS},
};
COLUMNS(topic, topic_info);

static const struct column info_items[] = {
    {.name = "id", .field = "id"},
    {.name = "name", .field = "name"},
    {.name = "cluster", .field = "cluster"},
    {.name = "version", .field = "version"},
    {.name = "incarnation", .field = "incarnation"},
    {.name = "members_alive", .field = "members_alive"},
    {.name = "members_known", .field = "members_known"},
    {.name = "uptime_ms", .field = "uptime_ms"},
    {.name = "rows", .field = "rows"},
    {.name = "digest", .field = "digest", .as = COLUMN_HEX},
    {.name = "clock_ahead", .field = "clock_ahead"},
    {.name = "counters", .field = "counters", .as = COLUMN_MAP},
    {.name = "topics", .field = "topics", .as = COLUMN_ROWS, .rows = &topic_columns},
};
COLUMNS(info, info);

/* ---- services ---- */

static const struct column service_items[] = {
    {.name = "id", .title = "ID", .wide = true, .field = "id"},
    {.name = "name", .title = "NAME", .field = "name"},
    {.name = "count", .field = "count"},
    {.title = "COUNT", .as = COLUMN_MADE, .make = service_count},
    {.name = "every_host", .field = "every_host"},
    {.name = "running", .title = "RUNNING", .field = "running"},
    {.name = "healthy", .title = "HEALTHY", .field = "healthy"},
    {.name = "desired", .title = "DESIRED", .field = "desired"},
    {.name = "coordinator", .field = "coordinator"},
    {.name = "coordinator_name", .field = "coordinator_name"},
    {.title = "COORDINATOR", .as = COLUMN_MADE, .make = service_coordinator},
    {.name = "spec_id", .title = "SPEC", .wide = true, .field = "spec_id"},
    {.name = "aliases", .title = "ALIASES", .wide = true, .field = "aliases"},
    {.name = "held", .title = "HELD", .wide = true, .field = "held"},
    {.name = "registered", .title = "REGISTERED", .wide = true, .field = "registered"},
    {.name = "problem", .title = "PROBLEM", .field = "problem"},
    {.name = "spec", .field = "spec"},
};
COLUMNS(service, service_info);

static const struct column instance_items[] = {
    {.name = "id", .title = "ID", .field = "id"},
    {.name = "service", .title = "SERVICE", .field = "service"},
    {.name = "node", .field = "node"},
    {.name = "node_name", .field = "node_name"},
    {.title = "NODE", .as = COLUMN_MADE, .make = instance_node},
    {.name = "node_state", .field = "node_state"},
    {.name = "state", .field = "state"},
    {.title = "STATE", .as = COLUMN_MADE, .make = instance_state},
    {.name = "health", .title = "HEALTH", .as = COLUMN_MADE, .make = instance_health},
    {.name = "addr", .title = "ADDR", .field = "addr"},
    {.name = "ports", .title = "PORTS", .field = "ports", .as = COLUMN_MAP},
    {.name = "pid", .title = "PID", .wide = true, .field = "pid"},
    {.name = "restarts", .title = "RESTARTS", .field = "restarts"},
    {.name = "slot", .title = "SLOT", .wide = true, .field = "slot"},
    {.name = "started", .title = "STARTED", .wide = true, .field = "started_ms", .as = COLUMN_TIME},
    {.name = "epoch", .title = "EPOCH", .wide = true, .field = "epoch"},
    {.name = "waits", .title = "WAITS", .wide = true, .field = "waits"},
    {.name = "reason", .title = "REASON", .field = "reason"},
};
COLUMNS(instance, instance_info);

/* What the check found; null: it could not be run, see problem. */
static json_t *check_ok(const void *item)
{
    const struct check_result *r = item;

    return r->problem.len ? json_null() : json_boolean(r->ok);
}

static json_t *check_verdict(const void *item)
{
    const struct check_result *r = item;

    return json_string(r->problem.len ? "not run" : r->ok ? "passing" : "failing");
}

static json_t *check_node(const void *item)
{
    const struct check_result *r = item;

    return text_or_id(r->node_name, &r->node);
}

static json_t *check_text(const void *item)
{
    const struct check_result *r = item;
    struct bytes text = r->problem.len ? r->problem : r->output;

    return text.len ? json_stringn((const char *)text.data, text.len) : json_string("");
}

static const struct column check_result_items[] = {
    {.name = "instance", .title = "INSTANCE", .field = "instance"},
    {.name = "service", .title = "SERVICE", .field = "service"},
    {.name = "node", .field = "node"},
    {.name = "node_name", .field = "node_name"},
    {.title = "NODE", .as = COLUMN_MADE, .make = check_node},
    {.name = "ok", .as = COLUMN_MADE, .make = check_ok},
    {.title = "CHECK", .as = COLUMN_MADE, .make = check_verdict},
    {.name = "state", .title = "STATE", .field = "state"},
    {.name = "took_ms", .title = "TOOK_MS", .field = "took_us", .as = COLUMN_US_AS_MS},
    {.name = "shared", .field = "shared"},
    {.name = "output", .field = "output"},
    {.name = "problem", .field = "problem"},
    {.title = "OUTPUT", .as = COLUMN_MADE, .make = check_text},
};
COLUMNS(check_result, check_result);

static const struct column endpoint_items[] = {
    {.name = "addr", .title = "ADDR", .field = "addr"},
    {.name = "port", .title = "PORT", .field = "port"},
    {.name = "port_name", .title = "NAME", .field = "port_name"},
    {.name = "instance", .title = "INSTANCE", .field = "instance"},
    {.name = "node", .title = "NODE", .wide = true, .field = "node"},
    {.name = "latency_ms", .title = "LATENCY_MS", .field = "latency_us", .as = COLUMN_US_AS_MS},
    {.name = "load_age_ms",
     .title = "AGE_MS",
     .wide = true,
     .as = COLUMN_MADE,
     .make = endpoint_load_age},
    {.name = "registration",
     .title = "REGISTRATION",
     .wide = true,
     .as = COLUMN_MADE,
     .make = endpoint_registration},
    {.name = "tags", .title = "TAGS", .field = "tags"},
};
COLUMNS(endpoint, endpoint_info);

/* ---- the graph ---- */

static const struct column node_items[] = {
    {.name = "name", .title = "SERVICE", .field = "name"},
    {.name = "layer", .title = "LAYER", .field = "layer"},
    {.name = "healthy", .title = "HEALTHY", .field = "healthy"},
    {.name = "count", .title = "COUNT", .field = "count"},
};
COLUMNS(node, node_info);

static const struct column edge_items[] = {
    {.name = "from", .title = "FROM", .field = "from"},
    {.name = "kind", .title = "KIND", .as = COLUMN_MADE, .make = edge_kind},
    {.name = "to", .title = "TO", .field = "to"},
    {.name = "held", .field = "held"},
    {.name = "missing", .field = "missing"},
    {.title = "STATE", .as = COLUMN_MADE, .make = edge_state},
};
COLUMNS(edge, edge_info);

static const struct column graph_items[] = {
    {.name = "nodes", .field = "nodes", .as = COLUMN_ROWS, .rows = &node_columns},
    {.name = "edges", .field = "edges", .as = COLUMN_ROWS, .rows = &edge_columns},
};
COLUMNS(graph, service_graph);

/* ---- commands, reasons, events ---- */

static const struct column step_items[] = {
    {.name = "state", .title = "STATE", .field = "state"},
    {.name = "at", .title = "AT", .field = "at_ms", .as = COLUMN_TIME},
    {.name = "node", .field = "node"},
    {.name = "node_name", .field = "node_name"},
    {.title = "NODE", .as = COLUMN_MADE, .make = step_node},
    {.name = "why", .title = "WHY", .field = "why"},
};
COLUMNS(step, command_step);

static const struct column command_items[] = {
    {.name = "id", .title = "ID", .field = "id"},
    {.name = "kind", .title = "KIND", .field = "kind"},
    {.name = "state", .title = "STATE", .field = "state"},
    {.name = "author", .title = "AUTHOR", .field = "author"},
    {.name = "at", .title = "AT", .field = "at_ms", .as = COLUMN_TIME},
    {.name = "cause", .title = "CAUSE", .wide = true, .field = "cause"},
    {.name = "args", .title = "ARGS", .field = "args", .as = COLUMN_MAP},
    {.name = "history", .field = "history", .as = COLUMN_ROWS, .rows = &step_columns},
};
COLUMNS(command, command_info);

static const struct column why_items[] = {{.name = "lines", .field = "lines"}};
COLUMNS(why, why);

static const struct column event_items[] = {
    {.name = "position", .title = "POSITION", .wide = true, .width = 8, .field = "position"},
    {.name = "at", .title = "AT", .field = "at_ms", .as = COLUMN_TIME},
    {.name = "what", .title = "WHAT", .width = 20, .field = "what"},
    {.name = "subject", .title = "SUBJECT", .width = 28, .field = "subject"},
    {.name = "text", .title = "TEXT", .field = "text"},
};
COLUMNS(event, event_info);

/* As `kith undo` takes it. */
static json_t *conflict_id(const void *item)
{
    const struct conflict_info *c = item;

    return json_sprintf("%016llx", (unsigned long long)c->id);
}

static const struct column conflict_items[] = {
    {.name = "id", .title = "ID", .as = COLUMN_MADE, .make = conflict_id},
    {.name = "table", .title = "TABLE", .field = "table"},
    {.name = "about", .title = "ABOUT", .field = "about"},
    {.name = "lost", .title = "LOST", .field = "lost"},
    {.name = "lost_by", .title = "BY", .field = "lost_by"},
    {.name = "lost_at", .title = "AT", .wide = true, .field = "lost_ms", .as = COLUMN_TIME},
    {.name = "held", .title = "HELD", .field = "held"},
    {.name = "held_by", .title = "BY", .field = "held_by"},
    {.name = "held_at", .title = "AT", .wide = true, .field = "held_ms", .as = COLUMN_TIME},
    {.name = "noticed", .title = "NOTICED", .field = "kept_ms", .as = COLUMN_TIME},
    {.name = "can_undo", .title = "UNDO", .field = "can_undo"},
};
COLUMNS(conflict, conflict_info);

/* ---- messages ---- */

/* NULL: it is no text. */
static json_t *text_of(struct bytes payload)
{
    return payload.len > 0 ? json_stringn((const char *)payload.data, payload.len)
                           : json_string("");
}

/* Text as it is; what is none comes as base64, below. */
static json_t *delivery_text(const void *item)
{
    json_t *text = text_of(((const struct topic_delivery *)item)->payload);

    return text != NULL ? text : json_null();
}

static json_t *delivery_base64(const void *item)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const struct topic_delivery *d = item;
    json_t *value = text_of(d->payload);
    struct buf out = {0};

    if (value != NULL) {
        json_decref(value);
        return NULL;
    }
    for (size_t i = 0; i < d->payload.len; i += 3) {
        size_t n = d->payload.len - i < 3 ? d->payload.len - i : 3;
        uint32_t bits = 0;

        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (k < n ? d->payload.data[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            buf_byte(&out, k <= n ? (uint8_t)digits[bits >> (18 - 6 * k) & 63] : '=');
    }
    value = json_stringn((const char *)out.data, out.len);
    buf_deinit(&out);
    return value;
}

/* For people: what is no text is shown escaped. */
static json_t *delivery_shown(const void *item)
{
    const struct topic_delivery *d = item;
    struct buf line = {0};

    safe_line(&line, d->payload);
    json_t *value = text_of(buf_bytes(&line));
    buf_deinit(&line);
    return value;
}

static const struct column delivery_items[] = {
    {.name = "at", .title = "AT", .wide = true, .field = "stamp_ms", .as = COLUMN_TIME},
    {.name = "topic", .title = "TOPIC", .width = 20, .field = "topic"},
    {.name = "origin", .field = "origin"},
    {.name = "origin_name", .title = "FROM", .wide = true, .width = 12, .field = "origin_name"},
    {.name = "seq", .field = "seq"},
    {.name = "priority", .field = "priority"},
    {.name = "latency_ms",
     .title = "LATENCY_MS",
     .wide = true,
     .width = 10,
     .field = "latency_us",
     .as = COLUMN_US_AS_MS},
    {.name = "payload", .as = COLUMN_MADE, .make = delivery_text},
    {.name = "payload_base64", .as = COLUMN_MADE, .make = delivery_base64},
    {.title = "PAYLOAD", .as = COLUMN_MADE, .make = delivery_shown},
};
COLUMNS(delivery, topic_delivery);

static const struct column published_items[] = {
    {.name = "accepted", .field = "accepted"},
    {.name = "dropped", .field = "dropped"},
    {.name = "peers", .field = "peers"},
    {.name = "local", .field = "local"},
};
COLUMNS(published, published);

static const struct column registered_items[] = {
    {.name = "instance", .field = "instance"},
    {.name = "name", .field = "name"},
    {.name = "text", .field = "text"},
};
COLUMNS(registered, registered);

static const struct column registered_info_items[] = {
    {.name = "instance", .field = "instance"},
    {.name = "name", .title = "NAME", .field = "name"},
    {.name = "text", .title = "TEXT", .field = "text"},
};
COLUMNS(registered_info, registered_info);

static const struct column backed_up_items[] = {
    {.name = "path", .field = "path"},
    {.name = "bytes", .field = "bytes"},
    {.name = "text", .field = "text"},
};
COLUMNS(backed_up, backed_up);

static const struct column changed_items[] = {
    {.name = "command", .field = "command"},
    {.name = "text", .field = "text"},
};
COLUMNS(changed, changed);

static const struct column done_items[] = {{.name = "text", .field = "text"}};
COLUMNS(done, done);

static const struct column failed_items[] = {
    {.name = "code", .field = "code"},
    {.name = "text", .field = "text"},
    {.name = "service", .field = "service"},
};
COLUMNS(failed, failed);

const struct thing things[] = {
    {.kind = WIRE_FAILED, .columns = &failed_columns, .text = "text"},
    {.kind = WIRE_MEMBER_LIST, .list = "members", .columns = &member_columns},
    {.kind = WIRE_RTTS, .list = "rtts", .columns = &rtt_columns},
    {.kind = WIRE_INFO, .columns = &info_columns},
    {.kind = WIRE_BACKED_UP, .columns = &backed_up_columns, .text = "text"},
    {.kind = WIRE_REGISTERED, .columns = &registered_columns, .text = "text"},
    {.kind = WIRE_REGISTERED_ENDPOINTS, .list = "registered", .columns = &registered_info_columns},
    {.kind = WIRE_CHANGED, .columns = &changed_columns, .text = "text"},
    {.kind = WIRE_SERVICES, .list = "services", .columns = &service_columns},
    {.kind = WIRE_INSTANCES, .list = "instances", .columns = &instance_columns},
    {.kind = WIRE_CHECK_RESULTS, .list = "results", .columns = &check_result_columns},
    {.kind = WIRE_ENDPOINTS, .list = "endpoints", .columns = &endpoint_columns},
    {.kind = WIRE_SERVICE_GRAPH, .columns = &graph_columns},
    {.kind = WIRE_COMMANDS, .list = "commands", .columns = &command_columns},
    {.kind = WIRE_WHY, .columns = &why_columns, .text = "lines"},
    {.kind = WIRE_EVENTS, .list = "events", .columns = &event_columns},
    {.kind = WIRE_CONFLICT_LIST, .list = "conflicts", .columns = &conflict_columns},
    {.kind = WIRE_DELIVERY, .list = "messages", .columns = &delivery_columns},
    {.kind = WIRE_PUBLISHED, .columns = &published_columns},
    {.kind = WIRE_DONE, .columns = &done_columns, .text = "text"},
};
const size_t things_n = COUNT(things);

const struct thing *thing_find(enum wire_kind kind)
{
    for (size_t i = 0; i < things_n; i++) {
        if (things[i].kind == kind)
            return &things[i];
    }
    return NULL;
}
