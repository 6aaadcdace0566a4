/* Consul's agent: what registers services with this peer and says how they do. */
#include "consul/body.h"
#include "consul/check.h"
#include "consul/consul.h"
#include "wire/text.h"

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

static void ask(struct exchange *x, const struct report_endpoint *request)
{
    struct buf question = {0};

    report_endpoint_encode(&question, request);
    exchange_ask(x, WIRE_REPORT_ENDPOINT, question, done);
}

static void report(struct exchange *x, enum endpoint_health health)
{
    struct report_endpoint request = {
        .health = health,
        .output = wire_text_clip(target_get(&x->target, "note"), REPORT_ENDPOINT_OUTPUT_MAX)};

    if (consul_find_check(x, &request.name) == 0)
        ask(x, &request);
}

void consul_check_pass(struct exchange *x)
{
    report(x, ENDPOINT_HEALTH_PASSING);
}

void consul_check_warn(struct exchange *x)
{
    report(x, ENDPOINT_HEALTH_WARNING);
}

void consul_check_fail(struct exchange *x)
{
    report(x, ENDPOINT_HEALTH_CRITICAL);
}

void consul_check_update(struct exchange *x)
{
    struct report_endpoint request;
    struct bytes name;
    const char *why;

    if (consul_find_check(x, &name))
        return;
    if (consul_read_report(&request, buf_bytes(&x->body), &x->mem, &why)) {
        answer_error(x, 400, "bad_request", "%s", why);
        return;
    }
    request.name = name;
    ask(x, &request);
}
