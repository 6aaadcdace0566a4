#include "peer/outbox.h"

#include "base/mem.h"

#include <assert.h>

/* One list for each token that is awaited, oldest first: all of a batch is released together, and
 * its memory with it. */
struct waiting {
    uint64_t token;
    struct effects effects;
    struct waiting *next;
};

struct outbox {
    struct waiting *first;
    struct waiting *last;
    uint64_t stored;
    size_t count;
    uint64_t dropped;
};

struct outbox *outbox_new(void)
{
    return mem_alloc(sizeof(struct outbox));
}

static void waiting_free(struct waiting *w)
{
    effects_deinit(&w->effects);
    mem_free(w);
}

void outbox_free(struct outbox *o)
{
    while (o->first) {
        struct waiting *w = o->first;
        o->first = w->next;
        waiting_free(w);
    }
    mem_free(o);
}

static bool may_be_dropped(enum effect_kind kind)
{
    return kind == EFFECT_PUBLISH || kind == EFFECT_REPLY || kind == EFFECT_SEND ||
           kind == EFFECT_LOG;
}

/* The list of this token; tokens are awaited in growing order, save for what was put off by a
 * failure. */
static struct waiting *list_of(struct outbox *o, uint64_t token)
{
    struct waiting **at = &o->first;
    while (*at && (*at)->token < token)
        at = &(*at)->next;
    if (!*at || (*at)->token != token) {
        struct waiting *w = mem_alloc(sizeof(*w));
        w->token = token;
        w->next = *at;
        *at = w;
        if (!w->next)
            o->last = w;
    }
    return *at;
}

static void keep(struct outbox *o, const struct effect *effect)
{
    if (o->count >= OUTBOX_MAX && may_be_dropped(effect->kind)) {
        o->dropped++;
        return;
    }
    struct waiting *w =
        o->last && o->last->token == effect->wait ? o->last : list_of(o, effect->wait);
    effects_add(&w->effects, effect);
    o->count++;
}

void outbox_pass(struct outbox *o, struct effects *from, struct effects *ret)
{
    size_t due = 0;
    for (size_t i = 0; i < from->count; i++) {
        const struct effect *effect = &from->items[i];
        if (effect->wait <= o->stored)
            from->items[due++] = *effect;
        else
            keep(o, effect);
    }
    from->count = due;
    if (ret->count == 0) { /* of nearly every step */
        effects_swap(from, ret);
        return;
    }
    for (size_t i = 0; i < due; i++)
        effects_add(ret, &from->items[i]);
}

void outbox_stored(struct outbox *o, uint64_t token, struct effects *ret)
{
    assert(token >= o->stored);
    o->stored = token;
    while (o->first && o->first->token <= token) {
        struct waiting *w = o->first;
        for (size_t i = 0; i < w->effects.count; i++)
            effects_add(ret, &w->effects.items[i]);
        o->count -= w->effects.count;
        o->first = w->next;
        if (!o->first)
            o->last = NULL;
        waiting_free(w);
    }
}

void outbox_failed(struct outbox *o, uint64_t token, uint64_t later)
{
    struct waiting **at = &o->first;
    struct waiting *before = NULL;
    while (*at && (*at)->token < token) {
        before = *at;
        at = &(*at)->next;
    }
    struct waiting *failed = *at;
    *at = NULL;
    o->last = before;
    while (failed) {
        struct waiting *w = failed;
        failed = w->next;
        for (size_t i = 0; i < w->effects.count; i++) {
            struct effect put_off = w->effects.items[i];
            put_off.wait = later;
            effects_add(&list_of(o, later)->effects, &put_off);
        }
        waiting_free(w);
    }
}

size_t outbox_count(const struct outbox *o)
{
    return o->count;
}

uint64_t outbox_dropped(const struct outbox *o)
{
    return o->dropped;
}
