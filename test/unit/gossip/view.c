#include "view.h"

#include "base/mem.h"
#include "gossip/neighbours_inside.h"
#include "test.h"

#include <stdio.h>
#include <string.h>

struct ulid view_id(unsigned member)
{
    struct ulid id = {{0}};
    id.b[15] = (uint8_t)member;
    return id;
}

static void uri_of(char ret[32], unsigned member, int port)
{
    snprintf(ret, 32, "tcp://127.0.0.%u:%d", member, port);
}

static void meet(struct view *v, unsigned member, bool left)
{
    char bulk[32], pub[32];
    struct ulid id = view_id(member);
    struct buf value = {0};
    uri_of(bulk, member, 5488);
    uri_of(pub, member, 5485);
    const struct member_addr addrs[] = {{ADDR_ROLE_BULK, bytes_str(bulk)},
                                        {ADDR_ROLE_PUB, bytes_str(pub)}};
    struct member_row m = {
        .name = bytes_str("m"), .addrs = addrs, .addrs_n = 2, .boot = id, .left = left};
    member_row_encode(&value, &m);
    struct record r = {.namespace = bytes_str(STATE_NAMESPACE),
                       .table = TABLE_ID_MEMBER,
                       .key = ulid_bytes(&id),
                       .value = buf_bytes(&value),
                       .version = {.major = 1, .minor = left ? 2 : 1},
                       .origin = id};
    record_encode(&v->payload, &r);
    struct member before;
    const struct row *row;
    if (!ulid_equal(&id, &v->core.self)) {
        assert_int_equal(state_merge(v->state, buf_bytes(&v->payload)), 0);
        row = state_get(v->state, TABLE_ID_MEMBER, ulid_bytes(&id));
        assert_true(members_changed(v->members, row, 0, &before));
    }
    buf_reset(&v->payload);
    buf_deinit(&value);
}

void view_init(struct view *v, unsigned self)
{
    *v = (struct view){0};
    struct state_config config = {.self = view_id(self), .incarnation = 1};
    v->state = state_new(&config);
    state_clock(v->state, KITH_SEC);
    v->members = members_new();
    rng_seed(&v->rng, 1);
    v->core = (struct core){.self = view_id(self), .members = v->members, .member = true};
    v->core.atlas = atlas_new(&v->core.self);
    v->post = (struct post){.self = view_id(self)};
    v->turn = (struct turn){.now_us = 1000 * KITH_SEC,
                            .rng = &v->rng,
                            .state = v->state,
                            .out = &v->out,
                            .post = &v->post};
    for (unsigned i = 1; i <= VIEW_MEMBERS; i++)
        meet(v, i, false);
    neighbours_init(&v->links, &v->core);
    v->links.on = true;
    tree_init(&v->tree, &v->core, &v->links);
    tree_start(&v->tree, &v->turn);
    v->spread = spread_new(&v->core, &v->links, &v->tree);
    spread_start(v->spread, &v->turn);
}

void view_crowd(struct view *v, unsigned members)
{
    for (unsigned i = VIEW_MEMBERS + 1; i <= members; i++)
        meet(v, i, false);
}

void view_deinit(struct view *v)
{
    spread_free(v->spread);
    atlas_free(v->core.atlas);
    members_free(v->members);
    state_free(v->state);
    effects_deinit(&v->out);
    buf_deinit(&v->payload);
}

int view_link(struct view *v, unsigned member, kith_time rtt_us)
{
    struct ulid id = view_id(member);
    neighbours_add(&v->links, &v->turn, &id, /* near= */ false, rtt_us);
    int slot = neighbours_slot(&v->links, &id);
    tree_made(&v->tree, &v->turn, slot);
    spread_made(v->spread, &v->turn, slot);
    return slot;
}

void view_unlink(struct view *v, int slot)
{
    v->links.slots[slot] = (struct neighbour){0};
    tree_gone(&v->tree, &v->turn, slot);
    spread_gone(v->spread, slot);
}

void view_dies(struct view *v, unsigned member)
{
    meet(v, member, /* left= */ true);
}

static bool receive(struct view *v, unsigned from, enum wire_kind kind)
{
    struct envelope e = {.kind = (uint16_t)kind, .sender = view_id(from)};
    struct incoming in = {.who = {.kind = PRINCIPAL_KIND_NODE, .id = view_id(from)},
                          .envelope = &e,
                          .payload = buf_bytes(&v->payload),
                          .route = 77};
    struct arena mem = {0};
    struct cast cast = {0};
    if (!neighbours_receive(&v->links, &v->turn, &in) &&
        !tree_receive(&v->tree, &v->turn, &in, neighbours_slot(&v->links, &in.who.id)))
        assert_true(spread_receive(v->spread, &v->turn, &in, &mem, &cast));
    bool news = cast.records_n > 0;
    arena_deinit(&mem);
    buf_reset(&v->payload);
    return news;
}

