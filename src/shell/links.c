#include "shell/links.h"
#include "base/mem.h"
#include "base/tree.h"
#include "shell/dial.h"
#include "shell/queue.h"
#include <string.h>

struct line {
    struct bytes uri; /* view of dial.uri */
    enum wire_lane lane;
    struct dial dial;
    struct queue queue;
    kith_time used_us;
    TREE_ENTRY(line) by_key;
};

struct sub {
    struct bytes uri; /* view of dial.uri */
    struct dial dial;
    kith_time from_us; /* not opened before; 0: it was */
    TREE_ENTRY(sub) by_uri;
};

static int compare_line(const struct line *a, const struct line *b)
{
    int order = bytes_compare(a->uri, b->uri);
    return order != 0 ? order : (int)a->lane - (int)b->lane;
}

static int compare_sub(const struct sub *a, const struct sub *b)
{
    return bytes_compare(a->uri, b->uri);
}

TREE_DEFINE(line_tree, line, by_key, compare_line)
TREE_DEFINE(sub_tree, sub, by_uri, compare_sub)

struct link_news {
    struct link_news *next;
    bool up;
    char uri[];
};

struct links {
    struct links_config config;
    uint32_t lines_made;
    struct line_tree lines;
    struct sub_tree subs;
    kith_time subs_us; /* when the next new SUB may be opened */
    struct link_news *news, **news_end, *told;
    struct links_depth closed[LINKS_LANES]; /* of connections that are no more */
};

/* ---- life ---- */

struct links *links_new(const struct links_config *c)
{
    struct links *k = mem_alloc(sizeof *k);
    k->config = *c;
    k->news_end = &k->news;
    return k;
}

static struct line *line_new(struct links *k, struct bytes uri, enum wire_lane lane)
{
    const struct links_config *c = &k->config;
    struct line *l = mem_alloc(sizeof *l);
    /* A ROUTER that is reached by two ways has to tell them apart. */
    uint32_t number = k->lines_made++;
    uint8_t id[1 + sizeof c->node.b + 1 + sizeof c->nonce + sizeof number];
    id[0] = 'k'; /* libzmq keeps ids that begin with 0 to itself */
    memcpy(id + 1, c->node.b, sizeof c->node.b);
    id[1 + sizeof c->node.b] = (uint8_t)lane;
    memcpy(id + 2 + sizeof c->node.b, &c->nonce, sizeof c->nonce);
    memcpy(id + sizeof id - sizeof number, &number, sizeof number);
    dial_init(&l->dial, c->ctx, ZMQ_DEALER, uri, bytes_of(id, sizeof id));
    l->uri = bytes_str(l->dial.uri);
    l->lane = lane;
    l->queue.limits = queue_limits_of(lane);
    TREE_INSERT(line_tree, &k->lines, l);
    return l;
}

static void line_free(struct links *k, struct line *l)
{
    TREE_REMOVE(line_tree, &k->lines, l);
    k->closed[l->lane].dropped_full += l->queue.dropped_full;
    k->closed[l->lane].dropped_stale += l->queue.dropped_stale;
    queue_deinit(&l->queue);
    dial_deinit(&l->dial);
    mem_free(l);
}

static void sub_free(struct links *k, struct sub *s)
{
    TREE_REMOVE(sub_tree, &k->subs, s);
    dial_deinit(&s->dial);
    mem_free(s);
}

static void news_free(struct links *k)
{
    mem_free(k->told);
    while (k->news != NULL) {
        struct link_news *n = k->news;
        k->news = n->next;
        mem_free(n);
    }
}

void links_free(struct links *k)
{
    struct line *l, *next_line;
    TREE_FOREACH_SAFE(l, line_tree, &k->lines, next_line)
    line_free(k, l);
    struct sub *s, *next_sub;
    TREE_FOREACH_SAFE(s, sub_tree, &k->subs, next_sub)
    sub_free(k, s);
    news_free(k);
    mem_free(k);
}

