#include "control/sessions.h"

#include "base/mem.h"
#include "control/handover.h"
#include "control/inside.h"
#include "control/keeper_decide.h"
#include "control/keyfeed.h"
#include "control/standing.h"

#include <string.h>

void sessions_deinit(struct sessions *s)
{
    mem_free(s->own);
}

/* ---- what there is ---- */

static struct buf key_of(const struct ulid *node, const struct ulid *id)
{
    struct buf key = {0};

    instance_key_put(&key, node, id);
    return key;
}

const struct row *sessions_find(struct turn *t, const struct ulid *id)
{
    struct row row = {0};

    while (state_walk(t->state, TABLE_ID_SESSION, &row)) {
        if (memcmp(row.key.data + sizeof(id->b), id->b, sizeof(id->b)) == 0)
            return state_get(t->state, TABLE_ID_SESSION, row.key);
    }
    return NULL;
}

bool session_lives(const struct control *c, const struct ulid *node, const struct session_row *row)
{
    return row->unwatched || node_lives(&c->catalog, node);
}

bool sessions_valid(const struct control *c, struct turn *t, const struct ulid *id,
                    struct ulid *ret_node, struct session_row *ret)
{
    const struct row *row = ulid_is_zero(id) ? NULL : sessions_find(t, id);
    struct arena mem = {0};
    struct wire_error err;
    bool valid = false;

    if (row && session_row_decode(ret, row->value, &mem, &err) == 0) {
        memcpy(ret_node->b, row->key.data, sizeof(ret_node->b));
        ret->name = (struct bytes){0}; /* it goes with mem */
        valid = session_lives(c, ret_node, ret);
    }
    arena_deinit(&mem);
    return valid;
}

/* ---- own ones ---- */

static struct session_due *find_own(struct sessions *s, const struct ulid *id)
{
    for (uint32_t i = 0; i < s->own_n; i++) {
        if (ulid_equal(&s->own[i].id, id))
            return &s->own[i];
    }
    return NULL;
}

static void renew(struct control *c, struct turn *t, const struct ulid *id, uint32_t ttl_ms)
{
    struct sessions *s = &c->sessions;
    struct session_due *due = find_own(s, id);

    if (!due) {
        if (s->own_n == s->own_cap) {
            s->own_cap = s->own_cap ? 2 * s->own_cap : 16;
            s->own = mem_grow(s->own, s->own_cap, sizeof(*s->own));
        }
        due = &s->own[s->own_n++];
        due->id = *id;
    }
    due->at_us = ttl_ms ? t->now_us + ttl_ms * KITH_MS : KITH_NEVER;
    c->dirty = true;
}

static void forget(struct sessions *s, const struct ulid *id)
{
    struct session_due *due = find_own(s, id);

    if (due)
        *due = s->own[--s->own_n];
}

static bool is_own(const struct control *c, struct bytes key)
{
    return memcmp(key.data, c->self.b, sizeof(c->self.b)) == 0;
}

void sessions_row(struct control *c, struct turn *t, const struct row *row)
{
    struct arena mem = {0};
    struct session_row value;
    struct wire_error err;
    struct ulid id;

    keyfeed_touch(&c->keyfeed, TABLE_ID_SESSION, row->key);
    c->keys.look = c->dirty = true;
    if (!is_own(c, row->key))
        return;
    memcpy(id.b, row->key.data + sizeof(id.b), sizeof(id.b));
    if (row->flags & ROW_TOMBSTONE)
        forget(&c->sessions, &id);
    else if (session_row_decode(&value, row->value, &mem, &err) == 0 &&
             !find_own(&c->sessions, &id))
        renew(c, t, &id, value.ttl_ms);
    arena_deinit(&mem);
}

void sessions_start(struct control *c, struct turn *t)
{
    struct row row = {0};

    while (state_walk(t->state, TABLE_ID_SESSION, &row))
        sessions_row(c, t, &row);
}

static void end(struct control *c, struct turn *t, const struct ulid *id)
{
    struct buf key = key_of(&c->self, id);

    if (state_delete(t->state, TABLE_ID_SESSION, buf_bytes(&key), /* major= */ 0) == 0) {
        forget(&c->sessions, id);
        c->dirty = true;
    }
    buf_deinit(&key);
}

/* What others took for ended is not to come back. */
static void end_watched(struct control *c, struct turn *t)
{
    struct session_row value;

    for (uint32_t i = c->sessions.own_n; i-- > 0;) {
        struct ulid id = c->sessions.own[i].id;
        struct buf key = key_of(&c->self, &id);
        const struct row *row = state_get(t->state, TABLE_ID_SESSION, buf_bytes(&key));
        struct arena mem = {0};
        struct wire_error err;

        if (row && session_row_decode(&value, row->value, &mem, &err) == 0 && !value.unwatched)
            end(c, t, &id);
        arena_deinit(&mem);
        buf_deinit(&key);
    }
}

static bool is_held_for_dead(const struct control *c)
{
    const struct member *self = members_get(c->catalog.members, &c->self);

    return self && self->state == MEMBER_STATE_DEAD;
}

kith_time sessions_settle(struct control *c, struct turn *t)
{
    struct sessions *s = &c->sessions;
    kith_time at_us = KITH_NEVER;

    if (s->own_n && is_held_for_dead(c))
        end_watched(c, t);
    for (uint32_t i = s->own_n; i-- > 0;) {
        struct ulid id = s->own[i].id;

        if (s->own[i].at_us > t->now_us)
            at_us = kith_time_min(at_us, s->own[i].at_us);
        else
            end(c, t, &id);
    }
    return at_us;
}

