#include "world.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "test.h"

static struct bytes keep(struct bytes b)
{
    return bytes_of(mem_copy(b.data, b.len), b.len);
}

void world_drop(struct bytes b)
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

void world_send_rows(struct node *from, struct node *to, struct bytes payload)
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

struct turn world_begin(struct node *n)
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
        world_drop(n->disk[k].key);
        world_drop(n->disk[k].value);
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

    assert_int_equal(frame_unpack(&frame, e->reply.frame, &world_cluster, &err), 0);
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

void world_finish(struct node *n, struct turn *t)
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
                world_send_rows(n, &w->nodes[k], buf_bytes(&payload));
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

    assert_int_equal(frame_unpack(&frame, p->payload, &world_cluster, &err), 0);
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
        struct turn t = world_begin(n);

        if (p->kind == PENDING_ROWS)
            (void)state_merge_rows(n->state, p->payload, &ok);
        else if (p->kind == PENDING_FRAME)
            take_frame(n, &t, p);
        else
            take_event(n, &t, p);
        world_finish(n, &t);
    }
    world_drop(p->payload);
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
        struct turn t = world_begin(due);

        control_time(due->control, &t);
        world_finish(due, &t);
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
