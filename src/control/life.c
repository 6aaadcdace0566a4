#include "control/life.h"

#include "base/plant.h"

#define SIGNAL_KILL 9
#define SIGNAL_TERM 15

void life_signal(struct turn *t, const struct ulid *id, int signal)
{
    effects_add(t->out, &(struct effect){
                            .kind = EFFECT_SIGNAL,
                            .signal = {.instance = *id, .signal = signal},
                        });
}

void life_clean(struct turn *t, const struct ulid *id)
{
    effects_add(t->out, &(struct effect){
                            .kind = EFFECT_CLEAN,
                            .wait = state_token(t->state),
                            .clean = *id,
                        });
}

void life_rest(struct control *c, struct turn *t, struct local *i, enum instance_state state)
{
    ports_release(&c->locals.ports, &i->id);
    i->phase = PHASE_IDLE;
    i->state = state;
    i->pid = 0;
    i->waits_n = 0;
    i->again = false;
    i->ended_us = t->now_us;
    local_write(c, t, i);
}

static const struct bound_port *former_port(const struct local *i, struct bytes name)
{
    for (uint32_t k = 0; k < i->ports_n; k++) {
        if (bytes_equal(i->ports[k].name, name))
            return &i->ports[k];
    }
    return NULL;
}

/* The fixed port, the one it had before, or the next free one. 0: none. */
static uint16_t choose_port(struct control *c, const struct turn *t, const struct local *i,
                            const struct port_spec *spec)
{
    struct ports *ports = &c->locals.ports;
    const struct bound_port *former = former_port(i, spec->name);

    if (spec->port)
        return ports_hold(ports, spec->port, &i->id, t->now_us) ? spec->port : 0;
    if (former && former->port >= ports->low && former->port <= ports->high &&
        ports_hold(ports, former->port, &i->id, t->now_us))
        return former->port;
    return ports_take(ports, &i->id, t->now_us);
}

static bool choose_ports(struct control *c, const struct turn *t, struct local *i)
{
    struct arena mem = {0};
    struct bound_port *ports = arena_array(&mem, i->spec->ports_n, sizeof(*ports));
    bool ok = true;

    ports_release(&c->locals.ports, &i->id);
    for (uint32_t k = 0; k < i->spec->ports_n && ok; k++) {
        ports[k].name = i->spec->ports[k].name;
        ports[k].port = choose_port(c, t, i, &i->spec->ports[k]);
        if (!ports[k].port) {
            local_say(i, "this host has no free port for " BYTES_FMT,
                      BYTES_ARG(i->spec->ports[k].name));
            ok = false;
        }
    }
    if (ok)
        local_set_ports(i, ports, i->spec->ports_n);
    arena_deinit(&mem);
    return ok;
}

void life_resolve(struct control *c, struct local *i)
{
    const struct service_spec *spec = i->spec;
    struct values v = {
        .catalog = &c->catalog,
        .addr = bytes_str(c->addr),
        .ports = i->ports,
        .ports_n = i->ports_n,
        .instance = i->id,
        .slot = i->slot,
    };
    struct buf slot = {0};

    arena_reset(&i->run_mem);
    struct bytes *argv = arena_array(&i->run_mem, spec->argv_n, sizeof(*argv));
    struct pair *env = arena_array(&i->run_mem, spec->env_n, sizeof(*env));

    for (uint32_t k = 0; k < spec->argv_n; k++)
        argv[k] = values_resolve(&v, spec->argv[k], &i->run_mem);
    for (uint32_t k = 0; k < spec->env_n; k++)
        env[k] = (struct pair){.key = spec->env[k].key,
                               .value = values_resolve(&v, spec->env[k].value, &i->run_mem)};
    slot_print(&slot, &i->slot);
    i->run = (struct effect_start){
        .instance = i->id,
        .service = spec->name,
        .slot = arena_bytes(&i->run_mem, buf_bytes(&slot)),
        .argv = argv,
        .argv_n = spec->argv_n,
        .env = env,
        .env_n = spec->env_n,
        .user = spec->user,
    };
    buf_deinit(&slot);
}

static void start(struct control *c, struct turn *t, struct local *i)
{
    life_resolve(c, i);
    i->run.ports = i->ports;
    i->run.ports_n = i->ports_n;
    i->values_hash = values_hash(&c->catalog, i->spec);
    i->phase = PHASE_STARTING;
    i->state = INSTANCE_STATE_STARTING;
    i->pid = 0;
    i->started_ms = t->wall_us / KITH_MS;
    i->waits_n = 0;
    i->blocked_us = 0;
    local_say(i, "starts");
    local_write(c, t, i);
    local_intend(t, i);
    effects_add(t->out, &(struct effect){
                            .kind = EFFECT_START,
                            .wait = state_token(t->state),
                            .start = i->run,
                        });
}

