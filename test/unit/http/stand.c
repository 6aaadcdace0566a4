#include "stand.h"

#include "base/mem.h"
#include "consul/routes.h"
#include "native/routes.h"
#include "store/lookup_map.h"

#include "test.h"

#include <stdio.h>
#include <string.h>

const struct route_table *const stand_routes[] = {&consul_routes, &native_routes, NULL};

const struct ulid stand_a = {{0, 1, 'a'}}, stand_b = {{0, 1, 'b'}};

static void woken(void *arg, struct watcher *w)
{
    struct stand *s = arg;

    (void)w;
    s->woken++;
}

struct stand_service {
    struct stand_service *next;
    struct lookup_service says;
    struct arena mem;
};

static struct stand_service **find(struct stand *s, struct bytes name)
{
    struct stand_service **at = &s->services;

    while (*at && !bytes_equal((*at)->says.name, name))
        at = &(*at)->next;
    return at;
}

static void put(struct stand *s, const struct lookup_service *says)
{
    struct stand_service **at = find(s, says->name), *was = *at;

    if (was) {
        *at = was->next;
        arena_deinit(&was->mem);
        mem_free(was);
    }
    if (says->gone)
        return;
    struct stand_service *is = mem_alloc(sizeof(*is));

    is->says = lookup_service_copy(&is->mem, says);
    is->next = s->services;
    s->services = is;
}

static int read_service(void *arg, struct bytes name, struct arena *mem, struct lookup_service *ret)
{
    struct stand *s = arg;
    const struct stand_service *is = *find(s, name);

    if (s->problem || !is)
        return s->problem ? s->problem : LOOKUP_NONE;
    *ret = lookup_service_copy(mem, &is->says);
    return 0;
}

static void tell_service(struct stand *s, const struct lookup_service *service)
{
    struct effect_lookup e = {.services = service, .services_n = 1};

    put(s, service);
    directory_tell(&s->hub.directory, &e);
}

static kith_time age(void *arg)
{
    (void)arg;
    return 5 * KITH_MS;
}

void stand_tell_member(struct stand *s, const struct ulid *id, enum member_state state,
                       const char *name)
{
    static const struct pair eu = {{(const uint8_t *)"zone", 4}, {(const uint8_t *)"eu", 2}};
    bool here = ulid_equal(id, &stand_a);
    struct lookup_member m = {.id = *id,
                              .state = state,
                              .name = bytes_str(name),
                              .host = bytes_str(here ? "10.0.0.1" : "10.0.0.2"),
                              .incarnation = 1,
                              .tags = &eu,
                              .tags_n = here};
    struct effect_lookup e = {.members = &m, .members_n = 1};

    directory_tell(&s->hub.directory, &e);
}

void stand_init(struct stand *s)
{
    *s = (struct stand){.hub = {.self = stand_a,
                                .name = "a",
                                .address = "10.0.0.1:5486",
                                .version = "1.2.3",
                                .token = bytes_str("a-long-enough-secret"),
                                .now_us = KITH_SEC,
                                .age_us = age}};
    s->messages.hub = &s->hub;
    s->hub.messages = &s->messages;
    directory_init(&s->hub.directory, 1000,
                   &(struct directory_host){.woken = woken, .read = read_service, .arg = s});
    shelf_init(&s->hub.shelf, &s->hub.directory);
    event_list_init(&s->hub.events, &s->hub.directory);
    directory_tell(&s->hub.directory, &(struct effect_lookup){.anew = true});
    stand_tell_member(s, &stand_a, MEMBER_STATE_ALIVE, "a");
    stand_tell_member(s, &stand_b, MEMBER_STATE_ALIVE, "b");
    directory_tell(&s->hub.directory, &(struct effect_lookup){.whole = true});
}

static void end_exchange(struct stand *s)
{
    if (!s->asked)
        return;
    exchange_deinit(&s->x);
    json_decref(s->json);
    s->json = NULL;
    s->asked = false;
}

void stand_deinit(struct stand *s)
{
    end_exchange(s);
    event_list_deinit(&s->hub.events);
    shelf_deinit(&s->hub.shelf);
    directory_deinit(&s->hub.directory);
    while (s->services)
        put(s, &(struct lookup_service){.name = s->services->says.name, .gone = true});
    cache_deinit(&s->hub.cache);
}

