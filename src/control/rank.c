#include "control/rank.h"

#include "base/plant.h"
#include "state/hash.h"

uint32_t rank_weight(const struct member *m)
{
    uint64_t processors = m->row ? m->row->capacity.cpu_millis / 1000 : 0;

    if (processors < 1)
        return 1;
    return processors < RANK_WEIGHT_MAX ? (uint32_t)processors : RANK_WEIGHT_MAX;
}

uint64_t rank_score(const struct ulid *service, const struct ulid *node, uint32_t weight)
{
    uint8_t key[sizeof(node->b) + 1];
    uint64_t best = 0;

    for (size_t k = 0; k < sizeof(node->b); k++)
        key[k] = node->b[k];
    for (uint32_t draw = 0; draw < weight; draw++) {
        key[sizeof(node->b)] = (uint8_t)draw;
        uint64_t score = hash64_pair(ulid_bytes(service), bytes_of(key, sizeof(key)));

        if (score > best)
            best = score;
    }
    return best;
}

static struct tally_host *find(const struct tally *t, const struct ulid *node)
{
    for (size_t k = 0; k < t->count; k++) {
        if (ulid_equal(&t->hosts[k].node, node))
            return &t->hosts[k];
    }
    return NULL;
}

static void add_resources(struct resources *r, const struct resources *more)
{
    r->cpu_millis += more->cpu_millis;
    r->memory_bytes += more->memory_bytes;
    r->disk_bytes += more->disk_bytes;
}

static void count_service(struct tally *t, const struct catalog *c, const struct service *s)
{
    struct placement *p;

    TREE_FOREACH_FROM(p, placement_tree, service_placements(s))
    {
        struct tally_host *h = find(t, &p->row.node);

        if (!h || !service_wants_slot(c, s, &p->slot))
            continue;
        h->placements++;
        add_resources(&h->used, &service_spec(c, s)->resources);
    }
}

static void count_all(struct tally *t, const struct catalog *c)
{
    struct service *s;

    t->hosts = arena_array(t->mem, members_count(c->members), sizeof(*t->hosts));
    for (const struct member *m = members_first(c->members); m; m = members_next(c->members, m)) {
        if (!node_lives(c, &m->id) || !m->row)
            continue;
        t->hosts[t->count++] = (struct tally_host){.node = m->id, .capacity = m->row->capacity};
    }
    SERVICES_FOREACH(s, c)
    {
        if (service_active(c, s))
            count_service(t, c, s);
    }
}

void tally_service(struct tally *t, const struct catalog *c, const struct service *s)
{
    struct placement *p;

    if (!t->hosts)
        count_all(t, c);
    if (ulid_equal(&t->service, &s->id))
        return; /* and kept since by tally_add() and tally_remove() */
    t->service = s->id;
    for (size_t k = 0; k < t->count; k++)
        t->hosts[k].of_service = 0;
    TREE_FOREACH_FROM(p, placement_tree, service_placements(s))
    {
        struct tally_host *h = find(t, &p->row.node);

        if (h && service_wants_slot(c, s, &p->slot))
            h->of_service++;
    }
}

void tally_add(struct tally *t, const struct ulid *node, const struct service_spec *spec)
{
    struct tally_host *h = find(t, node);

    if (!h)
        return;
    h->placements++;
    h->of_service++;
    add_resources(&h->used, &spec->resources);
}

void tally_remove(struct tally *t, const struct ulid *node, const struct service_spec *spec)
{
    struct tally_host *h = find(t, node);

    if (!h)
        return;
    h->placements--;
    h->of_service--;
    h->used.cpu_millis -= spec->resources.cpu_millis;
    h->used.memory_bytes -= spec->resources.memory_bytes;
    h->used.disk_bytes -= spec->resources.disk_bytes;
}

bool tally_fits(const struct tally_host *h, const struct service_spec *spec)
{
    const struct resources *want = &spec->resources;

    return (!h->capacity.cpu_millis ||
            h->used.cpu_millis + want->cpu_millis <= h->capacity.cpu_millis) &&
           (!h->capacity.memory_bytes ||
            h->used.memory_bytes + want->memory_bytes <= h->capacity.memory_bytes);
}

static uint32_t permille(uint64_t used, uint64_t of)
{
    if (!of)
        return 0;
    return used >= of ? 1000 : (uint32_t)(used / (of / 1000 + 1));
}

uint32_t tally_permille(const struct tally_host *h, const struct service_spec *spec)
{
    uint32_t cpu =
        permille(h->used.cpu_millis + spec->resources.cpu_millis, h->capacity.cpu_millis);
    uint32_t memory =
        permille(h->used.memory_bytes + spec->resources.memory_bytes, h->capacity.memory_bytes);

    return cpu > memory ? cpu : memory;
}

bool tally_better(const struct catalog *c, const struct service *s, const struct slot *slot,
                  const struct tally_host *a, const struct tally_host *b)
{
    const struct service_spec *spec = service_spec(c, s);
    uint32_t load_a = tally_permille(a, spec), load_b = tally_permille(b, spec);
    struct ulid key = {0};

    if (PLANTED(PLANT_UNORDERED_ITERATION))
        return (((uintptr_t)a ^ (uintptr_t)s) >> 4) % 7 < (((uintptr_t)b ^ (uintptr_t)s) >> 4) % 7;
    if (spec->strategy == STRATEGY_PACK) {
        if (load_a != load_b)
            return load_a > load_b;
        if (a->placements != b->placements)
            return a->placements > b->placements;
    } else {
        if (a->of_service != b->of_service)
            return a->of_service < b->of_service;
        if (load_a != load_b)
            return load_a < load_b;
        if (a->placements != b->placements)
            return a->placements < b->placements;
    }
    for (size_t k = 0; k < sizeof(key.b); k++)
        key.b[k] = s->id.b[k] ^ slot->b[k];
    return rank_score(&key, &a->node, 1) > rank_score(&key, &b->node, 1);
}
