#include "http/exchange.h"

#include "http/json.h"
#include "http/stream.h"
#include "wire/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ERROR_TEXT_MAX 1024

static void end_writing(struct exchange *x)
{
    if (!x->each)
        return;
    x->each = NULL;
    x->hub->writing--;
    if (x->hub->writer == x)
        x->hub->writer = NULL;
}

void exchange_deinit(struct exchange *x)
{
    end_writing(x);
    directory_unwatch(&x->watcher);
    x->hub->again -= x->again;
    stream_free(x->stream);
    buf_deinit(&x->body);
    buf_deinit(&x->question);
    buf_deinit(&x->answer.body);
    arena_deinit(&x->mem);
}

/* ---- answers ---- */

struct buf *answer_json(struct exchange *x)
{
    x->answer.status = 200;
    x->answer.type = "application/json";
    buf_reset(&x->answer.body);
    return &x->answer.body;
}

void answer_text(struct exchange *x, const char *type, const char *text)
{
    x->answer.status = 200;
    x->answer.type = type;
    buf_reset(&x->answer.body);
    buf_str(&x->answer.body, text);
}

void answer_error(struct exchange *x, unsigned status, const char *code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    struct bytes text = wire_text_format(&x->mem, ERROR_TEXT_MAX, format, args);
    va_end(args);
    struct buf *out = answer_json(x);

    x->answer.status = status;
    x->answer.about = NULL;
    if (x->consul) {
        x->answer.type = "text/plain; charset=utf-8";
        buf_append(out, text.data, text.len);
        return;
    }
    json_open(out, '{');
    json_name(out, "error");
    json_open(out, '{');
    json_string_of(out, "code", code);
    json_text_of(out, "text", text);
    json_close(out, '}');
    json_close(out, '}');
}

/* ---- what the client has already ---- */

/* FNV-1a, as in cache.c: nothing hangs on it but what one client is told of its own answers. */
static uint64_t hash_of(struct bytes body)
{
    uint64_t h = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < body.len; i++)
        h = (h ^ body.data[i]) * UINT64_C(1099511628211);
    return h ? h : 1;
}

/* Any of the tags that it brought, weak ones too. */
static bool is_known(struct bytes known, uint64_t tag)
{
    char text[24];
    int len = snprintf(text, sizeof(text), "\"%" PRIu64 "\"", tag);

    return known.len > 0 && memmem(known.data, known.len, text, (size_t)len) != NULL;
}

static void finish(struct exchange *x)
{
    struct answer *a = &x->answer;

    if (!x->native || x->state != EXCHANGE_READY || a->status != 200 || x->method != METHOD_GET)
        return;
    if (!a->tag)
        a->tag = a->about && !a->fleeting ? a->index : hash_of(buf_bytes(&a->body));
    if (!is_known(x->known, a->tag))
        return;
    a->status = 304;
    buf_reset(&a->body);
}

/* ---- the way of a request ---- */

/* What was made is an answer about its resource at this index, and is kept for as long as that is so. */
static void settle(struct exchange *x, uint64_t index)
{
    if (x->hub->directory.torn) {
        end_writing(x);
        x->state = EXCHANGE_READY;
        answer_error(x, 503, "not_readable", "the look-up file of this host cannot be read");
        return;
    }
    if (!x->answer.about)
        return;
    x->answer.index = index;
    if (x->state != EXCHANGE_READY || x->answer.about->index != index)
        return;
    if (x->answer.status != 200 || x->answer.fleeting)
        return;
    x->answer.lasting = true;
    cache_put(&x->hub->cache, x->raw, x->answer.index, x->answer.type, buf_bytes(&x->answer.body));
}

static void handle(struct exchange *x)
{
    x->state = EXCHANGE_READY;
    if (!x->hub->directory.ready) {
        answer_error(x, 503, "not_ready", "this peer is starting: try again in a moment");
        return;
    }
    x->hub->directory.torn = false;
    x->match.route->handle(x);
    settle(x, x->answer.about ? x->answer.about->index : 0);
}

/* Takes as long whatever the token is. */
static bool has_token(const struct exchange *x)
{
    struct bytes is = x->token.len ? x->token : target_get(&x->target, "token");
    struct bytes want = x->hub->token;
    unsigned differ = is.len != want.len;

    for (size_t i = 0; i < want.len && !(is.len != want.len); i++)
        differ |= is.data[i] ^ want.data[i];
    return !differ;
}

