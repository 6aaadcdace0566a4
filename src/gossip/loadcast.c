#include "gossip/loadcast.h"

#include "base/mem.h"
#include "gossip/budget.h"
#include "gossip/load_batch.h"

#include <string.h>

#define ENVELOPE_BYTES 72u   /* of a frame */
#define ENTRY_BYTES    4u    /* of a batch, by place */
#define PUBLISH_BYTES  2500u /* a second, of reports in full view; the rest is for direct ones */
/* A second, over one link: with seven to pass on to, and the frames' envelopes, that is the budget. */
#define LINK_BYTES   580u
#define LINKS_MAX    (LOADS_SOURCES - 1)
#define FORGET_EVERY (30 * KITH_SEC)
#define OWN_QUIET    KITH_MIN /* an endpoint that is not checked any more */
#define SMOOTH       8        /* a new latency counts for an eighth */

static const struct budget_rate rate = {LOADCAST_BYTES, LOADCAST_BURST};

struct loadcast_counts {
    uint64_t reports;         /* own, to all */
    uint64_t news;            /* entries from others that were newer */
    uint64_t old;             /* and that were not: copies */
    uint64_t bytes_sent;      /* payloads and envelopes, of all copies */
    uint64_t unknown;         /* and that named a host by a place unknown here */
    uint64_t waited;          /* flushes that the budget put off */
    uint64_t direct_messages; /* to subscribers of services */
};

struct own { /* an instance of this host */
    struct ulid instance;
    struct bytes topic; /* load/SERVICE; len 0: its rows are not here yet */
    int64_t latency_us;
    kith_time checked_us;
};

struct loadcast {
    struct core *core;
    struct overlay *overlay;
    struct topics *topics;
    struct event_sample sample;
    kith_time sampled_us; /* KITH_NEVER: not yet */
    struct own own[LOADCAST_OWN_MAX];
    size_t own_n;
    bool rows_changed;
    struct ulid links[LINKS_MAX]; /* source number i + 1; where news came from */
    uint32_t theirs[LINKS_MAX];   /* digest of each one's roster, as it told last */
    struct ulid eager[LINKS_MAX]; /* whom the last flush went to */
    size_t eager_n;
    struct roster roster;
    size_t next_link;
    kith_time report_at_us, flush_at_us, forget_at_us;
    struct budget budget;
    struct loadcast_counts counts;
};

struct loadcast *loadcast_new(struct core *core, struct overlay *overlay, struct topics *topics)
{
    struct loadcast *l = mem_alloc(sizeof(*l));
    l->core = core;
    l->overlay = overlay;
    l->topics = topics;
    l->sampled_us = KITH_NEVER;
    l->flush_at_us = l->report_at_us = KITH_NEVER;
    l->rows_changed = true;
    roster_init(&l->roster);
    return l;
}

static void drop_topic(struct own *o)
{
    mem_free((void *)(uintptr_t)o->topic.data);
    o->topic = (struct bytes){0};
}

void loadcast_free(struct loadcast *l)
{
    for (size_t i = 0; i < l->own_n; i++)
        drop_topic(&l->own[i]);
    roster_deinit(&l->roster);
    mem_free(l);
}

/* ---- what is measured here ---- */

static struct own *find_own(struct loadcast *l, const struct ulid *instance)
{
    for (size_t i = 0; i < l->own_n; i++) {
        if (ulid_equal(&l->own[i].instance, instance))
            return &l->own[i];
    }
    return NULL;
}

void loadcast_checked(struct loadcast *l, struct turn *t, const struct event_checked *checked)
{
    struct own *o = find_own(l, &checked->instance);
    if (!checked->ok || checked->took_us < 0)
        return;
    if (!o && l->own_n == LOADCAST_OWN_MAX)
        return;
    if (!o) {
        o = &l->own[l->own_n++];
        *o = (struct own){.instance = checked->instance, .latency_us = checked->took_us};
        l->rows_changed = true;
    }
    o->latency_us += (checked->took_us - o->latency_us) / SMOOTH;
    o->checked_us = t->now_us;
}

