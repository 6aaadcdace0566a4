#include "consul/keys.h"

#include "consul/shape.h"

int consul_check_keys(struct exchange *x)
{
    const struct target *t = &x->target;
    struct bytes dc = target_get(t, "dc");

    if (dc.len && !bytes_equal_str(dc, CONSUL_DATACENTER)) {
        answer_error(x, 500, "not_found", "No path to datacenter");
        return 1;
    }
    if (target_has(t, "ns") || target_has(t, "partition")) {
        answer_error(x, 400, "bad_request", "namespaces and partitions are not taken");
        return 1;
    }
    if (x->match.args_n && x->match.args[0].len > KEY_OP_KEY_MAX) {
        answer_error(x, 400, "bad_request", "a key has %u bytes at most here", KEY_OP_KEY_MAX);
        return 1;
    }
    if (!x->hub->shelf.ready) {
        answer_error(x, 503, "not_ready", "this peer is starting: try again in a moment");
        return 1;
    }
    return 0;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int consul_read_uuid(struct bytes text, struct ulid *ret)
{
    size_t at = 0;

    if (text.len != 36)
        return 1;
    for (unsigned i = 0; i < sizeof(ret->b); i++) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && text.data[at++] != '-')
            return 1;
        int high = hex_digit(text.data[at]), low = hex_digit(text.data[at + 1]);

        if (high < 0 || low < 0)
            return 1;
        ret->b[i] = (uint8_t)(high * 16 + low);
        at += 2;
    }
    return 0;
}

void consul_keys_ask(struct exchange *x, const struct key_op *ops, uint32_t n,
                     exchange_answered *answered)
{
    struct change_keys request = {.ops = ops, .ops_n = n};
    struct buf question = {0};

    change_keys_encode(&question, &request);
    exchange_ask(x, WIRE_CHANGE_KEYS, question, answered);
}

int consul_keys_answer(struct exchange *x, enum wire_kind kind, struct bytes payload,
                       struct keys_changed *ret)
{
    struct wire_error err;

    if (kind == WIRE_KEYS_CHANGED && keys_changed_decode(ret, payload, &x->mem, &err) == 0)
        return 0;
    answer_error(x, 500, "internal", "the peer's answer cannot be read");
    return 1;
}
