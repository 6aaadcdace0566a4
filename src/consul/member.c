/* Consul's agent: what makes hosts members, and what makes them none. */
#include "consul/consul.h"

static void done(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    (void)kind;
    (void)payload;
    answer_text(x, "text/plain; charset=utf-8", "");
}

void consul_agent_join(struct exchange *x)
{
    struct join request = {.addr = x->match.args[0]};
    struct buf question = {0};

    if (request.addr.len > JOIN_ADDR_MAX) {
        answer_error(x, 400, "bad_request", "an address is too long");
        return;
    }
    join_encode(&question, &request);
    exchange_ask(x, WIRE_JOIN, question, done);
}

void consul_agent_leave(struct exchange *x)
{
    struct buf question = {0};

    leave_encode(&question, &(struct leave){0});
    exchange_ask(x, WIRE_LEAVE, question, done);
}

/* A member that is dead is forgotten: where Consul takes it for one that left, it has to come back as a new one here. */
void consul_agent_force_leave(struct exchange *x)
{
    struct forget request = {.node = x->match.args[0]};
    struct buf question = {0};

    if (request.node.len > FORGET_NODE_MAX) {
        answer_error(x, 404, "not_found", "there is no such member");
        return;
    }
    forget_encode(&question, &request);
    exchange_ask(x, WIRE_FORGET, question, done);
}
