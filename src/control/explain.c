#include "control/explain.h"

#include "control/answer.h"
#include "control/request.h"
#include "wire/text.h"

#include <stdarg.h>

struct lines {
    struct bytes items[WHY_LINES_MAX_ITEMS];
    uint32_t count;
    struct arena mem;
};

static void line(struct lines *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void line(struct lines *l, const char *format, ...)
{
    struct buf text = {0};
    va_list args;

    if (l->count == WHY_LINES_MAX_ITEMS)
        return;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    l->items[l->count++] = wire_text_make(&l->mem, buf_bytes(&text), WHY_LINES_MAX);
    buf_deinit(&text);
}

static const struct placement *bad_slot(const struct control *c, const struct service *s,
                                        const struct instance **ret)
{
    struct placement *p;

    TREE_FOREACH_FROM(p, placement_tree, service_placements(s))
    {
        if (!service_wants_slot(&c->catalog, s, &p->slot) || ulid_is_zero(&p->row.node))
            continue;
        *ret = catalog_placed(&c->catalog, p);
        if (!*ret || !instance_healthy(&c->catalog, *ret))
            return p;
    }
    return NULL;
}

struct bytes explain_problem(const struct control *c, const struct service *s, struct arena *mem)
{
    uint32_t wanted = service_wanted(&c->catalog, s);
    const struct instance *i = NULL;
    const struct placement *p;
    struct buf text = {0}, slot = {0};

    if (s->row.desired == DESIRED_REMOVED)
        return bytes_str("is being removed");
    if (service_serving(&c->catalog, s) >= wanted)
        return (struct bytes){0};
    p = bad_slot(c, s, &i);
    if (!p) {
        buf_str(&text, "a slot has no host: none fits, or it was not decided yet");
    } else {
        slot_print(&slot, &p->slot);
        buf_printf(&text, "slot %s on " BYTES_FMT ": ", buf_cstr(&slot),
                   BYTES_ARG(node_name(&c->catalog, &p->row.node)));
        if (!node_lives(&c->catalog, &p->row.node))
            buf_str(&text, "the host is gone");
        else if (!i)
            buf_str(&text, "placed, the host has not answered yet");
        else
            buf_printf(&text, "%s, " BYTES_FMT, instance_state_name((enum instance_state)i->state),
                       BYTES_ARG(instance_says(i, mem)->reason));
    }
    struct bytes ret = wire_text_make(mem, buf_bytes(&text), SERVICE_INFO_PROBLEM_MAX);

    buf_deinit(&text);
    buf_deinit(&slot);
    return ret;
}

static void why_placement(struct lines *l, const struct control *c, const struct placement *p)
{
    struct buf slot = {0};

    slot_print(&slot, &p->slot);
    if (ulid_is_zero(&p->row.node))
        line(l, "slot %s is withdrawn, epoch %llu", buf_cstr(&slot), (unsigned long long)p->epoch);
    else
        line(l, "slot %s is placed on " BYTES_FMT " by " BYTES_FMT ", epoch %llu", buf_cstr(&slot),
             BYTES_ARG(node_name(&c->catalog, &p->row.node)),
             BYTES_ARG(node_name(&c->catalog, &p->row.coordinator)), (unsigned long long)p->epoch);
    for (uint32_t k = 0; k < p->row.reasons_n; k++)
        line(l, "  because: " BYTES_FMT, BYTES_ARG(p->row.reasons[k]));
    if (!ulid_is_zero(&p->row.cause))
        line(l, "  caused by command %s", ulid_text(&p->row.cause).s);
    buf_deinit(&slot);
}

static void why_instance(struct lines *l, const struct control *c, const struct instance *i)
{
    const struct instance_row *says = instance_says(i, &l->mem);
    const struct service *s = i->service;
    struct slot slot = instance_slot(i);
    const struct placement *p = catalog_placement(s, &slot);

    line(l, "instance %s of " BYTES_FMT " on " BYTES_FMT " is %s", ulid_text(instance_id(i)).s,
         BYTES_ARG(s && s->known ? s->row.name : bytes_str("?")),
         BYTES_ARG(node_name(&c->catalog, instance_node(i))),
         instance_state_name((enum instance_state)i->state));
    if (!node_lives(&c->catalog, instance_node(i)))
        line(l, "its host is gone, so it does not count");
    line(l, "its host says: " BYTES_FMT, BYTES_ARG(says->reason));
    for (uint32_t k = 0; k < says->waits_n; k++)
        line(l, "it waits for " BYTES_FMT, BYTES_ARG(says->waits[k]));
    if (says->restarts)
        line(l, "it was restarted %u times", says->restarts);
    if (p && !instance_placed(&c->catalog, i))
        line(l, "its slot has moved on:");
    if (p)
        why_placement(l, c, p);
    else
        line(l, "nothing places it any more");
}

static void why_needs(struct lines *l, const struct control *c, const struct service *s)
{
    const struct service_spec *spec = service_spec(&c->catalog, s);

    for (uint32_t k = 0; spec && k < spec->needs_n; k++) {
        const struct service *need = catalog_find(&c->catalog, spec->needs[k]);

        if (!need)
            line(l, "needs " BYTES_FMT ", which is not there", BYTES_ARG(spec->needs[k]));
        else if (graph_edge_state(c->catalog.graph, &s->id, &need->id) == GRAPH_HELD)
            line(l, "needs " BYTES_FMT ": held out, it would close a circle",
                 BYTES_ARG(need->row.name));
        else
            line(l, "needs " BYTES_FMT ": %u of %u healthy", BYTES_ARG(need->row.name),
                 service_healthy(&c->catalog, need), service_wanted(&c->catalog, need));
    }
}

static void why_service(struct lines *l, const struct control *c, const struct service *s)
{
    struct arena mem = {0};
    struct bytes problem = explain_problem(c, s, &mem);
    struct placement *p;
    struct ulid coordinator;

    line(l, "service " BYTES_FMT " is to be %s: %u of %u healthy", BYTES_ARG(s->row.name),
         desired_name(s->row.desired), service_healthy(&c->catalog, s),
         service_wanted(&c->catalog, s));
    if (problem.len)
        line(l, "not at its count: " BYTES_FMT, BYTES_ARG(problem));
    if (place_coordinator(&c->catalog, &s->id, &coordinator))
        line(l, BYTES_FMT " decides where it goes",
             BYTES_ARG(node_name(&c->catalog, &coordinator)));
    if (!ulid_is_zero(&s->row.command))
        line(l, "last changed by command %s", ulid_text(&s->row.command).s);
    why_needs(l, c, s);
    TREE_FOREACH_FROM(p, placement_tree, service_placements(s))
    {
        const struct instance *i = catalog_placed(&c->catalog, p);

        why_placement(l, c, p);
        if (i)
            line(l, "  %s is %s: " BYTES_FMT, ulid_text(instance_id(i)).s,
                 instance_state_name((enum instance_state)i->state),
                 BYTES_ARG(instance_says(i, &l->mem)->reason));
    }
    arena_deinit(&mem);
}

void explain_why(struct control *c, struct turn *t, const struct incoming *in)
{
    struct lines l = {0};
    struct get_why request;
    struct arena mem = {0};
    struct buf out = {0};
    struct wire_error err;

    if (get_why_decode(&request, in->payload, &mem, &err)) {
        answer_bad(t, in, &err);
        arena_deinit(&mem);
        return;
    }
    const struct service *s = catalog_find(&c->catalog, request.what);
    const struct instance *i = s ? NULL : request_find_instance(c, request.what);

    if (s)
        why_service(&l, c, s);
    else if (i)
        why_instance(&l, c, i);
    if (!s && !i) {
        turn_fail(t, in, FAIL_CODE_NOT_FOUND,
                  "no service, and no instance or several, by " BYTES_FMT, BYTES_ARG(request.what));
    } else {
        struct why answer = {.lines = l.items, .lines_n = l.count};

        why_encode(&out, &answer);
        answer_send(t, in, WIRE_WHY, &out);
    }
    buf_deinit(&out);
    arena_deinit(&l.mem);
    arena_deinit(&mem);
}
