#include "http/feed.h"

#include "http/ask.h"

#define FEED_LEASE_MS 60000u
#define FEED_RENEW_US (20 * KITH_SEC)
#define FEED_RETRY_US KITH_SEC
#define FEED_WITHIN   (10 * KITH_SEC)
#define FEED_TELL     64u /* messages after which the peer hears that they were taken */

static void tell_taken(struct feed *f)
{
    struct taken taken = {.subscription = FEED_NUMBER, .count = f->taken};
    struct buf out = {0};

    if (f->taken - f->told < FEED_TELL)
        return;
    taken_encode(&out, &taken);
    if (ask_send(f->ask, WIRE_TAKEN, buf_bytes(&out), FEED_WITHIN))
        f->told = f->taken;
    buf_deinit(&out);
}

/* False: of another subscription of this thread. */
static bool take_renewal(struct feed *f, struct bytes payload)
{
    struct subscribed s;
    struct wire_error err;

    if (subscribed_decode(&s, payload, /* mem= */ NULL, &err) || s.subscription != FEED_NUMBER)
        return false;
    f->next_us = f->hub->now_us + FEED_RENEW_US;
    return true;
}

bool feed_take(struct feed *f, enum wire_kind kind, struct bytes payload)
{
    struct arena mem = {0};
    struct delivery d;
    struct wire_error err;

    if (kind == WIRE_SUBSCRIBED)
        return take_renewal(f, payload);
    if (kind != WIRE_DELIVERY)
        return false;
    bool ours = delivery_decode(&d, payload, &mem, &err) == 0 && d.subscription == FEED_NUMBER;

    if (ours) {
        for (uint32_t i = 0; i < d.messages_n; i++)
            f->taken_by(f->hub, d.messages[i].payload);
        f->taken += d.messages_n;
        tell_taken(f);
    }
    arena_deinit(&mem);
    return ours;
}

void feed_run(struct feed *f)
{
    struct bytes topic = bytes_str(f->topic);
    struct subscribe request = {.subscription = FEED_NUMBER,
                                .patterns = &topic,
                                .patterns_n = 1,
                                .lease_ms = FEED_LEASE_MS};
    struct buf out = {0};

    if (f->hub->now_us < f->next_us)
        return;
    f->next_us = f->hub->now_us + FEED_RETRY_US;
    subscribe_encode(&out, &request);
    (void)ask_send(f->ask, WIRE_SUBSCRIBE, buf_bytes(&out), FEED_WITHIN);
    buf_deinit(&out);
}
