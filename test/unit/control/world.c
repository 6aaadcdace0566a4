#include "world.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "test.h"

#define CLIENT_ROUTE 1000000u /* routes below are nodes */

struct disk_row {
    bool local;
    struct bytes key, value;
};

static const struct ulid cluster = {.b = {1, 2, 3}};

static struct bytes keep(struct bytes b)
{
    return bytes_of(mem_copy(b.data, b.len), b.len);
}

static void drop(struct bytes b)
{
    mem_free((void *)(uintptr_t)b.data);
}

/* -- the log -- */

void world_say(struct world *w, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    buf_vprintf(&w->log, format, args);
    va_end(args);
    buf_byte(&w->log, '\n');
}

size_t world_logged(struct world *w, const char *line, size_t after)
{
    const char *text = buf_cstr(&w->log);
    const char *found = strstr(text + after, line);

    return found ? (size_t)(found - text) + 1 : 0;
}

size_t world_log_end(struct world *w)
{
    return w->log.len;
}

/* -- what is to come -- */

void world_later(struct world *w, unsigned node, kith_time in_us, struct pending pending)
{
    w->pending = mem_grow(w->pending, w->pending_n + 1, sizeof(*w->pending));
    pending.at_us = w->now_us + in_us;
    pending.order = w->order++;
    pending.node = node;
    pending.boots = w->nodes[node].boots;
    w->pending[w->pending_n++] = pending;
}

static bool connected(const struct node *a, const struct node *b)
{
    return a->up && b->up && !a->cut_from[b->index];
}

static void send_rows(struct node *from, struct node *to, struct bytes payload)
{
    struct pending p = {.kind = PENDING_ROWS, .from = from->index, .payload = keep(payload)};

    world_later(from->world, to->index, LATENCY, p);
}

/* -- a step of a machine -- */

static struct turn turn_of(struct node *n)
{
    return (struct turn){
        .now_us = n->world->now_us,
        .wall_us = n->world->now_us,
        .rng = &n->rng,
        .ulids = &n->ulids,
        .state = n->state,
        .journal = n->journal,
        .out = &n->out,
        .post = &n->post,
    };
}

static struct turn begin(struct node *n)
{
    effects_reset(&n->out);
    state_clock(n->state, n->world->now_us);
    return turn_of(n);
}

static void settle(struct node *n, struct turn *t)
{
    const struct row *const *rows;
    bool more;

    do {
        size_t count = state_take_changes(n->state, &rows);

        for (size_t k = 0; k < count; k++) {
            struct member before;
            bool changed = members_changed(n->members, rows[k], t->wall_us, &before);

            control_changed(n->control, t, rows[k], changed ? &before : NULL);
        }
        more = control_settle(n->control, t);
    } while (more);
    control_tell(n->control, t);
}

static void write_disk(struct node *n, const struct store_write *write)
{
    size_t k = 0;

    while (k < n->disk_n &&
           !(n->disk[k].local == write->local && bytes_equal(n->disk[k].key, write->key)))
        k++;
    if (k < n->disk_n) {
        drop(n->disk[k].key);
        drop(n->disk[k].value);
        n->disk[k] = n->disk[--n->disk_n];
    }
    if (!write->value.len)
        return;
    n->disk = mem_grow(n->disk, n->disk_n + 1, sizeof(*n->disk));
    n->disk[n->disk_n++] = (struct disk_row){
        .local = write->local, .key = keep(write->key), .value = keep(write->value)};
}

static void take_reply(struct node *n, const struct effect *e)
{
    struct world *w = n->world;
    struct wire_error err;
    struct frame frame;

    assert_int_equal(frame_unpack(&frame, e->reply.frame, &cluster, &err), 0);
    if (e->reply.route < CLIENT_ROUTE) { /* another node asked */
        struct pending p = {
            .kind = PENDING_FRAME, .from = n->index, .payload = keep(e->reply.frame)};

        world_later(w, (unsigned)e->reply.route - 1, LATENCY, p);
        return;
    }
    w->reply_kind = frame.envelope.kind;
    w->reply_wait = e->wait;
    buf_reset(&w->reply);
    buf_append(&w->reply, frame.payload.data, frame.payload.len);
}

