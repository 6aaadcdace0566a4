#include "sim/race.h"

#include "base/mem.h"
#include "wire/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE    (15 * KITH_SEC) /* longer than any peer takes to answer */
#define SESSION_TTL 6000u           /* ms */
#define VALUES_MAX  65536u

enum asked { ASKED_NOTHING, ASKED_COUNT, ASKED_SESSION, ASKED_LOCK, ASKED_UNLOCK, ASKED_RENEW };

struct client {
    enum asked asked;
    uint64_t seq;
    uint64_t value; /* that it counts to */
    kith_time since_us;
    struct ulid session; /* zero: none */
    bool holds;          /* was told so, and has not given it back */
    bool succeeded;      /* since faults ended */
};

struct race {
    struct site_world *w;
    struct client *clients;
    struct ulid id, boot;
    uint64_t seq;
    bool healed;
    bool *counted;   /* by value */
    uint32_t *turns; /* by LockIndex: the client that was told, from 1 */
    uint64_t highest;
    struct race_counts counts;
    uint32_t counters; /* 0: all race */
    uint32_t *took_us; /* each count that was answered */
    size_t took_n, took_cap;
    struct ulid_source ulids;
};

struct race *race_new(struct site_world *w, uint32_t counters)
{
    struct race *r = mem_alloc(sizeof(*r));

    r->w = w;
    r->counters = counters;
    r->clients = mem_alloc(w->sites_n * sizeof(*r->clients));
    r->counted = mem_alloc(VALUES_MAX * sizeof(*r->counted));
    r->turns = mem_alloc(VALUES_MAX * sizeof(*r->turns));
    ulid_next(&r->ulids, &r->id, SITE_WALL_START, w->rng);
    ulid_next(&r->ulids, &r->boot, SITE_WALL_START, w->rng);
    return r;
}

void race_free(struct race *r)
{
    if (!r)
        return;
    mem_free(r->clients);
    mem_free(r->counted);
    mem_free(r->turns);
    mem_free(r->took_us);
    mem_free(r);
}

