#include "sim/procs.h"

#include "base/mem.h"
#include "base/tree.h"

#include <string.h>

struct proc {
    TREE_ENTRY(proc) by_id;
    struct ulid instance;
    bool alive;
    uint32_t pid;
    int64_t exit_status;
    int64_t started_ms;
    kith_time ready_us; /* answers checks from then on */
    kith_time sick_until_us;
    bool ending;              /* a signal is on its way to its end */
    struct bound_port *ports; /* names are borrowed from `names` */
    uint32_t ports_n;
    struct arena names;
};

static int proc_compare(const struct proc *a, const struct proc *b)
{
    return ulid_compare(&a->instance, &b->instance);
}
TREE_DEFINE(proc_tree, proc, by_id, proc_compare)

struct procs {
    uint32_t host;
    struct rng *rng;
    struct queue *queue;
    struct fault_counts *counts;
    struct proc_tree tree;
    size_t count;
    uint32_t next_pid;
    bool port_taken;
};

struct procs *procs_new(uint32_t host, struct rng *rng, struct queue *queue,
                        struct fault_counts *counts)
{
    struct procs *p = mem_alloc(sizeof(*p));
    p->host = host;
    p->rng = rng;
    p->queue = queue;
    p->counts = counts;
    p->next_pid = 1000;
    return p;
}

static void remove_proc(struct procs *p, struct proc *proc)
{
    TREE_REMOVE(proc_tree, &p->tree, proc);
    p->count--;
    arena_deinit(&proc->names);
    mem_free(proc);
}

void procs_power_off(struct procs *p)
{
    struct proc *proc, *next;
    TREE_FOREACH_SAFE(proc, proc_tree, &p->tree, next)
    remove_proc(p, proc);
}

void procs_free(struct procs *p)
{
    procs_power_off(p);
    mem_free(p);
}

static struct proc *find(struct procs *p, const struct ulid *instance)
{
    struct proc key = {.instance = *instance};
    return TREE_FIND(proc_tree, &p->tree, &key);
}

static void schedule(struct procs *p, enum sim_kind kind, kith_time at, uint32_t run,
                     const struct ulid *instance, uint64_t a, uint64_t b)
{
    struct sim_item item = {.at_us = at,
                            .kind = kind,
                            .host = p->host,
                            .run = run,
                            .a = a,
                            .b = b,
                            .data = ulid_bytes(instance)};
    queue_add(p->queue, &item);
}

static bool port_used(struct procs *p, uint16_t port)
{
    struct proc *proc;
    TREE_FOREACH (proc, proc_tree, &p->tree) {
        for (uint32_t i = 0; proc->alive && i < proc->ports_n; i++) {
            if (proc->ports[i].port == port)
                return true;
        }
    }
    return false;
}

const char *procs_start(struct procs *p, const struct effect_start *start, uint32_t run,
                        kith_time now_us, kith_time wall_us)
{
    for (uint32_t i = 0; i < start->ports_n; i++) {
        if (port_used(p, start->ports[i].port))
            return "a port is given twice on a host";
    }
    struct proc *proc = find(p, &start->instance);
    if (proc && proc->alive)
        return "an instance is started while it runs";
    if (proc)
        remove_proc(p, proc);
    proc = mem_alloc(sizeof(*proc));
    proc->instance = start->instance;
    proc->alive = true;
    proc->pid = p->next_pid++;
    proc->started_ms = wall_us / KITH_MS;
    proc->ready_us = now_us + rng_between(p->rng, 10 * KITH_MS, 300 * KITH_MS);
    proc->ports_n = start->ports_n;
    proc->ports = arena_array(&proc->names, start->ports_n + 1, sizeof(*proc->ports));
    for (uint32_t i = 0; i < start->ports_n; i++) {
        proc->ports[i].port = start->ports[i].port;
        proc->ports[i].name = arena_bytes(&proc->names, start->ports[i].name);
    }
    TREE_INSERT(proc_tree, &p->tree, proc);
    p->count++;
    schedule(p, SIM_STARTED, now_us + rng_between(p->rng, 500, 5000), run, &start->instance,
             proc->pid, 0);
    return NULL;
}

/* The data of a SIM_CLAIMED item: the instance, then the ports that cannot be bound, 2 bytes each.
 */
void procs_claim(struct procs *p, const struct effect_claim *claim, uint32_t run, kith_time now_us)
{
    struct buf data = {0};
    buf_append(&data, claim->instance.b, sizeof(claim->instance.b));
    for (uint32_t i = 0; i < claim->ports_n; i++) {
        bool taken = p->port_taken || port_used(p, claim->ports[i].port);
        if (p->port_taken)
            p->counts->n[FAULT_PORT_TAKEN]++;
        p->port_taken = false;
        if (taken)
            buf_append(&data, &claim->ports[i].port, sizeof(claim->ports[i].port));
    }
    struct sim_item item = {.at_us = now_us + rng_between(p->rng, 50, 500),
                            .kind = SIM_CLAIMED,
                            .host = p->host,
                            .run = run,
                            .data = buf_bytes(&data)};
    queue_add(p->queue, &item);
    buf_deinit(&data);
}

