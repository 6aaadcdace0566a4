#include "gossip/meter.h"

#include "base/mem.h"
#include "base/tree.h"

struct slot {
    struct meter_topic topic;
    TREE_ENTRY(slot) by_name;
};

static int compare(const struct slot *a, const struct slot *b)
{
    return bytes_compare(a->topic.name, b->topic.name);
}

TREE_DEFINE(slot_tree, slot, by_name, compare)

struct meter {
    struct slot_tree slots;
    uint32_t slots_n;
    struct meter_topic rest;
};

struct meter *meter_new(void)
{
    return mem_alloc(sizeof(struct meter));
}

void meter_free(struct meter *m)
{
    struct slot *s, *next;
    TREE_FOREACH_SAFE(s, slot_tree, &m->slots, next)
    {
        TREE_REMOVE(slot_tree, &m->slots, s);
        mem_free((void *)(uintptr_t)s->topic.name.data);
        mem_free(s);
    }
    mem_free(m);
}

struct meter_topic *meter_get(struct meter *m, struct bytes topic)
{
    struct slot search = {.topic.name = topic};
    struct slot *s = TREE_FIND(slot_tree, &m->slots, &search);
    if (s)
        return &s->topic;
    if (m->slots_n == METER_TOPICS || topic.len == 0)
        return &m->rest;
    s = mem_alloc(sizeof(*s));
    s->topic.name = bytes_of(mem_copy(topic.data, topic.len), topic.len);
    TREE_INSERT(slot_tree, &m->slots, s);
    m->slots_n++;
    return &s->topic;
}

void meter_latency(struct meter_topic *t, int64_t latency_us)
{
    uint64_t us = latency_us > 0 ? (uint64_t)latency_us : 0;
    histogram_add(&t->latency, latency_us);
    if (us > t->max_us)
        t->max_us = us;
}

/* A bucket's end is above what is in it. */
static uint64_t quantile_us(const struct meter_topic *t, uint32_t permille)
{
    uint64_t us = (uint64_t)histogram_quantile(&t->latency, permille);
    return us < t->max_us ? us : t->max_us;
}

static struct topic_info read_one(const struct meter_topic *t)
{
    return (struct topic_info){
        .topic = t->name,
        .published = t->published,
        .dropped = t->dropped,
        .received = t->received,
        .delivered = t->delivered,
        .p50_us = quantile_us(t, 500),
        .p99_us = quantile_us(t, 990),
        .max_us = t->max_us,
    };
}

uint32_t meter_read(const struct meter *m, struct arena *mem, const struct topic_info **ret)
{
    struct topic_info *infos = arena_array(mem, METER_TOPICS + 1, sizeof(*infos));
    struct slot_tree tree = m->slots;
    struct slot *s;
    uint32_t n = 0;
    TREE_FOREACH (s, slot_tree, &tree)
        infos[n++] = read_one(&s->topic);
    if (m->rest.published + m->rest.dropped + m->rest.received + m->rest.delivered > 0)
        infos[n++] = read_one(&m->rest);
    *ret = infos;
    return n;
}