void links_redial(struct links *k)
{
    struct line *l;
    TREE_FOREACH (l, line_tree, &k->lines)
        dial_close(&l->dial);
    struct sub *s;
    TREE_FOREACH (s, sub_tree, &k->subs)
        dial_close(&s->dial);
}

void links_expire(struct links *k, kith_time now_us)
{
    struct line *l, *next;
    TREE_FOREACH_SAFE(l, line_tree, &k->lines, next)
    if (now_us - l->used_us > LINKS_IDLE_US)
        line_free(k, l);
}

/* ---- out ---- */

static void flush_line(struct links *k, struct line *l, kith_time now_us)
{
    struct bytes frame;
    while (l->dial.socket != NULL && queue_peek(&l->queue, &frame, now_us)) {
        pollset_touch(&l->dial.hint);
        if (!traffic_give(k->config.traffic, l->dial.socket, frame))
            return;
        queue_pop(&l->queue);
    }
}

static void open_dial(struct links *k, struct dial *d, kith_time now_us)
{
    if (dial_open(d, k->config.keys, now_us) != 0)
        k->config.refused(k->config.arg, d->uri, "not an address that can be connected");
}

void links_send(struct links *k, const struct effect_send *send, kith_time now_us)
{
    struct line key = {.uri = send->uri, .lane = send->lane};
    struct line *l = TREE_FIND(line_tree, &k->lines, &key);
    if (l == NULL)
        l = line_new(k, send->uri, send->lane);
    l->used_us = now_us;
    open_dial(k, &l->dial, now_us);
    queue_push(&l->queue, send->frame, now_us);
    flush_line(k, l, now_us);
}

void links_subscribe(struct links *k, const struct effect_subscribe *e, kith_time now_us)
{
    struct sub key = {.uri = e->uri};
    struct sub *s = TREE_FIND(sub_tree, &k->subs, &key);
    if (!e->on && s != NULL)
        sub_free(k, s);
    if (!e->on || s != NULL)
        return;
    s = mem_alloc(sizeof *s);
    dial_init(&s->dial, k->config.ctx, ZMQ_SUB, e->uri, bytes_of(NULL, 0));
    s->uri = bytes_str(s->dial.uri);
    kith_time next_us = k->subs_us > now_us ? k->subs_us : now_us;
    s->from_us = next_us - LINKS_SUBS_AT_ONCE * LINKS_SUBS_PACE_US;
    k->subs_us = next_us + LINKS_SUBS_PACE_US;
    TREE_INSERT(sub_tree, &k->subs, s);
}

/* ---- a turn ---- */

void links_poll(struct links *k, struct pollset *p, kith_time now_us)
{
    struct line *l;
    TREE_FOREACH (l, line_tree, &k->lines) {
        open_dial(k, &l->dial, now_us);
        dial_poll(&l->dial, p, !queue_empty(&l->queue));
    }
    struct sub *s;
    TREE_FOREACH (s, sub_tree, &k->subs) {
        if (now_us < s->from_us)
            continue;
        s->from_us = 0;
        open_dial(k, &s->dial, now_us);
        dial_poll(&s->dial, p, /* out= */ false);
    }
}

static void tell(struct links *k, const char *uri, bool up)
{
    size_t len = strlen(uri) + 1;
    struct link_news *n = mem_alloc(sizeof *n + len);
    n->up = up;
    memcpy(n->uri, uri, len);
    *k->news_end = n;
    k->news_end = &n->next;
}

static void watch_dial(struct links *k, struct dial *d, const struct pollset *p, kith_time now_us)
{
    d->budget = pollset_ready(p, d->item) & ZMQ_POLLIN ? DIAL_BUDGET : 0;
    if (pollset_ready(p, d->monitor_item) == 0)
        return;
    const char *why = NULL;
    enum dial_news news;
    while ((news = dial_watch(d, now_us, &why)) != DIAL_NOTHING) {
        if (news == DIAL_FAILED)
            k->config.refused(k->config.arg, d->uri, why);
        else
            tell(k, d->uri, news == DIAL_UP);
    }
}

