#include "state/loads.h"

#include "base/mem.h"
#include "state/hash.h"

#include <string.h>

#define TENTHS_BITS 27

struct entry {
    uint64_t key;
    uint32_t tenths : TENTHS_BITS; /* when measured; wraps after 155 days */
    uint32_t source : 4;
    uint32_t news : 1;
    uint16_t value;
};

struct list {
    struct entry *entries; /* by rising key */
    size_t n, room;
};

struct loads {
    struct list all, near;
    size_t news; /* entries of `all` that are */
};

struct loads *loads_new(void)
{
    return mem_alloc(sizeof(struct loads));
}

void loads_free(struct loads *l)
{
    if (!l)
        return;
    mem_free(l->all.entries);
    mem_free(l->near.entries);
    mem_free(l);
}

uint64_t loads_host_key(const struct ulid *node)
{
    return (hash64(ulid_bytes(node)) & UINT32_MAX) << 16;
}

uint16_t loads_endpoint_key(const struct ulid *instance)
{
    uint16_t key = (uint16_t)hash64(ulid_bytes(instance));
    return key ? key : 1;
}

uint16_t loads_host_value(uint32_t cpu_permille, uint32_t memory_permille)
{
    uint32_t cpu = cpu_permille < 1000 ? cpu_permille / 4 : 250;
    uint32_t memory = memory_permille < 1000 ? memory_permille / 4 : 250;
    return (uint16_t)(cpu << 8 | memory);
}

static uint32_t tenths_of(kith_time us)
{
    return (uint32_t)(us / LOADS_TENTH) & ((1u << TENTHS_BITS) - 1);
}

/* How long ago, in microseconds; an entry from the future has no age. */
static kith_time age_us(const struct entry *e, kith_time now_us)
{
    uint32_t passed = (tenths_of(now_us) - e->tenths) & ((1u << TENTHS_BITS) - 1);
    return passed >> (TENTHS_BITS - 1) ? 0 : passed * LOADS_TENTH;
}

static size_t place(const struct list *l, uint64_t key)
{
    size_t low = 0, high = l->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (l->entries[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct entry *find(const struct list *l, uint64_t key)
{
    size_t at = place(l, key);
    return at < l->n && l->entries[at].key == key ? &l->entries[at] : NULL;
}

static struct entry *insert(struct list *l, uint64_t key)
{
    size_t at = place(l, key);
    if (l->n == l->room) {
        l->room = l->room ? 2 * l->room : 64;
        l->entries = mem_grow(l->entries, l->room, sizeof(*l->entries));
    }
    memmove(l->entries + at + 1, l->entries + at, (l->n - at) * sizeof(*l->entries));
    l->entries[at] = (struct entry){.key = key};
    l->n++;
    return &l->entries[at];
}

/* NULL: it is not so much later than what is there, or there is no room. */
static struct entry *put(struct list *l, uint64_t key, const struct load_value *load,
                         kith_time apart_us, kith_time now_us)
{
    struct entry *e = find(l, key);
    if (!e && l->n == LOADS_MAX)
        return NULL;
    if (e && age_us(e, now_us) - (now_us - load->taken_us) < apart_us)
        return NULL;
    if (!e)
        e = insert(l, key);
    e->tenths = tenths_of(load->taken_us) & ((1u << TENTHS_BITS) - 1);
    e->value = load->value;
    return e;
}

bool loads_put(struct loads *l, uint64_t key, const struct load_value *load, uint8_t source,
               kith_time now_us)
{
    struct entry *e = put(&l->all, key, load, LOADS_APART, now_us);
    if (!e)
        return false;
    l->news += !e->news;
    e->news = 1;
    e->source = source & 15u;
    return true;
}

void loads_put_near(struct loads *l, uint64_t key, const struct load_value *load, kith_time now_us)
{
    (void)put(&l->near, key, load, /* apart_us= */ 1, now_us);
}

static struct load_value load_of(const struct entry *e, kith_time now_us)
{
    return (struct load_value){.value = e->value, .taken_us = now_us - age_us(e, now_us)};
}

static bool get(const struct loads *l, uint64_t key, kith_time now_us, struct load_value *ret)
{
    if (!l)
        return false;
    const struct entry *a = find(&l->all, key), *b = find(&l->near, key);
    if (!a || (b && age_us(b, now_us) <= age_us(a, now_us)))
        a = b;
    if (!a || age_us(a, now_us) >= LOADS_FORGET)
        return false;
    *ret = load_of(a, now_us);
    return true;
}

bool loads_host(const struct loads *l, const struct ulid *node, kith_time now_us,
                struct load_value *ret)
{
    return get(l, loads_host_key(node), now_us, ret);
}

bool loads_endpoint(const struct loads *l, const struct ulid *node, const struct ulid *instance,
                    kith_time now_us, struct load_value *ret)
{
    return get(l, loads_host_key(node) | loads_endpoint_key(instance), now_us, ret);
}

bool loads_next(const struct loads *l, size_t *at, kith_time now_us, struct load_news *ret)
{
    if (*at >= l->all.n)
        return false;
    const struct entry *e = &l->all.entries[(*at)++];
    *ret =
        (struct load_news){.key = e->key, .load = load_of(e, now_us), .source = (uint8_t)e->source};
    return true;
}

bool loads_next_news(const struct loads *l, size_t *at, kith_time now_us, struct load_news *ret)
{
    while (l->news > 0 && *at < l->all.n && !l->all.entries[*at].news)
        (*at)++;
    return l->news > 0 && loads_next(l, at, now_us, ret);
}

void loads_told(struct loads *l)
{
    for (size_t i = 0; l->news > 0 && i < l->all.n; i++) {
        l->news -= l->all.entries[i].news;
        l->all.entries[i].news = 0;
    }
}

/* Returns how many of those that went were news. */
static size_t forget(struct list *l, kith_time now_us)
{
    size_t n = 0, news = 0;
    for (size_t i = 0; i < l->n; i++) {
        if (age_us(&l->entries[i], now_us) < LOADS_FORGET)
            l->entries[n++] = l->entries[i];
        else
            news += l->entries[i].news;
    }
    l->n = n;
    return news;
}

void loads_forget(struct loads *l, kith_time now_us)
{
    l->news -= forget(&l->all, now_us);
    (void)forget(&l->near, now_us);
}

size_t loads_count(const struct loads *l)
{
    return l->all.n;
}
