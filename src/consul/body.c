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

static int refuse_runs(struct consul_reader *r, json_t *check)
{
    static const char *const others[] = {
        "HTTP",   "TCP",       "UDP",       "GRPC",         "Script",           "Args",
        "H2PING", "OSService", "AliasNode", "AliasService", "DockerContainerID"};

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        json_t *other = consul_value(check, others[i]);

        if (other && !(json_is_string(other) && json_string_length(other) == 0))
            return consul_refuse(
                r, "only checks with a TTL are taken: Kith runs no checks of services that it "
                   "did not start");
    }
    return 0;
}

static int take_notes(struct consul_reader *r, json_t *check, const char *name, size_t max,
                      struct bytes *ret)
{
    struct bytes text = {0};

    if (consul_take_member(r, check, name, CONSUL_BODY_MAX, &text))
        return 1;
    *ret = wire_text_clip(text, max);
    return 0;
}

/* What each check says, wherever it stands; its ID may be left out. */
static int take_names(struct consul_reader *r, json_t *check, struct endpoint_check *ret)
{
    return consul_take_member(r, check, "ID", ENDPOINT_CHECK_ID_MAX, &ret->id) ||
           consul_take_member(r, check, "CheckID", ENDPOINT_CHECK_ID_MAX, &ret->id) ||
           consul_take_member(r, check, "Name", ENDPOINT_CHECK_NAME_MAX, &ret->name) ||
           take_notes(r, check, "Notes", ENDPOINT_CHECK_NOTES_MAX, &ret->notes) ||
           take_status(r, check, &ret->health);
}

/* One that somebody reports. */
static int take_check(struct consul_reader *r, json_t *check, struct endpoint_check *ret)
{
    *ret = (struct endpoint_check){0};
    if (!json_is_object(check))
        return consul_refuse(r, "a check is an object");
    if (refuse_runs(r, check) || consul_take_duration(r, check, "TTL", &ret->ttl_ms) ||
        consul_take_duration(r, check, "DeregisterCriticalServiceAfter", &ret->reap_ms) ||
        take_names(r, check, ret))
        return 1;
    return ret->ttl_ms ? 0 : consul_refuse(r, "a check needs a TTL");
}

/* As Consul names those without an ID: one after its service, several with their numbers. */
static struct bytes check_id(struct consul_reader *r, struct bytes service, size_t i, size_t n)
{
    const char *id =
        n > 1 ? arena_printf(r->mem, "service:" BYTES_FMT ":%zu", BYTES_ARG(service), i + 1)
              : arena_printf(r->mem, "service:" BYTES_FMT, BYTES_ARG(service));

    return bytes_str(id);
}

/* One that says no more than its service's own check does is that, and no list. */
static void put_checks(struct register_endpoint *ret, const struct endpoint_check *checks, size_t n)
{
    bool plain = n == 1 && !checks->id.len && !checks->name.len && !checks->notes.len;

    if (plain) {
        ret->ttl_ms = checks->ttl_ms;
        ret->reap_ms = checks->reap_ms;
        ret->health = checks->health;
        ret->keep = true;
        return;
    }
    ret->checks = checks;
    ret->checks_n = (uint32_t)n;
}

/* `Check`, then those of `Checks`. 0, or 1. */
static int list_checks(struct consul_reader *r, json_t *object, json_t ***ret, size_t *ret_n)
{
    json_t *one = consul_value(object, "Check"), *list = consul_value(object, "Checks");
    size_t n = 0;

    *ret = NULL;
    *ret_n = 0;
    if (list && !json_is_array(list))
        return consul_refuse(r, "Checks is a list");
    if (json_array_size(list) + (one != NULL) > REGISTER_ENDPOINT_CHECKS_MAX_ITEMS)
        return consul_refuse(r, "a service has up to 16 checks");
    json_t **all = arena_array(r->mem, REGISTER_ENDPOINT_CHECKS_MAX_ITEMS, sizeof(json_t *));

    if (one)
        all[n++] = one;
    for (size_t i = 0; i < json_array_size(list); i++)
        all[n++] = json_array_get(list, i);
    *ret = all;
    *ret_n = n;
    return 0;
}

static int take_checks(struct consul_reader *r, json_t *service, struct register_endpoint *ret)
{
    json_t **all;
    size_t n;

    if (list_checks(r, service, &all, &n))
        return 1;
    struct endpoint_check *checks = arena_array(r->mem, n, sizeof(*checks));

    for (size_t i = 0; i < n; i++) {
        if (take_check(r, all[i], &checks[i]))
            return 1;
    }
    if (n)
        put_checks(ret, checks, n);
    for (size_t i = 0; i < ret->checks_n; i++) {
        if (!checks[i].id.len)
            checks[i].id = check_id(r, ret->name, i, n);
    }
    return 0;
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
        return consul_refuse(r, "Service is an object");
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

/* One that is told with its service, and not reported later. Its ID is its name, if that is all that is said. */
static int take_entry_check(struct consul_reader *r, json_t *check, struct bytes service,
                            struct endpoint_check *ret)
{
    struct bytes of = {0};

    if (!json_is_object(check))
        return consul_refuse(r, "a check is an object");
    if (take_names(r, check, ret) ||
        consul_take_member(r, check, "ServiceID", REGISTER_ENDPOINT_NAME_MAX, &of) ||
        take_notes(r, check, "Output", ENDPOINT_CHECK_OUTPUT_MAX, &ret->output))
        return 1;
    if (of.len && !bytes_equal(of, service))
        return consul_refuse(r, "a check is of the service that it is registered with");
    if (!ret->id.len)
        ret->id = ret->name;
    return 0;
}

static int take_entry_checks(struct consul_reader *r, json_t *json, struct register_endpoint *ret)
{
    json_t **all;
    size_t n;

    if (list_checks(r, json, &all, &n))
        return 1;
    struct endpoint_check *checks = arena_array(r->mem, n, sizeof(*checks));

    for (size_t i = 0; i < n; i++) {
        if (take_entry_check(r, all[i], ret->name, &checks[i]))
            return 1;
        if (!checks[i].id.len)
            checks[i].id = check_id(r, ret->name, i, n);
    }
    ret->checks = checks;
    ret->checks_n = (uint32_t)n;
    ret->add = true;
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
    json_t *meta;

    json_t *service = consul_value(json, "Service");

    if (take_node(r, json, ret) || (service && take_entry_service(r, service, &ret->service)))
        return 1;
    meta = consul_value(json, "NodeMeta");
    if (meta && json_object_size(meta))
        return consul_refuse(r, "NodeMeta is not kept here: write it into the service's Meta");
    if (service)
        return take_entry_checks(r, json, &ret->service);
    if (consul_value(json, "Check") || json_array_size(consul_value(json, "Checks")))
        return consul_refuse(r, "a check is of a service here: write the Service with it");
    return 0;
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
    struct endpoint_check check;

    if (take_check(r, json, &check) ||
        consul_take_member(r, json, "ServiceID", CHECK_ENDPOINT_NAME_MAX, &ret->name))
        return 1;
    if (!check.name.len && !check.id.len)
        return consul_refuse(r, "a check needs a Name");
    ret->check = check.id.len ? check.id : check.name;
    ret->label = check.name;
    ret->notes = check.notes;
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
