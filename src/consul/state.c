/* Consul's health/state: all checks of the cluster, or those that are as is asked. */
#include "consul/consul.h"
#include "consul/shape.h"
#include "http/json.h"

#define STATES 4u

static const struct {
    const char *name;
    enum endpoint_health health; /* of all but the first */
} states[STATES] = {
    {"any", ENDPOINT_HEALTH_PASSING},
    {"passing", ENDPOINT_HEALTH_PASSING},
    {"warning", ENDPOINT_HEALTH_WARNING},
    {"critical", ENDPOINT_HEALTH_CRITICAL},
};

/* `state` NULL: any. */
static bool is_of(const enum endpoint_health *state, enum endpoint_health is)
{
    return !state || *state == is;
}

struct list { /* while it is written */
    const enum endpoint_health *state;
    const struct filter *filter;
};

static void write_host(struct exchange *x, const struct dir_member *m)
{
    const struct list *list = x->work;
    struct buf *out = &x->answer.body;
    const struct lookup_member *says = &m->says;

    for (uint32_t i = 0; i < says->checks_n; i++) {
        size_t from = out->len;

        if (!is_of(list->state, says->checks[i].health))
            continue;
        consul_host_check(out, says, &says->checks[i], m->own.index);
        consul_sift(out, from, from, list->filter);
    }
}

static void write_members(struct exchange *x)
{
    const struct list *list = x->work;
    struct buf *out = &x->answer.body;
    const struct directory *d = &x->hub->directory;

    for (const struct dir_member *m = directory_first_member(d); m; m = directory_next_member(m)) {
        bool alive = m->says.state == MEMBER_STATE_ALIVE;
        enum endpoint_health is = alive ? ENDPOINT_HEALTH_PASSING : ENDPOINT_HEALTH_CRITICAL;
        size_t from = out->len;

        if (m->says.state == MEMBER_STATE_LEFT)
            continue;
        if (is_of(list->state, is)) {
            consul_node_check(out, &m->says, m->own.index);
            consul_sift(out, from, from, list->filter);
        }
        write_host(x, m);
    }
}

static void write_checks(struct exchange *x, const struct consul_group *g)
{
    const struct list *list = x->work;
    struct buf *out = &x->answer.body;
    const struct endpoint_check *checks;
    uint32_t n = consul_checks(g, &checks, &x->mem);

    for (uint32_t i = 0; i < n; i++) {
        size_t from = out->len;

        if (!is_of(list->state, checks[i].health))
            continue;
        consul_service_check(out, g, &checks[i], &x->mem);
        consul_sift(out, from, from, list->filter);
    }
}

static void write_service(struct exchange *x, const struct dir_service *s)
{
    struct consul_group g;
    uint32_t at = 0;

    while (consul_next(s, &at, &g))
        write_checks(x, &g);
}

void consul_health_state(struct exchange *x)
{
    struct directory *d = &x->hub->directory;
    const struct filter *filter;
    unsigned state = 0;

    while (state < STATES && !bytes_equal_str(x->match.args[0], states[state].name))
        state++;
    if (state == STATES) {
        answer_error(x, 400, "bad_request", "a state is any, passing, warning or critical");
        return;
    }
    const enum endpoint_health *health = state == 0 ? NULL : &states[state].health;

    if (consul_check_filtered(x, consul_check_selectors, &filter) ||
        exchange_blocks(x, health ? &d->checks[*health] : &d->all_checks))
        return;
    struct list *list = arena_alloc(&x->mem, sizeof(*list));

    *list = (struct list){.state = health, .filter = filter};
    x->work = list;
    json_open(answer_json(x), '[');
    write_members(x);
    exchange_write(x, /* node= */ NULL, write_service, ']');
}
