/*
 * The asking side of a session is a stack of tasks and a few questions under way. An answer turns its
 * task into others, deeper in the tree; depth first, so that the stack stays small. The session is over
 * when both are empty.
 */
#include "state/sync.h"

#include "base/mem.h"
#include "state/sync_inside.h"

#include <string.h>

struct sync *sync_new(const struct members *members)
{
    struct sync *s = mem_alloc(sizeof(*s));

    s->members = members;
    return s;
}

const struct sync_counts *sync_counts(const struct sync *s)
{
    return &s->counts;
}

/* ---- one session ---- */

static void task_free(struct sync_task *task)
{
    mem_free(task->keys);
    *task = (struct sync_task){0};
}

static void question_clear(struct sync_question *q)
{
    task_free(&q->task);
    buf_deinit(&q->payload);
    *q = (struct sync_question){0};
}

void session_add(struct sync_session *session, const struct sync_task *task)
{
    if (session->tasks_n == session->tasks_cap) {
        session->tasks_cap = session->tasks_cap ? 2 * session->tasks_cap : 16;
        session->tasks = mem_grow(session->tasks, session->tasks_cap, sizeof(*session->tasks));
    }
    session->tasks[session->tasks_n++] = *task;
}

static void session_end(struct sync *s, struct sync_session *session)
{
    for (size_t i = 0; i < session->tasks_n; i++)
        task_free(&session->tasks[i]);
    for (size_t i = 0; i < SYNC_CREDIT; i++)
        question_clear(&session->questions[i]);
    mem_free(session->tasks);
    s->open -= session->open;
    *session = (struct sync_session){0};
}

void sync_free(struct sync *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < SYNC_SESSIONS; i++)
        session_end(s, &s->sessions[i]);
    mem_free(s);
}

static void send(struct turn *t, const struct sync_session *session, struct sync_question *q)
{
    uint64_t before = effects_wait(t->out, q->wait);

    post_send(t->post, t->out, bytes_of(session->uri, session->uri_len), q->kind,
              buf_bytes(&q->payload), q->correlation);
    effects_wait(t->out, before);
    q->again_us = t->now_us + SYNC_TIMEOUT;
    q->tries++;
}

static void start_question(struct sync *s, struct turn *t, struct sync_session *session,
                           struct sync_question *q)
{
    q->task = session->tasks[--session->tasks_n];
    if (!ask(s, t, q)) {
        question_clear(q);
        return;
    }
    do {
        q->correlation = rng_u64(t->rng);
    } while (q->correlation == 0);
    s->counts.asked++;
    send(t, session, q);
}

/* Sends questions while there is credit; ends the session when nothing is left. */
static void session_go_on(struct sync *s, struct turn *t, struct sync_session *session)
{
    size_t under_way = 0;

    for (size_t i = 0; i < SYNC_CREDIT; i++) {
        struct sync_question *q = &session->questions[i];

        while (q->correlation == 0 && session->tasks_n > 0)
            start_question(s, t, session, q);
        under_way += q->correlation != 0;
    }
    if (under_way == 0) {
        s->counts.finished++;
        session_end(s, session);
    }
}

static bool is_with(const struct sync_session *session, struct bytes uri)
{
    return session->open && bytes_equal(bytes_of(session->uri, session->uri_len), uri);
}

bool sync_is_with(const struct sync *s, struct bytes bulk_uri)
{
    for (size_t i = 0; i < SYNC_SESSIONS; i++) {
        if (is_with(&s->sessions[i], bulk_uri))
            return true;
    }
    return false;
}

void sync_with(struct sync *s, struct turn *t, struct bytes bulk_uri)
{
    struct sync_session *session = NULL;

    if (bulk_uri.len == 0 || bulk_uri.len > SYNC_URI_MAX)
        return;
    for (size_t i = 0; i < SYNC_SESSIONS; i++) {
        if (is_with(&s->sessions[i], bulk_uri))
            return;
        if (!s->sessions[i].open && !session)
            session = &s->sessions[i];
    }
    if (!session || (s->rarely && s->open >= SYNC_SESSIONS_RARE))
        return;
    session->open = true;
    s->open++;
    memcpy(session->uri, bulk_uri.data, bulk_uri.len);
    session->uri_len = bulk_uri.len;
    s->counts.started++;
    session_add(session, &(struct sync_task){.step = STEP_COMPARE, .places_n = 1});
    session_go_on(s, t, session);
}