static int compare_times(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

struct race_counts race_counts(const struct race *r)
{
    struct race_counts ret = r->counts;

    if (r->took_n) {
        qsort(r->took_us, r->took_n, sizeof(*r->took_us), compare_times);
        ret.p50_us = r->took_us[r->took_n / 2];
        ret.p99_us = r->took_us[r->took_n * 99 / 100];
    }
    return ret;
}

static void note_took(struct race *r, kith_time took_us)
{
    if (r->took_n == r->took_cap) {
        r->took_cap = r->took_cap ? 2 * r->took_cap : 256;
        r->took_us = mem_grow(r->took_us, r->took_cap, sizeof(*r->took_us));
    }
    r->took_us[r->took_n++] = (uint32_t)took_us;
}

/* The client of this host takes part. */
static bool takes_part(const struct race *r, uint32_t host)
{
    return !r->counters || host < r->counters;
}

/* ---- what is asked ---- */

static void ask(struct race *r, uint32_t host, enum asked what, enum wire_kind kind,
                const struct buf *payload, kith_time now_us)
{
    struct client *c = &r->clients[host];
    struct envelope envelope = {.format = FRAME_FORMAT,
                                .cluster = r->w->cluster,
                                .sender = r->id,
                                .boot = r->boot,
                                .proto_min = FRAME_PROTO_MIN,
                                .proto_max = FRAME_PROTO_MAX,
                                .lane = WIRE_LANE_CLIENT,
                                .kind = (uint16_t)kind,
                                .seq = ++r->seq,
                                .correlation = r->seq};
    struct buf frame = {0};

    c->asked = what;
    c->seq = r->seq;
    c->since_us = now_us;
    frame_pack(&frame, &envelope, buf_bytes(payload));
    site_request(r->w->sites[host], RACE_ROUTE | r->seq, buf_bytes(&frame), now_us);
    buf_deinit(&frame);
}

static void change(struct race *r, uint32_t host, enum asked what, const struct key_op *op,
                   kith_time now_us)
{
    struct change_keys request = {.ops = op, .ops_n = 1};
    struct buf payload = {0};

    change_keys_encode(&payload, &request);
    ask(r, host, what, WIRE_CHANGE_KEYS, &payload, now_us);
    buf_deinit(&payload);
}

/* What the key is at, as the host shows it; its index, 0 when it is not there. */
static uint64_t read_key(const struct race *r, uint32_t host, uint64_t *ret_index)
{
    const struct state *state = peer_state(site_peer(r->w->sites[host]));
    struct key_row value;
    struct wire_error err;
    struct row row;
    uint64_t n = 0;

    *ret_index = 0;
    if (!state_look(state, TABLE_ID_KEY, bytes_str("race/n"), &row) ||
        key_row_decode(&value, row.value, /* mem= */ NULL, &err))
        return 0;
    *ret_index = row.version.minor;
    for (size_t i = 0; i < value.value.len; i++)
        n = n * 10 + (uint64_t)(value.value.data[i] - '0');
    return n;
}

static void count_up(struct race *r, uint32_t host, kith_time now_us)
{
    char text[24];
    struct key_op op = {.kind = KEY_OP_KIND_CAS, .key = bytes_str("race/n")};
    struct client *c = &r->clients[host];

    c->value = read_key(r, host, &op.index) + 1;
    snprintf(text, sizeof(text), "%llu", (unsigned long long)c->value);
    op.value = bytes_str(text);
    change(r, host, ASKED_COUNT, &op, now_us);
}

static void open_session(struct race *r, uint32_t host, kith_time now_us)
{
    struct open_session request = {.session = {.ttl_ms = SESSION_TTL, .delay_ms = 500}};
    struct buf payload = {0};

    open_session_encode(&payload, &request);
    ask(r, host, ASKED_SESSION, WIRE_OPEN_SESSION, &payload, now_us);
    buf_deinit(&payload);
}

static void renew(struct race *r, uint32_t host, kith_time now_us)
{
    struct renew_session request = {.id = r->clients[host].session};
    struct buf payload = {0};

    renew_session_encode(&payload, &request);
    ask(r, host, ASKED_RENEW, WIRE_RENEW_SESSION, &payload, now_us);
    buf_deinit(&payload);
}

static void lock(struct race *r, uint32_t host, kith_time now_us)
{
    struct client *c = &r->clients[host];
    struct key_op op = {.kind = c->holds ? KEY_OP_KIND_UNLOCK : KEY_OP_KIND_LOCK,
                        .key = bytes_str("race/lock"),
                        .session = c->session};

    change(r, host, c->holds ? ASKED_UNLOCK : ASKED_LOCK, &op, now_us);
}

static void forget(struct race *r, struct client *c)
{
    r->counts.unknown += c->asked == ASKED_COUNT;
    if (c->asked == ASKED_LOCK || c->asked == ASKED_UNLOCK)
        c->session =
            (struct ulid){0}; /* nobody knows what it has: another one, and this one lapses */
    c->holds = false;
    c->asked = ASKED_NOTHING;
}

kith_time race_act(struct race *r, uint32_t host, kith_time now_us)
{
    struct client *c = &r->clients[host];
    struct site *s = r->w->sites[host];
    struct rng *rng = r->w->rng;
    kith_time until;

    if (c->asked != ASKED_NOTHING && now_us >= c->since_us + PATIENCE)
        forget(r, c);
    if (!takes_part(r, host) || (r->healed && c->succeeded && c->asked == ASKED_NOTHING))
        return KITH_NEVER;
    if (c->asked == ASKED_NOTHING && site_runs(s) && !site_paused(s, &until)) {
        if (r->counters || r->healed || rng_below(rng, 2) == 0)
            count_up(r, host, now_us);
        else if (ulid_is_zero(&c->session))
            open_session(r, host, now_us);
        else if (c->holds && rng_below(rng, 3) > 0)
            renew(r, host, now_us);
        else
            lock(r, host, now_us);
    }
    return now_us + rng_between(rng, 20 * KITH_MS, 400 * KITH_MS);
}

/* ---- answers ---- */

static void told_counted(struct race *r, uint32_t host, kith_time now_us)
{
    struct client *c = &r->clients[host];

    r->counts.counted++;
    c->succeeded = c->succeeded || r->healed;
    if (c->value > r->highest)
        r->highest = c->value;
    if (c->value < VALUES_MAX && r->counted[c->value])
        check_violation(r->w->check, host, now_us,
                        "two clients were told that they counted to %llu",
                        (unsigned long long)c->value);
    if (c->value < VALUES_MAX)
        r->counted[c->value] = true;
}

static void told_locked(struct race *r, uint32_t host, const struct keys_changed *answer,
                        kith_time now_us)
{
    uint64_t turn = answer->results_n ? answer->results[0].locks : 0;

    r->counts.locked++;
    r->clients[host].holds = true;
    if (turn == 0 || turn >= VALUES_MAX)
        check_violation(r->w->check, host, now_us, "a lock was given without a turn");
    else if (r->turns[turn] && r->turns[turn] != host + 1)
        check_violation(r->w->check, host, now_us,
                        "the lock was given twice in turn %llu: to the client of host %u, too",
                        (unsigned long long)turn, r->turns[turn]);
    else
        r->turns[turn] = host + 1;
}

static void take_changed(struct race *r, uint32_t host, const struct keys_changed *answer,
                         kith_time now_us)
{
    struct client *c = &r->clients[host];

    r->counts.told_false += !answer->done;
    if (c->asked == ASKED_COUNT)
        note_took(r, now_us - c->since_us);
    if (c->asked == ASKED_COUNT && answer->done)
        told_counted(r, host, now_us);
    if (c->asked == ASKED_LOCK && answer->done)
        told_locked(r, host, answer, now_us);
    if (c->asked == ASKED_UNLOCK)
        c->holds = false;
    if (answer->errors_n && answer->errors[0].no_session)
        c->session = (struct ulid){0};
}

static void take_failed(struct race *r, struct client *c, const struct failed *failed)
{
    if (failed->code == FAIL_CODE_UNCONFIRMED) {
        forget(r, c);
        return;
    }
    r->counts.refused++;
    if (c->asked == ASKED_RENEW) {
        c->session = (struct ulid){0};
        c->holds = false;
    }
}

void race_reply(struct race *r, uint32_t host, uint64_t route, struct bytes frame, kith_time now_us)
{
    struct client *c = &r->clients[host];
    struct frame f;
    struct keys_changed changed;
    struct session_told told;
    struct failed failed;
    struct wire_error err;
    struct arena mem = {0};

    if ((route & (RACE_ROUTE - 1)) != c->seq || c->asked == ASKED_NOTHING)
        return; /* nobody waits for it any more */
    if (frame_unpack(&f, frame, &r->w->cluster, &err) != 0)
        check_violation(r->w->check, host, now_us, "answers a client with garbage: %s", err.why);
    else if (f.envelope.kind == WIRE_KEYS_CHANGED &&
             keys_changed_decode(&changed, f.payload, &mem, &err) == 0)
        take_changed(r, host, &changed, now_us);
    else if (f.envelope.kind == WIRE_SESSION_TOLD &&
             session_told_decode(&told, f.payload, &mem, &err) == 0)
        c->session = told.id;
    else if (f.envelope.kind == WIRE_FAILED && failed_decode(&failed, f.payload, &mem, &err) == 0)
        take_failed(r, c, &failed);
    c->asked = ASKED_NOTHING;
    arena_deinit(&mem);
}

/* ---- the end ---- */

void race_heal(struct race *r)
{
    r->healed = true;
}

bool race_is_over(const struct race *r, struct buf *why)
{
    for (uint32_t i = 0; i < r->w->sites_n; i++) {
        if (!takes_part(r, i) || (r->clients[i].succeeded && r->clients[i].asked == ASKED_NOTHING))
            continue;
        buf_printf(why, "the client of host %u has not counted up since", i + 1);
        return false;
    }
    return true;
}

void race_final(struct race *r, uint32_t host, kith_time now_us)
{
    uint64_t index, value = read_key(r, host, &index);

    if (value < r->counts.counted || value > r->counts.counted + r->counts.unknown ||
        value < r->highest)
        check_violation(
            r->w->check, host, now_us,
            "the key is at %llu: %llu were told that they counted up, to %llu, and %llu "
            "were told nothing",
            (unsigned long long)value, (unsigned long long)r->counts.counted,
            (unsigned long long)r->highest, (unsigned long long)r->counts.unknown);
}
