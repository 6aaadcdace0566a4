#include "gossip/joiner.h"

#include "base/mem.h"
#include "trust/certificate.h"

#include <string.h>

#define PROBE_PORT "5484"
/* After a newcomer began to make its connections: it listens to others by then. */
#define COMPARE_LATER (200 * KITH_MS)

/* Every insecure peer is of this cluster: there are no keys to tell clusters apart by. */
static const struct ulid insecure_cluster = {"\0insecure  kith"};

struct seed {
    char *uri;
    kith_time at_us, every_us;
    struct ulid who; /* answered there when last looked at; zero */
};

struct joiner {
    struct core *core;
    struct admit *admit;
    struct self *self;
    struct seed seeds[JOINER_SEEDS_MAX];
    uint32_t seeds_n;
    struct buf certificate; /* encoded; empty: none was to be had */
    struct buf name;
    struct key32 sign_public;
    struct key32 ring_public;
    bool can_ask;        /* has what a hello needs */
    struct buf own_uris; /* the own probe addresses, each with a NUL */
    struct ulid greeted; /* by whom, not yet compared with; zero */
    bool arrived;        /* that one, core->host, is not yet told of this peer */
    kith_time compare_us;
};

struct joiner *joiner_new(struct core *core, struct admit *admit, struct self *self)
{
    struct joiner *j = mem_alloc(sizeof(*j));
    j->core = core;
    j->admit = admit;
    j->self = self;
    return j;
}

void joiner_free(struct joiner *j)
{
    for (uint32_t i = 0; i < j->seeds_n; i++)
        mem_free(j->seeds[i].uri);
    buf_deinit(&j->certificate);
    buf_deinit(&j->name);
    buf_deinit(&j->own_uris);
    mem_free(j);
}

static bool own_uri(const struct joiner *j, struct bytes uri)
{
    struct bytes all = buf_bytes(&j->own_uris);
    for (size_t at = 0; at < all.len;) {
        struct bytes one = bytes_str((const char *)all.data + at);
        if (bytes_equal(one, uri))
            return true;
        at += one.len + 1;
    }
    return false;
}

static int add_seed(struct joiner *j, struct turn *t, struct bytes uri)
{
    if (own_uri(j, uri))
        return 0;
    struct seed *s = NULL;
    for (uint32_t i = 0; i < j->seeds_n && !s; i++) {
        if (bytes_equal(bytes_str(j->seeds[i].uri), uri))
            s = &j->seeds[i];
    }
    if (!s && j->seeds_n == JOINER_SEEDS_MAX)
        return JOINER_FULL;
    if (!s) {
        s = &j->seeds[j->seeds_n++];
        s->uri = bytes_to_str(uri);
    }
    s->every_us = JOINER_FIRST;
    s->at_us = t->now_us;
    return 0;
}

static bool begins(struct bytes text, const char *with)
{
    size_t len = strlen(with);
    return text.len > len && memcmp(text.data, with, len) == 0;
}

/* HOST, HOST:PORT, [V6]:PORT, with or without tcp:// before it; ws://... and ipc:///... as they are. */
int joiner_try(struct joiner *j, struct turn *t, struct bytes addr)
{
    static const char scheme[] = "tcp://";
    if (begins(addr, scheme))
        addr = bytes_of(addr.data + sizeof(scheme) - 1, addr.len - (sizeof(scheme) - 1));
    if (addr.len == 0 || addr.len > 200)
        return JOINER_BAD_ADDRESS;
    if (begins(addr, "ws://") || begins(addr, "ipc:///"))
        return add_seed(j, t, addr);
    size_t colons = 0;
    for (size_t i = 0; i < addr.len; i++) {
        if (addr.data[i] <= ' ' || addr.data[i] == '/' || addr.data[i] >= 0x7f)
            return JOINER_BAD_ADDRESS;
        colons += addr.data[i] == ':';
    }
    bool v6 = addr.data[0] == '[';
    bool port = v6 ? addr.data[addr.len - 1] != ']' : colons == 1;
    if ((!v6 && colons > 1) || addr.data[addr.len - 1] == ':' || addr.data[0] == ':')
        return JOINER_BAD_ADDRESS;
    struct buf uri = {0};
    buf_printf(&uri, "%s" BYTES_FMT "%s", scheme, BYTES_ARG(addr), port ? "" : ":" PROBE_PORT);
    int r = add_seed(j, t, buf_bytes(&uri));
    buf_deinit(&uri);
    return r;
}

static struct bytes local(const struct event_start *start, const char *name)
{
    for (size_t i = 0; i < start->locals_n; i++) {
        if (bytes_equal_str(start->locals[i].name, name))
            return start->locals[i].value;
    }
    return (struct bytes){0};
}

