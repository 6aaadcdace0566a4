#include "world.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#include "test.h"

/* Starts, ends and cuts. */

const struct ulid world_cluster = {.b = {1, 2, 3}};

/* -- members -- */

static void write_member(struct node *n, bool left)
{
    struct member_addr addr = {.role = ADDR_ROLE_BULK, .uri = bytes_str(n->bulk)};
    struct member_row row = {
        .name = bytes_str(n->name),
        .addrs = &addr,
        .addrs_n = 1,
        .boot = {.b = {(uint8_t)n->incarnation, 1}},
        .left = left,
        .capacity = n->capacity,
        .host = bytes_str(n->host),
    };
    struct buf value = {0};

    member_row_encode(&value, &row);
    assert_int_equal(
        state_put(n->state, TABLE_ID_MEMBER, ulid_bytes(&n->id), buf_bytes(&value), 0, 0), 0);
    buf_deinit(&value);
}

static void load_disk(struct node *n, struct event_start *start, struct arena *mem)
{
    struct local_row *locals = arena_array(mem, n->disk_n, sizeof(*locals));
    struct bytes all = {0};

    for (size_t k = 0; k < n->disk_n; k++) {
        if (n->disk[k].local)
            locals[start->locals_n++] =
                (struct local_row){.name = n->disk[k].key, .value = n->disk[k].value};
        else
            assert_int_equal(state_load(n->state, n->disk[k].value), 0);
    }
    start->locals = locals;
    static const enum table_id tables[] = {TABLE_ID_MEMBER, TABLE_ID_VERDICT};

    for (size_t k = 0; k < 2; k++) {
        for (const struct row *row = state_first(n->state, tables[k], all); row;
             row = state_next(n->state, row, all)) {
            struct member before;

            (void)members_changed(n->members, row, n->world->now_us, &before);
        }
    }
}

static void load_processes(struct node *n, struct event_start *start, struct arena *mem)
{
    uint32_t count = 0;

    for (struct process *p = n->processes; p; p = p->next)
        count++;
    struct found_instance *found = arena_array(mem, count, sizeof(*found));

    for (struct process *p = n->processes; p; p = p->next)
        found[start->found_n++] = (struct found_instance){
            .instance = p->instance,
            .running = p->running,
            .pid = p->running ? p->pid : 0,
            .exit_status = p->exit_status,
            .ports = p->ports,
            .ports_n = p->ports_n,
        };
    start->found = found;
}

static void boot(struct node *n)
{
    struct arena mem = {0};
    struct event_start start = {
        .cluster = world_cluster,
        .node = n->id,
        .name = bytes_str(n->name),
        .host = bytes_str(n->host),
        .capacity = n->capacity,
        .port_low = 20000,
        .port_high = 20009,
        .lookups = true,
    };
    struct state_config config = {
        .cluster = world_cluster, .self = n->id, .incarnation = ++n->incarnation};

    n->up = true;
    n->boots++;
    n->state = state_new(&config);
    n->members = members_new();
    n->control = control_new(n->members);
    n->journal = journal_new();
    rng_seed(&n->rng, n->index * 1000 + n->incarnation);
    n->post = (struct post){.cluster = world_cluster, .self = n->id, .boot = {.b = {9}}};
    struct turn t = world_begin(n);

    load_disk(n, &start, &mem);
    load_processes(n, &start, &mem);
    write_member(n, /* left= */ false);
    control_start(n->control, &t, &start);
    world_finish(n, &t);
    arena_deinit(&mem);
}

static void halt(struct node *n)
{
    n->up = false;
    control_free(n->control);
    members_free(n->members);
    state_free(n->state);
    journal_free(n->journal);
    effects_deinit(&n->out);
    n->out = (struct effects){0};
    n->control = NULL;
}

struct world *world_new(unsigned nodes)
{
    struct world *w = mem_alloc(sizeof(*w));

    w->now_us = 1700000000 * KITH_SEC;
    w->nodes_n = nodes;
    for (unsigned k = 0; k < nodes; k++) {
        struct node *n = &w->nodes[k];

        *n = (struct node){
            .world = w, .index = k, .id = {.b = {0, 1, (uint8_t)k, (uint8_t)(k + 1)}}};
        snprintf(n->name, sizeof(n->name), "%c", (char)('a' + k));
        snprintf(n->host, sizeof(n->host), "127.0.0.%u", k + 1);
        snprintf(n->bulk, sizeof(n->bulk), "tcp://127.0.0.%u:5488", k + 1);
        n->capacity = (struct resources){.cpu_millis = 2000, .memory_bytes = 1000};
        boot(n);
        world_heal(w, k, k);
    }
    world_run(w, 2 * KITH_SEC); /* beyond the holds after a start */
    return w;
}

