/*
 * The order of the questions: is it from this peer itself (a seed list may name it), who is behind the
 * key, is the sender the one the key stands for, is it a clone, may it do this at all.
 */
#include "gossip/admit.h"

#include "base/mem.h"
#include "base/tree.h"
#include "gossip/hello.h"
#include "trust/authority.h"

struct key {
    struct key32 key;
    struct ulid id;
    enum principal_kind kind;
    bool revoked;
    char *name;
    TREE_ENTRY(key) by_key;
    TREE_ENTRY(key) by_id;
};

static int compare_key(const struct key *a, const struct key *b)
{
    return key32_compare(&a->key, &b->key);
}

static int compare_id(const struct key *a, const struct key *b)
{
    int r = ulid_compare(&a->id, &b->id);
    return r != 0 ? r : compare_key(a, b);
}

TREE_DEFINE(key_tree, key, by_key, compare_key)
TREE_DEFINE(id_tree, key, by_id, compare_id)

/* One that sent with an unknown key, and is not named yet. */
struct unknown {
    struct key32 key;
    struct ulid id;
    const char *sent; /* kind */
    char *from;
    kith_time at_us;
};

struct admit {
    struct core *core;
    struct unknown unknown[ADMIT_UNKNOWN_MAX];
    uint32_t unknown_n;
    struct key_tree keys;
    struct id_tree ids;
    struct hello_house house;
    struct hello_door door; /* of the frame identified last */
};

struct admit *admit_new(struct core *core)
{
    struct admit *a = mem_alloc(sizeof(*a));
    a->core = core;
    a->house.core = core;
    return a;
}

void admit_free(struct admit *a)
{
    struct key *k, *next;
    TREE_FOREACH_SAFE(k, key_tree, &a->keys, next)
    {
        TREE_REMOVE(key_tree, &a->keys, k);
        mem_free(k->name);
        mem_free(k);
    }
    for (uint32_t i = 0; i < a->unknown_n; i++)
        mem_free(a->unknown[i].from);
    keys_wipe(&a->house.ring_secret, sizeof(a->house.ring_secret));
    mem_free(a);
}

void admit_trust(struct admit *a, const struct ulid *cluster, const struct key32 *issuer)
{
    a->house.trust.cluster = *cluster;
    a->house.trust.issuers[0] = *issuer;
    a->house.trust.issuers_n = 1;
}

void admit_ring(struct admit *a, const struct key32 *ring_public, const struct key32 *ring_secret)
{
    a->house.ring_public = *ring_public;
    a->house.ring_secret = *ring_secret;
}

static struct key *find(struct admit *a, const struct key32 *key)
{
    struct key search = {.key = *key};
    return TREE_FIND(key_tree, &a->keys, &search);
}

/* A key of this id that is not revoked. */
static struct key *find_id(struct admit *a, const struct ulid *id)
{
    struct key search = {.id = *id};
    struct key *k = TREE_FROM(id_tree, &a->ids, &search);
    for (; k && ulid_equal(&k->id, id); k = TREE_NEXT(id_tree, &a->ids, k)) {
        if (!k->revoked)
            return k;
    }
    return NULL;
}

/* The id had keys, and all of them were revoked. */
static bool revoked_id(struct admit *a, const struct ulid *id)
{
    struct key search = {.id = *id};
    const struct key *k = TREE_FROM(id_tree, &a->ids, &search);
    return k && ulid_equal(&k->id, id) && !find_id(a, id);
}

static void forget_key(struct admit *a, struct key *k)
{
    TREE_REMOVE(key_tree, &a->keys, k);
    TREE_REMOVE(id_tree, &a->ids, k);
    mem_free(k->name);
    mem_free(k);
}

/* The shell's PUB lets admitted keys in and no others. */
static void tell_shell(struct turn *t, const struct key32 *key, bool on)
{
    struct effect effect = {.kind = EFFECT_ADMIT, .wait = t->out->wait};
    effect.admit = (struct effect_admit){.key = *key, .on = on};
    effects_add(t->out, &effect);
}

void admit_row(struct admit *a, struct turn *t, const struct row *row)
{
    struct admission_row ad;
    struct arena mem = {0};
    struct wire_error err;
    struct key32 key;

    if (row->key.len != sizeof(key.b))
        return;
    for (size_t i = 0; i < sizeof(key.b); i++)
        key.b[i] = row->key.data[i];
    struct key *k = find(a, &key);
    if (k)
        forget_key(a, k);
    bool on = row->value.len > 0 && admission_row_decode(&ad, row->value, &mem, &err) == 0;
    if (on) {
        k = mem_alloc(sizeof(*k));
        *k = (struct key){.key = key,
                          .id = ad.id,
                          .kind = ad.kind,
                          .revoked = ad.revoked,
                          .name = bytes_to_str(ad.name)};
        TREE_INSERT(key_tree, &a->keys, k);
        TREE_INSERT(id_tree, &a->ids, k);
        on = !ad.revoked;
    }
    tell_shell(t, &key, on);
    arena_deinit(&mem);
}

