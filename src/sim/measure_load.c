#include "sim/measure.h"
#include "sim/measure_inside.h"
#include "wire/gen/service.h"
#include "wire/gen/state.h"
#include "wire/gen/topic.h"

#include <string.h>

static void count(struct ages *a, const struct load_value *v, kith_time own_us)
{
    kith_time tenths = (own_us - v->taken_us) / LOADS_TENTH;
    a->counts[tenths < MEASURE_AGES - 1 ? tenths : MEASURE_AGES - 1]++;
}

/* ---- endpoints of services that are needed here ---- */

static bool is_named(const struct state *state, const struct ulid *id, struct bytes name,
                     struct arena *mem)
{
    struct service_row service;
    struct wire_error err;
    const struct row *row = state_get(state, TABLE_ID_SERVICE, ulid_bytes(id));
    return row && service_row_decode(&service, row->value, mem, &err) == 0 &&
           bytes_equal(service.name, name);
}

static void look_at_endpoints(struct measure *m, const struct loads *loads,
                              const struct state *state, struct bytes service, kith_time own_us,
                              struct arena *mem)
{
    const struct row *row = state_first(state, TABLE_ID_INSTANCE, (struct bytes){0});
    for (; row; row = state_next(state, row, (struct bytes){0})) {
        struct instance_row i;
        struct wire_error err;
        struct load_value v;
        struct ulid node, id;
        if (instance_row_decode(&i, row->value, mem, &err) != 0 ||
            i.state != INSTANCE_STATE_RUNNING || !is_named(state, &i.service, service, mem))
            continue;
        memcpy(node.b, row->key.data, sizeof(node.b));
        memcpy(id.b, row->key.data + sizeof(node.b), sizeof(id.b));
        if (loads_endpoint(loads, &node, &id, own_us, &v))
            count(&m->needed_ages, &v, own_us);
        else
            m->needed_ages.missing++;
    }
}

static void look_at_needed(struct measure *m, const struct measured_host *h,
                           const struct loads *loads, const struct state *state, kith_time own_us)
{
    static const char before[] = "load/";
    const size_t len = sizeof(before) - 1;
    struct arena mem = {0};
    struct interest_row wants;
    struct wire_error err;
    const struct row *row = state_get(state, TABLE_ID_INTEREST, ulid_bytes(&h->node));
    if (row && interest_row_decode(&wants, row->value, &mem, &err) == 0) {
        for (uint32_t i = 0; i < wants.patterns_n; i++) {
            struct bytes p = wants.patterns[i];
            if (p.len > len && memcmp(p.data, before, len) == 0)
                look_at_endpoints(m, loads, state, bytes_of(p.data + len, p.len - len), own_us,
                                  &mem);
        }
    }
    arena_deinit(&mem);
}

/* ---- hosts ---- */

void measure_loads(struct measure *m, uint32_t host, const struct loads *loads,
                   const struct state *state, kith_time now_us, kith_time own_us)
{
    struct measured_host *h = &m->hosts[host];
    if (now_us < m->from_us || now_us < h->loads_us)
        return;
    h->loads_us = now_us + MEASURE_LOADS_EVERY;
    uint32_t stride = 1 + (m->hosts_n - 1) / MEASURE_LOADS_MAX;
    for (uint32_t i = host % stride; i < m->hosts_n; i += stride) {
        struct load_value v;
        if (i == host || !m->hosts[i].runs || m->hosts[i].runs_since_us > m->from_us)
            continue;
        if (loads_host(loads, &m->hosts[i].node, own_us, &v))
            count(&m->load_ages, &v, own_us);
        else
            m->load_ages.missing++;
    }
    look_at_needed(m, h, loads, state, own_us);
}