static void forget_own(struct loadcast *l, kith_time now_us)
{
    size_t n = 0;
    for (size_t i = 0; i < l->own_n; i++) {
        if (now_us - l->own[i].checked_us < OWN_QUIET)
            l->own[n++] = l->own[i];
        else
            drop_topic(&l->own[i]);
    }
    l->own_n = n;
}

/* ---- what its services need ---- */

void loadcast_members_changed(struct loadcast *l)
{
    roster_changed(&l->roster);
}

void loadcast_row(struct loadcast *l, const struct row *row)
{
    bool own = row->table == TABLE_ID_INSTANCE && row->key.len >= sizeof(l->core->self.b) &&
               memcmp(row->key.data, l->core->self.b, sizeof(l->core->self.b)) == 0;
    if (own || ((row->table == TABLE_ID_SERVICE || row->table == TABLE_ID_SPEC) && l->own_n > 0))
        l->rows_changed = true;
}

struct wants {
    struct arena mem;
    struct bytes topics[INTEREST_PATTERNS_MAX];
    size_t n;
};

static void want(struct wants *w, struct bytes service)
{
    struct bytes topic = bytes_str(arena_printf(&w->mem, "load/" BYTES_FMT, BYTES_ARG(service)));
    for (size_t i = 0; i < w->n; i++) {
        if (bytes_equal(w->topics[i], topic))
            return;
    }
    if (w->n < INTEREST_PATTERNS_MAX)
        w->topics[w->n++] = topic;
}

static void want_needs(struct wants *w, const struct turn *t, const struct instance_row *i)
{
    uint8_t key[2 * sizeof(struct ulid)];
    struct spec_row spec;
    struct wire_error err;
    memcpy(key, i->service.b, sizeof(i->service.b));
    memcpy(key + sizeof(i->service.b), i->spec.b, sizeof(i->spec.b));
    const struct row *row = state_get(t->state, TABLE_ID_SPEC, bytes_of(key, sizeof(key)));
    if (!row || spec_row_decode(&spec, row->value, &w->mem, &err) != 0)
        return;
    for (uint32_t k = 0; k < spec.spec.needs_n; k++)
        want(w, spec.spec.needs[k]);
    for (uint32_t k = 0; k < spec.spec.wants_n; k++)
        want(w, spec.spec.wants[k]);
}

static void name_topic(struct own *o, const struct turn *t, const struct instance_row *i,
                       struct arena *mem)
{
    struct service_row service;
    struct wire_error err;
    const struct row *row = state_get(t->state, TABLE_ID_SERVICE, ulid_bytes(&i->service));
    if (!row || service_row_decode(&service, row->value, mem, &err) != 0)
        return;
    struct bytes topic = bytes_str(arena_printf(mem, "load/" BYTES_FMT, BYTES_ARG(service.name)));
    drop_topic(o);
    o->topic = bytes_of(mem_copy(topic.data, topic.len), topic.len);
}

/* The own rows again: whose load this host wants to know, and whose it reports. */
static void look_at_rows(struct loadcast *l, struct turn *t)
{
    struct bytes prefix = ulid_bytes(&l->core->self);
    const struct row *row = state_first(t->state, TABLE_ID_INSTANCE, prefix);
    struct wants w = {0};
    for (; row; row = state_next(t->state, row, prefix)) {
        struct instance_row i;
        struct wire_error err;
        struct ulid id;
        if (instance_row_decode(&i, row->value, &w.mem, &err) != 0 ||
            i.state >= INSTANCE_STATE_STOPPED)
            continue;
        memcpy(id.b, row->key.data + sizeof(id.b), sizeof(id.b));
        struct own *o = find_own(l, &id);
        if (o)
            name_topic(o, t, &i, &w.mem);
        want_needs(&w, t, &i);
    }
    topics_want(l->topics, t, w.topics, w.n);
    arena_deinit(&w.mem);
    l->rows_changed = false;
}

/* ---- the own report ---- */

static uint16_t latency_value(int64_t latency_us)
{
    int64_t steps = (latency_us + 50) / 100;
    return (uint16_t)(steps < 1 ? 1 : steps > UINT16_MAX ? UINT16_MAX : steps);
}

