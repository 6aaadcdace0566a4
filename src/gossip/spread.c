#include "gossip/spread.h"

#include "base/mem.h"
#include "base/tree.h"
#include "gossip/origins.h"

/* An origin's row may be so many incarnations late. */
#define INCARNATIONS_AHEAD 1024
/* A gap is pulled when those before have had this long to come another way. */
#define GAP_WAIT KITH_SEC
/* The newest so many of a gap; the others are left to repair. */
#define GAP_MAX 8
/* Of one broadcast, until it is left to repair. */
#define PULLS_MAX 6
/* A pull is answered in a round trip or, with one loss, so much later; else another is asked. Each one is a copy
 * in the end, so the next ones wait twice as long. */
#define PULL_MORE (300 * KITH_MS)
/* What is older is no news to a new neighbour. */
#define FRESH (10 * KITH_SEC)

struct message {
    struct cast cast; /* hops as it was received */
    struct arena mem;
    kith_time at_us;
    uint64_t wait;  /* store token of an own one: whatever tells of it waits */
    uint32_t there; /* slots whose neighbours hold it */
    struct message *next;
    TREE_ENTRY(message) by_id;
};

/* Announced and not here. */
struct lack {
    struct cast_id id;
    uint32_t announced, asked; /* slots */
    kith_time due_us;
    uint32_t pulls;
};

static int compare_message(const struct message *a, const struct message *b)
{
    int order = ulid_compare(&a->cast.id.origin, &b->cast.id.origin);
    if (order != 0)
        return order;
    return a->cast.id.seq < b->cast.id.seq ? -1 : a->cast.id.seq > b->cast.id.seq;
}

TREE_DEFINE(message_tree, message, by_id, compare_message)

struct spread {
    struct core *core;
    const struct neighbours *links;
    struct tree *tree;
    bool on;
    uint64_t seq; /* of the last own broadcast */
    struct origins origins;
    struct message_tree messages;
    struct message *oldest, *newest;
    uint32_t messages_n;
    size_t bytes;
    struct lack lacking[SPREAD_LACKING];
    uint32_t lacking_n;
    kith_time lacking_us; /* the first is due */
    struct cast_id haves[HAVE_IDS_MAX_ITEMS];
    uint32_t haves_n;
    kith_time have_us, had_us; /* when to announce; when it was done last */
    struct limit pulls;
};

/* ---- life ---- */

struct spread *spread_new(struct core *core, const struct neighbours *links, struct tree *tree)
{
    struct spread *s = mem_alloc(sizeof(*s));
    s->core = core;
    s->links = links;
    s->tree = tree;
    s->lacking_us = s->have_us = KITH_NEVER;
    return s;
}

static void drop_oldest(struct spread *s)
{
    struct message *m = s->oldest;
    s->oldest = m->next;
    if (!s->oldest)
        s->newest = NULL;
    TREE_REMOVE(message_tree, &s->messages, m);
    s->messages_n--;
    s->bytes -= m->mem.used_bytes;
    arena_deinit(&m->mem);
    mem_free(m);
}

/* Too old to be pulled: a row in it may have been deleted since, and its tombstone too (confirm.h). */
static void drop_old(struct spread *s, kith_time now_us)
{
    while (s->oldest && now_us - s->oldest->at_us > SPREAD_KEEP_US)
        drop_oldest(s);
}

void spread_stop(struct spread *s)
{
    while (s->oldest)
        drop_oldest(s);
    origins_deinit(&s->origins);
    s->lacking_n = s->haves_n = 0;
    s->lacking_us = s->have_us = KITH_NEVER;
    s->on = false;
}

void spread_start(struct spread *s, struct turn *t)
{
    /* Numbers go on where they were when the cluster was large before. */
    uint64_t least = state_incarnation(t->state) << 32;
    s->seq = s->seq > least ? s->seq : least;
    s->on = true;
}

void spread_free(struct spread *s)
{
    spread_stop(s);
    mem_free(s);
}

/* ---- what was seen ---- */

static bool was_seen(const struct spread *s, const struct cast_id *id)
{
    return ulid_equal(&id->origin, &s->core->self) || origins_seen(&s->origins, id);
}

static struct message *find_message(struct spread *s, const struct cast_id *id)
{
    struct message search = {.cast = {.id = *id}};
    return TREE_FIND(message_tree, &s->messages, &search);
}

/* What a copy of it takes in an arena: mostly far less than a block. */
static size_t room_of(const struct cast *cast)
{
    size_t room = ARENA_ROOM(cast->records_n * sizeof(*cast->records));
    for (uint32_t i = 0; i < cast->records_n; i++)
        room += ARENA_ROOM(cast->records[i].len);
    return room;
}