void admit_self(struct admit *a, struct turn *t, const struct admission_row *row)
{
    struct key32 curve;
    if (keys_curve_public(&curve, &row->key) != 0 || find(a, &curve))
        return;
    hello_admit(t, &curve, row);
}

void admit_revoke(struct admit *a, struct turn *t, const struct ulid *id)
{
    struct key *k;
    while ((k = find_id(a, id))) {
        struct bytes key = bytes_of(k->key.b, sizeof(k->key.b));
        const struct row *row = state_get(t->state, TABLE_ID_ADMISSION, key);
        struct admission_row ad;
        struct arena mem = {0};
        struct wire_error err;
        if (row && admission_row_decode(&ad, row->value, &mem, &err) == 0) {
            ad.revoked = true;
            hello_admit(t, &k->key, &ad);
        }
        arena_deinit(&mem);
        k->revoked = true; /* the row comes back by admit_row() and says the same */
    }
}

/* Without keys: members are nodes, and so is whoever speaks on the members' lanes; the rest are people. */
static void believe(struct admit *a, const struct envelope *e, struct principal *ret)
{
    bool node = members_get(a->core->members, &e->sender) || e->lane != WIRE_LANE_CLIENT;
    ret->kind = node ? PRINCIPAL_KIND_NODE : PRINCIPAL_KIND_OPERATOR;
    ret->name = bytes_str(node ? "" : "insecure");
}

/* Asked for by this peer, so the answer may come from one whose admission is only now on its way. */
static bool answers_hello(const struct envelope *e)
{
    return e->kind == WIRE_HELLO_OK || e->kind == WIRE_HELLO_REFUSED;
}

static bool by_connection(struct admit *a, struct turn *t, const struct event_frame *f,
                          const struct envelope *e, const struct ulid *publisher,
                          struct principal *ret)
{
    struct ulid_text text = ulid_text(&e->sender);
    if (f->door == DOOR_SUB && (!publisher || !ulid_equal(publisher, &e->sender))) {
        naming_refuse(&a->core->naming, t, REFUSAL_SENDER, f->from,
                      "publishes as %s, which is not the member known at this address", text.s);
        return false;
    }
    struct key *k = find_id(a, &e->sender);
    if (revoked_id(a, &e->sender)) { /* its rows would bring it back, those of a hello_ok too */
        naming_refuse(&a->core->naming, t, REFUSAL_REVOKED, f->from,
                      "answers as %s, whose key was revoked", text.s);
        return false;
    }
    if (!k && !answers_hello(e)) {
        naming_refuse(&a->core->naming, t, REFUSAL_KEY, f->from,
                      "answers as %s, which is not admitted", text.s);
        return false;
    }
    ret->kind = PRINCIPAL_KIND_NODE;
    ret->name = bytes_str(k ? k->name : "");
    return true;
}

static void unknown_key(struct admit *a, struct turn *t, const struct event_frame *f,
                        const struct envelope *e)
{
    naming_count(&a->core->naming, REFUSAL_KEY);
    for (uint32_t i = 0; i < a->unknown_n; i++) {
        if (keys_equal(&a->unknown[i].key, &f->key))
            return;
    }
    if (a->unknown_n == ADMIT_UNKNOWN_MAX)
        return; /* others are named for it */
    a->unknown[a->unknown_n++] = (struct unknown){.key = f->key,
                                                  .id = e->sender,
                                                  .sent = frame_kind_name(e->kind),
                                                  .from = bytes_to_str(f->from),
                                                  .at_us = t->now_us + ADMIT_NEWS_TAKES};
}

void admit_time(struct admit *a, struct turn *t)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < a->unknown_n; i++) {
        struct unknown *u = &a->unknown[i];
        if (u->at_us > t->now_us) {
            a->unknown[kept++] = *u;
            continue;
        }
        struct ulid_text text = ulid_text(&u->id);
        if (!find(a, &u->key))
            naming_name(&a->core->naming, t, REFUSAL_KEY, bytes_str(u->from),
                        "sends %s with a key that is not admitted (as %s); it needs a join token",
                        u->sent, text.s);
        mem_free(u->from);
    }
    a->unknown_n = kept;
}

/* They are kept in the order they came, so the first is due first. */
kith_time admit_deadline(const struct admit *a)
{
    return a->unknown_n > 0 ? a->unknown[0].at_us : KITH_NEVER;
}

