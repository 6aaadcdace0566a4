/* Consul's catalog and health: what there is in the cluster. */
#include "consul/consul.h"
#include "consul/shape.h"
#include "http/json.h"

#include <string.h>

/* The service that the path names, and true when its answer is to be written; an unknown one has an empty list. */
static bool begin_service(struct exchange *x, const struct dir_service **ret)
{
    struct directory *d = &x->hub->directory;

    if (exchange_blocks(x, directory_resource(d, x->match.args[0])))
        return false;
    *ret = directory_service(d, x->match.args[0]);
    return true;
}

/* Its checks into a list, as far as the filter wants them. */
static void write_checks_of(struct buf *out, struct exchange *x, const struct consul_group *g,
                            const struct filter *filter)
{
    const struct endpoint_check *checks;
    uint32_t n = consul_checks(g, &checks, &x->mem);

    for (uint32_t i = 0; i < n; i++) {
        size_t from = out->len;

        consul_service_check(out, g, &checks[i], &x->mem);
        consul_sift(out, from, from, filter);
    }
}

/* Of a node: that it is a member, and what was registered of it. */
static void write_node_checks(struct buf *out, const struct lookup_member *m, uint64_t index,
                              const struct filter *filter)
{
    size_t from = out->len;

    consul_node_check(out, m, index);
    consul_sift(out, from, from, filter);
    for (uint32_t i = 0; i < m->checks_n; i++) {
        from = out->len;
        consul_host_check(out, m, &m->checks[i], index);
        consul_sift(out, from, from, filter);
    }
}

static void write_health(struct buf *out, struct exchange *x, const struct consul_group *g,
                         const struct filter *filter)
{
    struct lookup_member m = consul_node_of(x->hub, g);
    size_t from = out->len;

    json_open(out, '{');
    json_name(out, "Node");
    consul_node(out, &m, g->service->index);
    json_name(out, "Service");
    consul_service(out, g);
    json_name(out, "Checks");
    json_open(out, '[');
    if (!consul_is_foreign(g)) /* nobody watches those */
        write_node_checks(out, &m, g->service->index, NULL);
    write_checks_of(out, x, g, NULL);
    json_close(out, ']');
    json_close(out, '}');
    consul_sift(out, from, from, filter);
}

/* One group of a service's endpoints into a list, as far as the filter wants it. */
typedef void group_writer(struct buf *out, struct exchange *x, const struct consul_group *g,
                          const struct filter *filter);

static void list_groups(struct exchange *x, group_writer *write,
                        const struct filter_selector *selectors)
{
    const struct dir_service *s;
    const struct consul_group *groups = NULL;
    const struct filter *filter;

    if (consul_check_filtered(x, selectors, &filter) || !begin_service(x, &s))
        return;
    struct buf *out = answer_json(x);
    uint32_t n = s ? consul_groups(x, s, &groups) : 0;

    json_open(out, '[');
    for (uint32_t i = 0; i < n; i++)
        write(out, x, &groups[i], filter);
    json_close(out, ']');
}

static const struct filter_selector health_selectors[] = {
    {"Node.Address", FILTER_TEXT},
    {"Node.Datacenter", FILTER_TEXT},
    {"Node.ID", FILTER_TEXT},
    {"Node.Meta", FILTER_MAP},
    {"Node.Meta.*", FILTER_TEXT},
    {"Node.Node", FILTER_TEXT},
    {"Node.TaggedAddresses", FILTER_MAP},
    {"Node.TaggedAddresses.*", FILTER_TEXT},
    {"Service.Address", FILTER_TEXT},
    {"Service.EnableTagOverride", FILTER_BOOL},
    {"Service.ID", FILTER_TEXT},
    {"Service.Meta", FILTER_MAP},
    {"Service.Meta.*", FILTER_TEXT},
    {"Service.Port", FILTER_NUMBER},
    {"Service.Service", FILTER_TEXT},
    {"Service.Tags", FILTER_LIST},
    {"Service.Weights.Passing", FILTER_NUMBER},
    {"Service.Weights.Warning", FILTER_NUMBER},
    {"Checks.CheckID", FILTER_TEXT},
    {"Checks.Name", FILTER_TEXT},
    {"Checks.Node", FILTER_TEXT},
    {"Checks.Notes", FILTER_TEXT},
    {"Checks.Output", FILTER_TEXT},
    {"Checks.ServiceID", FILTER_TEXT},
    {"Checks.ServiceName", FILTER_TEXT},
    {"Checks.ServiceTags", FILTER_LIST},
    {"Checks.Status", FILTER_TEXT},
    {NULL, FILTER_TEXT},
};