static struct message *keep(struct spread *s, struct turn *t, const struct cast *cast)
{
    struct message *m = mem_alloc(sizeof(*m));
    m->at_us = t->now_us;
    m->wait = t->out->wait;
    arena_reserve(&m->mem, room_of(cast));
    cast_copy(&m->mem, &m->cast, cast);
    drop_old(s, t->now_us);
    while (s->oldest &&
           (s->messages_n >= SPREAD_KEEP || s->bytes + m->mem.used_bytes > SPREAD_KEEP_BYTES))
        drop_oldest(s);
    TREE_INSERT(message_tree, &s->messages, m);
    if (s->newest)
        s->newest->next = m;
    else
        s->oldest = m;
    s->newest = m;
    s->messages_n++;
    s->bytes += m->mem.used_bytes;
    return m;
}

/* ---- announcing ---- */

static void announce(struct spread *s, struct turn *t)
{
    struct have have = {.ids = s->haves, .ids_n = s->haves_n};
    struct buf payload = {0};
    s->have_us = KITH_NEVER;
    if (s->haves_n == 0)
        return;
    have_encode(&payload, &have);
    post_publish(t->post, t->out, WIRE_HAVE, buf_bytes(&payload));
    buf_deinit(&payload);
    s->haves_n = 0;
    s->had_us = t->now_us;
}

static void have(struct spread *s, struct turn *t, const struct cast_id *id)
{
    s->haves[s->haves_n++] = *id;
    if (s->haves_n == HAVE_IDS_MAX_ITEMS || t->now_us - s->had_us >= SPREAD_GATHER)
        announce(s, t);
    else if (s->have_us == KITH_NEVER)
        s->have_us = s->had_us + SPREAD_GATHER;
}

/* ---- sending on ---- */

static void encode(struct buf *out, const struct message *m, bool pulled)
{
    struct cast cast = m->cast;
    cast.hops++;
    cast.pulled = pulled;
    buf_reset(out);
    cast_encode(out, &cast);
}

/* How many hops go to all neighbours: with each, three or four times as many have it. */
static uint32_t seeding_hops(const struct spread *s)
{
    bool loss = core_sees_loss(s->core);
    size_t seeds = members_alive(s->core->members) / (loss ? SPREAD_SEEDS_LOSS : SPREAD_SEEDS);
    uint32_t hops = 0;
    for (size_t reached = 4; reached <= seeds; reached *= 4)
        hops++;
    return hops;
}

static uint32_t everybody(const struct spread *s)
{
    uint32_t slots = 0;
    for (int i = 0; i < NEIGHBOURS_MAX; i++)
        slots |= (uint32_t)neighbours_has(s->links, i) << i;
    return slots;
}

static void pass_on(struct spread *s, struct turn *t, struct message *m)
{
    bool seeds = m->cast.hops < seeding_hops(s);
    uint32_t to = (seeds ? everybody(s) : tree_eager(s->tree)) & ~m->there;
    struct buf payload = {0};
    if (m->cast.hops >= SPREAD_HOPS_MAX || !s->on)
        return;
    encode(&payload, m, false);
    for (int i = 0; i < NEIGHBOURS_MAX; i++) {
        if (to & 1u << i)
            neighbours_send(s->links, t, i, WIRE_CAST, buf_bytes(&payload));
    }
    m->there |= to;
    buf_deinit(&payload);
    have(s, t, &m->cast.id);
}

void spread_say(struct spread *s, struct turn *t, const struct bytes *records, uint32_t records_n)
{
    struct cast cast = {.id = {.origin = s->core->self, .seq = ++s->seq},
                        .records = records,
                        .records_n = records_n};
    /* What waits for the disk is announced by itself, not with others. */
    announce(s, t);
    s->had_us = 0;
    pass_on(s, t, keep(s, t, &cast));
}

/* ---- what is lacking ---- */

static struct lack *find_lack(struct spread *s, const struct cast_id *id)
{
    for (uint32_t i = 0; i < s->lacking_n; i++) {
        if (s->lacking[i].id.seq == id->seq && ulid_equal(&s->lacking[i].id.origin, &id->origin))
            return &s->lacking[i];
    }
    return NULL;
}

static void drop_lack(struct spread *s, struct lack *l)
{
    *l = s->lacking[--s->lacking_n];
}

static void lacks(struct spread *s, const struct cast_id *id, int slot, kith_time due_us)
{
    struct lack *l = find_lack(s, id);
    if (!l) {
        if (s->lacking_n == SPREAD_LACKING) {
            s->core->counts.payloads_missed++;
            return;
        }
        l = &s->lacking[s->lacking_n++];
        *l = (struct lack){.id = *id, .due_us = KITH_NEVER};
    }
    l->announced |= 1u << slot;
    l->due_us = kith_time_min(l->due_us, due_us);
    s->lacking_us = kith_time_min(s->lacking_us, l->due_us);
}