static bool is_small(const struct loadcast *l)
{
    return members_alive(l->core->members) <= LOADCAST_SMALL;
}

static kith_time flush_every(const struct loadcast *l)
{
    return is_small(l) ? LOADCAST_FLUSH_SMALL : LOADCAST_FLUSH;
}

/* So that what everybody sends for everybody stays within what is planned for. */
static kith_time report_every(const struct loadcast *l, const struct turn *t)
{
    size_t alive = members_alive(l->core->members);
    bool full = overlay_is_full(l->overlay);
    uint64_t bytes =
        full ? alive * (ENVELOPE_BYTES + 2 * ENTRY_BYTES) : loads_count(t->loads) * ENTRY_BYTES;
    kith_time every_us =
        (kith_time)(bytes * (uint64_t)KITH_SEC / (full ? PUBLISH_BYTES : LINK_BYTES));
    kith_time least_us = is_small(l) ? LOADCAST_EVERY_SMALL : LOADCAST_EVERY;
    return every_us > least_us ? every_us : least_us;
}

static void flush_by(struct loadcast *l, kith_time at_us)
{
    l->flush_at_us = kith_time_min(l->flush_at_us, at_us);
}

static void report(struct loadcast *l, struct turn *t)
{
    uint64_t key = loads_host_key(&l->core->self);
    struct load_value own = {
        .value = loads_host_value(l->sample.cpu_permille, l->sample.memory_permille),
        .taken_us = l->sampled_us};
    loads_put(t->loads, key, &own, /* source= */ 0, t->now_us);
    for (size_t i = 0; i < l->own_n; i++) {
        own.value = latency_value(l->own[i].latency_us);
        loads_put(t->loads, key | loads_endpoint_key(&l->own[i].instance), &own, /* source= */ 0,
                  t->now_us);
    }
    l->counts.reports++;
    l->report_at_us = t->now_us + report_every(l, t);
    flush_by(l, t->now_us);
}

/* ---- to everybody ---- */

/* The number of who brought news, for a while. */
static uint8_t source_of(struct loadcast *l, const struct ulid *id)
{
    for (size_t i = 0; i < LINKS_MAX; i++) {
        if (ulid_equal(&l->links[i], id))
            return (uint8_t)(i + 1);
    }
    l->links[l->next_link] = *id;
    l->theirs[l->next_link] = 0;
    uint8_t source = (uint8_t)(l->next_link + 1);
    l->next_link = (l->next_link + 1) % LINKS_MAX;
    return source;
}

static bool afford(struct loadcast *l, kith_time now_us, size_t bytes)
{
    uint32_t cost = bytes > LOADCAST_BURST ? LOADCAST_BURST : (uint32_t)bytes;
    if (!budget_take(&l->budget, rate, now_us, cost, /* reserve_permille= */ 0)) {
        l->counts.waited++;
        return false;
    }
    l->counts.bytes_sent += bytes;
    return true;
}

/* True: it is told, or there is nothing to tell. */
static bool flush_full(struct loadcast *l, struct turn *t)
{
    struct buf payload = {0};
    const struct load_target target = {.not_from = LOAD_BATCH_OWN, .roster = &l->roster};
    bool told = true;
    if (load_batch_write(&payload, t->loads, &target, t->now_us)) {
        told = afford(l, t->now_us, (payload.len + ENVELOPE_BYTES) * core_others(l->core));
        if (told)
            post_publish(t->post, t->out, WIRE_LOAD_BATCH, buf_bytes(&payload));
    }
    buf_deinit(&payload);
    return told;
}

/* The tree leads to it since the last flush: what was told before went other ways, or nowhere. */
static bool is_new_link(const struct loadcast *l, const struct ulid *id)
{
    for (size_t i = 0; i < l->eager_n; i++) {
        if (ulid_equal(&l->eager[i], id))
            return false;
    }
    return true;
}

