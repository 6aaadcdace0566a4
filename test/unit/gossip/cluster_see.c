#include "cluster_inside.h"

#include "base/mem.h"
#include "test.h"
#include "wire/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what they see ---- */

uint64_t node_wakes(const struct cluster *c, size_t i)
{
    return c->nodes[i]->wakes;
}

bool node_runs(const struct cluster *c, size_t i)
{
    return c->nodes[i]->up;
}

const struct member *node_member(struct cluster *c, size_t by, size_t i)
{
    return members_get(c->nodes[by]->members, &c->nodes[i]->id);
}

enum member_state node_sees(struct cluster *c, size_t by, size_t i)
{
    const struct member *m = node_member(c, by, i);
    return m ? m->state : MEMBER_STATE_UNKNOWN;
}

static bool agreed(struct cluster *c)
{
    size_t up = 0;
    for (size_t i = 0; i < c->n; i++)
        up += c->nodes[i]->up;
    for (size_t i = 0; i < c->n; i++) {
        if (!c->nodes[i]->up)
            continue;
        if (members_alive(c->nodes[i]->members) != up)
            return false;
        for (size_t k = 0; k < c->n; k++) {
            if (c->nodes[k]->up && node_sees(c, i, k) != MEMBER_STATE_ALIVE)
                return false;
        }
    }
    return true;
}

bool cluster_agrees(struct cluster *c, kith_time within_us)
{
    kith_time until = c->now_us + within_us;
    while (!agreed(c)) {
        if (!cluster_advance(c, until))
            return agreed(c);
    }
    return true;
}

static bool all_see(struct cluster *c, size_t i, enum member_state state)
{
    for (size_t k = 0; k < c->n; k++) {
        if (k != i && c->nodes[k]->up && node_sees(c, k, i) != state)
            return false;
    }
    return true;
}

kith_time cluster_sees(struct cluster *c, size_t i, enum member_state state, kith_time within_us)
{
    kith_time from = c->now_us;
    while (!all_see(c, i, state)) {
        if (!cluster_advance(c, from + within_us))
            return -1;
    }
    return c->now_us - from;
}

static bool same(struct cluster *c)
{
    uint64_t digest = 0;
    bool first = true;
    for (size_t i = 0; i < c->n; i++) {
        if (!c->nodes[i]->up)
            continue;
        uint64_t d = state_digest(c->nodes[i]->state);
        if (!first && d != digest)
            return false;
        digest = d;
        first = false;
    }
    return true;
}

bool cluster_same_tables(struct cluster *c, kith_time within_us)
{
    kith_time until = c->now_us + within_us;
    while (!same(c)) {
        if (!cluster_advance(c, until))
            return same(c);
    }
    return true;
}

uint64_t node_incarnation(const struct cluster *c, size_t i)
{
    return state_incarnation(c->nodes[i]->state);
}

int64_t node_count(const struct cluster *c, size_t i, const char *counter)
{
    struct arena mem = {0};
    struct info info = {0};
    int64_t value = -1;
    gossip_counters(c->nodes[i]->gossip, &info, &mem);
    for (uint32_t k = 0; k < info.counters_n; k++) {
        struct bytes name = info.counters[k].name;
        if (bytes_equal_str(name, counter) ||
            (name.len > 7 && bytes_equal_str(bytes_of(name.data + 7, name.len - 7), counter)))
            value = info.counters[k].value;
    }
    arena_deinit(&mem);
    assert_true(value >= 0); /* there is such a counter */
    return value;
}

uint64_t cluster_count(const struct cluster *c, const char *counter)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (c->nodes[i]->up)
            sum += (uint64_t)node_count(c, i, counter);
    }
    return sum;
}

size_t node_logged(const struct cluster *c, size_t i, const char *part)
{
    size_t n = 0;
    for (size_t k = 0; k < c->nodes[i]->lines_n; k++)
        n += strstr(c->nodes[i]->lines[k], part) != NULL;
    return n;
}

struct ulid node_id(const struct cluster *c, size_t i)
{
    return c->nodes[i]->id;
}

struct state *node_state(const struct cluster *c, size_t i)
{
    return c->nodes[i]->state;
}

void node_way(struct cluster *c, size_t i, size_t way, bool open)
{
    c->way_cut[i][way] = !open;
}

