#include "http/consul_body.h"

#include "http/target.h"
#include "wire/text.h"

#include <ctype.h>
#include <jansson.h>
#include <string.h>
#include <strings.h>

struct reader {
    struct arena *mem;
    const char *why;
};

static int refuse(struct reader *r, const char *why)
{
    if (!r->why)
        r->why = why;
    return 1;
}

/* ---- names and values ---- */

/* "ServiceID", "serviceid" and "service_id" are one. */
static bool same_name(const char *key, const char *name)
{
    for (; *key; key++) {
        if (*key == '_')
            continue;
        if (tolower((unsigned char)*key) != tolower((unsigned char)*name))
            return false;
        name++;
    }
    return *name == '\0';
}

/* NULL: absent, or null. */
static json_t *member(json_t *object, const char *name)
{
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value)
    {
        if (same_name(key, name))
            return json_is_null(value) ? NULL : value;
    }
    return NULL;
}

static int take_text(struct reader *r, json_t *value, size_t max, struct bytes *ret)
{
    if (!json_is_string(value))
        return refuse(
            r, "a text is expected in Name, ID, Address, Tags, Meta and of a check's members");
    struct bytes text = bytes_of(json_string_value(value), json_string_length(value));

    if (text.len > max || !wire_text_ok(text))
        return refuse(r, "a text is too long, or has characters that no text has");
    *ret = arena_bytes(r->mem, text);
    return 0;
}

static int take_member(struct reader *r, json_t *object, const char *name, size_t max,
                       struct bytes *ret)
{
    json_t *value = member(object, name);

    return value ? take_text(r, value, max, ret) : 0;
}

/* "10s"; Consul's clients write numbers of nanoseconds, too. */
static int take_duration(struct reader *r, json_t *object, const char *name, uint32_t *ret_ms)
{
    json_t *value = member(object, name);
    kith_time us = 0;

    if (!value || (json_is_string(value) && json_string_length(value) == 0))
        return 0;
    if (json_is_integer(value) && json_integer_value(value) >= 0)
        us = json_integer_value(value) / 1000;
    else if (!json_is_string(value) ||
             read_duration(bytes_of(json_string_value(value), json_string_length(value)), &us))
        return refuse(r, "TTL and DeregisterCriticalServiceAfter are times such as 10s or 5m");
    if (us / KITH_MS > UINT32_MAX)
        return refuse(r, "TTL and DeregisterCriticalServiceAfter are 49 days at most");
    *ret_ms = (uint32_t)(us / KITH_MS);
    return 0;
}

/* ---- parts of a service ---- */

static int take_tags(struct reader *r, json_t *list, struct register_endpoint *ret)
{
    size_t n = json_array_size(list);
    struct bytes *tags = arena_array(r->mem, n, sizeof(*tags));
    int bad = 0;

    if (!json_is_array(list) || n > REGISTER_ENDPOINT_TAGS_MAX_ITEMS)
        return refuse(r, "Tags is a list of up to 64 texts");
    for (size_t i = 0; i < n && !bad; i++)
        bad = take_text(r, json_array_get(list, i), REGISTER_ENDPOINT_TAGS_MAX, &tags[i]);
    ret->tags = tags;
    ret->tags_n = (uint32_t)n;
    return bad;
}

static int take_meta(struct reader *r, json_t *object, struct register_endpoint *ret)
{
    struct pair *meta = arena_array(r->mem, json_object_size(object), sizeof(*meta));
    const char *key;
    json_t *value;
    int bad = 0;

    if (!json_is_object(object) || json_object_size(object) > REGISTER_ENDPOINT_META_MAX_ITEMS)
        return refuse(r, "Meta is an object of up to 64 texts");
    json_object_foreach(object, key, value)
    {
        struct pair *p = &meta[ret->meta_n++];

        p->key = arena_bytes(r->mem, bytes_str(key));
        bad |= p->key.len == 0 || p->key.len > PAIR_KEY_MAX ||
               take_text(r, value, PAIR_VALUE_MAX, &p->value);
    }
    ret->meta = meta;
    return bad ? refuse(r, "a name or value in Meta is too long") : 0;
}

static int take_port(struct reader *r, json_t *value, struct register_endpoint *ret)
{
    struct bound_port *port = arena_alloc(r->mem, sizeof(*port));
    json_int_t number = json_integer_value(value);

    if (!json_is_integer(value) || number < 0 || number > UINT16_MAX)
        return refuse(r, "Port is a number from 0 to 65535");
    *port = (struct bound_port){.name = bytes_str("port"), .port = (uint16_t)number};
    ret->ports = port;
    ret->ports_n = number > 0;
    return 0;
}

static int take_status(struct reader *r, json_t *check, enum endpoint_health *ret)
{
    struct bytes status = {0};

    *ret = ENDPOINT_HEALTH_CRITICAL;
    if (take_member(r, check, "Status", 16, &status))
        return 1;
    for (uint32_t i = 0; i < endpoint_health_enum.values_n && status.len; i++) {
        if (!bytes_equal_str(status, endpoint_health_enum.values[i].name))
            continue;
        *ret = (enum endpoint_health)endpoint_health_enum.values[i].id;
        return 0;
    }
    return status.len ? refuse(r, "a check's Status is passing, warning or critical") : 0;
}