static bool by_key(struct admit *a, struct turn *t, const struct event_frame *f,
                   const struct envelope *e, struct principal *ret)
{
    struct naming *naming = &a->core->naming;
    struct key *k = find(a, &f->key);
    struct ulid_text text = ulid_text(&e->sender);

    if (e->kind == WIRE_HELLO) {
        a->door.revoked = k && k->revoked;
        a->door.admitted = k && !k->revoked && ulid_equal(&k->id, &e->sender);
        a->door.person = a->door.admitted && k->kind != PRINCIPAL_KIND_NODE;
        ret->kind = PRINCIPAL_KIND_NOBODY;
        return true;
    }
    if (!k) {
        unknown_key(a, t, f, e);
        return false;
    }
    if (k->revoked) {
        naming_refuse(naming, t, REFUSAL_REVOKED, f->from, "sends with the revoked key of %s (%s)",
                      k->name, text.s);
        return false;
    }
    if (!ulid_equal(&k->id, &e->sender)) {
        naming_refuse(naming, t, REFUSAL_SENDER, f->from, "sends as %s with the key of %s", text.s,
                      k->name);
        return false;
    }
    ret->kind = k->kind;
    ret->name = bytes_str(k->name);
    return true;
}

/* The one question. A request gets an answer, so that its sender does not wait in vain. */
static bool allowed(struct admit *a, struct turn *t, const struct event_frame *f,
                    const struct envelope *e, const struct principal *who)
{
    struct authority_subject subject = {.kind = who->kind};
    if (may(&subject, authority_verb_of(e->kind), /* object= */ (struct bytes){0}))
        return true;
    if (f->route != 0 && e->lane == WIRE_LANE_CLIENT) {
        struct incoming in = {.who = *who, .envelope = e, .door = f->door, .route = f->route};
        turn_fail(t, &in, FAIL_CODE_NOT_ALLOWED, "a %s may not ask for %s",
                  principal_kind_name(who->kind), frame_kind_name(e->kind));
    }
    naming_refuse(&a->core->naming, t, REFUSAL_VERB, f->from, "a %s may not send %s",
                  principal_kind_name(who->kind), frame_kind_name(e->kind));
    return false;
}

/* True: it is this peer's own frame, or that of another process with its id. */
static bool own(struct admit *a, struct turn *t, const struct event_frame *f,
                const struct envelope *e)
{
    if (!ulid_equal(&e->sender, &a->core->self))
        return false;
    if (!ulid_equal(&e->boot, &a->core->boot))
        naming_refuse(&a->core->naming, t, REFUSAL_CLONE, f->from,
                      "another live peer has this node's id: was its data folder copied?");
    return true;
}

/* The intruder gets the row that proves it one: then it ends by itself (self.c). */
static void refuse_clone(struct admit *a, struct turn *t, const struct event_frame *f,
                         const struct envelope *e)
{
    struct ulid_text text = ulid_text(&e->sender);
    const struct row *row = state_get(t->state, TABLE_ID_MEMBER, ulid_bytes(&e->sender));
    naming_refuse(&a->core->naming, t, REFUSAL_CLONE, f->from,
                  "is the second of two live peers with the id %s: was a data folder copied?",
                  text.s);
    if (f->route == 0 || !row || e->lane != WIRE_LANE_MEMBER)
        return;
    struct rows rows = {.records = &row->record, .records_n = 1};
    struct buf payload = {0};
    rows_encode(&payload, &rows);
    post_reply(t->post, t->out, f->route, WIRE_ROWS, buf_bytes(&payload), e->correlation);
    buf_deinit(&payload);
}

bool admit_identify(struct admit *a, struct turn *t, const struct event_frame *f,
                    const struct envelope *e, const struct ulid *publisher, struct principal *ret)
{
    *ret = (struct principal){.id = e->sender};
    a->door = (struct hello_door){.key = f->key};
    if (f->door == DOOR_LOCAL) {
        *ret = (struct principal){.kind = PRINCIPAL_KIND_LOCAL, .name = bytes_str("local")};
        return allowed(a, t, f, e, ret);
    }
    if (own(a, t, f, e))
        return false;
    if (a->core->insecure)
        believe(a, e, ret);
    else if (f->door == DOOR_SUB || f->route == 0) {
        if (!by_connection(a, t, f, e, publisher, ret))
            return false;
    } else if (!by_key(a, t, f, e, ret))
        return false;
    if (boots_banned(a->core->boots, &e->sender, &e->boot)) {
        refuse_clone(a, t, f, e);
        return false;
    }
    return allowed(a, t, f, e, ret);
}

bool admit_receive(struct admit *a, struct turn *t, const struct incoming *in)
{
    if (in->envelope->kind != WIRE_HELLO)
        return false;
    hello_receive(&a->house, &a->door, t, in);
    return true;
}
