#include "http/messages.h"

#include "base/mem.h"
#include "http/ask.h"
#include "http/json.h"
#include "view/things.h"

#define FIRST_NUMBER 1000u /* below: this thread's own (feed.h) */
#define LEASE_MS     10000u
#define RENEW_US     (3 * KITH_SEC)
#define WITHIN_US    (10 * KITH_SEC)
#define TELL_EVERY   256u /* messages: a quarter of the peer's window */

struct letter {
    TAILQ_ENTRY(letter) others;
    struct buf json;
};

TAILQ_HEAD(letters, letter);

struct mailbox {
    LIST_ENTRY(mailbox) others;
    struct messages *messages;
    struct subscribe request; /* in mem */
    struct letters letters;
    uint64_t taken, told;    /* by the client, and to the peer */
    uint64_t dropped, shown; /* as the peer says, and as the client was told */
    kith_time renew_us;
    struct resource news;
    struct arena mem;
};

uint64_t messages_number(struct messages *m)
{
    if (m->n >= MESSAGES_STREAMS_MAX)
        return 0;
    if (!m->last)
        m->last = FIRST_NUMBER;
    return ++m->last;
}

static void send(struct messages *m, enum wire_kind kind, struct buf *message)
{
    if (m->ask) /* what is lost is said again, or its lease ends */
        (void)ask_send(m->ask, kind, buf_bytes(message), WITHIN_US);
    buf_deinit(message);
}

/* ---- subscriptions ---- */

struct mailbox *mailbox_new(struct messages *m, const struct subscribe *request)
{
    struct mailbox *b = mem_alloc(sizeof(*b));

    b->messages = m;
    wire_copy(&b->mem, &subscribe_struct, &b->request, request);
    TAILQ_INIT(&b->letters);
    b->renew_us = m->hub->now_us + RENEW_US;
    LIST_INSERT_HEAD(&m->all, b, others);
    m->n++;
    return b;
}

static void drop_letter(struct mailbox *b, struct letter *l)
{
    TAILQ_REMOVE(&b->letters, l, others);
    buf_deinit(&l->json);
    mem_free(l);
}

void mailbox_free(struct mailbox *b)
{
    struct unsubscribe end = {.subscription = b->request.subscription};
    struct buf out = {0};

    unsubscribe_encode(&out, &end);
    send(b->messages, WIRE_UNSUBSCRIBE, &out);
    while (!TAILQ_EMPTY(&b->letters))
        drop_letter(b, TAILQ_FIRST(&b->letters));
    LIST_REMOVE(b, others);
    b->messages->n--;
    arena_deinit(&b->mem);
    mem_free(b);
}

kith_time messages_deadline(const struct messages *m)
{
    kith_time at_us = KITH_NEVER;

    for (struct mailbox *b = LIST_FIRST(&m->all); b; b = LIST_NEXT(b, others))
        at_us = kith_time_min(at_us, b->renew_us);
    return at_us;
}

void messages_run(struct messages *m)
{
    for (struct mailbox *b = LIST_FIRST(&m->all); b; b = LIST_NEXT(b, others)) {
        struct buf out = {0};

        if (m->hub->now_us < b->renew_us)
            continue;
        b->renew_us = m->hub->now_us + RENEW_US;
        subscribe_encode(&out, &b->request);
        send(m, WIRE_SUBSCRIBE, &out);
    }
}

/* ---- what comes ---- */

static struct mailbox *find(const struct messages *m, uint64_t number)
{
    for (struct mailbox *b = LIST_FIRST(&m->all); b; b = LIST_NEXT(b, others)) {
        if (b->request.subscription == number)
            return b;
    }
    return NULL;
}

static int append(const char *data, size_t len, void *out)
{
    buf_append(out, data, len);
    return 0;
}

static void put(struct mailbox *b, const struct topic_delivery *message)
{
    const struct thing *thing = thing_find(WIRE_DELIVERY);
    json_t *json = columns_object(thing->columns, message);
    struct letter *l = mem_alloc(sizeof(*l));

    json_dump_callback(json, append, &l->json, JSON_COMPACT);
    json_decref(json);
    TAILQ_INSERT_TAIL(&b->letters, l, others);
}

bool messages_take(struct messages *m, enum wire_kind kind, struct bytes payload)
{
    struct arena mem = {0};
    struct delivery d;
    struct wire_error err;

    if (kind != WIRE_DELIVERY)
        return false;
    if (delivery_decode(&d, payload, &mem, &err) == 0) {
        struct mailbox *b = find(m, d.subscription);

        for (uint32_t i = 0; b && i < d.messages_n; i++)
            put(b, &d.messages[i]);
        if (b) {
            b->dropped = d.dropped;
            directory_wake(&m->hub->directory, &b->news);
        }
    }
    arena_deinit(&mem);
    return true;
}

/* ---- what the client is told ---- */

/* A window of few large messages is full long before TELL_EVERY: an empty box is told at once. */
static void tell_taken(struct mailbox *b)
{
    struct taken taken = {.subscription = b->request.subscription, .count = b->taken};
    struct buf out = {0};

    if (b->taken == b->told || (!TAILQ_EMPTY(&b->letters) && b->taken - b->told < TELL_EVERY))
        return;
    b->told = b->taken;
    taken_encode(&out, &taken);
    send(b->messages, WIRE_TAKEN, &out);
}

bool mailbox_next(struct mailbox *b, struct stream_message *ret)
{
    struct letter *l = TAILQ_FIRST(&b->letters);

    if (b->dropped > b->shown) {
        b->shown = b->dropped;
        ret->name = "dropped";
        json_open(&ret->json, '{');
        json_unsigned_of(&ret->json, "messages", b->dropped);
        json_close(&ret->json, '}');
        return true;
    }
    if (!l)
        return false;
    ret->name = "message";
    buf_append(&ret->json, l->json.data, l->json.len);
    drop_letter(b, l);
    b->taken++;
    tell_taken(b);
    return true;
}

struct resource *mailbox_news(struct mailbox *b)
{
    return &b->news;
}
