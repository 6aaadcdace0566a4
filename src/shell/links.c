#include "shell/links.h"
#include "base/mem.h"
#include "base/tree.h"
#include "shell/clock.h"
#include "shell/dial.h"
#include "shell/queue.h"
#include <string.h>

/* What a turn goes through: connections with frames to be taken, by whose turn it is. */
enum wing { WING_MEMBER, WING_REST, WING_SUB, WINGS };

struct link {
    struct links *all;
    struct bytes uri; /* view of dial.uri */
    enum wing wing;
    struct dial dial;
    bool readable; /* it is in the list of its wing */
    TAILQ_ENTRY(link) by_readable;
};

TAILQ_HEAD(link_list, link);

struct line {
    struct link link; /* first */
    enum wire_lane lane;
    struct queue queue;
    kith_time used_us;
    bool waiting; /* it has frames that its socket did not take */
    TAILQ_ENTRY(line) by_waiting;
    TREE_ENTRY(line) by_key;
};

TAILQ_HEAD(line_list, line);

struct sub {
    struct link link;  /* first */
    kith_time from_us; /* not opened before; 0: it was */
    TREE_ENTRY(sub) by_uri;
};

static int compare_line(const struct line *a, const struct line *b)
{
    int order = bytes_compare(a->link.uri, b->link.uri);
    return order != 0 ? order : (int)a->lane - (int)b->lane;
}

static int compare_sub(const struct sub *a, const struct sub *b)
{
    return bytes_compare(a->link.uri, b->link.uri);
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
    struct link_list readable[WINGS];
    struct line_list waiting;
    kith_time subs_us; /* when the next new SUB may be opened */
    kith_time open_us; /* when there may be one to be opened, or sooner */
    struct link_news *news, **news_end, *told;
    struct links_depth closed[LINKS_LANES]; /* of connections that are no more */
};

/* ---- life ---- */

struct links *links_new(const struct links_config *c)
{
    struct links *k = mem_alloc(sizeof *k);
    k->config = *c;
    k->news_end = &k->news;
    k->open_us = KITH_NEVER;
    TAILQ_INIT(&k->waiting);
    for (size_t i = 0; i < WINGS; i++)
        TAILQ_INIT(&k->readable[i]);
    return k;
}

static void on_readable(void *arg)
{
    struct link *l = arg;
    if (pollset_ready(&l->dial.item) & ZMQ_POLLIN)
        l->dial.budget = DIAL_BUDGET;
    if (l->dial.budget == 0 || l->readable)
        return;
    TAILQ_INSERT_TAIL(&l->all->readable[l->wing], l, by_readable);
    l->readable = true;
}