void procs_signal(struct procs *p, const struct effect_signal *signal, kith_time now_us)
{
    struct proc *proc = find(p, &signal->instance);
    if (!proc || !proc->alive)
        return;
    bool kill = signal->signal == 9;
    if (signal->signal == 1 || (proc->ending && !kill))
        return;
    /* One in ten does not care for polite signals. */
    if (!kill && rng_below(p->rng, 10) == 0)
        return;
    proc->ending = true;
    kith_time wait = kill ? 1000 : rng_between(p->rng, 1000, 400 * KITH_MS);
    /* An exit finds its daemon whatever run that is: the exit status is kept. */
    schedule(p, SIM_EXITED, now_us + wait, 0, &signal->instance, proc->pid,
             (uint64_t) - (int64_t)signal->signal);
}

void procs_check(struct procs *p, const struct effect_check *check, uint32_t run, kith_time now_us)
{
    const struct proc *proc = find(p, &check->instance);
    bool ok = proc && proc->alive && now_us >= proc->ready_us && now_us >= proc->sick_until_us;
    if (proc && proc->alive && now_us < proc->sick_until_us)
        p->counts->n[FAULT_SICK]++;
    schedule(p, SIM_CHECKED, now_us + rng_between(p->rng, 200, 20000), run, &check->instance,
             check->number, ok);
}

void procs_clean(struct procs *p, const struct ulid *instance)
{
    struct proc *proc = find(p, instance);
    if (proc && !proc->alive)
        remove_proc(p, proc);
}

static void fill_claimed(const struct sim_item *item, struct event *ret, struct arena *mem)
{
    ret->kind = EVENT_CLAIMED;
    size_t n = (item->data.len - sizeof(struct ulid)) / sizeof(uint16_t);
    struct bound_port *ports = arena_array(mem, n + 1, sizeof(*ports));
    for (size_t i = 0; i < n; i++)
        memcpy(&ports[i].port, item->data.data + sizeof(struct ulid) + i * sizeof(uint16_t),
               sizeof(uint16_t));
    memcpy(&ret->claimed.instance, item->data.data, sizeof(struct ulid));
    ret->claimed.ports = ports;
    ret->claimed.ports_n = (uint32_t)n;
}

static bool fill_exited(struct proc *proc, const struct sim_item *item, struct event *ret)
{
    if (!proc || !proc->alive || proc->pid != item->a)
        return false;
    proc->alive = false;
    proc->exit_status = (int64_t)item->b;
    ret->kind = EVENT_EXITED;
    ret->exited =
        (struct event_exited){.instance = proc->instance, .exit_status = proc->exit_status};
    return true;
}

bool procs_item(struct procs *p, const struct sim_item *item, struct event *ret, struct arena *mem)
{
    struct ulid instance;
    memcpy(&instance, item->data.data, sizeof(instance));
    struct proc *proc = find(p, &instance);
    switch (item->kind) {
    case SIM_CLAIMED:
        fill_claimed(item, ret, mem);
        return true;
    case SIM_STARTED:
        ret->kind = EVENT_STARTED;
        ret->started = (struct event_started){.instance = instance,
                                              .pid = (uint32_t)item->a,
                                              .started_ms = proc ? proc->started_ms : 0};
        return true;
    case SIM_EXITED:
        return fill_exited(proc, item, ret);
    default:
        ret->kind = EVENT_CHECKED;
        ret->checked = (struct event_checked){.instance = instance,
                                              .number = item->a,
                                              .ok = item->b != 0,
                                              .took_us = 1000,
                                              .text = bytes_str(item->b ? "ok" : "no answer")};
        return true;
    }
}

bool procs_fail_one(struct procs *p, bool sick, kith_time now_us)
{
    size_t alive = procs_running(p);
    if (alive == 0)
        return false;
    size_t pick = rng_below(p->rng, alive);
    struct proc *proc;
    TREE_FOREACH (proc, proc_tree, &p->tree) {
        if (!proc->alive || pick-- > 0)
            continue;
        if (sick) {
            proc->sick_until_us = now_us + rng_between(p->rng, 2 * KITH_SEC, 10 * KITH_SEC);
        } else {
            p->counts->n[FAULT_EXIT]++;
            schedule(p, SIM_EXITED, now_us + 1, 0, &proc->instance, proc->pid,
                     rng_below(p->rng, 3));
        }
        return true;
    }
    return false;
}

void procs_take_port(struct procs *p)
{
    p->port_taken = true;
}

size_t procs_running(const struct procs *p)
{
    size_t n = 0;
    struct proc *proc;
    TREE_FOREACH (proc, proc_tree, (struct proc_tree *)(uintptr_t)&p->tree)
        n += proc->alive;
    return n;
}

void procs_found(const struct procs *p, struct event_start *ret, struct arena *mem)
{
    struct found_instance *found = arena_array(mem, p->count + 1, sizeof(*found));
    uint32_t n = 0;
    struct proc *proc;
    TREE_FOREACH (proc, proc_tree, (struct proc_tree *)(uintptr_t)&p->tree) {
        found[n++] = (struct found_instance){.instance = proc->instance,
                                             .running = proc->alive,
                                             .pid = proc->alive ? proc->pid : 0,
                                             .exit_status = proc->exit_status,
                                             .started_ms = proc->started_ms,
                                             .ports = proc->ports,
                                             .ports_n = proc->ports_n};
    }
    ret->found = found;
    ret->found_n = n;
}