static bool flush_tree(struct loadcast *l, struct turn *t)
{
    struct ulid links[LINKS_MAX];
    struct buf payloads[LINKS_MAX] = {0};
    size_t n = overlay_eager(l->overlay, links, LINKS_MAX), bytes = 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t source = source_of(l, &links[i]);
        const struct load_target target = {.not_from = source,
                                           .all = is_new_link(l, &links[i]),
                                           .roster = &l->roster,
                                           .theirs = l->theirs[source - 1]};
        if (load_batch_write(&payloads[i], t->loads, &target, t->now_us))
            bytes += payloads[i].len + ENVELOPE_BYTES;
    }
    bool told = bytes == 0 || afford(l, t->now_us, bytes);
    for (size_t i = 0; i < n; i++) {
        if (told && payloads[i].len > 0)
            overlay_send_aside(l->overlay, t, &links[i], WIRE_LOAD_BATCH, buf_bytes(&payloads[i]));
        buf_deinit(&payloads[i]);
    }
    if (told) {
        memcpy(l->eager, links, n * sizeof(*links));
        l->eager_n = n;
    }
    return told;
}

static void flush(struct loadcast *l, struct turn *t)
{
    roster_look(&l->roster, l->core->members);
    bool told = overlay_is_full(l->overlay) ? flush_full(l, t) : flush_tree(l, t);
    l->flush_at_us = told ? KITH_NEVER : t->now_us + flush_every(l);
    if (told)
        loads_told(t->loads);
}

/* How long news wait for others. */
static kith_time gather_us(const struct loadcast *l)
{
    struct ulid links[LINKS_MAX];
    kith_time us = (kith_time)overlay_eager(l->overlay, links, LINKS_MAX) * LOADCAST_FLUSH_LINK;
    kith_time least_us = flush_every(l);
    return us > least_us && !overlay_is_full(l->overlay) ? us : least_us;
}

bool loadcast_receive(struct loadcast *l, struct turn *t, const struct incoming *in)
{
    struct load_read read;
    struct wire_error err;
    if (in->envelope->kind != WIRE_LOAD_BATCH)
        return false;
    uint8_t source = source_of(l, &in->who.id);
    roster_look(&l->roster, l->core->members);
    if (load_batch_read(&read, t->loads, &l->roster, in->payload, source, t->now_us, &err) != 0) {
        naming_refuse(&l->core->naming, t, REFUSAL_PAYLOAD, in->from, "%s: %s", err.field, err.why);
        return true;
    }
    l->counts.news += read.news;
    l->counts.old += read.old;
    l->counts.unknown += read.unknown;
    l->theirs[source - 1] = read.roster;
    if (read.news > 0)
        flush_by(l, t->now_us + gather_us(l));
    return true;
}

/* ---- to those who care ---- */

static bool said_before(const struct loadcast *l, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (bytes_equal(l->own[k].topic, l->own[i].topic))
            return true;
    }
    return false;
}

/* The endpoints of one service, and the host that they are on. */
static void tell_service(struct loadcast *l, struct turn *t, struct bytes topic)
{
    struct load_endpoint endpoints[LOAD_REPORT_ENDPOINTS_MAX_ITEMS];
    struct load_report r = {.node = l->core->self,
                            .cpu_permille = l->sample.cpu_permille,
                            .memory_permille = l->sample.memory_permille,
                            .endpoints = endpoints,
                            .age_ms = (uint32_t)((t->now_us - l->sampled_us) / KITH_MS)};
    struct buf payload = {0};
    for (size_t i = 0; i < l->own_n && r.endpoints_n < LOAD_REPORT_ENDPOINTS_MAX_ITEMS; i++) {
        if (bytes_equal(l->own[i].topic, topic))
            endpoints[r.endpoints_n++] = (struct load_endpoint){
                .instance = l->own[i].instance, .latency_us = (uint64_t)l->own[i].latency_us};
    }
    load_report_encode(&payload, &r);
    struct bytes bytes = buf_bytes(&payload);
    if (afford(l, t->now_us, payload.len + ENVELOPE_BYTES)) {
        struct publish publish = {
            .topic = topic, .payloads = &bytes, .payloads_n = 1, .priority = TOPIC_PRIORITY_HIGH};
        topics_publish(l->topics, t, &publish);
        l->counts.direct_messages++;
    }
    buf_deinit(&payload);
}