/* The nearest that announced it and was not asked yet; when all were, they are asked again. */
static int whom_to_ask(const struct spread *s, struct lack *l)
{
    int best = -1;
    if ((l->announced & ~l->asked) == 0)
        l->asked = 0;
    for (int i = 0; i < NEIGHBOURS_MAX; i++) {
        if ((l->announced & ~l->asked & 1u << i) && neighbours_has(s->links, i) &&
            (best < 0 || neighbours_rtt_us(s->links, i) < neighbours_rtt_us(s->links, best)))
            best = i;
    }
    return best;
}

static void send_grafts(struct spread *s, struct turn *t, int slot, const struct cast_id *ids,
                        uint32_t n)
{
    struct graft graft = {.ids = ids, .ids_n = n};
    struct buf payload = {0};
    graft_encode(&payload, &graft);
    neighbours_send(s->links, t, slot, WIRE_GRAFT, buf_bytes(&payload));
    buf_deinit(&payload);
    s->core->counts.grafts_sent += n;
}

/* Pulls what is due, a frame for each neighbour that is asked. */
static void pull(struct spread *s, struct turn *t)
{
    struct cast_id ids[NEIGHBOURS_MAX][GRAFT_IDS_MAX_ITEMS];
    uint32_t n[NEIGHBOURS_MAX] = {0};
    s->lacking_us = KITH_NEVER;
    for (uint32_t i = 0; i < s->lacking_n;) {
        struct lack *l = &s->lacking[i];
        int slot = l->due_us <= t->now_us ? whom_to_ask(s, l) : -1;
        if (l->due_us <= t->now_us && (slot < 0 || l->pulls == PULLS_MAX)) {
            s->core->counts.payloads_missed++;
            drop_lack(s, l);
            continue;
        }
        if (slot >= 0) {
            if (n[slot] < GRAFT_IDS_MAX_ITEMS)
                ids[slot][n[slot]++] = l->id;
            l->asked |= 1u << slot;
            l->due_us =
                t->now_us + neighbours_rtt_us(s->links, slot) * 3 / 2 + (PULL_MORE << l->pulls);
            l->pulls++;
        }
        s->lacking_us = kith_time_min(s->lacking_us, l->due_us);
        i++;
    }
    for (int i = 0; i < NEIGHBOURS_MAX; i++) {
        if (n[i] > 0)
            send_grafts(s, t, i, ids[i], n[i]);
    }
}

/* Numbers before this one that did not come, newest first. */
static void find_gap(struct spread *s, struct turn *t, const struct cast_id *id, int slot)
{
    struct cast_id before = *id;
    for (int i = 0; i < GAP_MAX && (before.seq & UINT32_MAX) > 1; i++) {
        before.seq--;
        if (was_seen(s, &before))
            return;
        lacks(s, &before, slot, t->now_us + GAP_WAIT);
    }
}

/* ---- frames ---- */

static bool is_possible(const struct spread *s, const struct cast *cast)
{
    const struct member *m = members_get(s->core->members, &cast->id.origin);
    return cast->hops <= SPREAD_HOPS_MAX &&
           (!m || !m->row || cast->id.seq >> 32 <= m->incarnation + INCARNATIONS_AHEAD);
}

static void send_prune(struct spread *s, struct turn *t, int slot)
{
    struct buf payload = {0};
    prune_encode(&payload, &(struct prune){0});
    neighbours_send(s->links, t, slot, WIRE_PRUNE, buf_bytes(&payload));
    buf_deinit(&payload);
}

static void take_cast(struct spread *s, struct turn *t, const struct incoming *in, int slot,
                      const struct cast *cast, struct cast *ret_new)
{
    uint32_t from = slot >= 0 ? 1u << slot : 0;
    s->core->counts.payloads_received++;
    s->core->counts.payloads_pulled += cast->pulled;
    if (was_seen(s, &cast->id)) {
        struct message *m = find_message(s, &cast->id);
        if (m)
            m->there |= from;
        if (slot >= 0 && !cast->pulled && cast->hops > seeding_hops(s) &&
            !(tree_eager(s->tree) & from))
            send_prune(s, t, slot);
        return;
    }
    if (!is_possible(s, cast)) {
        naming_refuse(&s->core->naming, t, REFUSAL_PAYLOAD, in->from,
                      "sends a broadcast that nobody can have made");
        return;
    }
    s->core->counts.payloads_new++;
    origins_mark(&s->origins, &cast->id);
    if (slot >= 0)
        find_gap(s, t, &cast->id, slot);
    struct message *m = keep(s, t, cast);
    struct lack *l = find_lack(s, &cast->id);
    m->there = from | (l ? l->announced : 0);
    if (l)
        drop_lack(s, l);
    pass_on(s, t, m);
    *ret_new = *cast;
}