static void claim(struct control *c, struct turn *t, struct local *i)
{
    i->phase = PHASE_CLAIMING;
    effects_add(t->out, &(struct effect){
                            .kind = EFFECT_CLAIM,
                            .claim = {.instance = i->id,
                                      .addr = bytes_str(c->addr),
                                      .ports = i->ports,
                                      .ports_n = i->ports_n},
                        });
}

void life_begin(struct control *c, struct turn *t, struct local *i)
{
    if (!choose_ports(c, t, i))
        life_rest(c, t, i, INSTANCE_STATE_REFUSED);
    else if (i->ports_n && !PLANTED(PLANT_PORT_TWICE)) /* trying it would catch that one */
        claim(c, t, i);
    else
        start(c, t, i);
}

static bool is_fixed(const struct local *i, uint16_t port)
{
    for (uint32_t k = 0; k < i->spec->ports_n; k++) {
        if (i->spec->ports[k].port == port)
            return true;
    }
    return false;
}

void life_claimed(struct control *c, struct turn *t, struct local *i, const struct event_claimed *e)
{
    if (i->phase != PHASE_CLAIMING)
        return;
    i->phase = PHASE_IDLE;
    for (uint32_t k = 0; k < e->ports_n; k++) {
        if (is_fixed(i, e->ports[k].port)) {
            local_say(i, "port %u of this host is taken by something else", e->ports[k].port);
            life_rest(c, t, i, INSTANCE_STATE_REFUSED);
            return;
        }
        ports_avoid(&c->locals.ports, e->ports[k].port, t->now_us);
    }
    if (!e->ports_n && i->state == INSTANCE_STATE_PENDING && !c->leaving && !c->halting)
        start(c, t, i);
    /* else host_settle() looks at it again */
}

/* What an end by itself leads to. */
static void ended(struct control *c, struct turn *t, struct local *i, const char *how)
{
    static const struct restart_policy none = {.max = 1};
    kith_time wait_us;

    i->phase = PHASE_IDLE;
    i->pid = 0;
    if (!restart_again(&i->history, i->spec ? &i->spec->restart : &none, t->now_us, &wait_us)) {
        local_say(i, "%s; failed: no restarts left", how);
        life_rest(c, t, i, INSTANCE_STATE_FAILED);
        return;
    }
    i->state = INSTANCE_STATE_PENDING;
    i->restarts++;
    i->retry_us = t->now_us + wait_us;
    local_say(i, "%s; starts again in %lld ms", how, (long long)(wait_us / KITH_MS));
    local_write(c, t, i);
}

void life_started(struct control *c, struct turn *t, struct local *i, const struct event_started *e)
{
    struct buf how = {0};

    if (i->phase != PHASE_STARTING)
        return;
    if (!e->pid) {
        buf_printf(&how, "could not be started: " BYTES_FMT, BYTES_ARG(e->why));
        local_intend_no_more(t, i);
        ended(c, t, i, buf_cstr(&how));
        buf_deinit(&how);
        return;
    }
    c->counts.instances_started++;
    i->phase = PHASE_UP;
    i->pid = e->pid;
    i->started_ms = e->started_ms;
    health_begin(&i->health, t->now_us);
    if (i->spec->check.kind == CHECK_KIND_NONE) {
        i->state = INSTANCE_STATE_RUNNING;
        local_say(i, "runs");
    } else {
        local_say(i, "started, waits for its first checks");
    }
    local_write(c, t, i);
}

void life_checked(struct control *c, struct turn *t, struct local *i, const struct event_checked *e)
{
    bool starting = i->state == INSTANCE_STATE_STARTING;

    if (i->phase != PHASE_UP)
        return;
    if (e->ok)
        c->counts.checks_passed++;
    else
        c->counts.checks_failed++;
    if (!health_result(&i->health, &i->spec->check, e->number, e->ok, starting, t->now_us)) {
        if (starting && !e->ok)
            local_say(i, "not healthy yet: " BYTES_FMT, BYTES_ARG(e->text));
        return;
    }
    i->state = i->health.healthy ? INSTANCE_STATE_RUNNING : INSTANCE_STATE_UNHEALTHY;
    local_say(i, "%s: " BYTES_FMT, i->health.healthy ? "healthy" : "unhealthy", BYTES_ARG(e->text));
    local_write(c, t, i);
}

