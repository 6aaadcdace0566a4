#include "sim/swim.h"

#include "base/mem.h"

#define RELAYS 16
#define NOBODY UINT32_MAX

struct other {
    enum swim_state state;
    uint32_t incarnation;
    kith_time since_us; /* suspected */
    uint32_t confirmed; /* by so many others than the first */
    uint32_t by[SWIM_CONFIRM + 1];
};

struct news {
    struct swim_update update;
    uint32_t sent;
};

/* A ping for another, and what it wants to hear. */
struct relay {
    uint32_t number, origin, origin_number;
    kith_time until_us; /* 0: free, or answered */
};

struct swim {
    uint32_t self, members, incarnation;
    bool lifeguard;
    struct rng *rng;
    struct other *others;
    uint32_t *order; /* in which they are pinged */
    uint32_t next;
    struct news *news;
    size_t news_n, news_cap;
    uint32_t number;                /* of the last ping */
    uint32_t target, target_number; /* of this period; NOBODY */
    bool answered;
    uint32_t asked, refused; /* relays, and those that said that they got no answer */
    uint32_t health;         /* 0: well */
    kith_time period_us, timeout_us, gossip_us;
    struct relay relays[RELAYS];
};

void swim_out_deinit(struct swim_out *out)
{
    mem_free(out->letters);
    mem_free(out->views);
    *out = (struct swim_out){0};
}

size_t swim_frame_size(const struct swim_frame *f)
{
    return offsetof(struct swim_frame, updates) + f->updates_n * sizeof(f->updates[0]);
}

static void shuffle(struct swim *s)
{
    for (uint32_t i = s->members - 1; i > 0; i--) {
        uint32_t k = (uint32_t)rng_below(s->rng, i + 1), former = s->order[i];
        s->order[i] = s->order[k];
        s->order[k] = former;
    }
    s->next = 0;
}

struct swim *swim_new(uint32_t self, uint32_t members, bool lifeguard, struct rng *rng)
{
    struct swim *s = mem_alloc(sizeof(*s));
    s->self = self;
    s->members = members;
    s->lifeguard = lifeguard;
    s->rng = rng;
    s->target = NOBODY;
    s->others = mem_alloc(members * sizeof(*s->others));
    s->order = mem_alloc(members * sizeof(*s->order));
    for (uint32_t i = 0; i < members; i++)
        s->order[i] = i;
    shuffle(s);
    s->period_us = (kith_time)rng_below(rng, (uint64_t)SWIM_PERIOD);
    s->gossip_us = (kith_time)rng_below(rng, (uint64_t)SWIM_GOSSIP);
    s->timeout_us = KITH_NEVER;
    return s;
}

void swim_free(struct swim *s)
{
    mem_free(s->others);
    mem_free(s->order);
    mem_free(s->news);
    mem_free(s);
}

/* 1,000 times log10(n), n > 0: log2 bit by bit, by squaring. */
static uint64_t log10_milli(uint64_t n)
{
    uint64_t whole = 0, part = 0;
    while (n >> (whole + 1))
        whole++;
    uint64_t x = (n << 30) >> whole; /* 1 to 2, in units of 2^-30 */
    for (int bit = 0; bit < 16; bit++) {
        x = x * x >> 30;
        part = part << 1 | (x >> 31);
        x >>= x >> 31;
    }
    return (((whole << 16) + part) * 30103) / 100 >> 16;
}

static kith_time scaled(const struct swim *s, kith_time time_us)
{
    return time_us * (1 + (kith_time)s->health);
}

static void feel(struct swim *s, int by)
{
    if (!s->lifeguard)
        return;
    if (by > 0 && s->health < SWIM_HEALTH)
        s->health++;
    else if (by < 0 && s->health > 0)
        s->health--;
}

/* How long it stays a suspect: shorter with each who confirms it, by the logarithm (Lifeguard, section 3). */
static kith_time suspicion(const struct swim *s, const struct other *o)
{
    static const kith_time done_milli[SWIM_CONFIRM + 1] = {0, 631, 1000}; /* log(c + 1) / log 3 */
    uint64_t log = log10_milli(s->members);
    kith_time least = SWIM_PERIOD * SWIM_SUSPICION / 1000 * (kith_time)(log > 1000 ? log : 1000);
    if (!s->lifeguard)
        return least;
    kith_time more = (SWIM_LONGER - 1) * least;
    return least + more - more / 1000 * done_milli[o->confirmed];
}

/* ---- news ---- */

static void spread(struct swim *s, const struct swim_update *u)
{
    struct news *place = NULL;
    for (size_t i = 0; i < s->news_n && !place; i++) {
        if (s->news[i].update.member == u->member)
            place = &s->news[i]; /* older news about it are over */
    }
    if (!place) {
        if (s->news_n == s->news_cap) {
            s->news_cap = s->news_cap ? 2 * s->news_cap : 16;
            s->news = mem_grow(s->news, s->news_cap, sizeof(*s->news));
        }
        place = &s->news[s->news_n++];
    }
    *place = (struct news){.update = *u};
}

