#include "cmd/kith_ask.h"

#include "cmd/kith_folder.h"
#include "spec/units.h"
#include "store/identity.h"
#include "wire/frame.h"

#include <string.h>
#include <time.h>

#define PAUSE_MS 300

kith_time ask_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (kith_time)ts.tv_sec * KITH_SEC + ts.tv_nsec / 1000;
}

int64_t ask_wall_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void ask_pause(void)
{
    nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000L}, NULL);
}

struct ulid ask_fresh_id(void)
{
    return identity_fresh_id(ask_wall_ms());
}

int ask_timeout_ms(const struct kith *k, int otherwise_ms)
{
    if (!args_has(&k->args, FLAG_TIMEOUT))
        return otherwise_ms;
    return k->args.number[FLAG_TIMEOUT] > INT32_MAX ? INT32_MAX : (int)k->args.number[FLAG_TIMEOUT];
}

static enum kith_client_result dial(struct kith *k, int timeout_ms)
{
    struct buf key = {0};
    enum kith_client_result r;

    if (k->client)
        return KITH_CLIENT_OK;
    bool found = !args_has(&k->args, FLAG_INSECURE) && folder_read_key(k, &key);

    k->client = kith_client_open(
        &(struct kith_client_options){
            .address = k->args.text[FLAG_ADDR],
            .key = found ? buf_cstr(&key) : NULL,
            .insecure = args_has(&k->args, FLAG_INSECURE),
            .timeout_ms = timeout_ms,
        },
        &r);
    keys_wipe(key.data, key.len);
    buf_deinit(&key);
    return r;
}

void ask_hang_up(struct kith *k)
{
    if (k->client)
        kith_client_close(k->client);
    k->client = NULL;
}

static struct ask decode(struct kith *k, const struct kith_answer *answer)
{
    const struct wire_kind_info *info = frame_kind(answer->kind);
    struct bytes payload = arena_bytes(&k->mem, bytes_of(answer->payload, answer->payload_len));
    struct wire_error err;

    if (!info)
        return (struct ask){.result = KITH_CLIENT_GARBLED};
    void *decoded = arena_alloc(&k->mem, info->type->size);

    if (wire_decode(decoded, info->type, payload, &k->mem, &err))
        return (struct ask){.result = KITH_CLIENT_GARBLED};
    return (struct ask){.kind = info->kind, .answer = decoded};
}

struct ask ask_once(struct kith *k, enum wire_kind kind, const void *request, int timeout_ms)
{
    struct buf payload = {0};
    struct kith_answer answer;
    enum kith_client_result r = dial(k, timeout_ms);

    if (r)
        return (struct ask){.result = r};
    wire_encode(&payload, frame_kind(kind)->type, request);
    r = kith_client_request(k->client, (uint16_t)kind, payload.data, payload.len, timeout_ms,
                            &answer);
    buf_deinit(&payload);
    if (r)
        return (struct ask){.result = r};
    return decode(k, &answer);
}

void ask_tell(struct kith *k, enum wire_kind kind, const void *message)
{
    struct buf payload = {0};

    wire_encode(&payload, frame_kind(kind)->type, message);
    if (k->client) /* what does not get through shows in what comes, or does not */
        (void)kith_client_send(k->client, (uint16_t)kind, payload.data, payload.len);
    buf_deinit(&payload);
}

struct ask ask_next(struct kith *k, kith_time until_us)
{
    struct kith_answer answer;
    kith_time left_us = until_us - ask_now();
    int timeout_ms = left_us > 0 ? (int)((left_us + KITH_MS - 1) / KITH_MS) : 0;
    enum kith_client_result r = kith_client_next(k->client, timeout_ms, &answer);

    if (r)
        return (struct ask){.result = r};
    return decode(k, &answer);
}

int ask_ack(const struct kith *k, struct ack *ret)
{
    const char *ack = k->args.text[FLAG_ACK], *wait = k->args.text[FLAG_WAIT];
    bool converged = wait && strcmp(wait, "converged") == 0;
    uint64_t count;

    *ret = (struct ack){.kind = converged ? ACK_KIND_CONVERGED : ACK_KIND_HERE};
    if (!ack)
        return KITH_DONE;
    if (converged)
        return kith_usage(k, "--ack or --wait converged: give one of them");
    if (strcmp(ack, "majority") == 0)
        ret->kind = ACK_KIND_MAJORITY;
    else if (strcmp(ack, "all") == 0)
        ret->kind = ACK_KIND_ALL;
    else if (units_whole(bytes_str(ack), &count) == 0 && count >= 1 && count <= UINT32_MAX)
        *ret = (struct ack){.kind = ACK_KIND_COUNT, .count = (uint32_t)count};
    else
        return kith_usage(k, "--ack %s: it wants a number of peers, majority or all", ack);
    return KITH_DONE;
}

static bool worth_again(const struct ask *a)
{
    const struct failed *f = a->answer;

    return a->result == KITH_CLIENT_OK && a->kind == WIRE_FAILED &&
           (f->code == FAIL_CODE_NOT_READY || f->code == FAIL_CODE_BUSY);
}

static int explain(struct kith *k, const struct ask *a)
{
    const struct failed *f = a->answer;
    const char *why = kith_client_why(k->client);

    if (a->result == KITH_CLIENT_GARBLED && !*why)
        return kith_failed("the peer's answer cannot be read: are both of one version?");
    if (a->result)
        return kith_failed("%s", why);
    if (a->kind == WIRE_FAILED)
        return kith_failed(BYTES_FMT, BYTES_ARG(f->text));
    return kith_failed("the peer answered with '%s': are both of one version?",
                       frame_kind_name(a->kind));
}

const void *ask(struct kith *k, enum wire_kind kind, const void *request, enum wire_kind expected,
                int *ret_status)
{
    return ask_long(k, kind, request, expected, ASK_TIMEOUT_MS, ret_status);
}

const void *ask_long(struct kith *k, enum wire_kind kind, const void *request,
                     enum wire_kind expected, int answer_ms, int *ret_status)
{
    int timeout_ms = ask_timeout_ms(k, answer_ms);
    kith_time deadline_us = ask_now() + ask_timeout_ms(k, ASK_TIMEOUT_MS) * KITH_MS;
    struct wire_error err;
    struct ask a;

    if (wire_check(frame_kind(kind)->type, request,
                   &err)) { /* only words of the command line can break bounds */
        *ret_status = kith_usage(k, "%s: %s", err.field, err.why);
        return NULL;
    }
    while (a = ask_once(k, kind, request, timeout_ms), worth_again(&a) && ask_now() < deadline_us)
        ask_pause();
    *ret_status = KITH_DONE;
    if (a.result == KITH_CLIENT_OK && a.kind == expected)
        return a.answer;
    *ret_status = explain(k, &a);
    return NULL;
}

int ask_and_show(struct kith *k, enum wire_kind kind, const void *request, enum wire_kind expected,
                 enum view_shape shape)
{
    int status;
    const void *answer = ask(k, kind, request, expected, &status);

    if (!answer)
        return status;
    view_answer(&k->out, expected, answer, (struct view_style){k->args.format, shape});
    return kith_print(k);
}