static void unlist(struct link *l)
{
    if (l->readable)
        TAILQ_REMOVE(&l->all->readable[l->wing], l, by_readable);
    l->readable = false;
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

/* A closed one is tried again in time. */
static void open_later(struct links *k, const struct dial *d)
{
    if (d->socket == NULL)
        k->open_us = kith_time_min(k->open_us, d->retry_at_us);
}

static void on_news(void *arg)
{
    struct link *l = arg;
    struct links *k = l->all;
    const char *why = NULL;
    enum dial_news news;
    while ((news = dial_watch(&l->dial, clock_now_us(), &why)) != DIAL_NOTHING) {
        if (news == DIAL_FAILED)
            k->config.refused(k->config.arg, l->dial.uri, why);
        else
            tell(k, l->dial.uri, news == DIAL_UP);
    }
    open_later(k, &l->dial);
}

static void link_init(struct links *k, struct link *l, enum wing wing, struct bytes uri,
                      struct bytes id)
{
    struct dial_config c = {.ctx = k->config.ctx,
                            .set = k->config.set,
                            .type = wing == WING_SUB ? ZMQ_SUB : ZMQ_DEALER,
                            .readable = on_readable,
                            .news = on_news,
                            .arg = l};
    l->all = k;
    l->wing = wing;
    dial_init(&l->dial, &c, uri, id);
    l->uri = bytes_str(l->dial.uri);
}

static void link_deinit(struct link *l)
{
    unlist(l);
    dial_deinit(&l->dial);
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
    enum wing wing = lane == WIRE_LANE_MEMBER ? WING_MEMBER : WING_REST;
    link_init(k, &l->link, wing, uri, bytes_of(id, sizeof id));
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
    if (l->waiting)
        TAILQ_REMOVE(&k->waiting, l, by_waiting);
    link_deinit(&l->link);
    mem_free(l);
}

static void sub_free(struct links *k, struct sub *s)
{
    TREE_REMOVE(sub_tree, &k->subs, s);
    link_deinit(&s->link);
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
        dial_close(&l->link.dial);
    struct sub *s;
    TREE_FOREACH (s, sub_tree, &k->subs)
        dial_close(&s->link.dial);
    k->open_us = 0;
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
    struct dial *d = &l->link.dial;
    struct bytes frame;
    bool waits = false;
    while (!waits && queue_peek(&l->queue, &frame, now_us)) {
        pollset_touch(&d->item);
        waits = d->socket == NULL || !traffic_give(k->config.traffic, d->socket, frame);
        if (!waits)
            queue_pop(&l->queue);
    }
    pollset_want_out(&d->item, waits);
    if (waits && !l->waiting)
        TAILQ_INSERT_TAIL(&k->waiting, l, by_waiting);
    if (!waits && l->waiting)
        TAILQ_REMOVE(&k->waiting, l, by_waiting);
    l->waiting = waits;
}

static void open_dial(struct links *k, struct dial *d, kith_time now_us)
{
    if (dial_open(d, k->config.keys, now_us) != 0)
        k->config.refused(k->config.arg, d->uri, "not an address that can be connected");
    if (d->retry_at_us > 0) /* else it waits for keys: links_redial() */
        open_later(k, d);
}

void links_send(struct links *k, const struct effect_send *send, kith_time now_us)
{
    struct line key = {.link.uri = send->uri, .lane = send->lane};
    struct line *l = TREE_FIND(line_tree, &k->lines, &key);
    if (l == NULL)
        l = line_new(k, send->uri, send->lane);
    l->used_us = now_us;
    open_dial(k, &l->link.dial, now_us);
    queue_push(&l->queue, send->frame, now_us);
    flush_line(k, l, now_us);
}

void links_subscribe(struct links *k, const struct effect_subscribe *e, kith_time now_us)
{
    struct sub key = {.link.uri = e->uri};
    struct sub *s = TREE_FIND(sub_tree, &k->subs, &key);
    if (!e->on && s != NULL)
        sub_free(k, s);
    if (!e->on || s != NULL)
        return;
    s = mem_alloc(sizeof *s);
    link_init(k, &s->link, WING_SUB, e->uri, bytes_of(NULL, 0));
    kith_time next_us = k->subs_us > now_us ? k->subs_us : now_us;
    s->from_us = next_us - LINKS_SUBS_AT_ONCE * LINKS_SUBS_PACE_US;
    k->subs_us = next_us + LINKS_SUBS_PACE_US;
    k->open_us = kith_time_min(k->open_us, s->from_us);
    TREE_INSERT(sub_tree, &k->subs, s);
}

/* ---- a turn ---- */

static void open_due(struct links *k, kith_time now_us)
{
    k->open_us = KITH_NEVER;
    struct line *l;
    TREE_FOREACH (l, line_tree, &k->lines)
        open_dial(k, &l->link.dial, now_us);
    struct sub *s;
    TREE_FOREACH (s, sub_tree, &k->subs) {
        if (now_us < s->from_us) {
            k->open_us = kith_time_min(k->open_us, s->from_us);
            continue;
        }
        s->from_us = 0;
        open_dial(k, &s->link.dial, now_us);
    }
}

void links_turn(struct links *k, kith_time now_us)
{
    struct line *l, *next;
    if (now_us >= k->open_us)
        open_due(k, now_us);
    TAILQ_FOREACH_SAFE(l, &k->waiting, by_waiting, next)
    flush_line(k, l, now_us);
}

kith_time links_deadline(const struct links *k)
{
    return k->open_us;
}

/* ---- in ---- */

static struct link *receive(struct links *k, enum wing wing, enum door door,
                            struct event_frame *ret)
{
    struct traffic *t = k->config.traffic;
    struct link *l;
    while ((l = TAILQ_FIRST(&k->readable[wing])) != NULL) {
        struct dial *d = &l->dial;
        while (d->budget > 0) {
            d->budget--;
            if (!traffic_take(t, &d->item, /* id= */ NULL, &d->budget))
                continue;
            *ret = (struct event_frame){.door = door, .frame = traffic_bytes(&t->msg)};
            ret->from = l->uri;
            return l;
        }
        unlist(l);
    }
    return NULL;
}

bool links_receive(struct links *k, bool member, kith_time now_us, struct event_frame *ret)
{
    enum wing wing = member ? WING_MEMBER : WING_REST;
    struct link *l = receive(k, wing, member ? DOOR_PROBE : DOOR_BULK, ret);
    if (l != NULL)
        ((struct line *)l)->used_us = now_us;
    return l != NULL;
}

bool links_receive_subs(struct links *k, struct event_frame *ret)
{
    return receive(k, WING_SUB, DOOR_SUB, ret) != NULL;
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
        empty = empty && (queue_empty(&l->queue) || !l->link.dial.up);
    }
    return empty;
}

void links_linger(struct links *k, int ms)
{
    struct line *l;
    TREE_FOREACH (l, line_tree, &k->lines)
        if (l->link.dial.socket != NULL)
            sockets_set(l->link.dial.socket, ZMQ_LINGER, ms);
}

void links_depths(const struct links *k, struct links_depth ret[LINKS_LANES])
{
    memcpy(ret, k->closed, sizeof k->closed);
    struct line *l;
    TREE_FOREACH (l, line_tree, (struct line_tree *)&k->lines) {
        struct links_depth *d = &ret[l->lane];
        d->connections += l->link.dial.up;
        d->frames += l->queue.count;
        d->bytes += l->queue.bytes;
        d->dropped_full += l->queue.dropped_full;
        d->dropped_stale += l->queue.dropped_stale;
    }
    struct sub *s;
    TREE_FOREACH (s, sub_tree, (struct sub_tree *)&k->subs)
        ret[WIRE_LANE_TOPIC].connections += s->link.dial.up;
}
