#include "world.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

struct process *shell_find(struct node *n, const struct ulid *instance)
{
    struct process *p = n->processes;

    while (p && !ulid_equal(&p->instance, instance))
        p = p->next;
    return p;
}

void shell_free(struct node *n)
{
    while (n->processes) {
        struct process *p = n->processes;

        n->processes = p->next;
        mem_free(p);
    }
}

static void text(char *out, size_t size, struct bytes b)
{
    snprintf(out, size, BYTES_FMT, BYTES_ARG(b));
}

static bool port_is_used(const struct node *n, uint16_t port)
{
    if (port == n->world->taken_port)
        return true;
    for (const struct process *p = n->processes; p; p = p->next) {
        for (uint32_t k = 0; p->running && k < p->ports_n; k++) {
            if (p->ports[k].port == port)
                return true;
        }
    }
    return false;
}

static void claim(struct node *n, const struct effect_claim *e)
{
    struct pending answer = {.kind = PENDING_EVENT, .event.kind = EVENT_CLAIMED};

    answer.event.claimed.instance = e->instance;
    for (uint32_t k = 0; k < e->ports_n; k++) {
        if (port_is_used(n, e->ports[k].port))
            answer.ports[answer.event.claimed.ports_n++].port = e->ports[k].port;
    }
    world_later(n->world, n->index, LATENCY, answer);
}

static void keep_ports(struct process *p, const struct effect_start *e)
{
    for (uint32_t k = 0; k < e->ports_n; k++) {
        text(p->port_names[k], sizeof(p->port_names[k]), e->ports[k].name);
        p->ports[k] =
            (struct bound_port){.name = bytes_str(p->port_names[k]), .port = e->ports[k].port};
    }
    p->ports_n = e->ports_n;
}

static void start(struct node *n, const struct effect_start *e)
{
    struct pending answer = {.kind = PENDING_EVENT, .event.kind = EVENT_STARTED};
    struct process *p = mem_alloc(sizeof(*p));
    size_t used = 0;

    if (shell_find(n, &e->instance))
        world_say(n->world, "TWICE %s", ulid_text(&e->instance).s);
    text(p->service, sizeof(p->service), e->service);
    text(p->slot, sizeof(p->slot), e->slot);
    answer.event.started.instance = e->instance;
    if (world_traits(n->world, p->service) & TRAIT_BROKEN) {
        answer.event.started.why = bytes_str("no such program");
        world_later(n->world, n->index, LATENCY, answer);
        mem_free(p);
        return;
    }
    p->instance = e->instance;
    p->pid = ++n->world->last_pid;
    p->running = true;
    for (uint32_t k = 0; k < e->env_n && used < sizeof(p->env); k++)
        used += (size_t)snprintf(p->env + used, sizeof(p->env) - used, BYTES_FMT "=" BYTES_FMT ";",
                                 BYTES_ARG(e->env[k].key), BYTES_ARG(e->env[k].value));
    keep_ports(p, e);
    p->next = n->processes;
    n->processes = p;
    world_say(n->world, "start %s %s@%s", p->service, p->slot, n->name);
    answer.event.started.pid = p->pid;
    answer.event.started.started_ms = n->world->now_us / KITH_MS;
    world_later(n->world, n->index, LATENCY, answer);
    if (world_traits(n->world, p->service) & TRAIT_CRASHES)
        shell_exit(n, p, 7);
}

void shell_exit(struct node *n, struct process *p, int64_t status)
{
    struct pending exited = {.kind = PENDING_EVENT, .event.kind = EVENT_EXITED};

    if (!p->running)
        return;
    p->running = false;
    p->exit_status = status;
    world_say(n->world, "end %s %s@%s", p->service, p->slot, n->name);
    exited.event.exited.instance = p->instance;
    exited.event.exited.exit_status = status;
    world_later(n->world, n->index, 3 * LATENCY, exited);
}

