#include "world.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#include "test.h"

/* What is asked of a world, and what there is in it. */

/* -- requests -- */

void world_request_as(struct world *w, unsigned node, enum principal_kind who, enum wire_kind kind,
                      struct bytes payload)
{
    struct node *n = &w->nodes[node];
    struct envelope envelope = {.kind = (uint16_t)kind, .correlation = ++w->correlation};
    struct incoming in = {
        .who = {.kind = who, .name = bytes_str("tester")},
        .envelope = &envelope,
        .payload = payload,
        .door = DOOR_LOCAL,
        .route = CLIENT_ROUTE,
    };
    struct turn t = world_begin(n);

    w->reply_kind = 0;
    assert_true(control_receive(n->control, &t, &in));
    world_finish(n, &t);
}

void world_request(struct world *w, unsigned node, enum wire_kind kind, struct bytes payload)
{
    world_request_as(w, node, PRINCIPAL_KIND_LOCAL, kind, payload);
}

void world_apply_id(struct world *w, unsigned node, const struct service_spec *specs, uint32_t n,
                    const struct ulid *id)
{
    struct apply request = {.id = *id, .specs = specs, .specs_n = n};
    struct buf payload = {0};

    apply_encode(&payload, &request);
    world_request(w, node, WIRE_APPLY, buf_bytes(&payload));
    buf_deinit(&payload);
}

void world_apply(struct world *w, unsigned node, const struct service_spec *specs, uint32_t n)
{
    struct ulid none = {0};

    world_apply_id(w, node, specs, n, &none);
}

void world_change(struct world *w, unsigned node, enum command_kind kind, const char *service,
                  uint32_t count, bool cascade)
{
    struct change request = {
        .kind = kind, .service = bytes_str(service), .count = count, .cascade = cascade};
    struct buf payload = {0};

    if (kind == COMMAND_KIND_STOP_ALL)
        request.daemons = cascade;
    change_encode(&payload, &request);
    world_request(w, node, WIRE_CHANGE, buf_bytes(&payload));
    buf_deinit(&payload);
}

bool world_done(struct world *w)
{
    return w->reply_kind == WIRE_CHANGED;
}

bool world_refused(struct world *w, const char *part)
{
    struct arena mem = {0};
    struct failed failed;
    struct wire_error err;
    bool found = false;

    if (w->reply_kind == WIRE_FAILED && !failed_decode(&failed, buf_bytes(&w->reply), &mem, &err)) {
        char *text = bytes_to_str(failed.text);

        found = strstr(text, part) != NULL;
        if (!found)
            fprintf(stderr, "refused, but: %s\n", text);
        mem_free(text);
    }
    arena_deinit(&mem);
    return found;
}

/* -- specifications -- */

struct service_spec world_spec(const char *name, uint32_t count, const char *needs)
{
    static const struct bytes argv[] = {{(const uint8_t *)"run", 3},
                                        {(const uint8_t *)"${port.p}", 9}};
    static const struct port_spec ports[] = {{.name = {(const uint8_t *)"p", 1}}};
    static const uint32_t backoff[] = {100, 200};
    static struct bytes need[8];
    static struct pair env[8];
    static char values[8][64];
    static unsigned used;
    struct service_spec spec = {
        .name = bytes_str(name),
        .count = count,
        .argv = argv,
        .argv_n = 2,
        .ports = ports,
        .ports_n = 1,
        .check = {.kind = CHECK_KIND_HTTP,
                  .path = bytes_str("/"),
                  .port = bytes_str("p"),
                  .every_ms = 1000,
                  .timeout_ms = 500,
                  .fail = 3,
                  .pass = 2},
        .restart = {.backoff_ms = backoff, .backoff_ms_n = 2, .max = 3, .per_ms = 600000},
        .stop = {.signal = 15, .grace_ms = 2000},
    };

    if (needs) {
        unsigned k = used++ % 8;

        need[k] = bytes_str(needs);
        snprintf(values[k], sizeof(values[k]), "${endpoint.%s}", needs);
        env[k] = (struct pair){.key = bytes_str("NEED"), .value = bytes_str(values[k])};
        spec.needs = &need[k];
        spec.needs_n = 1;
        spec.env = &env[k];
        spec.env_n = 1;
    }
    return spec;
}

void world_trait(struct world *w, const char *service, unsigned traits)
{
    for (size_t k = 0; k < 16; k++) {
        if (w->traits[k].service[0] && strcmp(w->traits[k].service, service) != 0)
            continue;
        snprintf(w->traits[k].service, sizeof(w->traits[k].service), "%s", service);
        w->traits[k].traits = traits;
        return;
    }
}

unsigned world_traits(struct world *w, const char *service)
{
    for (size_t k = 0; k < 16; k++) {
        if (strcmp(w->traits[k].service, service) == 0)
            return w->traits[k].traits;
    }
    return 0;
}

/* -- what there is -- */

const struct service *world_service(struct world *w, unsigned node, const char *service)
{
    return catalog_find(&w->nodes[node].control->catalog, bytes_str(service));
}

const struct instance_row *world_says(struct world *w, const struct instance *i)
{
    arena_reset(&w->says);
    return instance_says(i, &w->says);
}

uint32_t world_healthy(struct world *w, unsigned node, const char *service)
{
    const struct service *s = world_service(w, node, service);

    return s ? service_serving(&w->nodes[node].control->catalog, s) : 0;
}

uint32_t world_running_on(struct world *w, unsigned node, const char *service)
{
    uint32_t count = 0;

    for (struct process *p = w->nodes[node].processes; p; p = p->next)
        count += p->running && (!service || strcmp(p->service, service) == 0);
    return count;
}

uint32_t world_running(struct world *w, const char *service)
{
    uint32_t count = 0;

    for (unsigned k = 0; k < w->nodes_n; k++)
        count += world_running_on(w, k, service);
    return count;
}

unsigned world_host_of(struct world *w, const char *service)
{
    for (unsigned k = 0; k < w->nodes_n; k++) {
        if (world_running_on(w, k, service))
            return k;
    }
    fail_msg("%s runs nowhere", service);
    return 0;
}

const char *world_env(struct world *w, const char *service)
{
    for (unsigned k = 0; k < w->nodes_n; k++) {
        for (struct process *p = w->nodes[k].processes; p; p = p->next) {
            if (p->running && strcmp(p->service, service) == 0)
                return p->env;
        }
    }
    return "";
}

bool world_agree(struct world *w)
{
    uint64_t digest = 0;

    for (unsigned k = 0; k < w->nodes_n; k++) {
        if (!w->nodes[k].up)
            continue;
        if (digest && state_digest(w->nodes[k].state) != digest)
            return false;
        digest = state_digest(w->nodes[k].state);
    }
    return true;
}