/* ---- frames ---- */

static bool is_answer(uint16_t kind)
{
    return kind == WIRE_SYNC_DIFF || kind == WIRE_SYNC_ROWS || kind == WIRE_SYNC_PAGE ||
           kind == WIRE_SYNC_TAKEN;
}

static struct sync_question *find_question(struct sync_session *session, uint64_t correlation)
{
    for (size_t i = 0; i < SYNC_CREDIT; i++) {
        if (session->questions[i].correlation == correlation)
            return &session->questions[i];
    }
    return NULL;
}

/* An answer to no question is one that came twice or too late: what it could tell is known. */
static void take_answer(struct sync *s, struct turn *t, const struct incoming *in)
{
    uint64_t correlation = in->envelope->correlation;

    for (size_t i = 0; i < SYNC_SESSIONS && correlation != 0; i++) {
        struct sync_session *session = &s->sessions[i];
        struct sync_question *q = find_question(session, correlation);

        if (!q)
            continue;
        if (hear(s, t, session, q, in)) {
            question_clear(q);
            session_go_on(s, t, session);
        } else {
            s->counts.refused++;
            s->counts.given_up++;
            session_end(s, session);
        }
        return;
    }
}

bool sync_receive(struct sync *s, struct turn *t, const struct incoming *in)
{
    if (in->envelope->kind < WIRE_SYNC_COMPARE || in->envelope->kind > WIRE_SYNC_TAKEN)
        return false;
    const struct member *sender = members_get(s->members, &in->envelope->sender);
    if (in->who.kind != PRINCIPAL_KIND_NODE || (sender && sender->forgotten))
        s->counts
            .refused++; /* what a forgotten peer holds may be older than tombstones that are gone */
    else if (is_answer(in->envelope->kind))
        take_answer(s, t, in);
    else if (answer(s, t, in))
        s->counts.answered++;
    else
        s->counts.refused++;
    return true;
}

/* ---- time ---- */

static void repeat_questions(struct sync *s, struct turn *t, struct sync_session *session)
{
    for (size_t i = 0; i < SYNC_CREDIT && session->open; i++) {
        struct sync_question *q = &session->questions[i];

        if (q->correlation == 0 || q->again_us > t->now_us)
            continue;
        if (q->tries == SYNC_TRIES) {
            s->counts.given_up++;
            session_end(s, session);
            return;
        }
        s->counts.repeated++;
        send(t, session, q);
    }
}

static void compare_with_somebody(struct sync *s, struct turn *t)
{
    const struct member *m = members_draw(s->members, t->rng, &t->post->self);

    if (m)
        sync_with(s, t, member_uri(m, ADDR_ROLE_BULK));
}

void sync_rarely(struct sync *s, bool rarely)
{
    s->rarely = rarely;
}

/* Rows changed since the last look: those that are lacking may be on their way. */
static bool is_busy(struct sync *s, struct turn *t)
{
    uint64_t digest = state_digest(t->state);
    bool changed = digest != s->digest;

    s->digest = digest;
    return changed && s->put_off++ < 6;
}

static void regular(struct sync *s, struct turn *t)
{
    kith_time every_us = s->rarely ? SYNC_EVERY_RARE : SYNC_EVERY;

    if (s->rarely && s->next_us != 0 && is_busy(s, t)) {
        s->next_us = t->now_us + SYNC_QUIET;
        return;
    }
    if (s->next_us != 0)
        compare_with_somebody(s, t);
    s->put_off = 0;
    s->next_us = t->now_us + rng_between(t->rng, every_us / 2, every_us * 3 / 2);
}

void sync_time(struct sync *s, struct turn *t)
{
    for (size_t i = 0; s->open > 0 && i < SYNC_SESSIONS; i++) {
        if (s->sessions[i].open)
            repeat_questions(s, t, &s->sessions[i]);
    }
    if (t->now_us >= s->next_us)
        regular(s, t);
}

kith_time sync_deadline(const struct sync *s)
{
    kith_time next = s->next_us;

    for (size_t i = 0; s->open > 0 && i < SYNC_SESSIONS; i++) {
        for (size_t j = 0; s->sessions[i].open && j < SYNC_CREDIT; j++) {
            const struct sync_question *q = &s->sessions[i].questions[j];

            if (q->correlation != 0)
                next = kith_time_min(next, q->again_us);
        }
    }
    return next;
}
