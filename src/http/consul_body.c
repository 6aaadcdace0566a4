#include "http/consul_body.h"

#include "http/consul_json.h"
#include "wire/text.h"

#include <string.h>

/* ---- parts of a service ---- */

static int take_tags(struct consul_reader *r, json_t *list, struct register_endpoint *ret)
{
    size_t n = json_array_size(list);
    struct bytes *tags = arena_array(r->mem, n, sizeof(*tags));
    int bad = 0;

    if (!json_is_array(list) || n > REGISTER_ENDPOINT_TAGS_MAX_ITEMS)
        return consul_refuse(r, "Tags is a list of up to 64 texts");
    for (size_t i = 0; i < n && !bad; i++)
        bad = consul_take_text(r, json_array_get(list, i), REGISTER_ENDPOINT_TAGS_MAX, &tags[i]);
    ret->tags = tags;
    ret->tags_n = (uint32_t)n;
    return bad;
}

static int take_meta(struct consul_reader *r, json_t *object, struct register_endpoint *ret)
{
    struct pair *meta = arena_array(r->mem, json_object_size(object), sizeof(*meta));
    const char *key;
    json_t *value;
    int bad = 0;

    if (!json_is_object(object) || json_object_size(object) > REGISTER_ENDPOINT_META_MAX_ITEMS)
        return consul_refuse(r, "Meta is an object of up to 64 texts");
    json_object_foreach(object, key, value)
    {
        struct pair *p = &meta[ret->meta_n++];

        p->key = arena_bytes(r->mem, bytes_str(key));
        bad |= p->key.len == 0 || p->key.len > PAIR_KEY_MAX ||
               consul_take_text(r, value, PAIR_VALUE_MAX, &p->value);
    }
    ret->meta = meta;
    return bad ? consul_refuse(r, "a name or value in Meta is too long") : 0;
}

static int take_port(struct consul_reader *r, json_t *value, struct register_endpoint *ret)
{
    struct bound_port *port = arena_alloc(r->mem, sizeof(*port));
    json_int_t number = json_integer_value(value);

    if (!json_is_integer(value) || number < 0 || number > UINT16_MAX)
        return consul_refuse(r, "Port is a number from 0 to 65535");
    *port = (struct bound_port){.name = bytes_str("port"), .port = (uint16_t)number};
    ret->ports = port;
    ret->ports_n = number > 0;
    return 0;
}

static int take_status(struct consul_reader *r, json_t *check, enum endpoint_health *ret)
{
    struct bytes status = {0};

    *ret = ENDPOINT_HEALTH_CRITICAL;
    if (consul_take_member(r, check, "Status", 16, &status))
        return 1;
    for (uint32_t i = 0; i < endpoint_health_enum.values_n && status.len; i++) {
        if (!bytes_equal_str(status, endpoint_health_enum.values[i].name))
            continue;
        *ret = (enum endpoint_health)endpoint_health_enum.values[i].id;
        return 0;
    }
    return status.len ? consul_refuse(r, "a check's Status is passing, warning or critical") : 0;
}

static int take_check(struct consul_reader *r, json_t *check, struct register_endpoint *ret)
{
    static const char *const others[] = {
        "HTTP",   "TCP",       "UDP",       "GRPC",         "Script",           "Args",
        "H2PING", "OSService", "AliasNode", "AliasService", "DockerContainerID"};

    if (!json_is_object(check))
        return consul_refuse(r, "Check is an object");
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        json_t *other = consul_value(check, others[i]);

        if (other && !(json_is_string(other) && json_string_length(other) == 0))
            return consul_refuse(
                r, "only checks with a TTL are taken: Kith runs no checks of services that it "
                   "did not start");
    }
    if (consul_take_duration(r, check, "TTL", &ret->ttl_ms) ||
        consul_take_duration(r, check, "DeregisterCriticalServiceAfter", &ret->reap_ms) ||
        take_status(r, check, &ret->health))
        return 1;
    if (!ret->ttl_ms)
        return consul_refuse(r, "a check needs a TTL");
    ret->keep = true;
    return 0;
}

static int take_checks(struct consul_reader *r, json_t *service, struct register_endpoint *ret)
{
    json_t *one = consul_value(service, "Check"), *list = consul_value(service, "Checks");

    if (list && (!json_is_array(list) || json_array_size(list) + (one != NULL) > 1))
        return consul_refuse(r, "one check at most is taken");
    if (list && json_array_size(list))
        one = json_array_get(list, 0);
    return one ? take_check(r, one, ret) : 0;
}

static int refuse_others(struct consul_reader *r, json_t *service)
{
    static const char *const others[] = {"Proxy", "Connect", "Namespace", "Partition",
                                         "SocketPath"};

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        json_t *other = consul_value(service, others[i]);

        if (other && !(json_is_string(other) && json_string_length(other) == 0))
            return consul_refuse(
                r, "proxies, connect, namespaces, partitions and sockets are not taken");
    }
    return 0;
}

static int take_service(struct consul_reader *r, json_t *service, struct register_endpoint *ret)
{
    json_t *tags, *meta, *port;

    if (!json_is_object(service))
        return consul_refuse(r, "the body is no JSON object");
    if (consul_take_member(r, service, "Name", REGISTER_ENDPOINT_SERVICE_MAX, &ret->service) ||
        consul_take_member(r, service, "ID", REGISTER_ENDPOINT_NAME_MAX, &ret->name) ||
        consul_take_member(r, service, "Address", REGISTER_ENDPOINT_ADDR_MAX, &ret->addr) ||
        refuse_others(r, service))
        return 1;
    if (!ret->service.len)
        return consul_refuse(r, "a service needs a Name");
    if (!ret->name.len)
        ret->name = ret->service; /* as Consul: one of a name at each agent */
    tags = consul_value(service, "Tags");
    meta = consul_value(service, "Meta");
    port = consul_value(service, "Port");
    if ((tags && take_tags(r, tags, ret)) || (meta && take_meta(r, meta, ret)) ||
        (port && take_port(r, port, ret)))
        return 1;
    return take_checks(r, service, ret);
}

int consul_read_service(struct register_endpoint *ret, struct bytes body, struct arena *mem,
                        const char **why)
{
    struct consul_reader r = {.mem = mem};
    json_t *json = consul_parse(body, why);

    *ret = (struct register_endpoint){0};
    if (!json)
        return 1;
    int bad = take_service(&r, json, ret);

    json_decref(json);
    *why = r.why;
    return bad;
}

static int take_report(struct consul_reader *r, json_t *report, struct report_endpoint *ret)
{
    struct bytes output = {0};

    if (!json_is_object(report))
        return consul_refuse(r, "the body is no JSON object");
    if (!consul_value(report, "Status"))
        return consul_refuse(r, "a Status is needed: passing, warning or critical");
    if (take_status(r, report, &ret->health) ||
        consul_take_member(r, report, "Output", CONSUL_BODY_MAX, &output))
        return 1;
    ret->output = wire_text_clip(output, REPORT_ENDPOINT_OUTPUT_MAX);
    return 0;
}

int consul_read_report(struct report_endpoint *ret, struct bytes body, struct arena *mem,
                       const char **why)
{
    struct consul_reader r = {.mem = mem};
    json_t *json = consul_parse(body, why);

    *ret = (struct report_endpoint){0};
    if (!json)
        return 1;
    int bad = take_report(&r, json, ret);

    json_decref(json);
    *why = r.why;
    return bad;
}
