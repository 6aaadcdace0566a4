#include "peer/info.h"

#include "base/buf.h"
#include "trust/authority.h"

static struct bytes text(struct arena *mem, const char *first, const char *second)
{
    return bytes_str(arena_printf(mem, "%s%s", first, second));
}

static void pong(struct turn *t, const struct incoming *in)
{
    struct buf payload = {0};
    pong_encode(&payload, &(struct pong){.wall_us = t->wall_us});
    turn_reply(t, in, WIRE_PONG, buf_bytes(&payload), /* wait= */ 0);
    buf_deinit(&payload);
}

/* `list` has room for it. */
static void add(struct info *info, struct counter *list, struct bytes name, uint64_t value)
{
    list[info->counters_n++] = (struct counter){.name = name, .value = (int64_t)value};
}

void info_count(struct info_about *about, enum wire_lane lane, size_t bytes)
{
    if ((size_t)lane >= POST_LANES)
        return;
    about->received[lane].frames++;
    about->received[lane].bytes += bytes;
}

bool info_receive(struct info_about *about, struct turn *t, const struct incoming *in)
{
    if (in->envelope->kind != WIRE_GET_INFO && in->envelope->kind != WIRE_PING)
        return false;
    struct authority_subject who = {.kind = in->who.kind};
    if (!may(&who, AUTHORITY_READ, (struct bytes){0})) {
        turn_fail(t, in, FAIL_CODE_NOT_ALLOWED, "this key may not read");
        return true;
    }
    if (in->envelope->kind == WIRE_PING) {
        pong(t, in);
        return true;
    }
    if (about->asks_n == INFO_ASKS_MAX) {
        turn_fail(t, in, FAIL_CODE_BUSY, "%d others wait for the same answer", INFO_ASKS_MAX);
        return true;
    }
    about->asks[about->asks_n++] =
        (struct info_ask){.route = in->route, .correlation = in->envelope->correlation};
    if (about->asks_n == 1)
        effects_add(t->out, &(struct effect){.kind = EFFECT_COUNT});
    return true;
}

static void add_machine(struct info *info, const struct info_about *about, const struct turn *t,
                        struct arena *mem)
{
    const struct {
        const char *name;
        uint64_t value;
    } list[] = {
        {"peer_steps", about->steps},
        {"store_failures", about->store_failures},
        {"store_token", state_token(t->state)},
        {"store_unstored", state_unstored(t->state)},
        {"outbox_effects", about->outbox_count},
        {"outbox_dropped", about->outbox_dropped},
    };
    size_t count = sizeof(list) / sizeof(list[0]);
    struct counter *out = arena_array(mem, count, sizeof(*out));
    for (size_t i = 0; i < count; i++)
        add(info, out, bytes_str(list[i].name), list[i].value);
    info->counters = out;
}

/* Frames and bytes by lane, and what the world around counts. */
static void add_traffic(struct info *info, const struct info_about *about, const struct turn *t,
                        const struct event_counted *counted, struct arena *mem)
{
    const struct wire_enum *lanes = &wire_lane_enum;
    size_t room = info->counters_n + 4 * lanes->values_n + counted->counters_n;
    struct counter *list = arena_array(mem, room, sizeof(*list));
    for (uint32_t i = 0; i < info->counters_n; i++)
        list[i] = info->counters[i];
    for (size_t i = 0; i < lanes->values_n; i++) {
        const char *lane = arena_printf(mem, "lane.%s.", lanes->values[i].name);
        const struct post_count *in = &about->received[lanes->values[i].id];
        const struct post_count *out = &t->post->made[lanes->values[i].id];
        add(info, list, text(mem, lane, "frames_in"), in->frames);
        add(info, list, text(mem, lane, "bytes_in"), in->bytes);
        add(info, list, text(mem, lane, "frames_out"), out->frames);
        add(info, list, text(mem, lane, "bytes_out"), out->bytes);
    }
    for (uint32_t i = 0; i < counted->counters_n; i++)
        add(info, list, counted->counters[i].name, (uint64_t)counted->counters[i].value);
    info->counters = list;
}

void info_counted(struct info_about *about, const struct gossip *gossip,
                  const struct control *control, const struct members *members, struct turn *t,
                  const struct event_counted *counted)
{
    struct arena mem = {0};
    struct info info = {
        .id = t->post->self,
        .name = about->name,
        .cluster = t->post->cluster,
        .version = about->version,
        .incarnation = state_incarnation(t->state),
        .members_alive = (uint32_t)members_alive(members),
        .members_known = (uint32_t)members_count(members),
        .uptime_ms = (uint64_t)((t->now_us - about->started_us) / KITH_MS),
        .rows = state_count(t->state),
        .digest = state_digest(t->state),
        .clock_ahead = state_clock_ahead(t->state),
    };
    add_machine(&info, about, t, &mem);
    gossip_counters(gossip, &info, &mem);
    control_counters(control, &info, &mem);
    add_traffic(&info, about, t, counted, &mem);

    struct buf payload = {0};
    info_encode(&payload, &info);
    for (size_t i = 0; i < about->asks_n; i++)
        post_reply(t->post, t->out, about->asks[i].route, WIRE_INFO, buf_bytes(&payload),
                   about->asks[i].correlation);
    about->asks_n = 0;
    buf_deinit(&payload);
    arena_deinit(&mem);
}