static bool local_key(const struct event_start *start, const char *name, struct key32 *ret)
{
    struct bytes value = local(start, name);
    if (value.len != sizeof(ret->b))
        return false;
    memcpy(ret->b, value.data, sizeof(ret->b));
    return true;
}

static void store_key(struct turn *t, const char *name, const struct key32 *key)
{
    state_put_local(t->state, bytes_str(name), bytes_of(key->b, sizeof(key->b)));
}

static void ring_effect(struct turn *t, const struct key32 *public_key, const struct key32 *secret,
                        uint64_t wait)
{
    struct effect effect = {.kind = EFFECT_RING, .wait = wait};
    effect.ring.ring_public = *public_key;
    if (secret)
        effect.ring.ring_secret = *secret;
    effects_add(t->out, &effect);
}

static void set_cluster(struct turn *t, const struct ulid *cluster)
{
    t->post->cluster = *cluster;
    state_set_cluster(t->state, cluster);
}

/* The ring's secret half is known: it is kept, and the sockets may be bound once it is. */
static void enter(struct joiner *j, struct turn *t, const struct key32 *ring_secret)
{
    store_key(t, "ring/public", &j->ring_public);
    store_key(t, "ring/secret", ring_secret);
    admit_ring(j->admit, &j->ring_public, ring_secret);
    ring_effect(t, &j->ring_public, ring_secret, state_token(t->state));
    j->core->member = true;
}

/* In by itself: with no one to check it, the own certificate is taken as its own peers will take it. */
static void found(struct joiner *j, struct turn *t, const struct key32 *ring_secret)
{
    enter(j, t, ring_secret);
    struct admission_row row = {
        .id = j->core->self,
        .kind = PRINCIPAL_KIND_NODE,
        .key = j->sign_public,
        .name = buf_bytes(&j->name),
        .certificate = buf_bytes(&j->certificate),
        .admitted_by = j->core->self,
        .admitted_ms = t->wall_us / KITH_MS,
    };
    admit_self(j->admit, t, &row);
}

/* With the keys that a former run stored. */
static bool start_stored(struct joiner *j, struct turn *t, const struct event_start *start)
{
    struct key32 issuer, secret;
    struct bytes cluster = local(start, "cluster/id");
    struct ulid id;
    if (!local_key(start, "ring/public", &j->ring_public) ||
        !local_key(start, "ring/secret", &secret) || !local_key(start, "ring/issuer", &issuer) ||
        cluster.len != sizeof(id.b))
        return false;
    memcpy(id.b, cluster.data, sizeof(id.b));
    set_cluster(t, &id);
    admit_trust(j->admit, &id, &issuer);
    admit_ring(j->admit, &j->ring_public, &secret);
    ring_effect(t, &j->ring_public, &secret, /* wait= */ 0);
    struct bytes certificate = local(start, "ring/certificate");
    buf_append(&j->certificate, certificate.data, certificate.len);
    j->can_ask = certificate.len > 0;
    j->core->member = true;
    return true;
}

static void make_certificate(struct joiner *j, struct turn *t, const struct event_start *start,
                             const struct token *token, const struct grant *grant)
{
    struct sign_pair pair = {.public_key = start->sign_public};
    memcpy(pair.secret, start->sign_secret, sizeof(pair.secret));
    struct certificate_subject subject = {
        .id = start->node, .pair = &pair, .name = start->name, .issued_ms = t->wall_us / KITH_MS};
    certificate_make(&j->certificate, token, grant, &subject);
    keys_wipe(&pair, sizeof(pair));
}

static void start_token(struct joiner *j, struct turn *t, const struct event_start *start)
{
    struct token token;
    struct grant grant;
    struct arena mem = {0};
    int problem = token_open(&token, &grant, start->token, t->wall_us / KITH_MS, &mem);
    if (problem == 0 && grant.kind != PRINCIPAL_KIND_NODE) {
        effect_log(t->out, LOG_ERROR_,
                   "cannot join: this token is for a person or an application; "
                   "make one for a host with `kith token new`");
    } else if (problem != 0) {
        effect_log(t->out, LOG_ERROR_, "cannot join: %s", token_problem_text(problem));
    } else {
        make_certificate(j, t, start, &token, &grant);
        j->ring_public = token.ring_public;
        j->can_ask = true;
        set_cluster(t, &grant.cluster);
        admit_trust(j->admit, &grant.cluster, &grant.issuer);
        state_put_local(t->state, bytes_str("cluster/id"), ulid_bytes(&grant.cluster));
        store_key(t, "ring/issuer", &grant.issuer);
        state_put_local(t->state, bytes_str("ring/certificate"), buf_bytes(&j->certificate));
        if (key32_is_zero(&token.ring_secret))
            ring_effect(t, &j->ring_public, /* secret= */ NULL, /* wait= */ 0);
        else
            found(j, t, &token.ring_secret);
        for (uint32_t i = 0; i < token.seeds_n; i++)
            (void)joiner_try(j, t, token.seeds[i]);
    }
    arena_deinit(&mem);
}