static void see(struct swim_out *ret, uint32_t member, uint32_t incarnation, bool alive)
{
    if (ret->views_n == ret->views_cap) {
        ret->views_cap = ret->views_cap ? 2 * ret->views_cap : 16;
        ret->views = mem_grow(ret->views, ret->views_cap, sizeof(*ret->views));
    }
    ret->views[ret->views_n++] =
        (struct swim_view){.member = member, .incarnation = incarnation, .alive = alive};
}

static void refute(struct swim *s, uint32_t incarnation)
{
    if (incarnation < s->incarnation)
        return;
    s->incarnation = incarnation + 1;
    feel(s, +1);
    struct swim_update u = {
        .member = s->self, .incarnation = s->incarnation, .state = SWIM_ALIVE, .by = s->self};
    spread(s, &u);
}

static void confirm(struct swim *s, struct other *o, const struct swim_update *u)
{
    for (uint32_t i = 0; i <= o->confirmed; i++) {
        if (o->by[i] == u->by)
            return;
    }
    if (!s->lifeguard || o->confirmed == SWIM_CONFIRM)
        return;
    o->by[++o->confirmed] = u->by;
    spread(s, u);
}

static void take_suspect(struct swim *s, struct other *o, const struct swim_update *u,
                         kith_time now_us)
{
    if (u->incarnation < o->incarnation || o->state == SWIM_DEAD)
        return;
    if (o->state == SWIM_SUSPECT && u->incarnation == o->incarnation) {
        confirm(s, o, u);
        return;
    }
    *o = (struct other){
        .state = SWIM_SUSPECT, .incarnation = u->incarnation, .since_us = now_us, .by = {u->by}};
    spread(s, u);
}

static void take(struct swim *s, const struct swim_update *u, kith_time now_us,
                 struct swim_out *ret)
{
    struct other *o = &s->others[u->member];
    if (u->member == s->self) {
        if (u->state != SWIM_ALIVE)
            refute(s, u->incarnation);
        return;
    }
    if (u->state == SWIM_SUSPECT) {
        take_suspect(s, o, u, now_us);
        return;
    }
    bool dies = u->state == SWIM_DEAD;
    if (dies ? u->incarnation < o->incarnation || o->state == SWIM_DEAD
             : u->incarnation <= o->incarnation)
        return;
    if (dies || o->state == SWIM_DEAD)
        see(ret, u->member, u->incarnation, !dies);
    *o = (struct other){.state = (enum swim_state)u->state, .incarnation = u->incarnation};
    spread(s, u);
}

static void expire(struct swim *s, kith_time now_us, struct swim_out *ret)
{
    for (uint32_t i = 0; i < s->members; i++) {
        const struct other *o = &s->others[i];
        if (o->state != SWIM_SUSPECT || now_us - o->since_us < suspicion(s, o))
            continue;
        struct swim_update dead = {
            .member = i, .incarnation = o->incarnation, .by = s->self, .state = SWIM_DEAD};
        take(s, &dead, now_us, ret);
    }
}

/* ---- frames ---- */

/* The updates that were sent least go along. */
static void pack_news(struct swim *s, struct swim_frame *f)
{
    uint64_t most = (SWIM_REPEAT * log10_milli(s->members + 1) + 999) / 1000;
    for (uint32_t sent = 0; sent < most && f->updates_n < SWIM_UPDATES; sent++) {
        for (size_t i = 0; i < s->news_n && f->updates_n < SWIM_UPDATES; i++) {
            if (s->news[i].sent == sent)
                f->updates[f->updates_n++] = s->news[i].update;
        }
    }
    for (uint32_t k = 0; k < f->updates_n; k++) {
        for (size_t i = 0; i < s->news_n; i++)
            s->news[i].sent += s->news[i].update.member == f->updates[k].member;
    }
    for (size_t i = 0; i < s->news_n;) {
        if (s->news[i].sent >= most)
            s->news[i] = s->news[--s->news_n];
        else
            i++;
    }
}

static void post(struct swim *s, struct swim_out *ret, uint32_t to, struct swim_frame f)
{
    f.from = s->self;
    pack_news(s, &f);
    if (ret->letters_n == ret->letters_cap) {
        ret->letters_cap = ret->letters_cap ? 2 * ret->letters_cap : 16;
        ret->letters = mem_grow(ret->letters, ret->letters_cap, sizeof(*ret->letters));
    }
    ret->letters[ret->letters_n++] = (struct swim_letter){.to = to, .frame = f};
}

static void ping(struct swim *s, struct swim_out *ret, uint32_t to, uint32_t number)
{
    const struct other *o = &s->others[to];
    struct swim_frame f = {.kind = SWIM_PING, .number = number};
    if (s->lifeguard && o->state == SWIM_SUSPECT)
        f.updates[f.updates_n++] = (struct swim_update){
            .member = to, .incarnation = o->incarnation, .by = o->by[0], .state = SWIM_SUSPECT};
    post(s, ret, to, f);
}

/* A live one at random, not these two; NOBODY when a few draws find none. */
static uint32_t draw(struct swim *s, uint32_t but)
{
    for (int i = 0; i < 20; i++) {
        uint32_t m = (uint32_t)rng_below(s->rng, s->members);
        if (m != s->self && m != but && s->others[m].state != SWIM_DEAD)
            return m;
    }
    return NOBODY;
}