struct lookup_endpoint stand_endpoint(unsigned number, const struct ulid *node,
                                      enum endpoint_health health)
{
    bool here = ulid_equal(node, &stand_a);

    return (struct lookup_endpoint){.instance = {{0, 2, (uint8_t)number}},
                                    .node = *node,
                                    .node_name = bytes_str(here ? "a" : "b"),
                                    .addr = bytes_str(here ? "10.0.0.1" : "10.0.0.2"),
                                    .port_name = bytes_str("http"),
                                    .port = (uint16_t)(8000 + number),
                                    .weight = LOOKUP_WEIGHT,
                                    .distance_us = here ? 0 : LOOKUP_FAR,
                                    .health = health};
}

#define LIST_MAX 16

void stand_tell(struct stand *s, const char *name, const struct lookup_endpoint *list, uint32_t n)
{
    static const struct bytes tags[] = {{(const uint8_t *)"v1", 2}};
    struct lookup_endpoint good[LIST_MAX], failing[LIST_MAX];
    struct lookup_service service = {.space = bytes_str("default"),
                                     .name = bytes_str(name),
                                     .tags = tags,
                                     .tags_n = 1,
                                     .endpoints = good,
                                     .failing = failing};

    assert_true(n <= LIST_MAX);
    for (uint32_t i = 0; i < n; i++) {
        if (list[i].health == ENDPOINT_HEALTH_CRITICAL)
            failing[service.failing_n++] = list[i];
        else
            good[service.endpoints_n++] = list[i];
    }
    tell_service(s, &service);
}

void stand_tell_gone(struct stand *s, const char *name)
{
    tell_service(s, &(struct lookup_service){.name = bytes_str(name), .gone = true});
}

/* ---- asking ---- */

static unsigned status(struct stand *s)
{
    json_decref(s->json);
    s->json = NULL;
    if (s->x.state != EXCHANGE_READY)
        return 0;
    s->json = json_loadb((const char *)s->x.answer.body.data, s->x.answer.body.len,
                         JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    if (strcmp(s->x.answer.type, "application/json") == 0 && s->x.answer.status != 304)
        assert_non_null(s->json); /* what says that it is JSON is */
    return s->x.answer.status;
}

unsigned stand_ask(struct stand *s, const char *method, const char *target, const char *token,
                   const char *body)
{
    end_exchange(s);
    s->x = (struct exchange){.hub = &s->hub, .method = route_method(method), .from_here = true};
    s->asked = true;
    if (token)
        s->x.token = bytes_str(token);
    if (body)
        buf_str(&s->x.body, body);
    exchange_begin(&s->x, stand_routes, bytes_str(target));
    return status(s);
}

unsigned stand_get(struct stand *s, const char *target)
{
    return stand_ask(s, "GET", target, NULL, NULL);
}

unsigned stand_resume(struct stand *s)
{
    exchange_resume(&s->x);
    return status(s);
}

unsigned stand_reply(struct stand *s, enum wire_kind kind, struct bytes payload)
{
    exchange_take(&s->x, kind, payload);
    return status(s);
}

/* ---- answers ---- */

const char *stand_body(struct stand *s)
{
    return buf_cstr(&s->x.answer.body);
}

static json_t *at(struct stand *s, const char *path)
{
    json_t *value = s->json;
    char name[64];

    while (value && *path) {
        size_t len = strcspn(path, "/");
        uint64_t index;

        snprintf(name, sizeof(name), "%.*s", (int)len, path);
        if (json_is_array(value) && read_number(bytes_str(name), &index) == 0)
            value = json_array_get(value, (size_t)index);
        else
            value = json_object_get(value, name);
        path += len + (path[len] == '/');
    }
    return value;
}

const char *stand_text(struct stand *s, const char *path)
{
    const char *text = json_string_value(at(s, path));

    return text ? text : "";
}

int64_t stand_number(struct stand *s, const char *path)
{
    json_t *value = at(s, path);

    return json_is_integer(value) ? json_integer_value(value) : INT64_MIN;
}

size_t stand_count(struct stand *s)
{
    return json_is_array(s->json) ? json_array_size(s->json) : json_object_size(s->json);
}