/* 0, or 1: the answer is that it may not. */
static int check_right(struct exchange *x)
{
    enum route_effect effect = x->match.route->effect;
    bool change = effect == ROUTE_CHANGES;

    if ((change || x->upgrades) && x->from_page) {
        answer_error(x, 403, "not_allowed", "pages of other sites change and follow nothing here");
        return 1;
    }
    if (!x->hub->token.len || (x->from_here && effect == ROUTE_READS))
        return 0;
    if (change && !x->from_here && !x->secure) {
        answer_error(x, 403, "not_allowed",
                     "without TLS changes are taken from this host only: the token would go over "
                     "the network in the clear");
        return 1;
    }
    if (has_token(x))
        return 0;
    answer_error(x, 403, "not_allowed",
                 "this needs the token of this peer (http.token in the data folder of kithd), as "
                 "X-Consul-Token or as a bearer token");
    return 1;
}

static void refuse_method(struct exchange *x)
{
    struct buf allow = {0};

    route_allow(&allow, x->match.methods);
    x->answer.allow = arena_str(&x->mem, buf_bytes(&allow));
    buf_deinit(&allow);
    answer_error(x, 405, "method", "this path takes %s", x->answer.allow);
}

void exchange_begin(struct exchange *x, const struct route_table *const *tables, struct bytes raw)
{
    int r = target_parse(&x->target, raw, &x->mem);

    x->raw = raw;
    x->consul = x->target.segments_n > 0 && bytes_equal_str(x->target.segments[0], "v1");
    x->native = x->target.segments_n > 0 && bytes_equal_str(x->target.segments[0], "api");
    if (r == TARGET_LONG) {
        answer_error(x, 414, "too_long", "the path or its query is too long");
        return;
    }
    if (r != 0) {
        answer_error(x, 400, "bad_request", "the path or its query cannot be read");
        return;
    }
    r = route_find(&x->match, tables, x->method, &x->target);
    if (r == ROUTE_METHOD)
        refuse_method(x);
    else if (r != 0)
        answer_error(x, 404, "not_found", "there is nothing at this path");
    else if (check_right(x) == 0)
        handle(x);
    finish(x);
}

/* ---- long answers ---- */

/* Its services until the slice is full. False: there are no more. */
static bool write_services(struct exchange *x)
{
    struct directory *d = &x->hub->directory;
    size_t end = x->answer.body.len + EXCHANGE_SLICE_BYTES;
    const struct dir_service *s = directory_behind(d, x->at, x->on);

    for (unsigned n = 1; s; n++) {
        x->each(x, s);
        if (n == EXCHANGE_SLICE_SERVICES || x->answer.body.len >= end) {
            x->at = arena_bytes(&x->mem, s->name);
            return true;
        }
        s = directory_next_on(s, x->on);
    }
    return false;
}

static void write_slice(struct exchange *x)
{
    struct hub *hub = x->hub;

    if (!hub->writer)
        hub->writer = x;
    x->state = EXCHANGE_WRITING;
    x->until_us = hub->now_us;
    if (hub->writer != x) {
        x->until_us += hub->writing * EXCHANGE_APART_US;
    } else if (!write_services(x)) {
        json_close(&x->answer.body, x->closes);
        end_writing(x);
        x->state = EXCHANGE_READY;
    }
}

void exchange_write(struct exchange *x, const struct ulid *node, exchange_each *each, char bracket)
{
    x->each = each;
    x->on = node;
    x->at = (struct bytes){0};
    x->closes = bracket;
    x->hub->writing++;
    write_slice(x);
}

/* ---- the way of a request, once more ---- */

static void look_behind(struct exchange *x)
{
    struct resource *r = x->hub->now_us < x->until_us ? x->behind(x) : NULL;

    x->state = r ? EXCHANGE_PARKED : EXCHANGE_READY;
    if (r)
        directory_watch(r, &x->watcher);
}

void exchange_until(struct exchange *x, exchange_behind *behind)
{
    x->behind = behind;
    x->until_us = x->hub->now_us + EXCHANGE_CATCH_UP_US;
    look_behind(x);
}

void exchange_resume(struct exchange *x)
{
    directory_unwatch(&x->watcher);
    if (x->catches_up) {
        if (x->hub->shelf.number < x->catches_up && x->hub->now_us < x->until_us)
            directory_watch(&x->hub->shelf.caught, &x->watcher);
        else
            x->state = EXCHANGE_READY;
        return;
    }
    if (x->behind) {
        look_behind(x);
        return;
    }
    if (x->each) {
        x->hub->directory.torn = false;
        write_slice(x);
        settle(x, x->answer.index);
        finish(x);
        return;
    }
    x->hub->again -= x->again;
    x->again = false;
    x->waited = true;
    handle(x);
    finish(x);
}

/* ---- waiting for a change ---- */

static bool wait_span(struct exchange *x, kith_time *ret)
{
    int r = target_duration(&x->target, "wait", ret);

    if (r == TARGET_BAD) {
        answer_error(x, 400, "bad_request", "wait: write a time such as 30s or 5m");
        return false;
    }
    if (r == TARGET_ABSENT || *ret == 0)
        *ret = EXCHANGE_WAIT_US;
    *ret = kith_time_min(*ret, EXCHANGE_WAIT_MAX_US);
    return true;
}

