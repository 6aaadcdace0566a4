#include "consul/body.h"

#include "consul/json.h"
#include "wire/text.h"

#include <string.h>

#define RESERVED "kith-" /* names in Meta */

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
        if (bytes_starts(p->key, bytes_str(RESERVED)))
            return consul_refuse(r, "names in Meta that begin with kith- are Kith's own");
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

static int take_lists(struct consul_reader *r, json_t *service, struct register_endpoint *ret)
{
    json_t *tags = consul_value(service, "Tags"), *meta = consul_value(service, "Meta");
    json_t *port = consul_value(service, "Port");

    return (tags && take_tags(r, tags, ret)) || (meta && take_meta(r, meta, ret)) ||
           (port && take_port(r, port, ret));
}

static int take_service(struct consul_reader *r, json_t *service, struct register_endpoint *ret)
{
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
    return take_lists(r, service, ret) || take_checks(r, service, ret);
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

/* ---- the catalog ---- */

static int take_entry_service(struct consul_reader *r, json_t *service,
                              struct register_endpoint *ret)
{
    if (!json_is_object(service))
        return consul_refuse(r, "a node alone cannot be kept here: register a Service on it");
    if (consul_take_member(r, service, "Service", REGISTER_ENDPOINT_SERVICE_MAX, &ret->service) ||
        consul_take_member(r, service, "ID", REGISTER_ENDPOINT_NAME_MAX, &ret->name) ||
        consul_take_member(r, service, "Address", REGISTER_ENDPOINT_ADDR_MAX, &ret->addr) ||
        refuse_others(r, service))
        return 1;
    if (!ret->service.len)
        return consul_refuse(r, "a service needs its name, as Service");
    if (!ret->name.len)
        ret->name = ret->service;
    return take_lists(r, service, ret);
}

static int take_entry_check(struct consul_reader *r, json_t *check, struct register_endpoint *ret)
{
    struct bytes of = {0};
    enum endpoint_health health;

    if (!json_is_object(check))
        return consul_refuse(r, "a check is an object");
    if (consul_take_member(r, check, "ServiceID", REGISTER_ENDPOINT_NAME_MAX, &of) ||
        take_status(r, check, &health))
        return 1;
    if (of.len && !bytes_equal(of, ret->name))
        return consul_refuse(r, "a check is of the service that it is registered with");
    if (health > ret->health)
        ret->health = health;
    return 0;
}

static int take_node(struct consul_reader *r, json_t *json, struct consul_entry *ret)
{
    if (!json_is_object(json))
        return consul_refuse(r, "the body is no JSON object");
    if (consul_take_member(r, json, "Node", PAIR_VALUE_MAX, &ret->node) ||
        consul_take_member(r, json, "Address", REGISTER_ENDPOINT_ADDR_MAX, &ret->address) ||
        refuse_others(r, json))
        return 1;
    return ret->node.len ? 0 : consul_refuse(r, "a Node is needed");
}

static int take_entry(struct consul_reader *r, json_t *json, struct consul_entry *ret)
{
    json_t *one, *list, *meta;

    if (take_node(r, json, ret) ||
        take_entry_service(r, consul_value(json, "Service"), &ret->service))
        return 1;
    one = consul_value(json, "Check");
    list = consul_value(json, "Checks");
    meta = consul_value(json, "NodeMeta");
    if (meta && json_object_size(meta))
        return consul_refuse(r, "NodeMeta is not kept here: write it into the service's Meta");
    if (list && !json_is_array(list))
        return consul_refuse(r, "Checks is a list");
    int bad = one ? take_entry_check(r, one, &ret->service) : 0;

    for (size_t i = 0; i < json_array_size(list) && !bad; i++)
        bad = take_entry_check(r, json_array_get(list, i), &ret->service);
    return bad;
}

static int take_ending(struct consul_reader *r, json_t *json, struct consul_entry *ret)
{
    struct bytes check = {0};

    if (take_node(r, json, ret) ||
        consul_take_member(r, json, "ServiceID", REGISTER_ENDPOINT_NAME_MAX, &ret->service.name) ||
        consul_take_member(r, json, "CheckID", REGISTER_ENDPOINT_NAME_MAX, &check))
        return 1;
    return check.len ? consul_refuse(r, "a check ends with its service: write its ServiceID") : 0;
}

static int take_own_check(struct consul_reader *r, json_t *json, struct check_endpoint *ret)
{
    struct register_endpoint check = {0};

    if (take_check(r, json, &check) ||
        consul_take_member(r, json, "ServiceID", CHECK_ENDPOINT_NAME_MAX, &ret->name) ||
        consul_take_member(r, json, "Name", CHECK_ENDPOINT_CHECK_MAX, &ret->check) ||
        consul_take_member(r, json, "ID", CHECK_ENDPOINT_CHECK_MAX, &ret->check) ||
        consul_take_member(r, json, "CheckID", CHECK_ENDPOINT_CHECK_MAX, &ret->check))
        return 1;
    if (!ret->name.len)
        return consul_refuse(r, "a check is of a service here: write its ServiceID; for all of the "
                                "host there is maintenance");
    if (!ret->check.len)
        return consul_refuse(r, "a check needs a Name");
    ret->ttl_ms = check.ttl_ms;
    ret->reap_ms = check.reap_ms;
    ret->health = check.health;
    return 0;
}

static int end(struct consul_reader *r, json_t *json, int bad, const char **why)
{
    json_decref(json);
    *why = r->why;
    return bad;
}

int consul_read_entry(struct consul_entry *ret, struct bytes body, struct arena *mem,
                      const char **why)
{
    struct consul_reader r = {.mem = mem};
    json_t *json = consul_parse(body, why);

    *ret = (struct consul_entry){0};
    return json ? end(&r, json, take_entry(&r, json, ret), why) : 1;
}

int consul_read_ending(struct consul_entry *ret, struct bytes body, struct arena *mem,
                       const char **why)
{
    struct consul_reader r = {.mem = mem};
    json_t *json = consul_parse(body, why);

    *ret = (struct consul_entry){0};
    return json ? end(&r, json, take_ending(&r, json, ret), why) : 1;
}

int consul_read_check(struct check_endpoint *ret, struct bytes body, struct arena *mem,
                      const char **why)
{
    struct consul_reader r = {.mem = mem};
    json_t *json = consul_parse(body, why);

    *ret = (struct check_endpoint){0};
    return json ? end(&r, json, take_own_check(&r, json, ret), why) : 1;
}
