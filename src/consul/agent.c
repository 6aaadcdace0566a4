/* Consul's agent and status: this peer, what is registered with it, and whom it knows. */
#include "consul/consul.h"
#include "consul/shape.h"
#include "http/json.h"

#include <string.h>

#define SERF_ALIVE  1
#define SERF_LEFT   3
#define SERF_FAILED 4

static int serf_status(enum member_state state)
{
    switch (state) {
    case MEMBER_STATE_ALIVE:
    case MEMBER_STATE_SUSPECT:
        return SERF_ALIVE;
    case MEMBER_STATE_LEFT:
        return SERF_LEFT;
    default:
        return SERF_FAILED;
    }
}

/* The port that this peer's own HTTP listens on stands for everybody's. */
static uint64_t port_of(const struct hub *hub)
{
    const char *colon = strrchr(hub->address, ':');
    uint64_t port = 0;

    (void)read_number(bytes_str(colon ? colon + 1 : ""), &port);
    return port;
}

static void write_member(struct buf *out, const struct hub *hub, const struct lookup_member *m)
{
    json_open(out, '{');
    json_text_of(out, "Name", m->name);
    json_text_of(out, "Addr", m->host);
    json_unsigned_of(out, "Port", port_of(hub));
    json_pairs_of(out, "Tags", m->tags, m->tags_n);
    json_name(out, "Status");
    json_number(out, serf_status(m->state));
    json_close(out, '}');
}

void consul_agent_members(struct exchange *x)
{
    struct directory *d = &x->hub->directory;

    if (consul_check_query(x) || exchange_blocks(x, &d->nodes))
        return;
    struct buf *out = answer_json(x);

    json_open(out, '[');
    for (const struct dir_member *m = directory_first_member(d); m; m = directory_next_member(m))
        write_member(out, x->hub, &m->says);
    json_close(out, ']');
}

void consul_agent_self(struct exchange *x)
{
    const struct hub *hub = x->hub;
    const struct dir_member *me = directory_member(&hub->directory, &hub->self);

    if (consul_check_query(x))
        return;
    struct buf *out = answer_json(x);

    json_open(out, '{');
    json_name(out, "Config");
    json_open(out, '{');
    json_string_of(out, "Datacenter", CONSUL_DATACENTER);
    json_string_of(out, "NodeName", hub->name);
    consul_node_id(out, "NodeID", &hub->self);
    json_bool_of(out, "Server", true);
    json_string_of(out, "Version", hub->version);
    json_close(out, '}');
    if (me) {
        json_name(out, "Member");
        write_member(out, hub, &me->says);
        json_pairs_of(out, "Meta", me->says.tags, me->says.tags_n);
    }
    json_close(out, '}');
}

/* Writes what is of an instance, each with its ID before it. */
typedef void own_writer(struct buf *out, struct exchange *x, const struct consul_group *g,
                        const struct filter *filter);

struct own_list { /* while it is written */
    own_writer *write;
    const struct filter *filter;
};

static void write_own(struct exchange *x, const struct dir_service *s)
{
    const struct own_list *list = x->work;
    struct consul_group g;
    uint32_t at = 0;

    while (consul_next(s, &at, &g)) {
        if (ulid_equal(&g.ports->node, &x->hub->self) && !consul_is_foreign(&g))
            list->write(&x->answer.body, x, &g, list->filter);
    }
}

/* Of each instance that this peer answers for, and the end of the answer. */
static void each_own(struct exchange *x, own_writer *write, const struct filter *filter)
{
    struct own_list *list = arena_alloc(&x->mem, sizeof(*list));

    *list = (struct own_list){.write = write, .filter = filter};
    x->work = list;
    exchange_write(x, &x->hub->self, write_own, '}');
}

static void write_own_service(struct buf *out, struct exchange *x, const struct consul_group *g,
                              const struct filter *filter)
{
    size_t from = out->len;
    struct ulid_text text;

    (void)x;
    json_text(out, consul_id(g, &text));
    buf_byte(out, ':');
    size_t object = out->len;

    consul_service(out, g);
    consul_sift(out, from, object, filter);
}