void consul_health_service(struct exchange *x)
{
    list_groups(x, write_health, health_selectors);
}

void consul_health_checks(struct exchange *x)
{
    list_groups(x, write_checks_of, consul_check_selectors);
}

static void write_catalog(struct buf *out, struct exchange *x, const struct consul_group *g,
                          const struct filter *filter)
{
    struct lookup_member m = consul_node_of(x->hub, g);
    size_t from = out->len;
    struct ulid_text text;

    json_open(out, '{');
    consul_node_id(out, "ID", &m.id);
    json_text_of(out, "Node", m.name);
    json_text_of(out, "Address", m.host);
    json_string_of(out, "Datacenter", CONSUL_DATACENTER);
    json_pairs_of(out, "NodeMeta", m.tags, m.tags_n);
    json_text_of(out, "ServiceID", consul_id(g, &text));
    json_text_of(out, "ServiceName", g->service->name);
    consul_tags(out, "ServiceTags", g);
    json_text_of(out, "ServiceAddress", g->ports->addr);
    consul_meta(out, "ServiceMeta", g);
    json_unsigned_of(out, "ServicePort", g->ports->port);
    consul_weights(out, "ServiceWeights", g);
    json_bool_of(out, "ServiceEnableTagOverride", false);
    consul_indexes(out, g->service->index);
    json_close(out, '}');
    consul_sift(out, from, from, filter);
}

static const struct filter_selector catalog_selectors[] = {
    {"Address", FILTER_TEXT},
    {"Datacenter", FILTER_TEXT},
    {"ID", FILTER_TEXT},
    {"Node", FILTER_TEXT},
    {"NodeMeta", FILTER_MAP},
    {"NodeMeta.*", FILTER_TEXT},
    {"ServiceAddress", FILTER_TEXT},
    {"ServiceEnableTagOverride", FILTER_BOOL},
    {"ServiceID", FILTER_TEXT},
    {"ServiceMeta", FILTER_MAP},
    {"ServiceMeta.*", FILTER_TEXT},
    {"ServiceName", FILTER_TEXT},
    {"ServicePort", FILTER_NUMBER},
    {"ServiceTags", FILTER_LIST},
    {"ServiceWeights.Passing", FILTER_NUMBER},
    {"ServiceWeights.Warning", FILTER_NUMBER},
    {NULL, FILTER_TEXT},
};

void consul_catalog_service(struct exchange *x)
{
    list_groups(x, write_catalog, catalog_selectors);
}

/* As the directory lists them: one behind the other, with a NUL each. */
static void write_listed(struct buf *out, struct bytes tags)
{
    size_t from = 0;

    json_open(out, '[');
    for (size_t i = 0; i < tags.len; i++) {
        if (tags.data[i] != '\0')
            continue;
        json_text(out, bytes_of(tags.data + from, i - from));
        from = i + 1;
    }
    json_close(out, ']');
}

/* Some instance of it runs where the request looks. */
static bool is_on_wanted_node(const struct exchange *x, const struct portrait *p)
{
    if (!target_has(&x->target, "node-meta"))
        return p->parts_n > 0;
    for (uint32_t i = 0; i < p->parts_n; i++) {
        const struct dir_member *m = directory_member(&x->hub->directory, &p->parts[i].node);

        if (m && consul_node_wanted(x, &m->says))
            return true;
    }
    return false;
}

void consul_catalog_services(struct exchange *x)
{
    struct directory *d = &x->hub->directory;

    if (consul_check_query(x) || exchange_blocks(x, &d->list))
        return;
    struct buf *out = answer_json(x);

    json_open(out, '{');
    for (const struct dir_name *n = directory_first_name(d); n; n = directory_next_name(n)) {
        const struct portrait *p = n->portrait;

        if (!is_on_wanted_node(x, p))
            continue;
        json_text(out, n->name);
        buf_byte(out, ':');
        write_listed(out, bytes_of(p->listed.data + 1, p->listed.len - 1));
    }
    json_close(out, '}');
}