static void tell_subscribers(struct loadcast *l, struct turn *t)
{
    for (size_t i = 0; i < l->own_n; i++) {
        struct bytes topic = l->own[i].topic;
        if (topic.len > 0 && !said_before(l, i) && topics_wanted(l->topics, topic))
            tell_service(l, t, topic);
    }
}

static void take_report(struct turn *t, const struct load_report *r)
{
    uint64_t key = loads_host_key(&r->node);
    struct load_value value = {.value = loads_host_value(r->cpu_permille, r->memory_permille),
                               .taken_us = t->now_us - r->age_ms * KITH_MS};
    loads_put_near(t->loads, key, &value, t->now_us);
    for (uint32_t i = 0; i < r->endpoints_n; i++) {
        value.value = latency_value((int64_t)(r->endpoints[i].latency_us & INT64_MAX));
        loads_put_near(t->loads, key | loads_endpoint_key(&r->endpoints[i].instance), &value,
                       t->now_us);
    }
}

void loadcast_take(struct loadcast *l, struct turn *t)
{
    struct topics_note note;
    struct ulid_text text;
    while (topics_take(l->topics, &note)) {
        struct load_report r;
        struct arena mem = {0};
        struct wire_error err;
        /* What is no report at all may be a user's message. */
        bool is_report = !ulid_equal(&note.origin, &l->core->self) &&
                         load_report_decode(&r, note.payload, &mem, &err) == 0;
        if (is_report && ulid_equal(&r.node, &note.origin))
            take_report(t, &r);
        else if (is_report)
            naming_refuse(&l->core->naming, t, REFUSAL_OWNER,
                          core_name(l->core, &note.origin, &text), "reports another host's load");
        arena_deinit(&mem);
    }
}

/* ---- time ---- */

static bool is_ready(const struct loadcast *l)
{
    return l->core->member && !l->core->leaving && l->sampled_us != KITH_NEVER;
}

void loadcast_sample(struct loadcast *l, struct turn *t, const struct event_sample *sample)
{
    if (l->sampled_us == KITH_NEVER) /* hosts that start together do not report together */
        l->report_at_us = t->now_us + (kith_time)rng_below(t->rng, (uint64_t)KITH_SEC);
    l->sample = *sample;
    l->sampled_us = t->now_us;
    if (!is_ready(l))
        return;
    if (l->rows_changed)
        look_at_rows(l, t);
    tell_subscribers(l, t);
    if (t->now_us + KITH_SEC / 2 >= l->report_at_us) /* the next sample comes in a second */
        report(l, t);
}

void loadcast_time(struct loadcast *l, struct turn *t)
{
    if (!is_ready(l))
        return;
    if (t->now_us >= l->flush_at_us - (is_small(l) ? LOADCAST_EARLY_SMALL : 0))
        flush(l, t);
    if (t->now_us >= l->forget_at_us) {
        l->forget_at_us = t->now_us + FORGET_EVERY;
        forget_own(l, t->now_us);
        loads_forget(t->loads, t->now_us);
    }
}

kith_time loadcast_deadline(const struct loadcast *l)
{
    return is_ready(l) ? l->flush_at_us : KITH_NEVER;
}

static void add(struct counter *counters, uint32_t *n, const char *name, uint64_t value)
{
    counters[(*n)++] = (struct counter){.name = bytes_str(name), .value = (int64_t)value};
}

void loadcast_info(const struct loadcast *l, struct info *ret, struct arena *mem)
{
    const struct loadcast_counts *c = &l->counts;
    uint32_t n = ret->counters_n;
    struct counter *counters = arena_array(mem, n + 7, sizeof(*counters));
    for (uint32_t i = 0; i < n; i++)
        counters[i] = ret->counters[i];
    add(counters, &n, "load.reports", c->reports);
    add(counters, &n, "load.news", c->news);
    add(counters, &n, "load.old", c->old);
    add(counters, &n, "load.unknown", c->unknown);
    add(counters, &n, "load.bytes_sent", c->bytes_sent);
    add(counters, &n, "load.waited", c->waited);
    add(counters, &n, "load.direct_messages", c->direct_messages);
    ret->counters = counters;
    ret->counters_n = n;
}
