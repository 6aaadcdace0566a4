#include "state/turn.h"

#include "wire/text.h"

#include <stdarg.h>

struct ulid turn_ulid(struct turn *t)
{
    struct ulid id;
    kith_time wall_us = t->wall_us > 0 ? t->wall_us : 0;

    /* A full millisecond lends from the next. */
    while (ulid_next(t->ulids, &id, wall_us, t->rng) != 0)
        wall_us += KITH_MS;
    return id;
}

void turn_reply(struct turn *t, const struct incoming *in, enum wire_kind kind,
                struct bytes payload, uint64_t wait)
{
    if (in->route == 0)
        return;
    uint64_t before = effects_wait(t->out, wait);

    post_reply(t->post, t->out, in->route, kind, payload, in->envelope->correlation);
    effects_wait(t->out, before);
}

void turn_fail(struct turn *t, const struct incoming *in, enum fail_code code, const char *format,
               ...)
{
    struct buf payload = {0};
    struct arena mem = {0};
    va_list args;

    va_start(args, format);
    struct failed failed = {
        .code = code,
        .text = wire_text_format(&mem, FAILED_TEXT_MAX, format, args),
    };
    va_end(args);
    failed_encode(&payload, &failed);
    turn_reply(t, in, WIRE_FAILED, buf_bytes(&payload), 0);
    buf_deinit(&payload);
    arena_deinit(&mem);
}
