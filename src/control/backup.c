#include "control/backup.h"

#include "base/mem.h"
#include "control/inside.h"
#include "state/journal.h"
#include "wire/text.h"

static void drop(struct backups *b, uint32_t index)
{
    mem_free((void *)(uintptr_t)b->waits[index].path.data);
    b->waits[index] = b->waits[--b->count];
}

void backups_deinit(struct backups *b)
{
    while (b->count)
        drop(b, 0);
}

/* It begins when all that was answered until now, and what this step writes, is stored. */
static void begin(struct control *c, struct turn *t, const struct incoming *in, struct bytes path)
{
    struct backup_wait *w = &c->backups.waits[c->backups.count++];
    uint64_t before = effects_wait(t->out, state_unstored(t->state));

    *w = (struct backup_wait){.number = ++c->backups.last,
                              .route = in->route,
                              .correlation = in->envelope->correlation,
                              .path = bytes_of(mem_copy(path.data, path.len), path.len)};
    effects_add(t->out, &(struct effect){.kind = EFFECT_BACKUP,
                                         .wait = t->out->wait,
                                         .backup = {.number = w->number, .path = w->path}});
    effects_wait(t->out, before);
}

void backup_receive(struct control *c, struct turn *t, const struct incoming *in)
{
    struct arena mem = {0};
    struct backup request;
    struct wire_error err;

    if (backup_decode(&request, in->payload, &mem, &err))
        turn_fail(t, in, FAIL_CODE_BAD_REQUEST, "%s: %s", err.field, err.why);
    else if (in->door != DOOR_LOCAL)
        turn_fail(t, in, FAIL_CODE_NOT_ALLOWED,
                  "a backup is made on the peer's own host, at its socket");
    else if (request.path.data[0] != '/')
        turn_fail(t, in, FAIL_CODE_BAD_REQUEST, "the path of a backup begins with /");
    else if (c->backups.count == BACKUPS_MAX)
        turn_fail(t, in, FAIL_CODE_BUSY, "backups are being written: try again");
    else
        begin(c, t, in, request.path);
    arena_deinit(&mem);
}

static void answer(struct turn *t, const struct incoming *in, struct bytes path, uint64_t bytes)
{
    struct buf text = {0}, out = {0};

    buf_printf(&text, "wrote " BYTES_FMT ": %llu bytes", BYTES_ARG(path),
               (unsigned long long)bytes);
    struct backed_up reply = {
        .path = path, .bytes = bytes, .text = wire_text_clip(buf_bytes(&text), BACKED_UP_TEXT_MAX)};

    backed_up_encode(&out, &reply);
    turn_reply(t, in, WIRE_BACKED_UP, buf_bytes(&out), /* wait= */ 0);
    buf_deinit(&text);
    buf_deinit(&out);
}

void backup_done(struct control *c, struct turn *t, const struct event_backed_up *e)
{
    struct backups *b = &c->backups;

    for (uint32_t k = 0; k < b->count; k++) {
        struct envelope envelope = {.correlation = b->waits[k].correlation};
        struct incoming in = {.envelope = &envelope, .route = b->waits[k].route};

        if (b->waits[k].number != e->number)
            continue;
        if (e->why.len)
            turn_fail(t, &in, FAIL_CODE_REJECTED, "no backup was made: " BYTES_FMT,
                      BYTES_ARG(e->why));
        else
            answer(t, &in, b->waits[k].path, e->bytes);
        journal_add(t->journal, t->wall_us / KITH_MS, e->why.len ? "backup-failed" : "backup",
                    b->waits[k].path, BYTES_FMT, BYTES_ARG(e->why));
        drop(b, k);
        return;
    }
}
