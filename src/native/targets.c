/* GET /api/v1/prometheus: what Prometheus' http_sd_configs wants to hear. */
#include "http/json.h"
#include "native/native.h"

#include <string.h>

/* A name of a label may not have other characters. */
static const char *label_name(struct bytes key, struct arena *mem)
{
    char *name = arena_printf(mem, "__meta_kith_meta_" BYTES_FMT, BYTES_ARG(key));

    for (char *c = name; *c; c++) {
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_", *c))
            *c = '_';
    }
    return name;
}

/* ",v1,blue,": so that ".*,v1,.*" finds one of them, as with other discoveries of Prometheus. */
static struct bytes joined(const struct bytes *texts, uint32_t n, struct arena *mem)
{
    struct buf out = {0};

    if (n)
        buf_byte(&out, ',');
    for (uint32_t i = 0; i < n; i++) {
        buf_append(&out, texts[i].data, texts[i].len);
        buf_byte(&out, ',');
    }
    struct bytes text = arena_bytes(mem, buf_bytes(&out));

    buf_deinit(&out);
    return text;
}

static void write_labels(struct buf *out, const struct dir_service *s,
                         const struct lookup_endpoint *e, struct arena *mem)
{
    const struct bytes *tags = e->own_tags ? e->tags : s->says.tags;
    uint32_t tags_n = e->own_tags ? e->tags_n : s->says.tags_n;
    const struct pair *meta = e->own_tags ? e->meta : s->says.meta;
    uint32_t meta_n = e->own_tags ? e->meta_n : s->says.meta_n;

    json_name(out, "labels");
    json_open(out, '{');
    json_text_of(out, "__meta_kith_service", s->name);
    json_text_of(out, "__meta_kith_node", e->node_name);
    json_string_of(out, "__meta_kith_instance", ulid_text(&e->instance).s);
    json_text_of(out, "__meta_kith_registration", e->registration);
    json_text_of(out, "__meta_kith_port_name", e->port_name);
    json_string_of(out, "__meta_kith_health", endpoint_health_name(e->health));
    json_text_of(out, "__meta_kith_tags", joined(tags, tags_n, mem));
    for (uint32_t i = 0; i < meta_n; i++)
        json_text_of(out, label_name(meta[i].key, mem), meta[i].value);
    json_close(out, '}');
}

static void write_target(struct buf *out, const struct dir_service *s,
                         const struct lookup_endpoint *e, struct arena *mem)
{
    bool v6 = memchr(e->addr.data, ':', e->addr.len) != NULL;
    struct bytes address = bytes_str(arena_printf(mem, v6 ? "[" BYTES_FMT "]:%u" : BYTES_FMT ":%u",
                                                  BYTES_ARG(e->addr), e->port));

    json_open(out, '{');
    json_texts_of(out, "targets", &address, 1);
    write_labels(out, s, e, mem);
    json_close(out, '}');
}

static bool is_wanted(const struct exchange *x, const struct dir_service *s)
{
    struct bytes name;
    unsigned at = 0;

    while (target_each(&x->target, "service", &at, &name)) {
        if (bytes_equal(name, s->name))
            return true;
    }
    return !target_has(&x->target, "service");
}

static bool has_port(const struct exchange *x, const struct lookup_endpoint *e)
{
    struct bytes name = target_get(&x->target, "port");

    return e->port && (!name.len || bytes_equal(name, e->port_name));
}

static void write_service(struct exchange *x, const struct dir_service *s)
{
    for (uint32_t i = 0; is_wanted(x, s) && i < s->says.endpoints_n; i++) {
        if (has_port(x, &s->says.endpoints[i]))
            write_target(&x->answer.body, s, &s->says.endpoints[i], &x->mem);
    }
}

void native_targets(struct exchange *x)
{
    json_open(answer_json(x), '[');
    exchange_write(x, /* node= */ NULL, write_service, ']');
}
