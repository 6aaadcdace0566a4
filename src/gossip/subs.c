#include "gossip/subs.h"

#include "base/mem.h"
#include "base/tree.h"

struct sub {
    struct ulid id;
    struct bytes uri;    /* owned */
    kith_time off_at_us; /* KITH_NEVER: wanted */
    TREE_ENTRY(sub) by_id;
    TREE_ENTRY(sub) by_uri;
};

static int compare_id(const struct sub *a, const struct sub *b)
{
    return ulid_compare(&a->id, &b->id);
}

static int compare_uri(const struct sub *a, const struct sub *b)
{
    return bytes_compare(a->uri, b->uri);
}

TREE_DEFINE(sub_tree, sub, by_id, compare_id)
TREE_DEFINE(uri_tree, sub, by_uri, compare_uri)

struct subs {
    struct core *core;
    struct sub_tree ids;
    struct uri_tree uris;
    kith_time next_off_us; /* no subscription ends before */
};

struct subs *subs_new(struct core *core)
{
    struct subs *s = mem_alloc(sizeof(*s));
    s->core = core;
    s->next_off_us = KITH_NEVER;
    return s;
}

static void drop(struct subs *s, struct sub *sub)
{
    TREE_REMOVE(sub_tree, &s->ids, sub);
    TREE_REMOVE(uri_tree, &s->uris, sub);
    mem_free((void *)(uintptr_t)sub->uri.data);
    mem_free(sub);
    s->core->counts.subscriptions--;
}

void subs_free(struct subs *s)
{
    struct sub *sub, *next;
    TREE_FOREACH_SAFE(sub, sub_tree, &s->ids, next)
    drop(s, sub);
    mem_free(s);
}

static struct sub *find_id(struct subs *s, const struct ulid *id)
{
    struct sub search = {.id = *id};
    return TREE_FIND(sub_tree, &s->ids, &search);
}

static struct sub *find_uri(const struct subs *s, struct bytes uri)
{
    struct sub search = {.uri = uri};
    struct uri_tree tree = s->uris;
    return TREE_FIND(uri_tree, &tree, &search);
}

const struct ulid *subs_whose(const struct subs *s, struct bytes pub_uri)
{
    const struct sub *sub = find_uri(s, pub_uri);
    return sub ? &sub->id : NULL;
}

static void subscribe(struct subs *s, struct turn *t, const struct ulid *id, struct bytes uri)
{
    struct sub *former = find_uri(s, uri);
    if (former)
        drop(s, former); /* its address went to another: the connection stays */
    else
        effect_subscribe(t->out, uri, true);
    struct sub *sub = mem_alloc(sizeof(*sub));
    *sub = (struct sub){
        .id = *id, .uri = bytes_of(mem_copy(uri.data, uri.len), uri.len), .off_at_us = KITH_NEVER};
    TREE_INSERT(sub_tree, &s->ids, sub);
    TREE_INSERT(uri_tree, &s->uris, sub);
    s->core->counts.subscriptions++;
}

static void unsubscribe(struct subs *s, struct turn *t, struct sub *sub)
{
    effect_subscribe(t->out, sub->uri, false);
    drop(s, sub);
}

void subs_want(struct subs *s, struct turn *t, const struct ulid *id)
{
    struct sub *sub = find_id(s, id);
    struct bytes uri = core_uri(s->core, id, ADDR_ROLE_PUB);

    if (uri.len == 0)
        return;
    if (sub && !bytes_equal(sub->uri, uri)) {
        unsubscribe(s, t, sub);
        sub = NULL;
    }
    if (sub)
        sub->off_at_us = KITH_NEVER;
    else
        subscribe(s, t, id, uri);
}

static void linger(struct subs *s, struct sub *sub, kith_time until_us)
{
    sub->off_at_us = kith_time_min(sub->off_at_us, until_us);
    s->next_off_us = kith_time_min(s->next_off_us, sub->off_at_us);
}

void subs_linger(struct subs *s, const struct ulid *id, kith_time until_us)
{
    struct sub *sub = find_id(s, id);
    if (sub)
        linger(s, sub, until_us);
}

void subs_only(struct subs *s, const struct ulid *ids, size_t n, kith_time until_us)
{
    struct sub *sub;
    TREE_FOREACH (sub, sub_tree, &s->ids) {
        bool stays = false;
        for (size_t i = 0; i < n && !stays; i++)
            stays = ulid_equal(&sub->id, &ids[i]);
        if (!stays)
            linger(s, sub, until_us);
    }
}

void subs_time(struct subs *s, struct turn *t)
{
    struct sub *sub, *next;
    if (t->now_us < s->next_off_us)
        return;
    s->next_off_us = KITH_NEVER;
    TREE_FOREACH_SAFE(sub, sub_tree, &s->ids, next)
    {
        if (sub->off_at_us <= t->now_us)
            unsubscribe(s, t, sub);
        else
            s->next_off_us = kith_time_min(s->next_off_us, sub->off_at_us);
    }
}

kith_time subs_deadline(const struct subs *s)
{
    return s->next_off_us;
}