/* Drawn once: of those that are cut off together the first to pull provides for the others. */
static kith_time late_at(struct spread *s, struct turn *t, const struct cast_id *id)
{
    const struct lack *l = find_lack(s, id);
    return l ? l->due_us : t->now_us + rng_between(t->rng, SPREAD_LATE, SPREAD_LATE_MAX);
}

static void take_have(struct spread *s, struct turn *t, int slot, const struct have *have)
{
    bool eager = tree_eager(s->tree) & 1u << slot;
    kith_time soon_us = t->now_us + SPREAD_SOON + neighbours_rtt_us(s->links, slot) * 5 / 4;
    for (uint32_t i = 0; i < have->ids_n; i++) {
        struct message *m = find_message(s, &have->ids[i]);
        if (m)
            m->there |= 1u << slot;
        else if (!was_seen(s, &have->ids[i]))
            lacks(s, &have->ids[i], slot, eager ? soon_us : late_at(s, t, &have->ids[i]));
    }
}

static void take_graft(struct spread *s, struct turn *t, const struct incoming *in, int slot,
                       const struct graft *graft)
{
    struct buf payload = {0};
    drop_old(s, t->now_us);
    for (uint32_t i = 0; i < graft->ids_n; i++) {
        struct message *m = find_message(s, &graft->ids[i]);
        if (!m || in->route == 0 ||
            !limit_take(&s->pulls, t->now_us, SPREAD_PULLS, SPREAD_PULLS_BURST))
            continue;
        encode(&payload, m, true);
        uint64_t before = effects_wait(t->out, m->wait);
        post_reply(t->post, t->out, in->route, WIRE_CAST, buf_bytes(&payload),
                   in->envelope->correlation);
        effects_wait(t->out, before);
        if (slot >= 0)
            m->there |= 1u << slot;
        s->core->counts.grafts_answered++;
    }
    buf_deinit(&payload);
}

bool spread_receive(struct spread *s, struct turn *t, const struct incoming *in, struct arena *mem,
                    struct cast *ret_new)
{
    int slot = neighbours_slot(s->links, &in->who.id);
    struct wire_error err;
    struct cast cast;
    struct have have;
    struct graft graft;
    int bad = 0;
    *ret_new = (struct cast){0};
    switch (in->envelope->kind) {
    case WIRE_CAST:
        bad = cast_decode(&cast, in->payload, mem, &err);
        if (bad == 0)
            take_cast(s, t, in, slot, &cast, ret_new);
        break;
    case WIRE_HAVE:
        bad = have_decode(&have, in->payload, mem, &err);
        if (bad == 0 && slot >= 0 && s->on)
            take_have(s, t, slot, &have);
        break;
    case WIRE_GRAFT:
        bad = graft_decode(&graft, in->payload, mem, &err);
        if (bad == 0)
            take_graft(s, t, in, slot, &graft);
        break;
    default:
        return false;
    }
    if (bad != 0)
        naming_refuse(&s->core->naming, t, REFUSAL_PAYLOAD, in->from, "%s: %s", err.field, err.why);
    return true;
}

/* ---- links and time ---- */

void spread_gone(struct spread *s, int slot)
{
    uint32_t others = ~(1u << slot);
    for (struct message *m = s->oldest; m; m = m->next)
        m->there &= others;
    for (uint32_t i = 0; i < s->lacking_n; i++) {
        s->lacking[i].announced &= others;
        s->lacking[i].asked &= others;
    }
}

void spread_made(struct spread *s, struct turn *t, int slot)
{
    struct cast_id ids[HAVE_IDS_MAX_ITEMS];
    struct have have = {.ids = ids};
    struct buf payload = {0};
    uint64_t wait = 0;
    for (struct message *m = s->oldest; m; m = m->next) {
        if (t->now_us - m->at_us >= FRESH || have.ids_n == HAVE_IDS_MAX_ITEMS)
            continue;
        ids[have.ids_n++] = m->cast.id;
        wait = m->wait > wait ? m->wait : wait;
    }
    if (have.ids_n > 0) {
        uint64_t before = effects_wait(t->out, wait);
        have_encode(&payload, &have);
        neighbours_send(s->links, t, slot, WIRE_HAVE, buf_bytes(&payload));
        effects_wait(t->out, before);
    }
    buf_deinit(&payload);
}

void spread_time(struct spread *s, struct turn *t)
{
    if (t->now_us >= s->have_us)
        announce(s, t);
    if (t->now_us >= s->lacking_us)
        pull(s, t);
}

kith_time spread_deadline(const struct spread *s)
{
    return kith_time_min(s->have_us, s->lacking_us);
}
