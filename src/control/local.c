#include "control/local.h"

#include "base/mem.h"
#include "control/inside.h"
#include "wire/text.h"

#include <stdarg.h>

#define INTENT "host/"

struct local *local_find(const struct locals *l, const struct ulid *id)
{
    struct local key = {.id = *id};

    return TREE_FIND(local_tree, (struct local_tree *)(uintptr_t)&l->tree, &key);
}

struct local *locals_first(const struct locals *l)
{
    return TREE_FIRST(local_tree, (struct local_tree *)(uintptr_t)&l->tree);
}

struct local *local_new(struct locals *l, const struct ulid *id)
{
    struct local *i = mem_alloc(sizeof(*i));

    i->id = *id;
    TREE_INSERT(local_tree, &l->tree, i);
    return i;
}

void local_free(struct locals *l, struct local *i)
{
    TREE_REMOVE(local_tree, &l->tree, i);
    ports_release(&l->ports, &i->id);
    arena_deinit(&i->spec_mem);
    arena_deinit(&i->ports_mem);
    arena_deinit(&i->run_mem);
    arena_deinit(&i->waits_mem);
    buf_deinit(&i->reason);
    mem_free(i);
}

void locals_deinit(struct locals *l)
{
    struct local *i, *next;

    TREE_FOREACH_SAFE(i, local_tree, &l->tree, next)
    local_free(l, i);
    ports_deinit(&l->ports);
}

void local_set_ports(struct local *i, const struct bound_port *ports, uint32_t ports_n)
{
    struct arena mem = {0};
    struct bound_port *copy = arena_array(&mem, ports_n, sizeof(*copy));

    for (uint32_t k = 0; k < ports_n; k++)
        copy[k] =
            (struct bound_port){.name = arena_bytes(&mem, ports[k].name), .port = ports[k].port};
    arena_deinit(&i->ports_mem);
    i->ports_mem = mem;
    i->ports = copy;
    i->ports_n = ports_n;
}

void local_load(struct local *i, const struct instance *row, const struct state *state)
{
    struct arena mem = {0};
    const struct instance_row *r = instance_says(row, &mem);

    i->service = r->service;
    i->slot = instance_slot(row);
    i->epoch = r->epoch;
    i->state = r->state;
    i->known_at_start = true;
    i->given_up = false;
    i->spec_id = r->spec;
    i->spec = catalog_spec(state, &r->service, &r->spec, &i->spec_mem);
    i->values_hash = r->values_hash;
    i->restart_stamp = r->restart_stamp;
    local_set_ports(i, r->ports, r->ports_n);
    i->pid = r->pid;
    i->started_ms = r->started_ms;
    i->exit_status = r->exit_status;
    i->restarts = r->restarts;
    local_say(i, BYTES_FMT, BYTES_ARG(r->reason));
    arena_deinit(&mem);
}

bool local_take_spec(struct control *c, struct turn *t, struct local *i)
{
    const struct service *s = catalog_get(&c->catalog, &i->service);

    if (!s || !s->known || !service_has_spec(s))
        return false;
    i->restart_stamp = s->row.restart_stamp;
    if (i->spec && ulid_equal(&i->spec_id, &s->row.spec))
        return true;
    arena_reset(&i->spec_mem);
    i->spec_id = s->row.spec;
    i->spec = catalog_spec(t->state, &s->id, &s->row.spec, &i->spec_mem);
    return i->spec != NULL;
}

void local_say(struct local *i, const char *format, ...)
{
    struct arena mem = {0};
    va_list args;

    va_start(args, format);
    struct bytes line = wire_text_format(&mem, INSTANCE_ROW_REASON_MAX, format, args);
    va_end(args);
    buf_reset(&i->reason);
    buf_append(&i->reason, line.data, line.len);
    arena_deinit(&mem);
}

static void encode(struct buf *out, const struct control *c, const struct local *i)
{
    struct instance_row row = {
        .service = i->service,
        .slot = slot_bytes(&i->slot),
        .spec = i->spec_id,
        .state = i->state,
        .addr = bytes_str(c->addr),
        .ports = i->ports,
        .ports_n = i->ports_n,
        .pid = i->pid,
        .started_ms = i->started_ms,
        .restarts = i->restarts,
        .epoch = i->epoch,
        .values_hash = i->values_hash,
        .restart_stamp = i->restart_stamp,
        .reason = buf_bytes(&i->reason),
        .exit_status = i->exit_status,
        .waits = i->waits,
        .waits_n = i->waits_n,
        .given_up = i->given_up,
    };

    instance_row_encode(out, &row);
}

void local_write(struct control *c, struct turn *t, const struct local *i)
{
    struct buf key = {0}, value = {0};

    instance_key_put(&key, &c->self, &i->id);
    encode(&value, c, i);
    (void)control_put(c, t, TABLE_ID_INSTANCE, buf_bytes(&key), buf_bytes(&value), /* major= */ 0);
    buf_deinit(&key);
    buf_deinit(&value);
}

void local_delete_row(struct control *c, struct turn *t, const struct local *i)
{
    struct buf key = {0};

    instance_key_put(&key, &c->self, &i->id);
    (void)control_delete(c, t, TABLE_ID_INSTANCE, buf_bytes(&key), /* major= */ 0);
    buf_deinit(&key);
}

static void intent_name(struct buf *out, const struct ulid *id)
{
    buf_str(out, INTENT);
    buf_str(out, ulid_text(id).s);
}

void local_intend(struct turn *t, const struct local *i)
{
    struct buf name = {0};

    intent_name(&name, &i->id);
    state_put_local(t->state, buf_bytes(&name), ulid_bytes(&i->service));
    buf_deinit(&name);
}

void local_intend_no_more(struct turn *t, const struct local *i)
{
    struct buf name = {0};

    intent_name(&name, &i->id);
    state_put_local(t->state, buf_bytes(&name), (struct bytes){0});
    buf_deinit(&name);
}

bool local_intent(struct bytes name, struct ulid *ret_instance)
{
    struct bytes prefix = bytes_str(INTENT);

    return name.len > prefix.len && bytes_equal(bytes_of(name.data, prefix.len), prefix) &&
           ulid_parse(ret_instance, bytes_of(name.data + prefix.len, name.len - prefix.len)) == 0;
}