static const struct filter_selector node_selectors[] = {
    {"Address", FILTER_TEXT},
    {"Datacenter", FILTER_TEXT},
    {"ID", FILTER_TEXT},
    {"Meta", FILTER_MAP},
    {"Meta.*", FILTER_TEXT},
    {"Node", FILTER_TEXT},
    {"TaggedAddresses", FILTER_MAP},
    {"TaggedAddresses.*", FILTER_TEXT},
    {NULL, FILTER_TEXT},
};

static void write_nodes(struct exchange *x, struct buf *out, const struct dir_member *first,
                        const struct filter *filter)
{
    struct directory *d = &x->hub->directory;

    for (const struct dir_member *m = first; m; m = directory_next_member(m)) {
        size_t from = out->len;
        bool hidden = m->says.foreign && !directory_elsewhere(d, m->says.name);

        if (hidden || m->says.state == MEMBER_STATE_LEFT || !consul_node_wanted(x, &m->says))
            continue;
        consul_node(out, &m->says, d->nodes.index);
        consul_sift(out, from, from, filter);
    }
}

/* Members, then hosts that are none. */
void consul_catalog_nodes(struct exchange *x)
{
    struct directory *d = &x->hub->directory;
    const struct filter *filter;

    if (consul_check_filtered(x, node_selectors, &filter) || exchange_blocks(x, &d->nodes))
        return;
    struct buf *out = answer_json(x);

    json_open(out, '[');
    write_nodes(x, out, directory_first_member(d), filter);
    write_nodes(x, out, directory_first_elsewhere(d), filter);
    json_close(out, ']');
}

/* The node that the path names, and true when its answer is to be written. One that nobody is called by can only be waited for
 * with all others. */
static bool begin_node(struct exchange *x, const struct dir_member **ret)
{
    struct directory *d = &x->hub->directory;
    struct dir_member *m = directory_named(d, x->match.args[0]);

    if (!m)
        m = directory_elsewhere(d, x->match.args[0]);
    *ret = m;
    return !exchange_blocks(x, m ? &m->resource : &d->nodes);
}

/* It is on this node, which may be a host that is no member. */
static bool is_on(const struct consul_group *g, const struct lookup_member *m)
{
    if (m->foreign)
        return bytes_equal(consul_meta_of(g, CONSUL_META_HOST), m->name);
    return ulid_equal(&g->ports->node, &m->id) && !consul_is_foreign(g);
}

/* The next instance on a node, of any service; begin with *s the first service there and *at 0. */
static bool next_on(const struct lookup_member *m, const struct dir_service **s, uint32_t *at,
                    struct consul_group *ret)
{
    for (; *s; *s = directory_next_on(*s, &m->id), *at = 0) {
        while (consul_next(*s, at, ret)) {
            if (is_on(ret, m))
                return true;
        }
    }
    return false;
}

void consul_health_node(struct exchange *x)
{
    const struct dir_member *m;
    const struct filter *filter;
    struct consul_group g;
    uint32_t at = 0;

    if (consul_check_filtered(x, consul_check_selectors, &filter) || !begin_node(x, &m))
        return;
    const struct dir_service *s = m ? directory_first_on(&x->hub->directory, &m->says.id) : NULL;
    struct buf *out = answer_json(x);

    json_open(out, '[');
    if (m && !m->says.foreign) /* nobody watches the others */
        write_node_checks(out, &m->says, m->resource.index, filter);
    while (m && next_on(&m->says, &s, &at, &g))
        write_checks_of(out, x, &g, filter);
    json_close(out, ']');
}

void consul_catalog_node(struct exchange *x)
{
    const struct dir_member *m;
    struct consul_group g;
    struct ulid_text text;
    uint32_t at = 0;

    if (consul_check_query(x) || !begin_node(x, &m))
        return;
    const struct dir_service *s = m ? directory_first_on(&x->hub->directory, &m->says.id) : NULL;
    struct buf *out = answer_json(x);

    if (!m) {
        buf_str(out, "null"); /* as Consul */
        return;
    }
    json_open(out, '{');
    json_name(out, "Node");
    consul_node(out, &m->says, m->resource.index);
    json_name(out, "Services");
    json_open(out, '{');
    while (next_on(&m->says, &s, &at, &g)) {
        json_text(out, consul_id(&g, &text));
        buf_byte(out, ':');
        consul_service(out, &g);
    }
    json_close(out, '}');
    json_close(out, '}');
}

void consul_catalog_datacenters(struct exchange *x)
{
    struct buf *out = answer_json(x);

    json_open(out, '[');
    json_text(out, bytes_str(CONSUL_DATACENTER));
    json_close(out, ']');
}
