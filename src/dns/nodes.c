#include "dns/nodes.h"

#include "base/mem.h"
#include "shell/clock.h"
#include "store/lookup_read.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COST_FACTOR 10 /* gathering takes no more than a tenth of the time */

struct place { /* of a member among those with addresses */
    int family;
    struct in6_addr addr;
    const struct lookup_member *member;
};

struct nodes {
    struct arena mem;
    struct lookup_member *items; /* by name, in lower case */
    size_t n;
    struct place *places; /* by address */
    size_t places_n;
    uint32_t alive, not_alive;
    uint64_t generation, index; /* of the file that they are of */
    kith_time next_us;
    bool gathered;
};

struct nodes *nodes_new(void)
{
    return mem_alloc(sizeof(struct nodes));
}

void nodes_free(struct nodes *m)
{
    if (!m)
        return;
    arena_deinit(&m->mem);
    mem_free(m->items);
    mem_free(m->places);
    mem_free(m);
}

/* ---- orders ---- */

static int compare_names(struct bytes a, struct bytes b)
{
    for (size_t i = 0; i < a.len && i < b.len; i++) {
        int order = tolower(a.data[i]) - tolower(b.data[i]);

        if (order)
            return order;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

static int by_name(const void *a, const void *b)
{
    const struct lookup_member *x = a, *y = b;
    int order = compare_names(x->name, y->name);

    return order ? order : ulid_compare(&x->id, &y->id);
}

static int compare_addresses(int family, const struct in6_addr *addr, const struct place *b)
{
    return family != b->family ? family - b->family : memcmp(addr, &b->addr, sizeof(*addr));
}

static int by_address(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    int order = compare_addresses(x->family, &x->addr, y);

    return order ? order : ulid_compare(&x->member->id, &y->member->id);
}

/* ---- gathering ---- */

static void add_place(struct nodes *m, const struct lookup_member *member)
{
    struct place *p = &m->places[m->places_n];
    char host[LOOKUP_ADDR_MAX + 1];

    *p = (struct place){.member = member};
    snprintf(host, sizeof(host), BYTES_FMT, BYTES_ARG(member->host));
    if (inet_pton(AF_INET, host, &p->addr) == 1)
        p->family = AF_INET;
    else if (inet_pton(AF_INET6, host, &p->addr) == 1)
        p->family = AF_INET6;
    else
        return;
    m->places_n++;
}

static void gather(struct nodes *m, const struct lookup_map *map)
{
    struct lookup_member member;
    uint64_t at = 0;
    size_t cap = 0;

    arena_deinit(&m->mem);
    m->n = m->places_n = 0;
    m->alive = m->not_alive = 0;
    while (lookup_read_next_member(map, &at, &m->mem, &member) == 0) {
        if (member.state == MEMBER_STATE_LEFT)
            continue;
        *(member.state == MEMBER_STATE_DEAD ? &m->not_alive : &m->alive) += 1;
        if (m->n == cap) {
            cap = cap ? 2 * cap : 16;
            m->items = mem_grow(m->items, cap, sizeof(*m->items));
        }
        m->items[m->n++] = member;
    }
    if (m->n == 0)
        return;
    qsort(m->items, m->n, sizeof(*m->items), by_name);
    m->places = mem_grow(m->places, m->n, sizeof(*m->places));
    for (size_t i = 0; i < m->n; i++)
        add_place(m, &m->items[i]);
    qsort(m->places, m->places_n, sizeof(*m->places), by_address);
}

void nodes_refresh(struct nodes *m, const struct lookup_map *map, kith_time now_us)
{
    uint64_t index = lookup_get(&map->words[LOOKUP_AT_INDEX]);

    if (m->gathered &&
        (now_us < m->next_us || (m->generation == map->generation && m->index == index)))
        return;
    kith_time begun_us = clock_now_us();

    gather(m, map);
    m->gathered = true;
    m->generation = map->generation;
    m->index = index; /* from before: what changed meanwhile is seen next time */
    kith_time took_us = COST_FACTOR * (clock_now_us() - begun_us);

    m->next_us = now_us + (took_us > NODES_FRESH_US ? took_us : NODES_FRESH_US);
}

/* ---- asking ---- */

size_t nodes_named(const struct nodes *m, struct bytes name, const struct lookup_member **ret,
                   size_t max)
{
    size_t low = 0, high = m->n, n = 0;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (compare_names(m->items[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < m->n && n < max && compare_names(m->items[low].name, name) == 0; low++)
        ret[n++] = &m->items[low];
    return n;
}

size_t nodes_at(const struct nodes *m, int family, const struct in6_addr *addr,
                const struct lookup_member **ret, size_t max)
{
    size_t low = 0, high = m->places_n, n = 0;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (compare_addresses(family, addr, &m->places[middle]) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < m->places_n && n < max && compare_addresses(family, addr, &m->places[low]) == 0;
         low++)
        ret[n++] = m->places[low].member;
    return n;
}

bool nodes_cut_off(const struct nodes *m)
{
    return m->not_alive > 0 && m->not_alive >= m->alive;
}
