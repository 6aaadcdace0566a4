#include "consul/json.h"

#include "http/target.h"
#include "wire/text.h"

#include <ctype.h>

int consul_refuse(struct consul_reader *r, const char *why)
{
    if (!r->why)
        r->why = why;
    return 1;
}

json_t *consul_parse(struct bytes body, const char **why)
{
    json_error_t error;
    json_t *json = NULL;

    if (body.len <= CONSUL_BODY_MAX)
        json = json_loadb((const char *)body.data, body.len, JSON_REJECT_DUPLICATES, &error);
    if (!json)
        *why = body.len > CONSUL_BODY_MAX ? "the body is too long" : "the body is no JSON object";
    return json;
}

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

json_t *consul_value(json_t *object, const char *name)
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

int consul_take_text(struct consul_reader *r, json_t *value, size_t max, struct bytes *ret)
{
    if (!json_is_string(value))
        return consul_refuse(
            r, "a text is expected in Name, ID, Address, Tags, Meta and of a check's members");
    struct bytes text = bytes_of(json_string_value(value), json_string_length(value));

    if (text.len > max || !wire_text_ok(text))
        return consul_refuse(r, "a text is too long, or has characters that no text has");
    *ret = arena_bytes(r->mem, text);
    return 0;
}

int consul_take_member(struct consul_reader *r, json_t *object, const char *name, size_t max,
                       struct bytes *ret)
{
    json_t *value = consul_value(object, name);

    return value ? consul_take_text(r, value, max, ret) : 0;
}

int consul_take_duration(struct consul_reader *r, json_t *object, const char *name,
                         uint32_t *ret_ms)
{
    json_t *value = consul_value(object, name);
    kith_time us = 0;

    if (!value || (json_is_string(value) && json_string_length(value) == 0))
        return 0;
    if (json_is_integer(value) && json_integer_value(value) >= 0)
        us = json_integer_value(value) / 1000;
    else if (!json_is_string(value) ||
             read_duration(bytes_of(json_string_value(value), json_string_length(value)), &us))
        return consul_refuse(
            r, "TTL, LockDelay and DeregisterCriticalServiceAfter are times such as 10s or 5m");
    if (us / KITH_MS > UINT32_MAX)
        return consul_refuse(
            r, "TTL, LockDelay and DeregisterCriticalServiceAfter are 49 days at most");
    *ret_ms = (uint32_t)(us / KITH_MS);
    return 0;
}

int consul_take_unsigned(struct consul_reader *r, json_t *object, const char *name, uint64_t *ret)
{
    json_t *value = consul_value(object, name);

    if (!value)
        return 0;
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return consul_refuse(r, "Index and Flags are numbers");
    *ret = (uint64_t)json_integer_value(value);
    return 0;
}
