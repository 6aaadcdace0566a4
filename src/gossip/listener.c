#include "gossip/listener.h"

#include "base/mem.h"
#include "base/tree.h"

struct letter { /* a message that waits; fields point behind it */
    struct letter *next;
    struct topic_delivery message;
    size_t bytes;
    struct arena mem;
};

struct listener {
    struct ulid client;
    uint64_t number;
    uint64_t route, correlation;
    struct bytes texts[LISTENER_PATTERNS];
    struct pattern patterns[LISTENER_PATTERNS];
    uint32_t patterns_n;
    kith_time until_us, lease_us;
    struct letter *head, **end;
    uint32_t waiting;
    size_t waiting_bytes;
    uint64_t sent, taken; /* messages */
    uint64_t sent_bytes, taken_bytes;
    uint32_t sizes[LISTENER_WINDOW]; /* of what is on its way, by number sent */
    uint64_t dropped;
    TREE_ENTRY(listener) by_id;
};

static int compare(const struct listener *a, const struct listener *b)
{
    int order = ulid_compare(&a->client, &b->client);
    return order != 0 ? order : (a->number > b->number) - (a->number < b->number);
}

TREE_DEFINE(listener_tree, listener, by_id, compare)

struct listeners {
    struct listener_tree tree;
    size_t count;
    uint64_t dropped;
    kith_time next_end_us;
    bool changed;
    bool pending; /* some queue may have what its window lets through */
};

struct listeners *listeners_new(void)
{
    struct listeners *l = mem_alloc(sizeof(*l));
    l->next_end_us = KITH_NEVER;
    return l;
}

static void drop_letter(struct listener *r)
{
    struct letter *first = r->head;
    r->head = first->next;
    if (!r->head)
        r->end = &r->head;
    r->waiting--;
    r->waiting_bytes -= first->bytes;
    arena_deinit(&first->mem);
    mem_free(first);
}

static void clear_patterns(struct listener *r)
{
    for (uint32_t i = 0; i < r->patterns_n; i++)
        mem_free((void *)(uintptr_t)r->texts[i].data);
    r->patterns_n = 0;
}

static void drop(struct listeners *l, struct listener *r)
{
    TREE_REMOVE(listener_tree, &l->tree, r);
    l->count--;
    l->changed = true;
    while (r->head)
        drop_letter(r);
    clear_patterns(r);
    mem_free(r);
}

void listeners_free(struct listeners *l)
{
    struct listener *r, *next;
    TREE_FOREACH_SAFE(r, listener_tree, &l->tree, next)
    drop(l, r);
    mem_free(l);
}

static struct listener *find(struct listeners *l, const struct ulid *client, uint64_t number)
{
    struct listener search = {.client = *client, .number = number};
    return TREE_FIND(listener_tree, &l->tree, &search);
}

/* ---- they come and go ---- */

static const char *problem(const struct subscribe *s)
{
    struct pattern p;
    for (uint32_t i = 0; i < s->patterns_n; i++) {
        const char *why = pattern_problem(pattern_parse(&p, s->patterns[i]));
        if (why)
            return why;
    }
    return s->patterns_n == 0 ? "there is none" : NULL;
}

static bool same_patterns(const struct listener *r, const struct subscribe *s)
{
    bool same = r->patterns_n == s->patterns_n;
    for (uint32_t i = 0; same && i < s->patterns_n; i++)
        same = bytes_equal(r->texts[i], s->patterns[i]);
    return same;
}

static void set_patterns(struct listeners *l, struct listener *r, const struct subscribe *s)
{
    if (same_patterns(r, s))
        return;
    clear_patterns(r);
    for (uint32_t i = 0; i < s->patterns_n; i++) {
        struct bytes text = s->patterns[i];
        r->texts[i] = bytes_of(mem_copy(text.data, text.len), text.len);
        (void)pattern_parse(&r->patterns[i], text); /* problem() has seen it */
    }
    r->patterns_n = s->patterns_n;
    l->changed = true;
}

static struct listener *get(struct listeners *l, const struct ulid *client, uint64_t number)
{
    struct listener *r = find(l, client, number);
    if (r || l->count == LISTENERS_MAX)
        return r;
    r = mem_alloc(sizeof(*r));
    r->client = *client;
    r->number = number;
    r->end = &r->head;
    TREE_INSERT(listener_tree, &l->tree, r);
    l->count++;
    return r;
}

static kith_time granted(uint32_t lease_ms)
{
    kith_time us = lease_ms ? lease_ms * KITH_MS : LISTENER_LEASE;
    if (us < LISTENER_LEASE_MIN)
        return LISTENER_LEASE_MIN;
    return kith_time_min(us, LISTENER_LEASE_MAX);
}

enum listeners_result listeners_subscribe(struct listeners *l, struct turn *t,
                                          const struct incoming *in, const struct subscribe *s,
                                          uint32_t *ret_lease_ms, const char **ret_why)
{
    *ret_why = problem(s);
    if (*ret_why)
        return LISTENERS_BAD_PATTERN;
    struct listener *r = get(l, &in->envelope->sender, s->subscription);
    if (!r)
        return LISTENERS_FULL;
    set_patterns(l, r, s);
    r->route = in->route;
    if (r->correlation == 0)
        r->correlation = in->envelope->correlation;
    r->lease_us = granted(s->lease_ms);
    r->until_us = t->now_us + r->lease_us;
    l->next_end_us = kith_time_min(l->next_end_us, r->until_us);
    *ret_lease_ms = (uint32_t)(r->lease_us / KITH_MS);
    return LISTENERS_DONE;
}

