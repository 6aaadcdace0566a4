/* What clients ask of their subscriptions, and what they are answered. */
#include "gossip/listener.h"

static void bad_request(struct turn *t, const struct incoming *in, const struct wire_error *err)
{
    turn_fail(t, in, FAIL_CODE_BAD_REQUEST, "%s: %s", err->field, err->why);
}

static void subscribe_asked(struct listeners *l, struct turn *t, const struct incoming *in)
{
    struct subscribe subscribe;
    struct subscribed answer;
    struct arena mem = {0};
    struct buf payload = {0};
    struct wire_error err;
    const char *why;
    if (subscribe_decode(&subscribe, in->payload, &mem, &err) != 0) {
        bad_request(t, in, &err);
        arena_deinit(&mem);
        return;
    }
    switch (listeners_subscribe(l, t, in, &subscribe, &answer.lease_ms, &why)) {
    case LISTENERS_BAD_PATTERN:
        turn_fail(t, in, FAIL_CODE_BAD_REQUEST, "this is no pattern: %s", why);
        break;
    case LISTENERS_FULL:
        turn_fail(t, in, FAIL_CODE_BUSY, "this peer has %d subscriptions already", LISTENERS_MAX);
        break;
    case LISTENERS_DONE:
        answer.subscription = subscribe.subscription;
        subscribed_encode(&payload, &answer);
        turn_reply(t, in, WIRE_SUBSCRIBED, buf_bytes(&payload), /* wait= */ 0);
        break;
    }
    buf_deinit(&payload);
    arena_deinit(&mem);
}

static void taken_told(struct listeners *l, struct turn *t, const struct incoming *in)
{
    struct taken taken;
    struct wire_error err;
    if (taken_decode(&taken, in->payload, /* mem= */ NULL, &err) != 0)
        bad_request(t, in, &err);
    else
        listeners_taken(l, t, &in->envelope->sender, &taken);
}

static void unsubscribe_told(struct listeners *l, struct turn *t, const struct incoming *in)
{
    struct unsubscribe unsubscribe;
    struct wire_error err;
    if (unsubscribe_decode(&unsubscribe, in->payload, /* mem= */ NULL, &err) != 0)
        bad_request(t, in, &err);
    else
        listeners_unsubscribe(l, &in->envelope->sender, unsubscribe.subscription);
}

bool listeners_request(struct listeners *l, struct turn *t, const struct incoming *in)
{
    switch (in->envelope->kind) {
    case WIRE_SUBSCRIBE:
        subscribe_asked(l, t, in);
        return true;
    case WIRE_TAKEN:
        taken_told(l, t, in);
        return true;
    case WIRE_UNSUBSCRIBE:
        unsubscribe_told(l, t, in);
        return true;
    default:
        return false;
    }
}
