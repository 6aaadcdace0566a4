/* The verbs that only look. */
#include "cmd/kith_ask.h"

#include <stdlib.h>
#include <string.h>

static struct bytes word(const struct kith *k, int i)
{
    const char *text = kith_word(k, i);

    return text ? bytes_str(text) : (struct bytes){0};
}

static int by_name(const void *a, const void *b)
{
    const struct member_info *x = a, *y = b;
    int order = bytes_compare(x->name, y->name);

    return order != 0 ? order : ulid_compare(&x->id, &y->id);
}

static int by_state(const void *a, const void *b)
{
    const struct member_info *x = a, *y = b;

    return x->state != y->state ? (int)x->state - (int)y->state : by_name(a, b);
}

/* What is not known comes last. */
static uint64_t nearness(const struct member_info *m)
{
    uint64_t rtt_us = m->rtt_us > 0 ? m->rtt_us : m->rtt_estimate_us;

    return rtt_us > 0 ? rtt_us : UINT64_MAX;
}

static int by_rtt(const void *a, const void *b)
{
    uint64_t x = nearness(a), y = nearness(b);

    return x != y ? (x < y ? -1 : 1) : by_name(a, b);
}

int kith_members(struct kith *k)
{
    struct get_members request = {.all = args_has(&k->args, FLAG_ALL)};
    const char *sort = k->args.text[FLAG_SORT];
    int (*order)(const void *, const void *) = NULL;
    int status;

    if (sort) {
        order = strcmp(sort, "name") == 0    ? by_name
                : strcmp(sort, "state") == 0 ? by_state
                : strcmp(sort, "rtt") == 0   ? by_rtt
                                             : NULL;
        if (!order)
            return kith_usage(k, "--sort %s: it wants name, state or rtt", sort);
    }
    const struct member_list *answer =
        ask(k, WIRE_GET_MEMBERS, &request, WIRE_MEMBER_LIST, &status);

    if (!answer)
        return status;
    struct member_info *members = arena_array(&k->mem, answer->members_n, sizeof(*members));
    if (answer->members_n > 0)
        memcpy(members, answer->members, answer->members_n * sizeof(*members));
    if (order && answer->members_n > 0)
        qsort(members, answer->members_n, sizeof(*members), order);
    struct member_list list = {.members = members, .members_n = answer->members_n};

    view_answer(&k->out, WIRE_MEMBER_LIST, &list, (struct view_style){k->args.format, VIEW_LIST});
    return kith_print(k);
}

int kith_rtt(struct kith *k)
{
    struct get_rtt request = {.from = word(k, 0), .to = word(k, 1)};
    bool object = request.to.len > 0 && k->args.format != VIEW_TABLE && k->args.format != VIEW_WIDE;

    return ask_and_show(k, WIRE_GET_RTT, &request, WIRE_RTTS, object ? VIEW_ONE : VIEW_LIST);
}

int kith_info(struct kith *k)
{
    return ask_and_show(k, WIRE_GET_INFO, &(struct get_info){0}, WIRE_INFO, VIEW_ONE);
}

int kith_services(struct kith *k)
{
    return ask_and_show(k, WIRE_GET_SERVICES, &(struct get_services){0}, WIRE_SERVICES, VIEW_LIST);
}

int kith_service(struct kith *k)
{
    struct get_services request = {.service = word(k, 0)};

    return ask_and_show(k, WIRE_GET_SERVICES, &request, WIRE_SERVICES, VIEW_ONE);
}

int kith_instances(struct kith *k)
{
    struct get_instances request = {.service = word(k, 0), .all = args_has(&k->args, FLAG_ALL)};

    return ask_and_show(k, WIRE_GET_INSTANCES, &request, WIRE_INSTANCES, VIEW_LIST);
}

int kith_endpoints(struct kith *k)
{
    struct get_endpoints request = {.service = word(k, 0)};

    return ask_and_show(k, WIRE_GET_ENDPOINTS, &request, WIRE_ENDPOINTS, VIEW_LIST);
}

int kith_graph(struct kith *k)
{
    int status;

    if (!args_has(&k->args, FLAG_DOT))
        return ask_and_show(k, WIRE_GET_GRAPH, &(struct get_graph){0}, WIRE_SERVICE_GRAPH,
                            VIEW_ONE);
    const struct service_graph *graph =
        ask(k, WIRE_GET_GRAPH, &(struct get_graph){0}, WIRE_SERVICE_GRAPH, &status);

    if (!graph)
        return status;
    view_dot(&k->out, graph);
    return kith_print(k);
}

int kith_commands(struct kith *k)
{
    struct get_commands request = {.limit = (uint32_t)k->args.number[FLAG_LIMIT]};

    if (k->args.words_n && ulid_parse(&request.id, word(k, 0)))
        return kith_usage(
            k, "'%s' is no command's id: it has 26 characters, as `kith commands` prints them",
            kith_word(k, 0));
    return ask_and_show(k, WIRE_GET_COMMANDS, &request, WIRE_COMMANDS,
                        k->args.words_n ? VIEW_ONE : VIEW_LIST);
}

int kith_conflicts(struct kith *k)
{
    struct get_conflicts request = {0};

    return ask_and_show(k, WIRE_GET_CONFLICTS, &request, WIRE_CONFLICT_LIST, VIEW_LIST);
}

int kith_why(struct kith *k)
{
    struct get_why request = {.what = word(k, 0)};

    return ask_and_show(k, WIRE_GET_WHY, &request, WIRE_WHY, VIEW_ONE);
}
