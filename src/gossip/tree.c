#include "gossip/tree.h"

#include "gossip/centre.h"

/* How long a new round waits for the parent's word when it came another way. */
#define PARENT_GRACE (2 * KITH_SEC)
/* A shorter way found within a round is told after this: more may come. */
#define TELL_LATER (50 * KITH_MS)
/* A way has to be shorter by an eighth to change the parent. */
#define SHORTER(a, b) ((a) < (b) - (b) / 8)
/* The other side of a younger link may not hear this peer's PUB yet: it is told on the connection too. */
#define YOUNG_LINK (5 * KITH_SEC)
/* Of a distance; a larger one is a mistake. */
#define DISTANCE_MAX ((uint64_t)KITH_MIN)
/* A root's member row may be so many incarnations late. */
#define INCARNATIONS_AHEAD 1024

void tree_init(struct tree *tr, struct core *core, const struct neighbours *links)
{
    *tr = (struct tree){.core = core,
                        .links = links,
                        .parent = -1,
                        .told_us = TREE_FAR,
                        .choose_us = KITH_NEVER,
                        .beacon_us = KITH_NEVER,
                        .publish_us = KITH_NEVER};
}

void tree_start(struct tree *tr, struct turn *t)
{
    tree_init(tr, tr->core, tr->links);
    tr->beacon_us = t->now_us + (kith_time)rng_below(t->rng, (uint64_t)KITH_SEC);
}

void tree_stop(struct tree *tr)
{
    tree_init(tr, tr->core, tr->links);
}

uint32_t tree_eager(const struct tree *tr)
{
    uint32_t eager = 0;
    for (int i = 0; i < NEIGHBOURS_MAX; i++) {
        if (neighbours_has(tr->links, i) &&
            (ulid_is_zero(&tr->root) || i == tr->parent || tr->hops[i].child))
            eager |= 1u << i;
    }
    return eager;
}

/* ---- telling ---- */

static void encode(const struct tree *tr, struct buf *out)
{
    struct beacon b = {.root = tr->root,
                       .round = tr->round,
                       .distance_us = tr->distance_us,
                       .term = tr->term,
                       .heir = tr->heir};
    if (tr->parent >= 0)
        b.parent = tr->links->slots[tr->parent].id;
    beacon_encode(out, &b);
}

static void tell(const struct tree *tr, struct turn *t, int slot)
{
    struct buf payload = {0};
    encode(tr, &payload);
    neighbours_send(tr->links, t, slot, WIRE_BEACON, buf_bytes(&payload));
    buf_deinit(&payload);
}

static bool is_young(const struct tree *tr, const struct turn *t, int slot)
{
    return t->now_us - tr->links->slots[slot].since_us < YOUNG_LINK;
}

static void publish(struct tree *tr, struct turn *t)
{
    struct buf payload = {0};
    encode(tr, &payload);
    tr->publish_us = KITH_NEVER;
    if (tr->distance_us < tr->told_us)
        tr->told_us = tr->distance_us;
    post_publish(t->post, t->out, WIRE_BEACON, buf_bytes(&payload));
    for (int i = 0; i < NEIGHBOURS_MAX; i++) {
        if (neighbours_has(tr->links, i) && is_young(tr, t, i))
            neighbours_send(tr->links, t, i, WIRE_BEACON, buf_bytes(&payload));
    }
    buf_deinit(&payload);
}

/* ---- choosing ---- */

static uint64_t through(const struct tree *tr, int slot)
{
    uint64_t step_us = (uint64_t)(neighbours_rtt_us(tr->links, slot) / 2 + TREE_HOP);
    return tr->hops[slot].distance_us + step_us;
}

/* The neighbour through which the root is nearest in this round; -1: none told of it. `below`: only
 * those that are nearer to the root than this. None whose own way leads through this peer, or that lost its own. */
static int nearest(const struct tree *tr, const struct ulid *root, uint64_t round, uint64_t below)
{
    int best = -1;
    for (int i = 0; i < NEIGHBOURS_MAX; i++) {
        const struct tree_hop *h = &tr->hops[i];
        if (!neighbours_has(tr->links, i) || !ulid_equal(&h->root, root) || h->round != round ||
            h->distance_us >= below || h->child)
            continue;
        if (best < 0 || through(tr, i) < through(tr, best))
            best = i;
    }
    return best;
}