void view_beacon(struct view *v, unsigned from, unsigned root, uint64_t round, uint64_t distance_us,
                 unsigned parent)
{
    struct beacon b = {.root = view_id(root),
                       .round = (UINT64_C(1) << 32) + round,
                       .distance_us = distance_us,
                       .parent = view_id(parent)};
    view_tell(v, from, &b);
}

void view_tell(struct view *v, unsigned from, const struct beacon *b)
{
    beacon_encode(&v->payload, b);
    receive(v, from, WIRE_BEACON);
}

void view_place(struct view *v, unsigned member, int64_t x_us)
{
    struct ulid id = view_id(member);
    struct coord place = {.x = x_us, .height = 100, .error = 100};
    struct buf value = {0}, record = {0};
    if (ulid_equal(&id, &v->core.self)) {
        struct probe_ack ack = {.coord = {.height = 100, .error = 100}};
        struct ulid landmark = view_id(200);
        for (int i = 0; i < 200; i++)
            atlas_answered(v->core.atlas, &v->turn, &landmark, &ack, x_us + 200);
        return;
    }
    coord_encode(&value, &place);
    struct record r = {.namespace = bytes_str(STATE_NAMESPACE),
                       .table = TABLE_ID_COORD,
                       .key = ulid_bytes(&id),
                       .value = buf_bytes(&value),
                       .version = {.minor = 1},
                       .origin = id};
    record_encode(&record, &r);
    assert_int_equal(state_merge(v->state, buf_bytes(&record)), 0);
    buf_deinit(&value);
    buf_deinit(&record);
}

bool view_cast(struct view *v, unsigned from, unsigned origin, uint64_t seq, uint8_t hops)
{
    struct bytes record = bytes_str("a record, for all that this part knows");
    struct cast c = {
        .id = {view_id(origin), seq}, .hops = hops, .records = &record, .records_n = 1};
    cast_encode(&v->payload, &c);
    return receive(v, from, WIRE_CAST);
}

void view_have(struct view *v, unsigned from, unsigned origin, uint64_t seq)
{
    struct cast_id id = {view_id(origin), seq};
    have_encode(&v->payload, &(struct have){.ids = &id, .ids_n = 1});
    receive(v, from, WIRE_HAVE);
}

void view_graft(struct view *v, unsigned from, unsigned origin, uint64_t seq)
{
    struct cast_id id = {view_id(origin), seq};
    graft_encode(&v->payload, &(struct graft){.ids = &id, .ids_n = 1});
    receive(v, from, WIRE_GRAFT);
}

void view_ping(struct view *v, unsigned from)
{
    link_ping_encode(&v->payload, &(struct link_ping){.sent_us = v->turn.now_us, .linked = true});
    receive(v, from, WIRE_LINK_PING);
}

void view_wait(struct view *v, kith_time for_us)
{
    kith_time until = v->turn.now_us + for_us;
    unsigned again = 0;
    for (;;) {
        kith_time at = kith_time_min(tree_deadline(&v->tree), spread_deadline(v->spread));
        if (at > until)
            break;
        again = at > v->turn.now_us ? 0 : again + 1;
        assert_in_range(again, 0, 100); /* it asks for the time and does nothing with it */
        v->turn.now_us = at > v->turn.now_us ? at : v->turn.now_us;
        tree_time(&v->tree, &v->turn);
        spread_time(v->spread, &v->turn);
    }
    v->turn.now_us = until;
}

static bool is_kind(struct bytes bytes, enum wire_kind kind)
{
    struct frame f;
    struct wire_error err;
    struct ulid any = {{0}};
    assert_int_equal(frame_unpack(&f, bytes, &any, &err), 0);
    return f.envelope.kind == (uint16_t)kind;
}

size_t view_sent(const struct view *v, unsigned to, enum wire_kind kind)
{
    char uri[32];
    size_t n = 0;
    uri_of(uri, to, 5488);
    for (size_t i = 0; i < v->out.count; i++) {
        const struct effect *e = &v->out.items[i];
        if (to == 0)
            n += e->kind == EFFECT_PUBLISH && is_kind(e->publish, kind);
        else
            n += e->kind == EFFECT_SEND && bytes_equal_str(e->send.uri, uri) &&
                 is_kind(e->send.frame, kind);
    }
    return n;
}

size_t view_replied(const struct view *v, enum wire_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < v->out.count; i++)
        n += v->out.items[i].kind == EFFECT_REPLY && is_kind(v->out.items[i].reply.frame, kind);
    return n;
}

void view_forget(struct view *v)
{
    effects_reset(&v->out);
}