/* ---- requests ---- */

static void tell(struct control *c, struct turn *t, const struct incoming *in, bool forwarded,
                 const struct ulid *id, const struct session_row *row)
{
    struct session_told told = {
        .id = *id, .node = c->self, .session = *row, .told = forwarded ? 0 : keys_fed(c)};
    struct buf payload = {0}, out = {0};

    session_told_encode(&payload, &told);
    forwarded_encode(
        &out, &(struct forwarded){.kind = WIRE_SESSION_TOLD, .payload = buf_bytes(&payload)});
    turn_reply(t, in, forwarded ? WIRE_FORWARDED : WIRE_SESSION_TOLD,
               forwarded ? buf_bytes(&out) : buf_bytes(&payload), state_unstored(t->state));
    buf_deinit(&payload);
    buf_deinit(&out);
}

static const char *refusal(const struct control *c, const struct turn *t,
                           const struct session_row *row)
{
    if (c->leaving || c->halting)
        return "this host is leaving: ask another";
    if (ulid_is_zero(&t->post->cluster))
        return "this host has not joined a cluster yet";
    if (row->ttl_ms && (row->ttl_ms < SESSION_TTL_MIN_MS || row->ttl_ms > SESSION_TTL_MAX_MS))
        return "a TTL is 1s to 24h";
    if (row->delay_ms > SESSION_DELAY_MAX_MS)
        return "a LockDelay is 60s at most";
    if (c->sessions.own_n >= SESSIONS_MAX)
        return "this peer has as many sessions as it can";
    return NULL;
}

void sessions_open(struct control *c, struct turn *t, const struct incoming *in)
{
    struct arena mem = {0};
    struct open_session request;
    struct wire_error err;
    struct buf key = {0}, value = {0};

    if (open_session_decode(&request, in->payload, &mem, &err)) {
        turn_fail(t, in, FAIL_CODE_BAD_REQUEST, "%s: %s", err.field, err.why);
        arena_deinit(&mem);
        return;
    }
    const char *why = refusal(c, t, &request.session);
    struct ulid id = turn_ulid(t);

    request.session.opened = hlc_from_wall(t->wall_us);
    key = key_of(&c->self, &id);
    session_row_encode(&value, &request.session);
    if (why)
        turn_fail(t, in, FAIL_CODE_BAD_REQUEST, "%s", why);
    else if (state_put(t->state, TABLE_ID_SESSION, buf_bytes(&key), buf_bytes(&value),
                       /* major= */ 0, /* expires_ms= */ 0) != 0)
        turn_fail(t, in, FAIL_CODE_NOT_READY, "this cannot be written now");
    else
        tell(c, t, in, /* forwarded= */ false, &id, &request.session);
    buf_deinit(&key);
    buf_deinit(&value);
    arena_deinit(&mem);
}

/* Fails a request of a client, or of the peer that handed it on. */
static void fail(struct turn *t, const struct incoming *in, bool forwarded)
{
    static const char text[] = "there is no such session: it has ended";

    if (forwarded)
        keeper_fail_one(t, in->route, in->envelope->correlation, true, FAIL_CODE_NOT_FOUND, text);
    else
        turn_fail(t, in, FAIL_CODE_NOT_FOUND, "%s", text);
}

/* The session that is asked about, when it is this peer's; else it is handed on, or refused. */
static bool find_here(struct control *c, struct turn *t, const struct incoming *in, bool forwarded,
                      const struct ulid *id, struct session_row *ret, struct arena *mem)
{
    const struct row *row = sessions_find(t, id);
    struct wire_error err;
    struct ulid node;

    if (!row || session_row_decode(ret, row->value, mem, &err)) {
        fail(t, in, forwarded);
        return false;
    }
    if (is_own(c, row->key))
        return true;
    memcpy(node.b, row->key.data, sizeof(node.b));
    if (forwarded || !node_lives(&c->catalog, &node))
        fail(t, in, forwarded);
    else
        handover_send(c, t, in, &node, (enum wire_kind)in->envelope->kind, in->payload);
    return false;
}

void sessions_renew(struct control *c, struct turn *t, const struct incoming *in, bool forwarded)
{
    struct arena mem = {0};
    struct renew_session request;
    struct session_row row;
    struct wire_error err;

    if (renew_session_decode(&request, in->payload, &mem, &err)) {
        turn_fail(t, in, FAIL_CODE_BAD_REQUEST, "%s: %s", err.field, err.why);
    } else if (find_here(c, t, in, forwarded, &request.id, &row, &mem)) {
        renew(c, t, &request.id, row.ttl_ms);
        tell(c, t, in, forwarded, &request.id, &row);
    }
    arena_deinit(&mem);
}

void sessions_end(struct control *c, struct turn *t, const struct incoming *in, bool forwarded)
{
    struct arena mem = {0};
    struct end_session request;
    struct session_row row;
    struct wire_error err;

    if (end_session_decode(&request, in->payload, &mem, &err)) {
        turn_fail(t, in, FAIL_CODE_BAD_REQUEST, "%s: %s", err.field, err.why);
    } else if (find_here(c, t, in, forwarded, &request.id, &row, &mem)) {
        end(c, t, &request.id);
        tell(c, t, in, forwarded, &request.id, &row);
    }
    arena_deinit(&mem);
}
