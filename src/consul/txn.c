/* Consul's transactions on keys: PUT /v1/txn. All of it is done, or none. */
#include "consul/consul.h"
#include "consul/keys.h"
#include "consul/keys_body.h"
#include "http/json.h"

static void write_errors(struct buf *out, const struct keys_changed *answer)
{
    json_name(out, "Errors");
    if (!answer->errors_n) {
        buf_str(out, "null"); /* as Consul */
        return;
    }
    json_open(out, '[');
    for (uint32_t i = 0; i < answer->errors_n; i++) {
        json_open(out, '{');
        json_unsigned_of(out, "OpIndex", answer->errors[i].op);
        json_text_of(out, "What", answer->errors[i].text);
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void done(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    struct keys_changed answer;

    if (consul_keys_answer(x, kind, payload, &answer))
        return;
    struct buf *out = answer_json(x);

    json_open(out, '{');
    json_name(out, "Results");
    json_open(out, '[');
    for (uint32_t i = 0; i < answer.results_n; i++) {
        json_open(out, '{');
        json_name(out, "KV");
        consul_key(out, &answer.results[i], /* value= */ answer.results[i].value.len > 0);
        json_close(out, '}');
    }
    json_close(out, ']');
    write_errors(out, &answer);
    json_close(out, '}');
    x->answer.status = answer.done ? 200 : 409;
    exchange_catch_up(x, answer.told);
}

void consul_txn(struct exchange *x)
{
    struct change_keys request;
    struct buf question = {0};
    const char *why;

    if (consul_check_keys(x))
        return;
    if (consul_read_txn(&request, buf_bytes(&x->body), &x->mem, &why)) {
        answer_error(x, 400, "bad_request", "%s", why);
        return;
    }
    change_keys_encode(&question, &request);
    exchange_ask(x, WIRE_CHANGE_KEYS, question, done);
}
