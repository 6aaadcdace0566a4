#include "cmd/kith_halt.h"

#include "cmd/kith_reach.h"

#include <string.h>

#define HALT_TIMEOUT_MS 120000
#define STEP_MS         2000 /* for one look */
#define NAMES_SHOWN     8

static bool gone(const struct ask *a)
{
    return a->result == KITH_CLIENT_UNREACHABLE;
}

/* Only what still has, or may get, a process. */
static bool left(const struct instance_info *i)
{
    return i->state == INSTANCE_STATE_STARTING || i->state == INSTANCE_STATE_RUNNING ||
           i->state == INSTANCE_STATE_UNHEALTHY || i->state == INSTANCE_STATE_STOPPING;
}

static bool on_live_host(const struct instance_info *i)
{
    return i->node_state != MEMBER_STATE_DEAD && i->node_state != MEMBER_STATE_LEFT;
}

/* "3 instances left: api, redis"; each service once. */
static size_t describe(struct buf *out, const struct instances *all)
{
    struct buf names = {0};
    size_t n = 0, shown = 0;
    struct bytes last = {0};

    for (uint32_t i = 0; i < all->instances_n; i++) {
        const struct instance_info *item = &all->instances[i];

        if (!left(item) || !on_live_host(item))
            continue;
        n++;
        if (bytes_equal(last, item->service))
            continue;
        last = item->service;
        if (shown++ < NAMES_SHOWN)
            buf_printf(&names, "%s" BYTES_FMT, shown > 1 ? ", " : "", BYTES_ARG(last));
    }
    if (n)
        buf_printf(out, "%zu instance%s left: %s%s", n, n == 1 ? "" : "s", buf_cstr(&names),
                   shown > NAMES_SHOWN ? ", ..." : "");
    else
        buf_str(out, "every service is stopped");
    buf_deinit(&names);
    return n;
}

/* Looks until nothing runs. The peer may end right after: then it is over as well. */
static int wait_for_services(struct kith *k, kith_time deadline_us)
{
    struct buf line = {0}, last = {0};
    int status = KITH_DONE;

    for (;;) {
        struct ask a = ask_once(k, WIRE_GET_INSTANCES, &(struct get_instances){0}, STEP_MS);

        if (gone(&a))
            break;
        buf_reset(&line);
        if (a.result == KITH_CLIENT_OK && a.kind == WIRE_INSTANCES &&
            describe(&line, a.answer) == 0) {
            kith_tell("%s", buf_cstr(&line));
            break;
        }
        if (line.len && !bytes_equal(buf_bytes(&line), buf_bytes(&last))) {
            kith_tell("%s", buf_cstr(&line));
            buf_reset(&last);
            buf_append(&last, line.data, line.len);
        }
        if (ask_now() >= deadline_us) {
            status = kith_failed(
                "not everything stopped in time: %s; look with `kith instances`, wait on with "
                "`kith stop --all`",
                line.len ? buf_cstr(&line) : "the peer does not answer");
            break;
        }
        arena_reset(&k->mem);
        ask_pause();
    }
    buf_deinit(&line);
    buf_deinit(&last);
    return status;
}

int halt_wait_for_peer(struct kith *k, kith_time deadline_us)
{
    for (;;) {
        struct ask a = ask_once(k, WIRE_GET_INFO, &(struct get_info){0}, STEP_MS);

        if (gone(&a))
            return KITH_DONE;
        if (ask_now() >= deadline_us)
            return kith_failed(
                "the daemon has not ended in time; look with `kith instances`, or wait longer with "
                "--timeout");
        arena_reset(&k->mem);
        ask_pause();
    }
}

static int wait_for_daemons(struct kith *k, const struct reach *others, kith_time deadline_us)
{
    int status = halt_wait_for_peer(k, deadline_us);
    size_t n = 0;

    while (status == KITH_DONE && (n = reach_count(others)) > 0) {
        if (ask_now() >= deadline_us)
            return kith_failed("%zu daemons have not ended in time; look on their hosts", n);
        ask_pause();
    }
    if (status == KITH_DONE)
        kith_tell("every daemon has ended");
    return status;
}

int halt_all(struct kith *k)
{
    kith_time deadline_us = ask_now() + ask_timeout_ms(k, HALT_TIMEOUT_MS) * KITH_MS;
    bool daemons = !args_has(&k->args, FLAG_KEEP_DAEMONS);
    struct change request = {
        .id = ask_fresh_id(), .kind = COMMAND_KIND_STOP_ALL, .daemons = daemons};
    struct reach others = {0};
    int status = KITH_DONE;

    if (daemons)
        status = reach_find(k, &others);
    if (status == KITH_DONE)
        status = ask_and_show(k, WIRE_CHANGE, &request, WIRE_CHANGED, VIEW_ONE);
    if (status == KITH_DONE)
        status = wait_for_services(k, deadline_us);
    if (status == KITH_DONE && daemons)
        status = wait_for_daemons(k, &others, deadline_us);
    reach_deinit(&others);
    return status;
}