static void begin_round(struct tree *tr, struct turn *t)
{
    bool looks = !tr->named || tr->begun % TREE_SEARCH_EVERY == 0;
    tr->root = tr->core->self;
    tr->heir = (struct ulid){{0}};
    if (tr->begun++ > 0 && looks && centre_better(tr->core, t, &tr->heir))
        tr->core->counts.tree_heirs++;
    /* Above all of an earlier run: the incarnation is. */
    uint64_t least = state_incarnation(t->state) << 32;
    tr->round = (tr->round > least ? tr->round : least) + 1;
    tr->distance_us = tr->told_us = 0;
    tr->parent = -1;
    tr->round_us = t->now_us;
    tr->choose_us = KITH_NEVER;
    tr->beacon_us = t->now_us + TREE_ROUND;
    publish(tr, t);
}

static void take_over(struct tree *tr, struct turn *t, bool named)
{
    tr->named = named;
    tr->begun = 0;
    tr->term++;
    begin_round(tr, t);
}

static void set_parent(struct tree *tr, int slot)
{
    if (tr->parent != slot)
        tr->core->counts.tree_parents++;
    tr->parent = slot;
    tr->distance_us = through(tr, slot);
}

/* The parent went, or has no way itself. Another that is nearer to the root than this peer ever said it was takes its
 * place. Else there is no way in this round, and those below must hear of it, who may have others; the payloads
 * go by anybody who seems to have one. */
static void lose_parent(struct tree *tr, struct turn *t)
{
    tr->parent = -1;
    int other = nearest(tr, &tr->root, tr->round, tr->told_us);
    if (other >= 0) {
        set_parent(tr, other);
    } else {
        tr->parent = nearest(tr, &tr->root, tr->round, TREE_FAR);
        tr->distance_us = TREE_FAR;
        tr->core->counts.tree_cuts++;
    }
    publish(tr, t);
}

static void adopt(struct tree *tr, struct turn *t, const struct ulid *root, uint64_t round)
{
    int slot = nearest(tr, root, round, TREE_FAR);
    if (slot < 0)
        return;
    tr->root = *root;
    tr->term = tr->hops[slot].term;
    tr->heir = tr->hops[slot].heir;
    tr->round = round;
    tr->round_us = t->now_us;
    tr->choose_us = KITH_NEVER;
    tr->begun = 0;
    tr->told_us = TREE_FAR;
    if (ulid_equal(&tr->heir, &tr->core->self)) {
        take_over(tr, t, /* named= */ true);
        return;
    }
    /* The parent stays unless another is clearly nearer. */
    if (tr->parent >= 0 && tr->hops[tr->parent].round == round &&
        ulid_equal(&tr->hops[tr->parent].root, root) && !tr->hops[tr->parent].child &&
        !SHORTER(through(tr, slot), through(tr, tr->parent)))
        slot = tr->parent;
    set_parent(tr, slot);
    publish(tr, t);
}

/* The newest round of the present root that any neighbour told of. */
static uint64_t newest_round(const struct tree *tr)
{
    uint64_t round = tr->round;
    for (int i = 0; i < NEIGHBOURS_MAX; i++) {
        if (neighbours_has(tr->links, i) && ulid_equal(&tr->hops[i].root, &tr->root) &&
            tr->hops[i].round > round)
            round = tr->hops[i].round;
    }
    return round;
}

static bool is_lost(const struct tree *tr, const struct turn *t)
{
    return ulid_is_zero(&tr->root) || t->now_us - tr->round_us >= TREE_LOST ||
           (!core_alive(tr->core, &tr->root) && !ulid_equal(&tr->root, &tr->core->self));
}

/* Within the round: is the way through this neighbour a shorter one? */
static void improve(struct tree *tr, struct turn *t, int slot)
{
    uint64_t before = tr->distance_us;
    if (tr->hops[slot].distance_us >= tr->told_us)
        return;
    if (slot == tr->parent && before < TREE_FAR)
        tr->distance_us = through(tr, slot) < before ? through(tr, slot) : before;
    else if (SHORTER(through(tr, slot), before))
        set_parent(tr, slot);
    if (tr->distance_us != before)
        tr->publish_us = kith_time_min(tr->publish_us, t->now_us + TELL_LATER);
}

/* The incarnation from which a root numbers its rounds. */
static uint64_t incarnation_of(uint64_t round)
{
    return round >> 32;
}

/* Some neighbour told of a later life of the root. */
static bool is_outlived(const struct tree *tr, const struct beacon *b)
{
    for (int i = 0; i < NEIGHBOURS_MAX; i++) {
        if (neighbours_has(tr->links, i) && ulid_equal(&tr->hops[i].root, &b->root) &&
            incarnation_of(tr->hops[i].round) > incarnation_of(b->round))
            return true;
    }
    return false;
}