static void take_send(struct node *n, const struct effect *e)
{
    struct world *w = n->world;

    for (unsigned k = 0; k < w->nodes_n; k++) {
        struct pending p = {.kind = PENDING_FRAME, .from = n->index, .route = n->index + 1};

        if (!bytes_equal_str(e->send.uri, w->nodes[k].bulk) || !connected(n, &w->nodes[k]))
            continue;
        p.payload = keep(e->send.frame);
        world_later(w, k, LATENCY, p);
    }
}

static void finish(struct node *n, struct turn *t)
{
    struct world *w = n->world;
    struct buf payload = {0};

    settle(n, t);
    (void)state_take_batch(n->state, &n->out);
    for (size_t k = 0; k < n->out.count; k++) {
        const struct effect *e = &n->out.items[k];

        if (e->kind == EFFECT_STORE) {
            for (uint32_t j = 0; j < e->store.writes_n; j++)
                write_disk(n, &e->store.writes[j]);
            state_stored(n->state, e->store.token);
        } else if (e->kind == EFFECT_REPLY) {
            take_reply(n, e);
        } else if (e->kind == EFFECT_SEND) {
            take_send(n, e);
        } else {
            shell_do(n, e);
        }
    }
    while (state_take_push(n->state, &payload)) {
        w->pushed = mem_grow(w->pushed, w->pushed_n + 1, sizeof(*w->pushed));
        w->pushed[w->pushed_n++] = keep(buf_bytes(&payload));
        for (unsigned k = 0; k < w->nodes_n; k++) {
            if (k != n->index && connected(n, &w->nodes[k]))
                send_rows(n, &w->nodes[k], buf_bytes(&payload));
        }
        buf_reset(&payload);
    }
    buf_deinit(&payload);
}

/* -- things that happen to a node -- */

static void take_frame(struct node *n, struct turn *t, const struct pending *p)
{
    struct wire_error err;
    struct frame frame;

    assert_int_equal(frame_unpack(&frame, p->payload, &cluster, &err), 0);
    struct incoming in = {
        .who = {.kind = PRINCIPAL_KIND_NODE, .id = n->world->nodes[p->from].id},
        .envelope = &frame.envelope,
        .payload = frame.payload,
        .route = p->route,
    };
    assert_true(control_receive(n->control, t, &in));
}

static void take_event(struct node *n, struct turn *t, struct pending *p)
{
    switch (p->event.kind) {
    case EVENT_CLAIMED:
        p->event.claimed.ports = p->ports;
        control_claimed(n->control, t, &p->event.claimed);
        break;
    case EVENT_STARTED:
        control_started(n->control, t, &p->event.started);
        break;
    case EVENT_EXITED:
        control_exited(n->control, t, &p->event.exited);
        break;
    case EVENT_CHECKED:
        control_checked(n->control, t, &p->event.checked);
        break;
    case EVENT_LOG_READ:
        control_log_read(n->control, t, &p->event.log_read);
        break;
    default:
        break;
    }
}

static void happen(struct world *w, struct pending *p)
{
    struct node *n = &w->nodes[p->node];
    bool ok;

    if (n->up && n->boots == p->boots) {
        struct turn t = begin(n);

        if (p->kind == PENDING_ROWS)
            (void)state_merge_rows(n->state, p->payload, &ok);
        else if (p->kind == PENDING_FRAME)
            take_frame(n, &t, p);
        else
            take_event(n, &t, p);
        finish(n, &t);
    }
    drop(p->payload);
}

/* When the next thing happens. */
static kith_time next_us(const struct world *w)
{
    kith_time at_us = KITH_NEVER;

    for (size_t k = 0; k < w->pending_n; k++)
        at_us = kith_time_min(at_us, w->pending[k].at_us);
    for (unsigned k = 0; k < w->nodes_n; k++) {
        if (w->nodes[k].up)
            at_us = kith_time_min(at_us, control_deadline(w->nodes[k].control));
    }
    return at_us;
}

