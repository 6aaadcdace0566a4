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

static void write_host(struct buf *out, const struct dir_member *m,
                       const enum endpoint_health *state, const struct filter *filter)
{
    const struct lookup_member *says = &m->says;

    for (uint32_t i = 0; i < says->checks_n; i++) {
        size_t from = out->len;

        if (!is_of(state, says->checks[i].health))
            continue;
        consul_host_check(out, says, &says->checks[i], m->own.index);
        consul_sift(out, from, from, filter);
    }
}

static void write_members(struct exchange *x, struct buf *out, const enum endpoint_health *state,
                          const struct filter *filter)
{
    const struct directory *d = &x->hub->directory;

    for (const struct dir_member *m = directory_first_member(d); m; m = directory_next_member(m)) {
        bool alive = m->says.state == MEMBER_STATE_ALIVE;
        enum endpoint_health is = alive ? ENDPOINT_HEALTH_PASSING : ENDPOINT_HEALTH_CRITICAL;
        size_t from = out->len;

        if (m->says.state == MEMBER_STATE_LEFT)
            continue;
        if (is_of(state, is))
            consul_node_check(out, &m->says, m->own.index);
        consul_sift(out, from, from, filter);
        write_host(out, m, state, filter);
    }
}

static void write_checks(struct exchange *x, struct buf *out, const struct consul_group *g,
                         const enum endpoint_health *state, const struct filter *filter)
{
    const struct endpoint_check *checks;
    uint32_t n = consul_checks(g, &checks, &x->mem);

    for (uint32_t i = 0; i < n; i++) {
        size_t from = out->len;

        if (!is_of(state, checks[i].health))
            continue;
        consul_service_check(out, g, &checks[i], &x->mem);
        consul_sift(out, from, from, filter);
    }
}

static void write_services(struct exchange *x, struct buf *out, const enum endpoint_health *state,
                           const struct filter *filter)
{
    for (const struct dir_service *s = directory_first(&x->hub->directory); s;
         s = directory_next(s)) {
        struct consul_group g;
        uint32_t at = 0;

        while (consul_next(s, &at, &g))
            write_checks(x, out, &g, state, filter);
    }
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
    enum endpoint_health health = states[state].health;
    bool any = state == 0;

    if (consul_check_filtered(x, consul_check_selectors, &filter) ||
        exchange_blocks(x, any ? &d->all_checks : &d->checks[health]))
        return;
    struct buf *out = answer_json(x);

    json_open(out, '[');
    write_members(x, out, any ? NULL : &health, filter);
    write_services(x, out, any ? NULL : &health, filter);
    json_close(out, ']');
}
