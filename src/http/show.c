#include "http/show.h"

#include "http/json.h"

void show_members(struct buf *out, struct directory *d)
{
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

/* Only where there is a list of them: one is what `health` and `output` say. */
static void show_checks(struct buf *out, const struct lookup_endpoint *e)
{
    if (!e->checks_n)
        return;
    json_name(out, "checks");
    json_open(out, '[');
    for (uint32_t i = 0; i < e->checks_n; i++) {
        const struct endpoint_check *check = &e->checks[i];

        json_open(out, '{');
        json_text_of(out, "id", check->id);
        json_text_of(out, "name", check->name);
        json_text_of(out, "notes", check->notes);
        json_unsigned_of(out, "ttl_ms", check->ttl_ms);
        json_string_of(out, "health", endpoint_health_name(check->health));
        json_text_of(out, "output", check->output);
        json_close(out, '}');
    }
    json_close(out, ']');
}

void show_endpoint(struct buf *out, const struct dir_service *s, const struct lookup_endpoint *e)
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
    if (e->by_host)
        json_bool_of(out, "by_host", true);
    show_checks(out, e);
    json_close(out, '}');
}

void show_endpoints(struct buf *out, const struct dir_service *s)
{
    json_open(out, '[');
    for (uint32_t i = 0; s && i < s->says.endpoints_n; i++)
        show_endpoint(out, s, &s->says.endpoints[i]);
    json_close(out, ']');
}
