#include "control/keeper.h"

#include "base/mem.h"
#include "control/inside.h"
#include "control/keeper_decide.h"

#include <string.h>

/* ---- requests ---- */

static void drop_request(struct keeper_request *r)
{
    mem_free((void *)(uintptr_t)r->payload.data);
    *r = (struct keeper_request){0};
}

void keeper_deinit(struct keeper *k)
{
    for (uint32_t i = 0; i < k->queue_n; i++)
        drop_request(&k->queue[i]);
    for (uint32_t i = 0; i < k->batch_n; i++)
        drop_request(&k->batch[i]);
    mem_free(k->queue);
    mem_free(k->batch);
    mem_free(k->members);
    buf_deinit(&k->question);
    arena_deinit(&k->mem);
}

static void make_lists(struct keeper *k, const struct turn *t)
{
    if (k->queue)
        return;
    k->queue = mem_alloc(KEEPER_REQUESTS_MAX * sizeof(*k->queue));
    k->batch = mem_alloc(KEEPER_REQUESTS_MAX * sizeof(*k->batch));
    k->ask = handover_first(t);
}

void keeper_take(struct control *c, struct turn *t, const struct incoming *in, bool forwarded,
                 struct bytes payload)
{
    struct keeper *k = &c->keeper;

    if (k->queue_n + k->batch_n >= KEEPER_REQUESTS_MAX) {
        if (in)
            keeper_fail_one(t, in->route, in->envelope->correlation, forwarded, FAIL_CODE_BUSY,
                            "too many changes of keys wait to be decided: try again");
        return;
    }
    make_lists(k, t);
    k->queue[k->queue_n++] = (struct keeper_request){
        .route = in ? in->route : 0,
        .correlation = in ? in->envelope->correlation : 0,
        .inside = !in,
        .forwarded = forwarded,
        .payload = bytes_of(mem_copy(payload.data, payload.len), payload.len),
        .until_us = t->now_us + KEEPER_TIME};
    c->dirty = true;
}

/* The batch is put before those that wait. */
static void put_back(struct keeper *k)
{
    if (!k->batch_n)
        return;
    memmove(k->queue + k->batch_n, k->queue, k->queue_n * sizeof(*k->queue));
    memcpy(k->queue, k->batch, k->batch_n * sizeof(*k->queue));
    k->queue_n += k->batch_n;
    k->batch_n = 0;
}

static void fail_all(struct turn *t, struct keeper_request *list, uint32_t *n, enum fail_code code,
                     const char *text)
{
    for (uint32_t i = 0; i < *n; i++) {
        if (!list[i].inside)
            keeper_fail_one(t, list[i].route, list[i].correlation, list[i].forwarded, code, text);
        drop_request(&list[i]);
    }
    *n = 0;
}

/* ---- members ---- */

struct quorum quorum_of(const struct control *c)
{
    struct quorum q = {.known = 1, .alive = 1};

    for (const struct member *m = members_first(c->catalog.members); m;
         m = members_next(c->catalog.members, m)) {
        if (ulid_equal(&m->id, &c->self) || m->forgotten || !m->row)
            continue;
        q.alive += m->state == MEMBER_STATE_ALIVE;
        q.known += m->state == MEMBER_STATE_ALIVE || m->state == MEMBER_STATE_DEAD;
    }
    return q;
}

static uint32_t needed(const struct keeper *k)
{
    return k->known / 2 + 1;
}

static struct keeper_member *member_of(struct keeper *k, const struct ulid *node)
{
    for (uint32_t i = 0; i < k->members_n; i++) {
        if (ulid_equal(&k->members[i].node, node))
            return &k->members[i];
    }
    return NULL;
}