static void signal_it(struct node *n, const struct effect_signal *e)
{
    struct process *p = shell_find(n, &e->instance);

    if (!p)
        return;
    world_say(n->world, "signal %d %s %s@%s", e->signal, p->service, p->slot, n->name);
    if (e->signal == 1 || (e->signal != 9 && world_traits(n->world, p->service) & TRAIT_DEAF))
        return;
    shell_exit(n, p, -e->signal);
}

static void clean(struct node *n, const struct ulid *instance)
{
    for (struct process **at = &n->processes; *at; at = &(*at)->next) {
        struct process *p = *at;

        if (!ulid_equal(&p->instance, instance))
            continue;
        if (p->running)
            world_say(n->world, "CLEANED WHILE RUNNING %s", p->service);
        *at = p->next;
        mem_free(p);
        return;
    }
}

static void check(struct node *n, const struct effect_check *e)
{
    struct pending answer = {.kind = PENDING_EVENT, .event.kind = EVENT_CHECKED};
    const struct process *p = shell_find(n, &e->instance);
    bool ok = p && p->running && !(world_traits(n->world, p->service) & TRAIT_SICK);

    if (p && world_traits(n->world, p->service) & TRAIT_MUTE)
        return;
    answer.event.checked.instance = e->instance;
    answer.event.checked.number = e->number;
    answer.event.checked.ok = ok;
    answer.event.checked.text = bytes_str(ok ? "GET / -> 200" : "GET / -> 503");
    world_later(n->world, n->index, LATENCY, answer);
}

static void read_log(struct node *n, const struct effect_read_log *e)
{
    struct pending answer = {.kind = PENDING_EVENT, .event.kind = EVENT_LOG_READ};
    bool there = shell_find(n, &e->instance) != NULL;

    answer.event.log_read.request = e->request;
    answer.event.log_read.next = 5;
    answer.event.log_read.data = bytes_str(there ? "hello" : "");
    answer.event.log_read.why = bytes_str(there ? "" : "no output is kept");
    world_later(n->world, n->index, LATENCY, answer);
}

/* "told api 2@a", "told api gone@a"; "all told@a" once after a start. */
static void look_up(struct node *n, const struct effect_lookup *e)
{
    for (uint32_t k = 0; k < e->services_n; k++) {
        const struct lookup_service *s = &e->services[k];

        if (s->gone)
            world_say(n->world, "told " BYTES_FMT " gone@%s", BYTES_ARG(s->name), n->name);
        else
            world_say(n->world, "told " BYTES_FMT " %u@%s", BYTES_ARG(s->name), s->endpoints_n,
                      n->name);
        if (s->endpoints_n)
            world_say(n->world, "nearest " BYTES_FMT " " BYTES_FMT "@%s", BYTES_ARG(s->name),
                      BYTES_ARG(s->endpoints[0].node_name), n->name);
        if (s->failing_n)
            world_say(n->world, "failing " BYTES_FMT " %u: " BYTES_FMT "@%s", BYTES_ARG(s->name),
                      s->failing_n, BYTES_ARG(s->failing[0].output), n->name);
    }
    for (uint32_t k = 0; k < e->members_n; k++)
        world_say(n->world, "member " BYTES_FMT " %s@%s", BYTES_ARG(e->members[k].name),
                  member_state_name(e->members[k].state), n->name);
    if (e->anew)
        world_say(n->world, "telling anew@%s", n->name);
    if (e->whole)
        world_say(n->world, "all told@%s", n->name);
}

void shell_do(struct node *n, const struct effect *e)
{
    switch (e->kind) {
    case EFFECT_CLAIM:
        claim(n, &e->claim);
        break;
    case EFFECT_START:
        start(n, &e->start);
        break;
    case EFFECT_SIGNAL:
        signal_it(n, &e->signal);
        break;
    case EFFECT_CLEAN:
        clean(n, &e->clean);
        break;
    case EFFECT_CHECK:
        check(n, &e->check);
        break;
    case EFFECT_READ_LOG:
        read_log(n, &e->read_log);
        break;
    case EFFECT_LOOKUP:
        look_up(n, &e->lookup);
        break;
    default:
        break;
    }
}