void listeners_unsubscribe(struct listeners *l, const struct ulid *client, uint64_t number)
{
    struct listener *r = find(l, client, number);
    if (r)
        drop(l, r);
}

void listeners_taken(struct listeners *l, struct turn *t, const struct ulid *client,
                     const struct taken *taken)
{
    struct listener *r = find(l, client, taken->subscription);
    if (!r)
        return;
    while (r->taken < taken->count && r->taken < r->sent)
        r->taken_bytes += r->sizes[r->taken++ % LISTENER_WINDOW];
    r->until_us = t->now_us + r->lease_us; /* it lives */
    l->pending = true;
}

/* ---- messages ---- */

static bool wants(const struct listener *r, const struct topic *topic)
{
    for (uint32_t i = 0; i < r->patterns_n; i++) {
        if (pattern_match(&r->patterns[i], topic))
            return true;
    }
    return false;
}

static void queue(struct listeners *l, struct listener *r, const struct topic_delivery *message)
{
    struct letter *letter = mem_alloc(sizeof(*letter));
    topic_delivery_copy(&letter->mem, &letter->message, message);
    letter->bytes = message->payload.len + message->topic.len + sizeof(*letter);
    *r->end = letter;
    r->end = &letter->next;
    r->waiting++;
    r->waiting_bytes += letter->bytes;
    while (r->waiting > LISTENER_WAITING || r->waiting_bytes > LISTENER_WAITING_BYTES) {
        drop_letter(r);
        r->dropped++;
        l->dropped++;
    }
}

uint32_t listeners_offer(struct listeners *l, const struct topic *topic,
                         const struct topic_delivery *message)
{
    struct listener *r;
    uint32_t n = 0;
    TREE_FOREACH (r, listener_tree, &l->tree) {
        if (wants(r, topic)) {
            queue(l, r, message);
            n++;
        }
    }
    l->pending = l->pending || n > 0;
    return n;
}

uint32_t listeners_count(const struct listeners *l, const struct topic *topic)
{
    struct listener_tree tree = l->tree;
    struct listener *r;
    uint32_t n = 0;
    TREE_FOREACH (r, listener_tree, &tree)
        n += wants(r, topic);
    return n;
}

static bool window_open(const struct listener *r)
{
    return r->sent - r->taken < LISTENER_WINDOW &&
           r->sent_bytes - r->taken_bytes < LISTENER_WINDOW_BYTES;
}

/* One delivery: as many as fit. */
static void send(struct listener *r, struct turn *t)
{
    struct topic_delivery messages[LISTENER_FRAME];
    struct delivery delivery = {
        .subscription = r->number, .messages = messages, .dropped = r->dropped};
    struct buf payload = {0};
    size_t bytes = 0;
    const struct letter *letter = r->head;
    while (letter && delivery.messages_n < LISTENER_FRAME && bytes < LISTENER_FRAME_BYTES &&
           window_open(r)) {
        messages[delivery.messages_n++] = letter->message;
        bytes += letter->bytes;
        r->sizes[r->sent++ % LISTENER_WINDOW] = (uint32_t)letter->bytes;
        r->sent_bytes += letter->bytes;
        letter = letter->next;
    }
    delivery_encode(&payload, &delivery);
    post_reply(t->post, t->out, r->route, WIRE_DELIVERY, buf_bytes(&payload), r->correlation);
    buf_deinit(&payload);
    for (uint32_t i = 0; i < delivery.messages_n; i++)
        drop_letter(r);
}

void listeners_flush(struct listeners *l, struct turn *t)
{
    struct listener *r;
    if (!l->pending)
        return;
    l->pending = false;
    TREE_FOREACH (r, listener_tree, &l->tree) {
        while (r->head && window_open(r))
            send(r, t);
    }
}

/* ---- all of them ---- */

size_t listeners_patterns(const struct listeners *l, struct arena *mem, const struct bytes **ret)
{
    struct listener_tree tree = l->tree;
    struct bytes *texts = arena_array(mem, l->count * LISTENER_PATTERNS, sizeof(*texts));
    struct listener *r;
    size_t n = 0;
    TREE_FOREACH (r, listener_tree, &tree) {
        for (uint32_t i = 0; i < r->patterns_n; i++)
            texts[n++] = r->texts[i];
    }
    *ret = texts;
    return n;
}

bool listeners_changed(struct listeners *l)
{
    bool changed = l->changed;
    l->changed = false;
    return changed;
}

size_t listeners_number(const struct listeners *l)
{
    return l->count;
}

uint64_t listeners_dropped(const struct listeners *l)
{
    return l->dropped;
}

void listeners_time(struct listeners *l, struct turn *t)
{
    struct listener *r, *next;
    if (t->now_us < l->next_end_us)
        return;
    l->next_end_us = KITH_NEVER;
    TREE_FOREACH_SAFE(r, listener_tree, &l->tree, next)
    {
        if (r->until_us <= t->now_us)
            drop(l, r);
        else
            l->next_end_us = kith_time_min(l->next_end_us, r->until_us);
    }
}

kith_time listeners_deadline(const struct listeners *l)
{
    return l->next_end_us;
}
