#include "control/ports.h"

#include "base/mem.h"
#include "base/plant.h"

void ports_init(struct ports *p, uint16_t low, uint16_t high)
{
    *p = (struct ports){.low = low, .high = high, .next = low};
}

void ports_deinit(struct ports *p)
{
    mem_free(p->uses);
}

static struct port_use *find(const struct ports *p, uint16_t port)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->uses[i].port == port)
            return &p->uses[i];
    }
    return NULL;
}

static void drop(struct ports *p, size_t index)
{
    p->uses[index] = p->uses[--p->count];
}

static void forget_avoided(struct ports *p, kith_time now_us)
{
    for (size_t i = p->count; i-- > 0;) {
        if (ulid_is_zero(&p->uses[i].instance) && p->uses[i].until_us <= now_us)
            drop(p, i);
    }
}

static void add(struct ports *p, struct port_use use)
{
    p->uses = mem_grow(p->uses, p->count + 1, sizeof(*p->uses));
    p->uses[p->count++] = use;
}

uint16_t ports_take(struct ports *p, const struct ulid *instance, kith_time now_us)
{
    if (!p->low || p->high < p->low)
        return 0;
    forget_avoided(p, now_us);
    if (PLANTED(PLANT_PORT_TWICE))
        return p->low;
    for (uint32_t tries = 0; tries <= (uint32_t)(p->high - p->low); tries++) {
        uint16_t port = p->next;

        p->next = port == p->high ? p->low : (uint16_t)(port + 1);
        if (find(p, port))
            continue;
        add(p, (struct port_use){.port = port, .instance = *instance});
        return port;
    }
    return 0;
}

bool ports_hold(struct ports *p, uint16_t port, const struct ulid *instance, kith_time now_us)
{
    const struct port_use *use;

    forget_avoided(p, now_us);
    use = find(p, port);
    if (use)
        return ulid_equal(&use->instance, instance);
    add(p, (struct port_use){.port = port, .instance = *instance});
    return true;
}

void ports_avoid(struct ports *p, uint16_t port, kith_time now_us)
{
    struct port_use *use = find(p, port);

    if (use)
        *use = (struct port_use){.port = port, .until_us = now_us + PORT_AVOID};
}

void ports_release(struct ports *p, const struct ulid *instance)
{
    for (size_t i = p->count; i-- > 0;) {
        if (ulid_equal(&p->uses[i].instance, instance))
            drop(p, i);
    }
}