/* Those that live are asked, now and when they have come to life while others are waited for. */
static void send_questions(struct control *c, struct turn *t)
{
    struct keeper *k = &c->keeper;
    uint64_t before = effects_wait(t->out, k->token);

    for (const struct member *m = members_first(c->catalog.members); m;
         m = members_next(c->catalog.members, m)) {
        struct bytes uri = member_uri(m, ADDR_ROLE_BULK);

        if (ulid_equal(&m->id, &c->self) || m->forgotten || m->state != MEMBER_STATE_ALIVE ||
            !uri.len)
            continue;
        const struct keeper_member *asked = member_of(k, &m->id);

        if (asked && asked->answered)
            continue;
        if (!asked) {
            k->members = mem_grow(k->members, k->members_n + 1, sizeof(*k->members));
            k->members[k->members_n++] = (struct keeper_member){.node = m->id};
        }
        post_send(t->post, t->out, uri, WIRE_KEYS_ASK, buf_bytes(&k->question), k->ask);
    }
    effects_wait(t->out, before);
    k->asked_us = t->now_us;
}

/* ---- phases ---- */

static void take_answer(struct control *c, struct turn *t, const struct keys_told *told);

static void rest(struct keeper *k)
{
    k->phase = KEEPER_IDLE;
    k->records = NULL;
    k->records_n = 0;
    k->work = NULL;
    arena_reset(&k->mem);
}

/* Asks all, this peer first: its own answer counts as soon as it is on disk, which the others' wait for. */
static void ask_all(struct control *c, struct turn *t, const struct keys_ask *ask,
                    enum keeper_phase phase)
{
    struct keeper *k = &c->keeper;
    struct keys_told own;
    struct arena mem = {0};

    k->phase = phase;
    k->ask++;
    k->members_n = k->answered_n = k->refused_n = 0;
    k->known = quorum_of(c).known;
    k->until_us = t->now_us + KEEPER_TIME;
    buf_reset(&k->question);
    keys_ask_encode(&k->question, ask);
    bool good = holder_ask(c, t, ask, &own, &mem);

    k->token = state_unstored(t->state);
    if (good)
        take_answer(c, t, &own);
    if (k->phase != KEEPER_IDLE)
        send_questions(c, t);
    arena_deinit(&mem);
    c->dirty = true;
}

static void ask_held(struct control *c, struct turn *t, enum keeper_phase phase)
{
    struct keeper *k = &c->keeper;
    struct keys_ask ask = {.phase = phase == KEEPER_HOLD ? KEYS_PHASE_HOLD : KEYS_PHASE_SHOW,
                           .ballot = k->ballot,
                           .number = k->number,
                           .records = k->records,
                           .records_n = k->records_n};

    ask_all(c, t, &ask, phase);
}

static void begin(struct control *c, struct turn *t)
{
    struct keeper *k = &c->keeper;
    struct keys_ask ask = {.phase = KEYS_PHASE_READ};

    if (!k->reigns) {
        if (c->holder.promised.round > k->round)
            k->round = c->holder.promised.round;
        k->ballot = (struct ballot){.round = ++k->round, .node = c->self};
        k->number = 0;
        k->reigns = true;
    }
    keeper_batch(k, &ask);
    ask.ballot = k->ballot;
    k->held = (struct ballot){0};
    k->held_number = 0;
    k->held_shown = 0;
    k->too_many = k->blind = false;
    ask_all(c, t, &ask, KEEPER_READ);
}

/* A later ballot is about. Nothing was held yet: the same again, after whoever has it is done. */
static void give_way(struct control *c, struct turn *t)
{
    struct keeper *k = &c->keeper;

    put_back(k);
    k->reigns = false;
    k->again_us = t->now_us + KEEPER_AGAIN + (kith_time)rng_below(t->rng, KEEPER_AGAIN);
    rest(k);
}

static bool is_settled(const struct keeper *k)
{
    bool own = ballot_compare(&k->held, &k->settled) == 0 && k->held_number == k->settled_number;

    return own || k->held_shown >= needed(k) || k->records_n == 0;
}

