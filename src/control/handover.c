#include "control/handover.h"

#include "base/mem.h"
#include "control/inside.h"
#include "control/keyfeed.h"
#include "wire/text.h"

uint64_t handover_first(const struct turn *t)
{
    uint64_t first = 0;

    for (unsigned i = 8; i < sizeof(t->post->boot.b); i++) /* its random part */
        first = first << 8 | t->post->boot.b[i];
    return first >> 4;
}

void handovers_deinit(struct handovers *h)
{
    mem_free(h->items);
}

void handover_send(struct control *c, struct turn *t, const struct incoming *in,
                   const struct ulid *node, enum wire_kind kind, struct bytes payload)
{
    struct handovers *h = &c->handovers;
    const struct member *m = members_get(c->catalog.members, node);
    struct bytes uri = m ? member_uri(m, ADDR_ROLE_BULK) : (struct bytes){0};
    struct forward request = {
        .kind = (uint16_t)kind,
        .payload = payload,
        .principal_kind = in->who.kind,
        .principal_name = wire_text_clip(in->who.name, FORWARD_PRINCIPAL_NAME_MAX),
    };
    struct buf out = {0};

    if (!uri.len || h->count == HANDOVERS_MAX) {
        turn_fail(t, in, uri.len ? FAIL_CODE_BUSY : FAIL_CODE_NOT_READY,
                  uri.len ? "too many requests wait for other peers: try again"
                          : "the peer that decides about this cannot be reached now");
        return;
    }
    if (!h->items) {
        h->items = mem_alloc(HANDOVERS_MAX * sizeof(*h->items));
        h->last = handover_first(t);
    }
    h->items[h->count++] = (struct handover){.number = HANDOVER_FIRST + ++h->last,
                                             .node = *node,
                                             .route = in->route,
                                             .correlation = in->envelope->correlation,
                                             .until_us = t->now_us + HANDOVER_TIME};
    forward_encode(&out, &request);
    uint64_t before = effects_wait(t->out, state_unstored(t->state));

    post_send(t->post, t->out, uri, WIRE_FORWARD, buf_bytes(&out), HANDOVER_FIRST + h->last);
    effects_wait(t->out, before);
    buf_deinit(&out);
    c->dirty = true;
}

/* ---- answers ---- */

/* At once: it is on the disks of those who decided it. */
static void reply(struct turn *t, const struct handover *h, enum wire_kind kind,
                  struct bytes payload)
{
    struct envelope envelope = {.correlation = h->correlation};
    struct incoming in = {.envelope = &envelope, .route = h->route};

    turn_reply(t, &in, kind, payload, 0);
}

/* The client is told with which message HTTP has it, and none of the records. */
static void reply_changed(struct control *c, struct turn *t, const struct handover *h,
                          struct bytes payload)
{
    struct keys_changed changed;
    struct arena mem = {0};
    struct wire_error err;
    struct buf out = {0};

    if (keys_changed_decode(&changed, payload, &mem, &err) == 0) {
        for (uint32_t i = 0; i < changed.records_n; i++)
            (void)state_merge(t->state, changed.records[i]);
        changed.told = keys_fed(c);
        changed.records_n = 0;
        keys_changed_encode(&out, &changed);
        reply(t, h, WIRE_KEYS_CHANGED, buf_bytes(&out));
    }
    buf_deinit(&out);
    arena_deinit(&mem);
}

static void reply_as_is(struct turn *t, const struct handover *h, uint32_t kind,
                        struct bytes payload)
{
    if (kind == WIRE_FAILED || kind == WIRE_SESSION_TOLD)
        reply(t, h, (enum wire_kind)kind, payload);
}

static uint32_t find(const struct handovers *h, uint64_t number)
{
    uint32_t k = 0;

    while (k < h->count && h->items[k].number != number)
        k++;
    return k;
}

bool handover_receive(struct control *c, struct turn *t, const struct incoming *in)
{
    struct handovers *h = &c->handovers;
    uint32_t k = find(h, in->envelope->correlation);
    struct forwarded answer;
    struct arena mem = {0};
    struct wire_error err;

    if (in->envelope->correlation < HANDOVER_FIRST)
        return false;
    if (k < h->count && in->who.kind == PRINCIPAL_KIND_NODE &&
        ulid_equal(&in->who.id, &h->items[k].node) &&
        forwarded_decode(&answer, in->payload, &mem, &err) == 0) {
        struct handover one = h->items[k];

        h->items[k] = h->items[--h->count];
        if (answer.kind == WIRE_KEYS_CHANGED)
            reply_changed(c, t, &one, answer.payload);
        else
            reply_as_is(t, &one, answer.kind, answer.payload);
    }
    arena_deinit(&mem);
    return true;
}

kith_time handover_settle(struct control *c, struct turn *t)
{
    struct handovers *h = &c->handovers;
    kith_time at_us = KITH_NEVER;

    for (uint32_t k = h->count; k-- > 0;) {
        struct envelope envelope = {.correlation = h->items[k].correlation};
        struct incoming in = {.envelope = &envelope, .route = h->items[k].route};

        if (t->now_us < h->items[k].until_us) {
            at_us = kith_time_min(at_us, h->items[k].until_us);
            continue;
        }
        turn_fail(t, &in, FAIL_CODE_UNCONFIRMED,
                  "the peer that decides about this did not answer in time: it may have happened; "
                  "look before you repeat it");
        h->items[k] = h->items[--h->count];
    }
    return at_us;
}