/* The same was asked before, and nothing has changed since. */
static bool answer_kept(struct exchange *x, const struct resource *r)
{
    const struct cache_entry *e = cache_find(&x->hub->cache, x->raw, r->index);

    if (!e)
        return false;
    answer_text(x, e->type, "");
    buf_append(&x->answer.body, e->body.data, e->body.len);
    x->answer.fleeting = x->answer.lasting = true;
    x->answer.tag = e->index;
    return true;
}

bool exchange_blocks(struct exchange *x, struct resource *r)
{
    uint64_t index = 0;
    kith_time span_us;

    x->answer.about = r;
    x->answer.fleeting = x->answer.lasting = false;
    if (x->waited)
        return answer_kept(x, r);
    if (target_number(&x->target, "index", &index) == TARGET_BAD) {
        answer_error(x, 400, "bad_request", "index: write the number that the last answer had");
        return true;
    }
    if (!wait_span(x, &span_us))
        return true;
    if (index == 0 || index != r->index)
        return answer_kept(x, r);
    x->state = EXCHANGE_PARKED;
    x->until_us = x->hub->now_us + span_us;
    directory_watch(r, &x->watcher);
    return true;
}

void exchange_catch_up(struct exchange *x, uint64_t number)
{
    if (x->hub->shelf.number >= number)
        return;
    x->catches_up = number;
    x->state = EXCHANGE_PARKED;
    x->until_us = x->hub->now_us + EXCHANGE_CATCH_UP_US;
    directory_watch(&x->hub->shelf.caught, &x->watcher);
}

int exchange_waits(struct exchange *x)
{
    kith_time span_us;

    if (x->again_us || !target_has(&x->target, "wait"))
        return 0;
    if (!wait_span(x, &span_us))
        return 1;
    if (x->hub->again >= EXCHANGE_AGAIN_MAX) {
        x->answer.retry = "5";
        answer_error(x, 429, "busy", "too many requests wait for such answers: try again");
        return 1;
    }
    x->again_us = x->hub->now_us + span_us;
    return 0;
}

/* The answer is none yet that was waited for: it is asked for once more in a while. */
static void ask_again(struct exchange *x)
{
    kith_time apart_us = EXCHANGE_AGAIN_US + x->hub->again * EXCHANGE_AGAIN_FOR_US;
    uint64_t index;

    if (x->state != EXCHANGE_READY || x->gone || x->hub->now_us >= x->again_us)
        return;
    bool same = target_number(&x->target, "index", &index) == 0 && x->answer.status == 200 &&
                index == hash_of(buf_bytes(&x->answer.body));

    if (!same && !x->unsettled)
        return;
    x->again = true;
    x->hub->again++;
    x->state = EXCHANGE_PARKED;
    x->until_us = kith_time_min(x->hub->now_us + apart_us, x->again_us);
}

/* ---- asking the peer ---- */

void exchange_ask(struct exchange *x, enum wire_kind kind, struct buf question,
                  exchange_answered *answered)
{
    buf_deinit(&x->question);
    x->state = EXCHANGE_ASKING;
    if (!x->within_us)
        x->within_us = EXCHANGE_ASK_US;
    x->until_us = x->hub->now_us + x->within_us;
    x->ask = kind;
    x->question = question;
    x->answered = answered;
}

static const struct {
    enum fail_code code;
    unsigned status;
} statuses[] = {
    {FAIL_CODE_BAD_REQUEST, 400}, {FAIL_CODE_NOT_ALLOWED, 403}, {FAIL_CODE_NOT_FOUND, 404},
    {FAIL_CODE_REJECTED, 409},    {FAIL_CODE_NOT_READY, 503},   {FAIL_CODE_BUSY, 503},
    {FAIL_CODE_UNCONFIRMED, 504}, {FAIL_CODE_NO_MAJORITY, 500},
};

static void answer_failed(struct exchange *x, struct bytes payload)
{
    struct failed failed;
    struct wire_error err;
    unsigned status = 500;

    if (failed_decode(&failed, payload, &x->mem, &err)) {
        answer_error(x, 500, "internal", "the peer's answer cannot be read");
        return;
    }
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (statuses[i].code == failed.code)
            status = statuses[i].status;
    }
    answer_error(x, status, fail_code_name(failed.code), BYTES_FMT, BYTES_ARG(failed.text));
}

void exchange_take(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    x->state = EXCHANGE_READY;
    x->unsettled = false;
    if (!kind)
        answer_error(x, 504, "timeout",
                     "the peer did not answer in time: a change may have happened, look before "
                     "you repeat it");
    else if (kind == WIRE_FAILED)
        answer_failed(x, payload);
    else
        x->answered(x, kind, payload);
    ask_again(x);
    finish(x);
}