static int take_check(struct reader *r, json_t *check, struct register_endpoint *ret)
{
    static const char *const others[] = {
        "HTTP",   "TCP",       "UDP",       "GRPC",         "Script",           "Args",
        "H2PING", "OSService", "AliasNode", "AliasService", "DockerContainerID"};

    if (!json_is_object(check))
        return refuse(r, "Check is an object");
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        json_t *other = member(check, others[i]);

        if (other && !(json_is_string(other) && json_string_length(other) == 0))
            return refuse(
                r, "only checks with a TTL are taken: Kith runs no checks of services that it "
                   "did not start");
    }
    if (take_duration(r, check, "TTL", &ret->ttl_ms) ||
        take_duration(r, check, "DeregisterCriticalServiceAfter", &ret->reap_ms) ||
        take_status(r, check, &ret->health))
        return 1;
    if (!ret->ttl_ms)
        return refuse(r, "a check needs a TTL");
    ret->keep = true;
    return 0;
}

static int take_checks(struct reader *r, json_t *service, struct register_endpoint *ret)
{
    json_t *one = member(service, "Check"), *list = member(service, "Checks");

    if (list && (!json_is_array(list) || json_array_size(list) + (one != NULL) > 1))
        return refuse(r, "one check at most is taken");
    if (list && json_array_size(list))
        one = json_array_get(list, 0);
    return one ? take_check(r, one, ret) : 0;
}

static int refuse_others(struct reader *r, json_t *service)
{
    static const char *const others[] = {"Proxy", "Connect", "Namespace", "Partition",
                                         "SocketPath"};

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        json_t *other = member(service, others[i]);

        if (other && !(json_is_string(other) && json_string_length(other) == 0))
            return refuse(r, "proxies, connect, namespaces, partitions and sockets are not taken");
    }
    return 0;
}

static int take_service(struct reader *r, json_t *service, struct register_endpoint *ret)
{
    json_t *tags, *meta, *port;

    if (!json_is_object(service))
        return refuse(r, "the body is no JSON object");
    if (take_member(r, service, "Name", REGISTER_ENDPOINT_SERVICE_MAX, &ret->service) ||
        take_member(r, service, "ID", REGISTER_ENDPOINT_NAME_MAX, &ret->name) ||
        take_member(r, service, "Address", REGISTER_ENDPOINT_ADDR_MAX, &ret->addr) ||
        refuse_others(r, service))
        return 1;
    if (!ret->service.len)
        return refuse(r, "a service needs a Name");
    if (!ret->name.len)
        ret->name = ret->service; /* as Consul: one of a name at each agent */
    tags = member(service, "Tags");
    meta = member(service, "Meta");
    port = member(service, "Port");
    if ((tags && take_tags(r, tags, ret)) || (meta && take_meta(r, meta, ret)) ||
        (port && take_port(r, port, ret)))
        return 1;
    return take_checks(r, service, ret);
}

/* NULL, and *why says so. */
static json_t *parse(struct bytes body, const char **why)
{
    json_error_t error;
    json_t *json = NULL;

    if (body.len <= CONSUL_BODY_MAX)
        json = json_loadb((const char *)body.data, body.len, JSON_REJECT_DUPLICATES, &error);
    if (!json)
        *why = body.len > CONSUL_BODY_MAX ? "the body is too long" : "the body is no JSON object";
    return json;
}

int consul_read_service(struct register_endpoint *ret, struct bytes body, struct arena *mem,
                        const char **why)
{
    struct reader r = {.mem = mem};
    json_t *json = parse(body, why);

    *ret = (struct register_endpoint){0};
    if (!json)
        return 1;
    int bad = take_service(&r, json, ret);

    json_decref(json);
    *why = r.why;
    return bad;
}

static int take_report(struct reader *r, json_t *report, struct report_endpoint *ret)
{
    struct bytes output = {0};

    if (!json_is_object(report))
        return refuse(r, "the body is no JSON object");
    if (!member(report, "Status"))
        return refuse(r, "a Status is needed: passing, warning or critical");
    if (take_status(r, report, &ret->health) ||
        take_member(r, report, "Output", CONSUL_BODY_MAX, &output))
        return 1;
    ret->output = wire_text_clip(output, REPORT_ENDPOINT_OUTPUT_MAX);
    return 0;
}

int consul_read_report(struct report_endpoint *ret, struct bytes body, struct arena *mem,
                       const char **why)
{
    struct reader r = {.mem = mem};
    json_t *json = parse(body, why);

    *ret = (struct report_endpoint){0};
    if (!json)
        return 1;
    int bad = take_report(&r, json, ret);

    json_decref(json);
    *why = r.why;
    return bad;
}
