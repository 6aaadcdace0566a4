#include "base/mem.h"
#include "sim/net_inside.h"

#include <string.h>

static int end_compare(const struct end *a, const struct end *b)
{
    return bytes_compare(a->name, b->name);
}
TREE_FUNCTIONS(end_tree, end, by_name, end_compare)

/* Each seed is a site of its own: one rack, a campus, or several cities. */
static void draw_latency(struct net *n)
{
    static const kith_time far_us[] = {300, 3000, 40000};
    kith_time far = far_us[rng_below(n->rng, 3)];
    size_t hosts = n->hosts_n;
    n->latency_us = mem_alloc(hosts * hosts * sizeof(*n->latency_us));
    for (size_t i = 0; i < hosts; i++) {
        for (size_t j = 0; j < i; j++) {
            uint32_t us = 50 + (uint32_t)rng_below(n->rng, (uint64_t)far);
            n->latency_us[i * hosts + j] = n->latency_us[j * hosts + i] = us;
        }
    }
}

static void draw_places(struct net *n)
{
    uint32_t places = n->map->places, *order = mem_alloc(places * sizeof(*order));
    for (uint32_t i = 0; i < places; i++)
        order[i] = i;
    for (uint32_t i = places - 1; i > 0; i--) {
        uint32_t j = (uint32_t)rng_below(n->rng, i + 1), former = order[i];
        order[i] = order[j];
        order[j] = former;
    }
    for (uint32_t i = 0; i < n->hosts_n; i++) {
        n->ends[i].place = order[i % places];
        n->ends[i].last_mile_us = (uint32_t)rng_between(n->rng, 50, 1000);
    }
    mem_free(order);
}

void net_place_hosts(struct net *n)
{
    if (n->map)
        draw_places(n);
    else
        draw_latency(n);
}

kith_time net_one_way(const struct net *n, uint32_t a, uint32_t b)
{
    if (!n->map)
        return n->latency_us[(size_t)a * n->hosts_n + b];
    const struct end *from = &n->ends[a], *to = &n->ends[b];
    return n->map->rtt_us[(size_t)from->place * n->map->places + to->place] / 2 +
           from->last_mile_us + to->last_mile_us;
}

kith_time net_rtt(const struct net *n, const struct conn *c)
{
    return 2 * net_one_way(n, c->from, c->to) + n->hosts[c->from].extra_us +
           n->hosts[c->to].extra_us;
}

void net_name(struct net *n, uint32_t host, struct bytes addr)
{
    struct end *e = &n->ends[host];
    e->name = bytes_of(mem_copy(addr.data, addr.len), addr.len);
    TREE_INSERT(end_tree, &n->names, e);
}

static const char *const schemes[NET_WAYS] = {"tcp://", "ws://", "ipc://"};

uint32_t net_resolve(struct net *n, struct bytes uri, enum net_role *ret_role, uint32_t *ret_way)
{
    size_t skip = 0;
    for (*ret_way = 0; *ret_way < NET_WAYS; ++*ret_way) {
        skip = strlen(schemes[*ret_way]);
        if (uri.len >= skip + 6 && memcmp(uri.data, schemes[*ret_way], skip) == 0)
            break;
    }
    if (*ret_way == NET_WAYS)
        return NET_NOBODY;
    switch (uri.data[uri.len - 1]) {
    case '4':
        *ret_role = NET_PROBE;
        break;
    case '5':
        *ret_role = NET_PUB;
        break;
    default:
        *ret_role = NET_BULK;
        break;
    }
    struct end key = {.name = bytes_of(uri.data + skip, uri.len - skip - 5)};
    const struct end *e = TREE_FIND(end_tree, &n->names, &key);
    return e ? e->host : NET_NOBODY;
}