static void write_own_checks(struct buf *out, struct exchange *x, const struct consul_group *g,
                             const struct filter *filter)
{
    const struct endpoint_check *checks;
    uint32_t n = consul_checks(g, &checks, &x->mem);

    for (uint32_t i = 0; i < n; i++) {
        size_t from = out->len;

        json_text(out, checks[i].id);
        buf_byte(out, ':');
        size_t object = out->len;

        consul_service_check(out, g, &checks[i], &x->mem);
        consul_sift(out, from, object, filter);
    }
}

/* Checks of this host. */
static void write_host_checks(struct buf *out, struct exchange *x, const struct filter *filter)
{
    const struct dir_member *m = directory_member(&x->hub->directory, &x->hub->self);

    for (uint32_t i = 0; m && i < m->says.checks_n; i++) {
        size_t from = out->len;

        json_text(out, m->says.checks[i].id);
        buf_byte(out, ':');
        size_t object = out->len;

        consul_host_check(out, &m->says, &m->says.checks[i], m->own.index);
        consul_sift(out, from, object, filter);
    }
}

static const struct filter_selector service_selectors[] = {
    {"Address", FILTER_TEXT},
    {"EnableTagOverride", FILTER_BOOL},
    {"ID", FILTER_TEXT},
    {"Meta", FILTER_MAP},
    {"Meta.*", FILTER_TEXT},
    {"Port", FILTER_NUMBER},
    {"Service", FILTER_TEXT},
    {"Tags", FILTER_LIST},
    {"Weights.Passing", FILTER_NUMBER},
    {"Weights.Warning", FILTER_NUMBER},
    {NULL, FILTER_TEXT},
};

void consul_agent_services(struct exchange *x)
{
    const struct filter *filter;

    if (consul_check_filtered(x, service_selectors, &filter))
        return;
    json_open(answer_json(x), '{');
    each_own(x, write_own_service, filter);
}

/* One by its ID. */
void consul_agent_service(struct exchange *x)
{
    struct directory *d = &x->hub->directory;

    if (consul_check_query(x))
        return;
    for (const struct dir_service *s = directory_first_on(d, &x->hub->self); s;
         s = directory_next_on(s, &x->hub->self)) {
        struct consul_group g;
        struct ulid_text text;
        uint32_t at = 0;

        while (consul_next(s, &at, &g)) {
            if (!ulid_equal(&g.ports->node, &x->hub->self) ||
                !bytes_equal(consul_id(&g, &text), x->match.args[0]))
                continue;
            consul_service(answer_json(x), &g);
            return;
        }
    }
    answer_error(x, 404, "not_found", "this peer answers for no service of the ID " BYTES_FMT,
                 BYTES_ARG(x->match.args[0]));
}

void consul_agent_checks(struct exchange *x)
{
    const struct filter *filter;

    if (consul_check_filtered(x, consul_check_selectors, &filter))
        return;
    struct buf *out = answer_json(x);

    json_open(out, '{');
    write_host_checks(out, x, filter);
    each_own(x, write_own_checks, filter);
}

void consul_status_leader(struct exchange *x)
{
    json_text(answer_json(x), bytes_str(x->hub->address));
}

void consul_status_peers(struct exchange *x)
{
    const struct directory *d = &x->hub->directory;
    struct buf *out = answer_json(x);

    json_open(out, '[');
    for (const struct dir_member *m = directory_first_member(d); m; m = directory_next_member(m)) {
        bool v6 = memchr(m->says.host.data, ':', m->says.host.len) != NULL;

        if (m->says.state == MEMBER_STATE_ALIVE)
            json_text(out, bytes_str(arena_printf(&x->mem, "%s" BYTES_FMT "%s:%u", v6 ? "[" : "",
                                                  BYTES_ARG(m->says.host), v6 ? "]" : "",
                                                  (unsigned)port_of(x->hub))));
    }
    json_close(out, ']');
}
