/* Consul's agent: what registers services with this peer. */
#include "consul/body.h"
#include "consul/consul.h"

static void done(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    (void)kind;
    (void)payload;
    answer_text(x, "text/plain; charset=utf-8", "");
}

void consul_service_register(struct exchange *x)
{
    struct register_endpoint request;
    struct buf question = {0};
    const char *why;

    if (consul_read_service(&request, buf_bytes(&x->body), &x->mem, &why)) {
        answer_error(x, 400, "bad_request", "%s", why);
        return;
    }
    request.add = !target_flag(&x->target, "replace-existing-checks");
    register_endpoint_encode(&question, &request);
    exchange_ask(x, WIRE_REGISTER_ENDPOINT, question, done);
}

void consul_service_deregister(struct exchange *x)
{
    struct deregister_endpoint request = {.name = x->match.args[0]};
    struct buf question = {0};

    if (request.name.len > DEREGISTER_ENDPOINT_NAME_MAX) {
        answer_error(x, 404, "not_found", "there is no service of such an ID");
        return;
    }
    deregister_endpoint_encode(&question, &request);
    exchange_ask(x, WIRE_DEREGISTER_ENDPOINT, question, done);
}
