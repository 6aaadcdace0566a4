/* The verbs that only look. */
#include "cmd/kith_ask.h"

static struct bytes word(const struct kith *k, int i)
{
    const char *text = kith_word(k, i);

    return text ? bytes_str(text) : (struct bytes){0};
}

int kith_members(struct kith *k)
{
    struct get_members request = {.all = args_has(&k->args, FLAG_ALL)};

    return ask_and_show(k, WIRE_GET_MEMBERS, &request, WIRE_MEMBER_LIST, VIEW_LIST);
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

int kith_why(struct kith *k)
{
    struct get_why request = {.what = word(k, 0)};

    return ask_and_show(k, WIRE_GET_WHY, &request, WIRE_WHY, VIEW_ONE);
}