static void after_read(struct control *c, struct turn *t)
{
    struct keeper *k = &c->keeper;

    bool left = !k->blind && !is_settled(k);

    if (k->blind || (left && !keeper_adopt(k, t))) {
        k->refusals += k->batch_n;
        fail_all(t, k->batch, &k->batch_n, FAIL_CODE_NOT_READY,
                 "the host that decides about keys cannot take in what others hold (is its clock "
                 "right?): nothing was changed");
        rest(k);
        return;
    }
    if (left) { /* first what was left, then the same question again */
        put_back(k);
        k->adoptions++;
        k->number++;
        ask_held(c, t, KEEPER_HOLD);
        return;
    }
    k->records_n = 0;
    if (!keeper_decide(c, t)) {
        rest(k);
        return;
    }
    k->number++;
    ask_held(c, t, KEEPER_HOLD);
}

/* It is decided: a majority has it on disk as held, so clients need not wait until this peer has it there as rows. */
static void after_hold(struct control *c, struct turn *t)
{
    struct keeper *k = &c->keeper;

    keeper_answer(c, t);
    for (uint32_t i = 0; i < k->records_n; i++)
        (void)state_enter(t->state, k->records[i]);
    for (uint32_t i = 0; i < k->batch_n; i++)
        drop_request(&k->batch[i]);
    k->batch_n = 0;
    k->decisions++;
    ask_held(c, t, KEEPER_SHOW);
}

static void after_show(struct keeper *k)
{
    k->settled = k->ballot;
    k->settled_number = k->number;
    rest(k);
}

static void go_on(struct control *c, struct turn *t)
{
    struct keeper *k = &c->keeper;

    switch (k->phase) {
    case KEEPER_READ:
        after_read(c, t);
        break;
    case KEEPER_HOLD:
        after_hold(c, t);
        break;
    default:
        after_show(k);
    }
    c->dirty = true;
}

/* Nobody can say any more whether it is decided: some hold it, and a later keeper may find it. */
static void lose(struct control *c, struct turn *t)
{
    struct keeper *k = &c->keeper;

    k->refusals += k->batch_n;
    fail_all(t, k->batch, &k->batch_n, FAIL_CODE_UNCONFIRMED,
             "too few members answered after it was handed to them: it may have happened, or may "
             "yet; look before you repeat it");
    k->reigns = false;
    rest(k);
}

/* ---- answers ---- */

static void copy_held(struct keeper *k, const struct keys_told *told)
{
    k->records = arena_array(&k->mem, told->held_records_n, sizeof(*k->records));
    k->records_n = told->held_records_n;
    for (uint32_t i = 0; i < told->held_records_n; i++)
        k->records[i] = arena_bytes(&k->mem, told->held_records[i]);
}

static void take_read(struct keeper *k, struct turn *t, const struct keys_told *told)
{
    int order = ballot_compare(&told->held, &k->held);

    if (order == 0)
        order = told->number < k->held_number ? -1 : told->number > k->held_number;
    if (order > 0) {
        k->held = told->held;
        k->held_number = told->number;
        k->held_shown = 0;
        copy_held(k, told);
    }
    if (order >= 0)
        k->held_shown += told->shown;
    for (uint32_t i = 0; i < told->records_n; i++) {
        int r = state_merge(t->state, told->records[i]);

        k->blind = k->blind || (r != STATE_DONE && r != STATE_OLD);
    }
    k->too_many = k->too_many || told->too_many;
}

static void take_answer(struct control *c, struct turn *t, const struct keys_told *told)
{
    struct keeper *k = &c->keeper;

    if (told->members > k->known)
        k->known = told->members;
    if (told->refused) {
        k->refused_n++;
        if (told->promised.round > k->round)
            k->round = told->promised.round;
        if (k->phase == KEEPER_READ)
            give_way(c, t);
        else
            k->reigns =
                false; /* this decision may still come to its end, another needs a new ballot */
        return;
    }
    k->answered_n++;
    if (k->phase == KEEPER_READ)
        take_read(k, t, told);
}

void keeper_told(struct control *c, struct turn *t, const struct incoming *in)
{
    struct keeper *k = &c->keeper;
    struct keeper_member *m =
        in->envelope->correlation == k->ask ? member_of(k, &in->who.id) : NULL;
    struct keys_told told;
    struct arena mem = {0};
    struct wire_error err;

    if (m && !m->answered && k->phase != KEEPER_IDLE &&
        keys_told_decode(&told, in->payload, &mem, &err) == 0) {
        m->answered = true;
        take_answer(c, t, &told);
        c->dirty = true;
    }
    arena_deinit(&mem);
}