static void print_status(struct buf *out, int64_t exit_status)
{
    if (exit_status == INT64_MIN)
        buf_str(out, "ended, nobody saw how");
    else if (exit_status < 0)
        buf_printf(out, "ended by signal %lld", (long long)-exit_status);
    else
        buf_printf(out, "ended with status %lld", (long long)exit_status);
}

void life_exited(struct control *c, struct turn *t, struct local *i, int64_t exit_status)
{
    struct buf how = {0};
    enum phase was = i->phase;

    if (was == PHASE_IDLE || was == PHASE_CLAIMING)
        return;
    i->exit_status = exit_status;
    health_end(&i->health);
    local_intend_no_more(t, i);
    print_status(&how, exit_status);
    if (was != PHASE_ENDING) {
        c->counts.instances_ended++;
        ended(c, t, i, buf_cstr(&how));
    } else if (i->again) {
        i->phase = PHASE_IDLE;
        i->again = false;
        i->state = INSTANCE_STATE_PENDING;
        i->pid = 0;
        i->restarts++;
        i->retry_us = t->now_us;
        local_write(c, t, i);
    } else {
        local_say(i, "%s", buf_cstr(&how));
        life_rest(c, t, i, INSTANCE_STATE_STOPPED);
    }
    life_clean(t, &i->id);
    buf_deinit(&how);
}

void life_stop(struct control *c, struct turn *t, struct local *i, bool again, const char *why)
{
    const struct stop_policy *stop = &i->spec->stop;
    kith_time grace_us = stop->grace_ms ? stop->grace_ms * KITH_MS : LIFE_GRACE;

    i->phase = PHASE_ENDING;
    i->state = INSTANCE_STATE_STOPPING;
    i->again = again;
    i->kill_us = t->now_us + grace_us;
    health_end(&i->health);
    local_say(i, "%s", why);
    local_write(c, t, i);
    life_signal(t, &i->id, stop->signal ? stop->signal : SIGNAL_TERM);
}

static uint16_t check_port(const struct local *i)
{
    const struct bound_port *p = former_port(i, i->spec->check.port);

    if (p)
        return p->port;
    return i->ports_n ? i->ports[0].port : 0;
}

static void check(struct control *c, struct turn *t, struct local *i, uint64_t number)
{
    const struct check_spec *spec = &i->spec->check;
    struct arena mem = {0};
    struct values v = {.catalog = &c->catalog,
                       .addr = bytes_str(c->addr),
                       .ports = i->ports,
                       .ports_n = i->ports_n,
                       .instance = i->id,
                       .slot = i->slot};
    struct bytes *argv = arena_array(&mem, spec->argv_n, sizeof(*argv));

    for (uint32_t k = 0; k < spec->argv_n; k++)
        argv[k] = values_resolve(&v, spec->argv[k], &mem);
    effects_add(t->out, &(struct effect){
                            .kind = EFFECT_CHECK,
                            .check = {.instance = i->id,
                                      .number = number,
                                      .kind = spec->kind,
                                      .addr = bytes_str(c->addr),
                                      .port = check_port(i),
                                      .path = values_resolve(&v, spec->path, &mem),
                                      .argv = argv,
                                      .argv_n = spec->argv_n,
                                      .env = i->run.env,
                                      .env_n = i->run.env_n,
                                      .user = i->spec->user,
                                      .timeout_ms = health_timeout_ms(spec)},
                        });
    arena_deinit(&mem);
}

void life_time(struct control *c, struct turn *t, struct local *i)
{
    if (i->phase == PHASE_ENDING && t->now_us >= i->kill_us) {
        life_signal(t, &i->id, SIGNAL_KILL);
        i->kill_us = t->now_us + LIFE_KILL_AGAIN;
    }
    if (i->phase == PHASE_UP && i->spec->check.kind != CHECK_KIND_NONE) {
        uint64_t number = health_ask(&i->health, &i->spec->check, t->now_us);

        if (number)
            check(c, t, i, number);
    }
}

uint64_t life_check_now(struct control *c, struct turn *t, struct local *i, bool *ret_shared)
{
    uint64_t before = i->health.number;

    health_soon(&i->health, t->now_us);
    life_time(c, t, i);
    *ret_shared = i->health.number == before;
    return i->health.number;
}

kith_time life_deadline(const struct local *i)
{
    if (i->phase == PHASE_ENDING)
        return i->kill_us;
    if (i->phase == PHASE_UP && i->spec->check.kind != CHECK_KIND_NONE)
        return health_deadline(&i->health);
    return KITH_NEVER;
}