void world_step(struct world *w)
{
    size_t first = 0;
    kith_time deadline_us = KITH_NEVER;
    struct node *due = NULL;

    for (size_t k = 1; k < w->pending_n; k++) {
        const struct pending *a = &w->pending[k], *b = &w->pending[first];

        if (a->at_us < b->at_us || (a->at_us == b->at_us && a->order < b->order))
            first = k;
    }
    for (unsigned k = 0; k < w->nodes_n; k++) {
        struct node *n = &w->nodes[k];

        if (n->up && control_deadline(n->control) < deadline_us) {
            deadline_us = control_deadline(n->control);
            due = n;
        }
    }
    if (w->pending_n && w->pending[first].at_us <= deadline_us) {
        struct pending p = w->pending[first];

        w->pending[first] = w->pending[--w->pending_n];
        w->now_us = p.at_us > w->now_us ? p.at_us : w->now_us;
        happen(w, &p);
    } else if (due && deadline_us < w->now_us + 10 * KITH_SEC) {
        w->now_us = deadline_us > w->now_us ? deadline_us : w->now_us;
        struct turn t = begin(due);

        control_time(due->control, &t);
        finish(due, &t);
    } else {
        w->now_us += 10 * KITH_SEC;
    }
}

void world_run(struct world *w, kith_time for_us)
{
    kith_time until_us = w->now_us + for_us;

    while (w->now_us < until_us)
        world_step(w);
}

void world_pass(struct world *w, kith_time for_us)
{
    kith_time until_us = w->now_us + for_us;

    while (next_us(w) <= until_us)
        world_step(w);
    w->now_us = until_us;
}

void world_complain(struct world *w, const char *condition)
{
    fprintf(stderr, "never: %s\n%s", condition, buf_cstr(&w->log));
    for (unsigned k = 0; k < w->nodes_n; k++) {
        struct arena mem = {0};
        struct events events = {0};

        if (!w->nodes[k].up)
            continue;
        journal_read(w->nodes[k].journal, 0, 60, &events, &mem);
        fprintf(stderr, "-- %s\n", w->nodes[k].name);
        for (uint32_t j = 0; j < events.events_n; j++)
            fprintf(stderr, "%8lld " BYTES_FMT " " BYTES_FMT " " BYTES_FMT "\n",
                    (long long)events.events[j].at_ms, BYTES_ARG(events.events[j].what),
                    BYTES_ARG(events.events[j].subject), BYTES_ARG(events.events[j].text));
        arena_deinit(&mem);
    }
}

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
        .cluster = cluster,
        .node = n->id,
        .name = bytes_str(n->name),
        .host = bytes_str(n->host),
        .capacity = n->capacity,
        .port_low = 20000,
        .port_high = 20009,
        .lookups = true,
    };
    struct state_config config = {
        .cluster = cluster, .self = n->id, .incarnation = ++n->incarnation};

    n->up = true;
    n->boots++;
    n->state = state_new(&config);
    n->members = members_new();
    n->control = control_new(n->members);
    n->journal = journal_new();
    rng_seed(&n->rng, n->index * 1000 + n->incarnation);
    n->post = (struct post){.cluster = cluster, .self = n->id, .boot = {.b = {9}}};
    struct turn t = begin(n);

    load_disk(n, &start, &mem);
    load_processes(n, &start, &mem);
    write_member(n, /* left= */ false);
    control_start(n->control, &t, &start);
    finish(n, &t);
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
            drop(n->disk[j].key);
            drop(n->disk[j].value);
        }
        mem_free(n->disk);
    }
    for (size_t k = 0; k < w->pending_n; k++)
        drop(w->pending[k].payload);
    for (size_t k = 0; k < w->pushed_n; k++)
        drop(w->pushed[k]);
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
    struct turn t = begin(n);

    verdict_row_encode(&value, &row);
    assert_int_equal(state_put(n->state, TABLE_ID_VERDICT, ulid_bytes(&w->nodes[about].id),
                               buf_bytes(&value), w->nodes[about].incarnation, 0),
                     0);
    buf_deinit(&value);
    finish(n, &t);
}

void world_revive(struct world *w, unsigned node)
{
    struct node *n = &w->nodes[node];
    struct turn t = begin(n);

    state_set_incarnation(n->state, ++n->incarnation);
    write_member(n, /* left= */ false);
    finish(n, &t);
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
            send_rows(&w->nodes[both[j]], &w->nodes[both[j]], w->pushed[k]);
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
    struct turn t = begin(n);

    control_leave(n->control, &t);
    finish(n, &t);
    world_until(w, control_idle(n->control), 30 * KITH_SEC);
    t = begin(n);
    write_member(n, /* left= */ true);
    finish(n, &t);
    world_run(w, 2 * LATENCY);
    halt(n);
}

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
    struct turn t = begin(n);

    w->reply_kind = 0;
    assert_true(control_receive(n->control, &t, &in));
    finish(n, &t);
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
