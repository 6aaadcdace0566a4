#include "http/native.h"

#include "http/json.h"

#include <stdlib.h>

void native_members(struct exchange *x)
{
    struct directory *d = &x->hub->directory;

    if (exchange_blocks(x, &d->nodes))
        return;
    struct buf *out = answer_json(x);

    json_open(out, '[');
    for (const struct dir_member *m = directory_first_member(d); m; m = directory_next_member(m)) {
        json_open(out, '{');
        json_ulid_of(out, "id", &m->says.id);
        json_text_of(out, "name", m->says.name);
        json_text_of(out, "addr", m->says.host);
        json_string_of(out, "state", member_state_name(m->says.state));
        json_unsigned_of(out, "incarnation", m->says.incarnation);
        json_pairs_of(out, "tags", m->says.tags, m->says.tags_n);
        json_close(out, '}');
    }
    json_close(out, ']');
}

static uint32_t failing(const struct dir_service *s)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < s->says.endpoints_n; i++)
        n += s->says.endpoints[i].health == ENDPOINT_HEALTH_CRITICAL;
    return n;
}

/* The list changes with each service, so there is no index of its own. */
void native_services(struct exchange *x)
{
    struct directory *d = &x->hub->directory;
    struct buf *out = answer_json(x);

    json_open(out, '[');
    for (const struct dir_service *s = directory_first(d); s; s = directory_next(s)) {
        uint32_t bad = failing(s);

        json_open(out, '{');
        json_text_of(out, "name", s->name);
        json_unsigned_of(out, "endpoints", s->says.endpoints_n - bad);
        json_unsigned_of(out, "failing", bad);
        json_texts_of(out, "tags", s->says.tags, s->says.tags_n);
        json_unsigned_of(out, "index", s->index);
        json_close(out, '}');
    }
    json_close(out, ']');
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

static void write_endpoint(struct buf *out, const struct dir_service *s,
                           const struct lookup_endpoint *e)
{
    const struct lookup_service *says = &s->says;

    json_open(out, '{');
    json_ulid_of(out, "instance", &e->instance);
    json_ulid_of(out, "node", &e->node);
    json_text_of(out, "node_name", e->node_name);
    json_text_of(out, "addr", e->addr);
    json_text_of(out, "port_name", e->port_name);
    json_unsigned_of(out, "port", e->port);
    json_string_of(out, "health", endpoint_health_name(e->health));
    json_text_of(out, "output", e->output);
    json_unsigned_of(out, "weight", e->weight);
    if (e->own_tags) {
        json_texts_of(out, "tags", e->tags, e->tags_n);
        json_pairs_of(out, "meta", e->meta, e->meta_n);
    } else {
        json_texts_of(out, "tags", says->tags, says->tags_n);
        json_pairs_of(out, "meta", says->meta, says->meta_n);
    }
    json_text_of(out, "registration", e->registration);
    json_close(out, '}');
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
        write_endpoint(out, s, list[i]);
    json_close(out, ']');
}