/* One is asked at once, any; the others follow if that does not answer: each that admits a newcomer costs
 * all a row and the newcomer a few connections. */
static void stagger(struct joiner *j, struct turn *t)
{
    if (j->seeds_n == 0)
        return;
    uint32_t first = (uint32_t)rng_below(t->rng, j->seeds_n);
    for (uint32_t i = 0; i < j->seeds_n; i++)
        j->seeds[(first + i) % j->seeds_n].at_us = t->now_us + i * JOINER_STAGGER;
}

/* It began anew, and holds nothing but where others were: nobody is known well enough to be talked to without a
 * hello. */
static void seek_members(struct joiner *j, struct turn *t)
{
    const struct member *m = members_first(j->core->members);

    for (int n = 0; m && n < JOINER_SEEK; m = members_next(j->core->members, m)) {
        struct bytes uri = member_uri(m, ADDR_ROLE_PROBE);

        if (ulid_equal(&m->id, &j->core->self) || m->state != MEMBER_STATE_ALIVE || uri.len == 0)
            continue;
        (void)add_seed(j, t, uri);
        n++;
    }
}

void joiner_start(struct joiner *j, struct turn *t, const struct event_start *start)
{
    buf_append(&j->name, start->name.data, start->name.len);
    j->sign_public = start->sign_public;
    for (uint32_t i = 0; i < start->addrs_n; i++) {
        if (start->addrs[i].role != ADDR_ROLE_PROBE)
            continue;
        buf_append(&j->own_uris, start->addrs[i].uri.data, start->addrs[i].uri.len);
        buf_byte(&j->own_uris, 0);
    }
    if (start->insecure) {
        set_cluster(t, ulid_is_zero(&start->cluster) ? &insecure_cluster : &start->cluster);
        j->can_ask = true;
        j->core->member = true;
    } else if (!start_stored(j, t, start)) {
        if (start->token.len > 0)
            start_token(j, t, start);
        else
            effect_log(
                t->out, LOG_ERROR_,
                "cannot join: no token was given and this data folder has joined no cluster; "
                "make one with `kith token new`");
    }
    for (uint32_t i = 0; i < start->seeds_n; i++)
        (void)add_seed(j, t, start->seeds[i]);
    if (j->core->anew != 0)
        seek_members(j, t);
    stagger(j, t);
}

static void refused(struct joiner *j, struct turn *t, const struct incoming *in)
{
    struct hello_refused r;
    struct arena mem = {0};
    struct wire_error err;
    if (hello_refused_decode(&r, in->payload, &mem, &err) == 0) {
        naming_refuse(&j->core->naming, t, REFUSAL_HELLO, in->from,
                      "does not let this peer in: " BYTES_FMT, BYTES_ARG(r.why));
        for (uint32_t i = 0; r.final && i < j->seeds_n; i++) {
            if (bytes_equal(bytes_str(j->seeds[i].uri), in->from))
                j->seeds[i].at_us = t->now_us + JOINER_REFUSED;
        }
    }
    arena_deinit(&mem);
}

static bool asked(const struct joiner *j, struct bytes uri)
{
    for (uint32_t i = 0; i < j->seeds_n; i++) {
        if (bytes_equal(bytes_str(j->seeds[i].uri), uri))
            return true;
    }
    return false;
}

/* Who answered hears of this peer at once. One that knew nobody before waits with connections of its own; rows that
 * no hello carries are fetched when it has them, so that what is new meanwhile is not missed. */
static void follow_up(struct joiner *j, const struct turn *t, const struct incoming *in)
{
    struct core *c = j->core;
    if (members_alive(c->members) <= 1) {
        c->settles_us = t->now_us + GUESTS_SETTLE;
        buf_reset(&c->host);
        buf_append(&c->host, in->from.data, in->from.len);
    }
    j->greeted = in->who.id;
    j->arrived = true;
    j->compare_us = c->settles_us > t->now_us ? c->settles_us + COMPARE_LATER : t->now_us;
}