void world_free(struct world *w)
{
    arena_deinit(&w->says);
    for (unsigned k = 0; k < w->nodes_n; k++) {
        struct node *n = &w->nodes[k];

        if (n->up)
            halt(n);
        shell_free(n);
        for (size_t j = 0; j < n->disk_n; j++) {
            world_drop(n->disk[j].key);
            world_drop(n->disk[j].value);
        }
        mem_free(n->disk);
    }
    for (size_t k = 0; k < w->pending_n; k++)
        world_drop(w->pending[k].payload);
    for (size_t k = 0; k < w->pushed_n; k++)
        world_drop(w->pushed[k]);
    mem_free(w->pending);
    mem_free(w->pushed);
    buf_deinit(&w->log);
    buf_deinit(&w->reply);
    mem_free(w);
}

void world_dead(struct world *w, unsigned about, unsigned by)
{
    struct node *n = &w->nodes[by];
    struct verdict_row row = {.observers = &n->id, .observers_n = 1, .reason = bytes_str("test")};
    struct buf value = {0};
    struct turn t = world_begin(n);

    verdict_row_encode(&value, &row);
    assert_int_equal(state_put(n->state, TABLE_ID_VERDICT, ulid_bytes(&w->nodes[about].id),
                               buf_bytes(&value), w->nodes[about].incarnation, 0),
                     0);
    buf_deinit(&value);
    world_finish(n, &t);
}

void world_revive(struct world *w, unsigned node)
{
    struct node *n = &w->nodes[node];
    struct turn t = world_begin(n);

    state_set_incarnation(n->state, ++n->incarnation);
    write_member(n, /* left= */ false);
    world_finish(n, &t);
}

void world_crash(struct world *w, unsigned node)
{
    halt(&w->nodes[node]);
}

void world_kill(struct world *w, unsigned node)
{
    world_crash(w, node);
    shell_free(&w->nodes[node]);
    for (unsigned k = 0; k < w->nodes_n; k++) {
        if (w->nodes[k].up && !w->nodes[k].cut_from[node]) {
            world_dead(w, node, k);
            return;
        }
    }
}

/* Everything that was ever said reaches the node: what anti-entropy is for. */
void world_heal(struct world *w, unsigned a, unsigned b)
{
    unsigned both[] = {a, b};

    w->nodes[a].cut_from[b] = w->nodes[b].cut_from[a] = false;
    for (unsigned j = 0; j < 2; j++) {
        for (size_t k = 0; k < w->pushed_n; k++)
            world_send_rows(&w->nodes[both[j]], &w->nodes[both[j]], w->pushed[k]);
    }
}

void world_restart(struct world *w, unsigned node)
{
    boot(&w->nodes[node]);
    world_heal(w, node, node);
}

void world_restart_empty(struct world *w, unsigned node)
{
    shell_free(&w->nodes[node]);
    world_restart(w, node);
}

void world_cut(struct world *w, unsigned a, unsigned b)
{
    w->nodes[a].cut_from[b] = w->nodes[b].cut_from[a] = true;
    world_dead(w, a, b);
    world_dead(w, b, a);
}

void world_isolate(struct world *w, unsigned node)
{
    unsigned other = node ? 0 : 1;

    for (unsigned k = 0; k < w->nodes_n; k++)
        w->nodes[node].cut_from[k] = w->nodes[k].cut_from[node] = k != node;
    for (unsigned k = 0; k < w->nodes_n; k++) {
        if (k != node && w->nodes[k].up)
            world_dead(w, k, node);
    }
    world_dead(w, node, other);
}

void world_leave(struct world *w, unsigned node)
{
    struct node *n = &w->nodes[node];
    struct turn t = world_begin(n);

    control_leave(n->control, &t);
    world_finish(n, &t);
    world_until(w, control_idle(n->control), 30 * KITH_SEC);
    t = world_begin(n);
    write_member(n, /* left= */ true);
    world_finish(n, &t);
    world_run(w, 2 * LATENCY);
    halt(n);
}
