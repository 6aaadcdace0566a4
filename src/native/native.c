#include "native/native.h"

#include "http/json.h"
#include "http/show.h"
#include "native/ask.h"

#include <stdlib.h>

/* What was written is a whole list: the rest is left out again, where some of it is asked for. */
static void pick(struct exchange *x, const struct native_key *key)
{
    const struct buf *body = &x->answer.body;

    if (!native_picks(x))
        return;
    x->answer.fleeting = true; /* a page's header is not kept */
    native_answer_list(
        x, json_loadb((const char *)body->data, body->len, JSON_DECODE_ANY, /* error= */ NULL),
        key);
}

void native_members(struct exchange *x)
{
    struct directory *d = &x->hub->directory;

    if (exchange_blocks(x, &d->nodes))
        return;
    show_members(answer_json(x), d);
    pick(x, &(struct native_key){.first = "id"});
}

static uint32_t failing(const struct dir_service *s)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < s->says.endpoints_n; i++)
        n += s->says.endpoints[i].health == ENDPOINT_HEALTH_CRITICAL;
    return n;
}

static json_t *texts(const struct bytes *list, uint32_t n)
{
    json_t *array = json_array();

    for (uint32_t i = 0; i < n; i++)
        json_array_append_new(array, json_stringn((const char *)list[i].data, list[i].len));
    return array;
}

/* What look-ups know of it, beside what the peer says of it as a service of Kith's, if it is one. */
static void add_endpoints(json_t *service, const struct dir_service *s)
{
    uint32_t bad = failing(s);

    json_object_set_new(service, "endpoints", json_integer(s->says.endpoints_n - bad));
    json_object_set_new(service, "failing", json_integer(bad));
    json_object_set_new(service, "tags", texts(s->says.tags, s->says.tags_n));
    json_object_set_new(service, "index", json_integer((json_int_t)s->index));
}

/* Endpoints stand together by their instances, which may have several ports. */
static uint32_t registered(const struct dir_service *s)
{
    const struct lookup_endpoint *e = s->says.endpoints;
    uint32_t count = 0;

    for (uint32_t i = 0; i < s->says.endpoints_n; i++)
        count += e[i].registration.len > 0 &&
                 (i == 0 || !ulid_equal(&e[i].instance, &e[i - 1].instance));
    return count;
}

/* Of one that Kith runs nothing of. */
static json_t *only_registered(struct bytes name, json_int_t count)
{
    return json_pack("{s:o, s:I}", "name", json_stringn((const char *)name.data, name.len),
                     "registered", count);
}

/* Those that Kith runs, and those that are only registered here. */
static void all_services(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    struct directory *d = &x->hub->directory;
    json_t *items = native_items(x, kind, payload), *by_name = json_object(), *item;
    size_t i;

    json_array_foreach(items, i, item)
        json_object_set(by_name, json_string_value(json_object_get(item, "name")), item);
    d->torn = false;
    for (const struct dir_service *s = items ? directory_first(d) : NULL; s;
         s = directory_next(s)) {
        item = json_object_getn(by_name, (const char *)s->name.data, s->name.len);
        if (!item) {
            item = only_registered(s->name, registered(s));
            json_array_append_new(items, item);
        }
        add_endpoints(item, s);
    }
    json_decref(by_name);
    if (items)
        native_answer_list(x, items, &(struct native_key){.first = "name"});
    if (d->torn)
        answer_error(x, 503, "not_readable", "the look-up file of this host cannot be read");
}

void native_services(struct exchange *x)
{
    native_ask(x, WIRE_GET_SERVICES, &(struct get_services){0}, all_services);
}

static void one_service(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    struct directory *d = &x->hub->directory;
    json_t *items = native_items(x, kind, payload);
    json_t *item = json_incref(json_array_get(items, 0));

    d->torn = false;
    const struct dir_service *s = item ? directory_service(d, x->match.args[0]) : NULL;

    if (item && json_is_null(json_object_get(item, "id"))) {
        json_int_t count = json_integer_value(json_object_get(item, "registered"));

        json_decref(item);
        item = only_registered(x->match.args[0], count);
    }
    if (s)
        add_endpoints(item, s);
    if (item)
        native_answer(x, 200, item);
    if (d->torn)
        answer_error(x, 503, "not_readable", "the look-up file of this host cannot be read");
    json_decref(items);
}

void native_service(struct exchange *x)
{
    native_ask(x, WIRE_GET_SERVICES, &(struct get_services){.service = x->match.args[0]},
               one_service);
}

/* ---- endpoints ---- */

static bool has_tag(const struct dir_service *s, const struct lookup_endpoint *e, struct bytes tag)
{
    const struct bytes *tags = e->own_tags ? e->tags : s->says.tags;
    uint32_t n = e->own_tags ? e->tags_n : s->says.tags_n;

    for (uint32_t i = 0; i < n; i++) {
        if (bytes_equal(tags[i], tag))
            return true;
    }
    return false;
}

static bool is_wanted(const struct exchange *x, const struct dir_service *s,
                      const struct lookup_endpoint *e)
{
    struct bytes tag;
    unsigned at = 0;

    if (target_flag(&x->target, "passing") && e->health == ENDPOINT_HEALTH_CRITICAL)
        return false;
    while (target_each(&x->target, "tag", &at, &tag)) {
        if (!has_tag(s, e, tag))
            return false;
    }
    return true;
}

static int compare_near(const void *a, const void *b)
{
    const struct lookup_endpoint *x = *(const struct lookup_endpoint *const *)a;
    const struct lookup_endpoint *y = *(const struct lookup_endpoint *const *)b;

    if (x->distance_us != y->distance_us)
        return x->distance_us < y->distance_us ? -1 : 1;
    return x < y ? -1 : x > y; /* as they stood before */
}

void native_endpoints(struct exchange *x)
{
    struct directory *d = &x->hub->directory;
    struct bytes name = x->match.args[0];
    uint32_t n = 0;

    if (exchange_blocks(x, directory_resource(d, name)))
        return;
    const struct dir_service *s = directory_service(d, name);

    if (!s) {
        answer_error(x, 404, "not_found", "there is no service " BYTES_FMT, BYTES_ARG(name));
        x->answer.about = directory_resource(d, name); /* it can be waited for */
        return;
    }
    const struct lookup_endpoint **list =
        arena_array(&x->mem, s->says.endpoints_n, sizeof(const struct lookup_endpoint *));

    for (uint32_t i = 0; i < s->says.endpoints_n; i++) {
        if (is_wanted(x, s, &s->says.endpoints[i]))
            list[n++] = &s->says.endpoints[i];
    }
    x->answer.fleeting = target_flag(&x->target, "near");
    if (n && x->answer.fleeting)
        qsort(list, n, sizeof(*list), compare_near);
    struct buf *out = answer_json(x);

    json_open(out, '[');
    for (uint32_t i = 0; i < n; i++)
        show_endpoint(out, s, list[i]);
    json_close(out, ']');
    pick(x, x->answer.fleeting ? NULL
                               : &(struct native_key){.first = "instance", .second = "port_name"});
}