static void accepted(struct joiner *j, struct turn *t, const struct incoming *in)
{
    struct hello_ok ok;
    struct arena mem = {0};
    struct wire_error err;
    bool secret_missing = false;
    if (hello_ok_decode(&ok, in->payload, &mem, &err) != 0) {
        naming_refuse(&j->core->naming, t, REFUSAL_PAYLOAD, in->from, "%s: %s", err.field, err.why);
    } else if (asked(j, in->from) && ulid_equal(&ok.cluster, &t->post->cluster)) {
        if (!j->core->member) {
            secret_missing =
                key32_is_zero(&ok.ring_secret) || !keys_equal(&ok.ring_public, &j->ring_public);
            if (!secret_missing)
                enter(j, t, &ok.ring_secret);
        }
        if (!secret_missing)
            follow_up(j, t, in);
        for (uint32_t i = 0; !secret_missing && i < ok.rows_n; i++)
            (void)state_merge(t->state, ok.rows[i]); /* old news is no news */
    }
    arena_deinit(&mem);
}

bool joiner_receive(struct joiner *j, struct turn *t, const struct incoming *in)
{
    if (in->envelope->kind == WIRE_HELLO_OK)
        accepted(j, t, in);
    else if (in->envelope->kind == WIRE_HELLO_REFUSED)
        refused(j, t, in);
    else
        return false;
    return true;
}

static bool lists(const struct member *m, struct bytes uri)
{
    for (uint32_t i = 0; i < m->row->addrs_n; i++) {
        if (m->row->addrs[i].role == ADDR_ROLE_PROBE && bytes_equal(m->row->addrs[i].uri, uri))
            return true;
    }
    return false;
}

static bool answers(const struct joiner *j, const struct member *m, struct bytes uri)
{
    return m && m->row && m->state == MEMBER_STATE_ALIVE && !ulid_equal(&m->id, &j->core->self) &&
           lists(m, uri);
}

/* A live member answers there already. Nearly always it is who did a second ago. */
static bool reached(const struct joiner *j, struct seed *s)
{
    struct bytes uri = bytes_str(s->uri);
    if (answers(j, members_get(j->core->members, &s->who), uri))
        return true;
    const struct member *m = members_first(j->core->members);
    while (m && !answers(j, m, uri))
        m = members_next(j->core->members, m);
    s->who = m ? m->id : (struct ulid){{0}};
    return m != NULL;
}

static void say_hello(struct joiner *j, struct turn *t, struct seed *s)
{
    struct hello hello = {.certificate = buf_bytes(&j->certificate), .name = buf_bytes(&j->name)};
    struct buf payload = {0};
    hello_encode(&payload, &hello);
    post_send(t->post, t->out, bytes_str(s->uri), WIRE_HELLO, buf_bytes(&payload),
              /* correlation= */ 0);
    buf_deinit(&payload);
    j->core->counts.hellos_sent++;
}

static void try_seed(struct joiner *j, struct turn *t, struct seed *s)
{
    bool done = j->core->member && reached(j, s);
    kith_time every_us = j->core->member && s->every_us < KITH_SEC ? KITH_SEC : s->every_us;
    if (!done)
        say_hello(j, t, s);
    s->every_us = done ? JOINER_FIRST : kith_time_min(2 * s->every_us, JOINER_LONGEST);
    if (done)
        every_us = JOINER_LONGEST;
    /* A quarter to either side, so that those who started together do not ask together. */
    s->at_us = t->now_us + every_us * 3 / 4 + (kith_time)rng_below(t->rng, (uint64_t)every_us / 2);
}

/* A newcomer on the connection of its hello, one that is back on one that is to stand. */
static void arrive(struct joiner *j, struct turn *t)
{
    j->arrived = false;
    if (j->core->settles_us > t->now_us)
        self_arrive(j->self, t, buf_bytes(&j->core->host));
    else
        self_tell(j->self, t, core_uri(j->core, &j->greeted, ADDR_ROLE_BULK));
}

void joiner_time(struct joiner *j, struct turn *t)
{
    if (j->arrived)
        arrive(j, t);
    if (!ulid_is_zero(&j->greeted) && j->compare_us <= t->now_us) {
        struct bytes uri = core_uri(j->core, &j->greeted, ADDR_ROLE_BULK);
        if (uri.len > 0)
            sync_with(j->core->sync, t, uri);
        j->greeted = (struct ulid){{0}};
    }
    for (uint32_t i = 0; j->can_ask && !j->core->leaving && i < j->seeds_n; i++) {
        if (j->seeds[i].at_us <= t->now_us)
            try_seed(j, t, &j->seeds[i]);
    }
}

kith_time joiner_deadline(const struct joiner *j)
{
    kith_time at_us = KITH_NEVER;
    if (j->arrived)
        return 0;
    if (!ulid_is_zero(&j->greeted))
        at_us = j->compare_us;
    for (uint32_t i = 0; j->can_ask && !j->core->leaving && i < j->seeds_n; i++) {
        const struct seed *s = &j->seeds[i];
        at_us = kith_time_min(at_us, s->at_us + (ulid_is_zero(&s->who) ? 0 : JOINER_SLACK));
    }
    return at_us;
}
