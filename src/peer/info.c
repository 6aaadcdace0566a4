#include "peer/info.h"

#include "base/buf.h"
#include "trust/authority.h"

static void add(struct info *info, struct arena *mem, const char *name, uint64_t value)
{
    struct counter *list = arena_array(mem, info->counters_n + 1, sizeof(*list));
    for (uint32_t i = 0; i < info->counters_n; i++)
        list[i] = info->counters[i];
    list[info->counters_n] = (struct counter){.name = bytes_str(name), .value = (int64_t)value};
    info->counters = list;
    info->counters_n++;
}

static void pong(struct turn *t, const struct incoming *in)
{
    struct buf payload = {0};
    pong_encode(&payload, &(struct pong){.wall_us = t->wall_us});
    turn_reply(t, in, WIRE_PONG, buf_bytes(&payload), /* wait= */ 0);
    buf_deinit(&payload);
}

bool info_receive(const struct info_about *about, const struct gossip *gossip,
                  const struct control *control, const struct members *members, struct turn *t,
                  const struct incoming *in)
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
    add(&info, &mem, "peer_steps", about->steps);
    add(&info, &mem, "store_failures", about->store_failures);
    add(&info, &mem, "store_token", state_token(t->state));
    add(&info, &mem, "outbox_effects", about->outbox_count);
    add(&info, &mem, "outbox_dropped", about->outbox_dropped);
    gossip_counters(gossip, &info, &mem);
    control_counters(control, &info, &mem);

    struct buf payload = {0};
    info_encode(&payload, &info);
    turn_reply(t, in, WIRE_INFO, buf_bytes(&payload), 0);
    buf_deinit(&payload);
    arena_deinit(&mem);
    return true;
}