static void ping_for(struct swim *s, const struct swim_frame *f, kith_time now_us,
                     struct swim_out *ret)
{
    for (int i = 0; i < RELAYS; i++) {
        struct relay *r = &s->relays[i];
        if (r->until_us != 0)
            continue;
        *r = (struct relay){.number = ++s->number, .origin = f->from, .origin_number = f->number};
        r->until_us = now_us + SWIM_TIMEOUT / 5 * 4;
        ping(s, ret, f->about, r->number);
        return;
    }
}

static void answered(struct swim *s, const struct swim_frame *f, struct swim_out *ret)
{
    if (s->target != NOBODY && f->number == s->target_number)
        s->answered = true;
    for (int i = 0; i < RELAYS; i++) {
        struct relay *r = &s->relays[i];
        if (r->until_us == 0 || r->number != f->number)
            continue;
        post(s, ret, r->origin, (struct swim_frame){.kind = SWIM_ACK, .number = r->origin_number});
        r->until_us = 0;
    }
}

void swim_receive(struct swim *s, const struct swim_frame *f, kith_time now_us,
                  struct swim_out *ret)
{
    for (uint32_t i = 0; i < f->updates_n; i++)
        take(s, &f->updates[i], now_us, ret);
    switch ((enum swim_kind)f->kind) {
    case SWIM_PING:
        post(s, ret, f->from, (struct swim_frame){.kind = SWIM_ACK, .number = f->number});
        break;
    case SWIM_PING_FOR:
        ping_for(s, f, now_us, ret);
        break;
    case SWIM_ACK:
        answered(s, f, ret);
        break;
    case SWIM_NACK:
        s->refused += s->target != NOBODY && f->number == s->target_number;
        break;
    case SWIM_NEWS:
        break;
    }
}

/* ---- time ---- */

static void end_period(struct swim *s, kith_time now_us, struct swim_out *ret)
{
    if (s->target == NOBODY)
        return;
    if (s->answered) {
        feel(s, -1);
        return;
    }
    if (s->asked == 0 || s->refused < s->asked)
        feel(s, +1); /* those who were asked do not answer either */
    struct swim_update u = {.member = s->target,
                            .incarnation = s->others[s->target].incarnation,
                            .by = s->self,
                            .state = SWIM_SUSPECT};
    take(s, &u, now_us, ret);
}

static void begin_period(struct swim *s, kith_time now_us, struct swim_out *ret)
{
    s->target = NOBODY;
    for (uint32_t i = 0; i < s->members && s->target == NOBODY; i++) {
        if (s->next == s->members)
            shuffle(s);
        uint32_t m = s->order[s->next++];
        if (m != s->self && s->others[m].state != SWIM_DEAD)
            s->target = m;
    }
    s->period_us = now_us + scaled(s, SWIM_PERIOD);
    s->timeout_us = KITH_NEVER;
    if (s->target == NOBODY)
        return;
    s->answered = false;
    s->asked = s->refused = 0;
    s->timeout_us = now_us + scaled(s, SWIM_TIMEOUT);
    s->target_number = ++s->number;
    ping(s, ret, s->target, s->target_number);
}

static void ask_others(struct swim *s, struct swim_out *ret)
{
    s->timeout_us = KITH_NEVER;
    for (int i = 0; i < SWIM_INDIRECT && !s->answered; i++) {
        uint32_t m = draw(s, s->target);
        if (m == NOBODY)
            return;
        s->asked++;
        post(s, ret, m,
             (struct swim_frame){
                 .kind = SWIM_PING_FOR, .about = s->target, .number = s->target_number});
    }
}

static void gossip(struct swim *s, kith_time now_us, struct swim_out *ret)
{
    s->gossip_us = now_us + SWIM_GOSSIP;
    expire(s, now_us, ret);
    for (int i = 0; i < RELAYS; i++) {
        struct relay *r = &s->relays[i];
        if (r->until_us == 0 || now_us < r->until_us)
            continue;
        if (s->lifeguard)
            post(s, ret, r->origin,
                 (struct swim_frame){.kind = SWIM_NACK, .number = r->origin_number});
        r->until_us = 0;
    }
    for (int i = 0; i < SWIM_GOSSIP_TO && s->news_n > 0; i++) {
        uint32_t m = draw(s, s->self);
        if (m != NOBODY)
            post(s, ret, m, (struct swim_frame){.kind = SWIM_NEWS});
    }
}

void swim_time(struct swim *s, kith_time now_us, struct swim_out *ret)
{
    if (now_us >= s->period_us) {
        end_period(s, now_us, ret);
        begin_period(s, now_us, ret);
    }
    if (now_us >= s->timeout_us)
        ask_others(s, ret);
    if (now_us >= s->gossip_us)
        gossip(s, now_us, ret);
}

kith_time swim_deadline(const struct swim *s)
{
    return kith_time_min(kith_time_min(s->period_us, s->timeout_us), s->gossip_us);
}