void links_polled(struct links *k, const struct pollset *p, kith_time now_us)
{
    struct line *l;
    TREE_FOREACH (l, line_tree, &k->lines) {
        watch_dial(k, &l->dial, p, now_us);
        flush_line(k, l, now_us);
    }
    struct sub *s;
    TREE_FOREACH (s, sub_tree, &k->subs)
        watch_dial(k, &s->dial, p, now_us);
}

kith_time links_deadline(const struct links *k)
{
    kith_time at_us = KITH_NEVER;
    struct line *l;
    TREE_FOREACH (l, line_tree, (struct line_tree *)&k->lines)
        if (l->dial.socket == NULL && l->dial.retry_at_us > 0)
            at_us = kith_time_min(at_us, l->dial.retry_at_us);
    struct sub *s;
    TREE_FOREACH (s, sub_tree, (struct sub_tree *)&k->subs) {
        if (s->dial.socket == NULL && s->dial.retry_at_us > 0)
            at_us = kith_time_min(at_us, s->dial.retry_at_us);
        if (s->from_us > 0)
            at_us = kith_time_min(at_us, s->from_us);
    }
    return at_us;
}

/* ---- in ---- */

static bool receive_dial(struct links *k, struct dial *d, enum door door, struct event_frame *ret)
{
    struct traffic *t = k->config.traffic;
    while (d->budget > 0) {
        d->budget--;
        if (!traffic_take(t, d->socket, /* id= */ NULL, &d->hint, &d->budget))
            continue;
        *ret = (struct event_frame){.door = door, .frame = traffic_bytes(&t->msg)};
        ret->from = bytes_str(d->uri);
        return true;
    }
    return false;
}

bool links_receive(struct links *k, bool member, kith_time now_us, struct event_frame *ret)
{
    struct line *l;
    TREE_FOREACH (l, line_tree, &k->lines) {
        if ((l->lane == WIRE_LANE_MEMBER) != member)
            continue;
        if (receive_dial(k, &l->dial, member ? DOOR_PROBE : DOOR_BULK, ret)) {
            l->used_us = now_us;
            return true;
        }
    }
    return false;
}

bool links_receive_subs(struct links *k, struct event_frame *ret)
{
    struct sub *s;
    TREE_FOREACH (s, sub_tree, &k->subs)
        if (receive_dial(k, &s->dial, DOOR_SUB, ret))
            return true;
    return false;
}

bool links_news(struct links *k, struct event_link *ret)
{
    mem_free(k->told);
    k->told = k->news;
    if (k->told == NULL)
        return false;
    k->news = k->told->next;
    if (k->news == NULL)
        k->news_end = &k->news;
    *ret = (struct event_link){.uri = bytes_str(k->told->uri), .up = k->told->up};
    return true;
}

/* ---- end ---- */

bool links_flush(struct links *k, kith_time now_us)
{
    bool empty = true;
    struct line *l;
    TREE_FOREACH (l, line_tree, &k->lines) {
        flush_line(k, l, now_us);
        empty = empty && (queue_empty(&l->queue) || !l->dial.up);
    }
    return empty;
}

void links_linger(struct links *k, int ms)
{
    struct line *l;
    TREE_FOREACH (l, line_tree, &k->lines)
        if (l->dial.socket != NULL)
            sockets_set(l->dial.socket, ZMQ_LINGER, ms);
}

void links_depths(const struct links *k, struct links_depth ret[LINKS_LANES])
{
    memcpy(ret, k->closed, sizeof k->closed);
    struct line *l;
    TREE_FOREACH (l, line_tree, (struct line_tree *)&k->lines) {
        struct links_depth *d = &ret[l->lane];
        d->connections += l->dial.up;
        d->frames += l->queue.count;
        d->bytes += l->queue.bytes;
        d->dropped_full += l->queue.dropped_full;
        d->dropped_stale += l->queue.dropped_stale;
    }
    struct sub *s;
    TREE_FOREACH (s, sub_tree, (struct sub_tree *)&k->subs)
        ret[WIRE_LANE_TOPIC].connections += s->dial.up;
}