/* ---- time ---- */

static void end_late(struct control *c, struct turn *t)
{
    struct keeper *k = &c->keeper;

    switch (k->phase) {
    case KEEPER_READ:
        k->refusals += k->batch_n;
        fail_all(t, k->batch, &k->batch_n, FAIL_CODE_NO_MAJORITY,
                 "too few members answer: more than half of all that are known have to; nothing "
                 "was changed");
        rest(k);
        break;
    case KEEPER_HOLD:
        lose(c, t);
        break;
    default:
        rest(k); /* it is decided; the next read finds whether it was shown to enough */
    }
}

/* Those whose time is over, and all of them on the side of a cut that has no majority. */
static void refuse(struct control *c, struct turn *t)
{
    struct keeper *k = &c->keeper;
    struct quorum q = quorum_of(c);
    struct arena mem = {0};
    uint32_t kept = 0;

    if (k->queue_n && q.alive < q.known / 2 + 1) {
        k->refusals += k->queue_n;
        fail_all(t, k->queue, &k->queue_n, FAIL_CODE_NO_MAJORITY,
                 arena_printf(&mem,
                              "this side of the cluster has %u of %u known members, which is no "
                              "majority: nothing was changed",
                              q.alive, q.known));
    }
    for (uint32_t i = 0; i < k->queue_n; i++) {
        uint32_t one = 1;

        if (k->queue[i].until_us > t->now_us)
            k->queue[kept++] = k->queue[i];
        else
            fail_all(t, &k->queue[i], &one, FAIL_CODE_NO_MAJORITY,
                     "it could not be decided in time: nothing was changed");
    }
    k->queue_n = kept;
    arena_deinit(&mem);
}

static bool cannot_succeed(const struct keeper *k)
{
    return k->phase == KEEPER_HOLD && k->known - k->refused_n < needed(k);
}

/* Somebody was told that it is done, perhaps, and nobody shows it: a round about nothing finds it and finishes it. Returns when
 * to look again. */
static kith_time finish_left(struct control *c, struct turn *t)
{
    struct keeper *k = &c->keeper;
    const struct holder *h = &c->holder;
    struct quorum q;

    if (h->shown || !h->records_n || k->phase != KEEPER_IDLE || k->queue_n || !keys_is_keeper(c))
        return KITH_NEVER;
    kith_time at_us = h->since_us + KEEPER_LEFT;

    at_us = k->again_us > at_us ? k->again_us : at_us;
    if (t->now_us < at_us)
        return at_us;
    q = quorum_of(c);
    k->again_us = t->now_us + KEEPER_LEFT;
    if (q.alive < q.known / 2 + 1)
        return k->again_us;
    make_lists(k, t);
    begin(c, t);
    return KITH_NEVER; /* what is under way has its own time */
}

kith_time keeper_settle(struct control *c, struct turn *t)
{
    struct keeper *k = &c->keeper;
    kith_time left_us = finish_left(c, t);

    if (!k->queue)
        return left_us;
    refuse(c, t);
    do { /* alone, a peer comes to the end of all at once */
        if (k->phase == KEEPER_IDLE && k->queue_n && t->now_us >= k->again_us)
            begin(c, t);
        while (k->phase != KEEPER_IDLE && k->answered_n >= needed(k))
            go_on(c, t);
    } while (k->phase == KEEPER_IDLE && k->queue_n && t->now_us >= k->again_us);
    if (k->phase == KEEPER_IDLE)
        return k->queue_n ? k->again_us : left_us;
    if (cannot_succeed(k))
        lose(c, t);
    else if (t->now_us >= k->until_us)
        end_late(c, t);
    else if (t->now_us >= k->asked_us + KEEPER_RETRY)
        send_questions(c, t);
    if (k->phase == KEEPER_IDLE)
        return k->queue_n ? t->now_us : KITH_NEVER;
    return kith_time_min(k->until_us, k->asked_us + KEEPER_RETRY);
}