size_t node_uses(struct cluster *c, size_t by, size_t i)
{
    return node_member(c, by, i)->way;
}

size_t node_subscriptions(const struct cluster *c, size_t i)
{
    size_t n = 0;
    for (size_t k = 0; k < c->n; k++)
        n += c->nodes[i]->subscribed[k];
    return n;
}

const char *node_delivered(struct cluster *c, size_t i)
{
    return buf_cstr(&c->nodes[i]->delivered);
}

size_t node_delivered_n(const struct cluster *c, size_t i, uint64_t *ret_dropped)
{
    if (ret_dropped)
        *ret_dropped = c->nodes[i]->delivered_dropped;
    return c->nodes[i]->delivered_n;
}

void node_delivered_reset(struct cluster *c, size_t i)
{
    buf_reset(&c->nodes[i]->delivered);
    c->nodes[i]->delivered_n = 0;
}

size_t node_topic_links(const struct cluster *c, size_t i)
{
    size_t n = 0;
    for (size_t k = 0; k < c->n; k++)
        n += c->nodes[i]->topic_sent[k];
    return n;
}

void node_sample(struct cluster *c, size_t i, uint16_t cpu_permille, uint16_t memory_permille)
{
    struct event event = {.kind = EVENT_SAMPLE};
    event.sample = (struct event_sample){cpu_permille, memory_permille};
    if (c->nodes[i]->up && !c->nodes[i]->paused)
        node_step(c, i, &event);
}

void node_checked(struct cluster *c, size_t i, const struct ulid *instance, kith_time took_us)
{
    struct event event = {.kind = EVENT_CHECKED};
    event.checked = (struct event_checked){.instance = *instance, .ok = true, .took_us = took_us};
    node_step(c, i, &event);
}

const struct loads *node_loads(const struct cluster *c, size_t i)
{
    return c->nodes[i]->loads;
}

/* ---- strangers and people ---- */

size_t node_frame(struct cluster *c, size_t i, const struct stranger *who, enum wire_kind kind,
                  struct bytes payload)
{
    struct node *n = c->nodes[i];
    struct buf frame = {0};
    struct envelope e = {
        .format = FRAME_FORMAT,
        .cluster = ulid_is_zero(&who->cluster) ? n->post.cluster : who->cluster,
        .sender = who->id,
        .boot = who->boot,
        .proto_min = FRAME_PROTO_MIN,
        .proto_max = FRAME_PROTO_MAX,
        .lane = frame_kind(kind)->lane,
        .kind = (uint16_t)kind,
        .seq = 1,
        .correlation = 99,
    };
    frame_pack(&frame, &e, payload);
    struct event event = {.kind = EVENT_FRAME};
    event.frame = (struct event_frame){.door = who->door,
                                       .route = who->route,
                                       .from = bytes_str(who->from),
                                       .frame = buf_bytes(&frame)};
    if (who->key)
        event.frame.key = *who->key;
    n->answers = 0;
    node_step(c, i, &event);
    cluster_run(c, 3 * STORE_TAKES);
    buf_deinit(&frame);
    return n->answers;
}

void node_garbage(struct cluster *c, size_t i, const char *from)
{
    struct event event = {.kind = EVENT_FRAME};
    event.frame = (struct event_frame){
        .route = 1, .from = bytes_str(from), .frame = bytes_str("GET / HTTP/1.1")};
    node_step(c, i, &event);
}

enum wire_kind node_answer(struct cluster *c, size_t i, struct bytes *ret_payload)
{
    struct frame frame;
    struct wire_error err;
    assert_int_equal(frame_unpack(&frame, buf_bytes(&c->nodes[i]->answer), &c->cluster, &err) &
                         ~FRAME_CLUSTER,
                     0);
    *ret_payload = frame.payload;
    return (enum wire_kind)frame.envelope.kind;
}

struct bytes node_ask(struct cluster *c, size_t i, enum wire_kind kind, struct bytes payload,
                      enum wire_kind *ret_kind)
{
    struct bytes answer;
    struct stranger local = {.id = {"kith"}, .boot = {"kith"}, .door = DOOR_LOCAL, .route = 1};
    local.from = "ipc";
    assert_int_equal(node_frame(c, i, &local, kind, payload), 1);
    *ret_kind = node_answer(c, i, &answer);
    return answer;
}
