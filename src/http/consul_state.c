/* Consul's health/state: all checks of the cluster, or those that are as is asked. */
#include "http/consul.h"
#include "http/consul_shape.h"
#include "http/json.h"

static const char *const states[HUB_STATES] = {"any", "passing", "warning", "critical"};

static bool is_of(unsigned state, const char *name)
{
    return state == 0 || bytes_equal_str(bytes_str(states[state]), name);
}

static void write_members(struct exchange *x, struct buf *out, unsigned state)
{
    const struct directory *d = &x->hub->directory;

    for (const struct dir_member *m = directory_first_member(d); m; m = directory_next_member(m)) {
        bool alive = m->says.state == MEMBER_STATE_ALIVE;

        if (m->says.state != MEMBER_STATE_LEFT && is_of(state, alive ? "passing" : "critical"))
            consul_node_check(out, &m->says, m->resource.index);
    }
}

static void write_services(struct exchange *x, struct buf *out, unsigned state)
{
    for (const struct dir_service *s = directory_first(&x->hub->directory); s;
         s = directory_next(s)) {
        struct consul_group g;
        uint32_t at = 0;

        while (consul_next(s, &at, &g)) {
            if (consul_is_checked(&g) && is_of(state, endpoint_health_name(g.ports->health)))
                consul_service_check(out, &g, &x->mem);
        }
    }
}

/* FNV-1a of what was written: the index changes when that does, as seen by those who ask. */
static void note(struct exchange *x, unsigned state, struct bytes body)
{
    struct hub_state *known = &x->hub->states[state];
    uint64_t h = 14695981039346656037u;

    for (size_t i = 0; i < body.len; i++)
        h = (h ^ body.data[i]) * 1099511628211u;
    if (h != known->hash)
        known->resource.index = ++x->hub->directory.index;
    known->hash = h;
    x->answer.about = &known->resource;
    x->answer.fleeting = true;
}

void consul_health_state(struct exchange *x)
{
    unsigned state = 0;

    while (state < HUB_STATES && !bytes_equal_str(x->match.args[0], states[state]))
        state++;
    if (consul_check_query(x))
        return;
    if (state == HUB_STATES) {
        answer_error(x, 400, "bad_request", "a state is any, passing, warning or critical");
        return;
    }
    if (target_get(&x->target, "index").len) {
        answer_error(x, 400, "bad_request",
                     "all checks at once cannot be waited for here: wait for those of a service or "
                     "a node");
        return;
    }
    struct buf *out = answer_json(x);

    json_open(out, '[');
    write_members(x, out, state);
    write_services(x, out, state);
    json_close(out, ']');
    note(x, state, buf_bytes(out));
}
