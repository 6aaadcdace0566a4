/* The verbs about endpoints that Kith did not start: register and deregister. */
#include "cmd/kith_ask.h"
#include "spec/units.h"

#include <string.h>

#define TAGS_MAX REGISTER_ENDPOINT_TAGS_MAX_ITEMS

/* ADDR:PORT, [ADDR]:PORT, ADDR or :PORT. False: it is none of these. */
static bool read_endpoint(const char *text, struct bytes *ret_addr, uint64_t *ret_port)
{
    const char *colon = strrchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : strlen(text);

    *ret_port = 0;
    if (colon &&
        (units_whole(bytes_str(colon + 1), ret_port) || *ret_port == 0 || *ret_port > UINT16_MAX))
        return false;
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']')
        *ret_addr = bytes_of(text + 1, len - 2);
    else if (memchr(text, ':', len))
        return false; /* IPv6 without brackets: where does the port begin? */
    else
        *ret_addr = bytes_of(text, len);
    return ret_addr->len > 0 || colon;
}

int kith_register(struct kith *k)
{
    const struct args *a = &k->args;
    struct bytes tags[TAGS_MAX];
    struct bound_port port = {
        .name = bytes_str(a->text[FLAG_PORT_NAME] ? a->text[FLAG_PORT_NAME] : "port")};
    struct register_endpoint request = {.service = bytes_str(kith_word(k, 0)), .tags = tags};
    uint64_t number;

    if (!read_endpoint(kith_word(k, 1), &request.addr, &number))
        return kith_usage(k, "'%s' is no endpoint: write ADDR:PORT, such as 10.0.0.7:5432",
                          kith_word(k, 1));
    port.port = (uint16_t)number;
    request.ports = &port;
    request.ports_n = number > 0;
    if (a->text[FLAG_ID])
        request.name = bytes_str(a->text[FLAG_ID]);
    for (uint32_t i = 0; i < a->list_n[FLAG_TAG]; i++)
        tags[request.tags_n++] = bytes_str(a->list[FLAG_TAG][i]);
    if (args_has(a, FLAG_TTL)) {
        if (a->number[FLAG_TTL] > UINT32_MAX)
            return kith_usage(k, "--ttl is too long: leave it out, and the registration stays");
        request.ttl_ms = (uint32_t)a->number[FLAG_TTL];
    }
    int status = ask_ack(k, &request.ack);

    return status ? status
                  : ask_and_show(k, WIRE_REGISTER_ENDPOINT, &request, WIRE_REGISTERED, VIEW_ONE);
}

int kith_deregister(struct kith *k)
{
    struct deregister_endpoint request = {.name = bytes_str(kith_word(k, 0))};

    int status = ask_ack(k, &request.ack);

    return status ? status
                  : ask_and_show(k, WIRE_DEREGISTER_ENDPOINT, &request, WIRE_REGISTERED, VIEW_ONE);
}