/* Far above the root's incarnation is no round. Below is one of a former life, whose term may be above that of the
 * present one: with a third root between them each would give way to the next, for ever. */
static bool is_possible(const struct tree *tr, const struct beacon *b)
{
    const struct member *m = members_get(tr->core->members, &b->root);
    uint64_t incarnation = incarnation_of(b->round);
    return !ulid_equal(&b->root, &tr->core->self) && core_alive(tr->core, &b->root) &&
           incarnation >= m->incarnation && incarnation <= m->incarnation + INCARNATIONS_AHEAD &&
           !is_outlived(tr, b);
}

/* Of two roots that both live. */
static bool outranks(const struct tree *tr, const struct beacon *b)
{
    return b->term > tr->term || (b->term == tr->term && ulid_compare(&b->root, &tr->root) < 0);
}

static void hear(struct tree *tr, struct turn *t, int slot, const struct beacon *b)
{
    bool other = !ulid_equal(&b->root, &tr->root);
    if (!is_possible(tr, b))
        return;
    if (other) {
        if (is_lost(tr, t) || outranks(tr, b))
            adopt(tr, t, &b->root, b->round);
    } else if (b->round > tr->round) {
        if (slot == tr->parent || tr->distance_us == TREE_FAR)
            adopt(tr, t, &b->root, b->round);
        else if (tr->choose_us == KITH_NEVER)
            tr->choose_us = t->now_us + PARENT_GRACE;
    } else if (b->round == tr->round) {
        improve(tr, t, slot);
    }
}

bool tree_receive(struct tree *tr, struct turn *t, const struct incoming *in, int slot)
{
    struct beacon b;
    struct wire_error err;
    if (in->envelope->kind == WIRE_PRUNE) {
        if (slot >= 0)
            tr->hops[slot].child = false;
        return true;
    }
    if (in->envelope->kind != WIRE_BEACON)
        return false;
    if (beacon_decode(&b, in->payload, /* mem= */ NULL, &err) != 0) {
        naming_refuse(&tr->core->naming, t, REFUSAL_PAYLOAD, in->from, "%s: %s", err.field,
                      err.why);
        return true;
    }
    bool possible = b.distance_us <= DISTANCE_MAX || b.distance_us == TREE_FAR;
    if (slot < 0 || !possible || tr->beacon_us == KITH_NEVER)
        return true;
    struct tree_hop *h = &tr->hops[slot];
    h->child = ulid_equal(&b.parent, &tr->core->self);
    h->root = b.root;
    h->heir = b.heir;
    h->term = b.term;
    h->round = b.round;
    h->distance_us = b.distance_us;
    if (slot == tr->parent && (h->child || h->distance_us == TREE_FAR))
        lose_parent(tr, t);
    else
        hear(tr, t, slot, &b);
    return true;
}

/* ---- links ---- */

void tree_gone(struct tree *tr, struct turn *t, int slot)
{
    tr->hops[slot] = (struct tree_hop){0};
    if (slot == tr->parent)
        lose_parent(tr, t);
}

void tree_made(struct tree *tr, struct turn *t, int slot)
{
    tr->hops[slot] = (struct tree_hop){0};
    if (!ulid_is_zero(&tr->root))
        tell(tr, t, slot);
}

/* ---- time ---- */

static bool is_lowest(const struct tree *tr)
{
    const struct member *m = members_first(tr->core->members);
    for (; m && ulid_compare(&m->id, &tr->core->self) < 0; m = members_next(tr->core->members, m)) {
        if (core_alive(tr->core, &m->id))
            return false;
    }
    return true;
}

void tree_time(struct tree *tr, struct turn *t)
{
    if (t->now_us >= tr->choose_us) {
        tr->choose_us =
            KITH_NEVER; /* also when whoever told of the new round has lost its way meanwhile */
        adopt(tr, t, &tr->root, newest_round(tr));
    }
    if (t->now_us >= tr->publish_us)
        publish(tr, t);
    if (t->now_us < tr->beacon_us)
        return;
    tr->beacon_us = t->now_us + TREE_ROUND;
    if (ulid_equal(&tr->root, &tr->core->self))
        begin_round(tr, t);
    else if (is_lost(tr, t) && is_lowest(tr))
        take_over(tr, t, /* named= */ false);
}

kith_time tree_deadline(const struct tree *tr)
{
    return kith_time_min(kith_time_min(tr->choose_us, tr->publish_us), tr->beacon_us);
}
