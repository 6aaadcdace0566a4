#include "sim/measure.h"

#include "base/mem.h"
#include "sim/measure_inside.h"
#include "wire/frame.h"

#include <string.h>

static int compare_nodes(const struct measured_host *a, const struct measured_host *b)
{
    return ulid_compare(&a->node, &b->node);
}
TREE_FUNCTIONS(host_tree, measured_host, by_node, compare_nodes)

struct measure *measure_new(uint32_t hosts, const struct net *net, kith_time from_us)
{
    struct measure *m = mem_alloc(sizeof(*m));
    size_t pairs = (size_t)hosts * hosts;
    m->hosts_n = hosts;
    m->net = net;
    m->from_us = from_us;
    m->hosts = mem_alloc(hosts * sizeof(*m->hosts));
    m->held = mem_alloc(pairs * sizeof(*m->held));
    m->flaps = mem_alloc(pairs);
    return m;
}

void measure_free(struct measure *m)
{
    while (m->deaths) {
        struct death *d = m->deaths;
        m->deaths = d->next;
        mem_free(d);
    }
    while (m->writes) {
        struct write *w = m->writes;
        m->writes = w->next;
        mem_free((void *)(uintptr_t)w->key.data);
        mem_free((void *)(uintptr_t)w->record.data);
        mem_free(w->copies);
        mem_free(w);
    }
    while (m->marks) {
        struct mark *k = m->marks;
        m->marks = k->next;
        mem_free(k);
    }
    for (uint32_t i = 0; i < m->hosts_n; i++) {
        while (m->hosts[i].verdicts) {
            struct verdict *v = m->hosts[i].verdicts;
            m->hosts[i].verdicts = v->next;
            mem_free(v);
        }
    }
    mem_free(m->hosts);
    mem_free(m->held);
    mem_free(m->flaps);
    mem_free(m);
}

void measure_host(struct measure *m, uint32_t host, const struct ulid *node)
{
    struct measured_host *h = &m->hosts[host];
    *h = (struct measured_host){
        .node = *node, .index = host, .resumed_us = -1, .incarnation = 1, .restart_after_us = -1};
    TREE_INSERT(host_tree, &m->nodes, h);
}

/* ---- who believes what ---- */

static uint32_t since(kith_time at_us, kith_time now_us)
{
    return (uint32_t)(now_us - at_us) + 1;
}

static uint16_t *held(const struct measure *m, uint32_t observer, uint32_t subject)
{
    return &m->held[(size_t)observer * m->hosts_n + subject];
}

static bool believes(const struct measure *m, uint32_t observer, uint32_t subject)
{
    return *held(m, observer, subject) != 0;
}

static bool is_right(const struct measure *m, uint32_t observer, uint32_t subject)
{
    const struct measured_host *s = &m->hosts[subject];
    uint16_t incarnation = *held(m, observer, subject);
    return s->runs ? incarnation >= s->incarnation : incarnation == 0;
}

/* As it is kept here of one that is held for alive. */
static uint16_t kept(uint64_t incarnation)
{
    return (uint16_t)(incarnation < 1 ? 1 : incarnation < UINT16_MAX ? incarnation : UINT16_MAX);
}

static bool all_restarted(const struct measure *m)
{
    for (uint32_t i = 0; i < m->hosts_n; i++) {
        const struct measured_host *h = &m->hosts[i];
        if (h->restart_after_us >= 0 && (!h->runs || h->runs_since_us <= h->restart_after_us))
            return false;
    }
    return true;
}

/* Marks that wait for one view have it. */
static void settle(struct measure *m, kith_time now_us)
{
    bool waits = false;
    for (const struct mark *k = m->marks; m->wrong == 0 && k; k = k->next)
        waits = waits || k->after_us < 0;
    if (!waits || !all_restarted(m))
        return;
    for (struct mark *k = m->marks; k; k = k->next) {
        if (k->after_us < 0 && now_us >= k->at_us)
            k->after_us = now_us - k->at_us;
    }
}

static void count_wrong(struct measure *m, uint32_t observer, bool before, bool now)
{
    m->hosts[observer].wrong += (uint32_t)now - (uint32_t)before;
    m->wrong += (uint64_t)now - (uint64_t)before;
}

/* incarnation: 0 for one that is not held for alive. */
static void set_belief(struct measure *m, uint32_t observer, uint32_t subject, uint16_t incarnation)
{
    bool before = !is_right(m, observer, subject);
    *held(m, observer, subject) = incarnation;
    count_wrong(m, observer, before, !is_right(m, observer, subject));
}

/* It starts, ends, or says with what incarnation it has started: who is right about it now? */
static void set_subject(struct measure *m, struct measured_host *s, bool runs, uint16_t incarnation)
{
    struct measured_host former = *s;
    for (uint32_t i = 0; i < m->hosts_n; i++) {
        if (!m->hosts[i].runs || i == s->index)
            continue;
        s->runs = former.runs;
        s->incarnation = former.incarnation;
        bool before = !is_right(m, i, s->index);
        s->runs = runs;
        s->incarnation = incarnation;
        count_wrong(m, i, before, !is_right(m, i, s->index));
    }
    s->runs = runs;
    s->incarnation = incarnation;
}

static void die(struct measure *m, struct measured_host *h, kith_time now_us)
{
    struct death *d = mem_alloc(sizeof(*d) + m->hosts_n * sizeof(d->known[0]));
    d->host = h->index;
    d->at_us = now_us;
    d->next = m->deaths;
    m->deaths = h->death = d;
}

void measure_runs(struct measure *m, uint32_t host, bool runs, kith_time now_us)
{
    struct measured_host *h = &m->hosts[host];
    if (h->runs == runs)
        return;
    if (!runs) {
        m->wrong -= h->wrong;
        h->wrong = 0;
        die(m, h, now_us);
    } else if (h->death) {
        h->death->over = true;
        h->death = NULL;
    }
    h->paused = false;
    h->runs_since_us = now_us;
    set_subject(m, h, runs, /* incarnation= */ 1);
    for (uint32_t i = 0; runs && i < m->hosts_n; i++) { /* it knows nobody yet */
        *held(m, host, i) = 0;
        h->wrong += m->hosts[i].runs && i != host;
    }
    m->wrong += h->wrong;
}

void measure_view(struct measure *m, uint32_t host, const struct members *members, kith_time now_us)
{
    for (uint32_t i = 0; i < m->hosts_n; i++) {
        const struct member *other = members_get(members, &m->hosts[i].node);
        bool alive = other && other->state == MEMBER_STATE_ALIVE;
        if (i != host)
            set_belief(m, host, i, alive ? kept(other->incarnation) : 0);
        else if (other)
            set_subject(m, &m->hosts[i], m->hosts[i].runs, kept(other->incarnation));
    }
    settle(m, now_us);
}

void measure_bounces(struct measure *m, uint32_t host, kith_time now_us)
{
    m->hosts[host].restart_after_us = now_us;
}

void measure_pauses(struct measure *m, uint32_t host, bool paused, kith_time now_us)
{
    struct measured_host *h = &m->hosts[host];
    if (h->paused && !paused)
        h->resumed_us = now_us;
    h->paused = paused;
}

void measure_mark(struct measure *m, const char *what, kith_time now_us)
{
    struct mark *k = mem_alloc(sizeof(*k));
    *k = (struct mark){.next = m->marks, .what = what, .at_us = now_us, .after_us = -1};
    m->marks = k;
    settle(m, now_us);
}

/* ---- deaths and verdicts ---- */

static bool is_odd(const struct measure *m, uint32_t host)
{
    const struct net_host *h = net_host((struct net *)(uintptr_t)m->net, host);
    return h->deaf || h->dumb || h->loss_ppm >= MEASURE_ODD_PPM;
}

static struct verdict *verdict_of(struct measured_host *subject, uint64_t incarnation)
{
    struct verdict *v = subject->verdicts;
    while (v && v->incarnation != incarnation)
        v = v->next;
    return v;
}

/* The first to write this verdict. */
static struct verdict *judge(struct measure *m, uint32_t writer, struct measured_host *subject,
                             uint64_t incarnation, kith_time now_us)
{
    struct verdict *v = mem_alloc(sizeof(*v));
    kith_time resumed = subject->resumed_us < 0 ? -1 : now_us - subject->resumed_us;
    *v = (struct verdict){.next = subject->verdicts, .incarnation = incarnation};
    v->about = (struct measure_false){
        .subject = subject->index, .writer = writer, .at_us = now_us, .resumed_us = resumed};
    v->false_ = subject->runs && !subject->paused && !is_odd(m, subject->index) &&
                (is_odd(m, writer) || !net_is_cut(m->net, writer, subject->index));
    subject->verdicts = v;
    m->verdicts++;
    m->late_n += v->false_ && (resumed < 0 || resumed >= KITH_SEC);
    m->false_n += v->false_;
    return v;
}

void measure_cut(struct measure *m, kith_time now_us)
{
    m->cut = true;
    m->cut_us = now_us;
    m->split_us = 0;
}

void measure_heals(struct measure *m)
{
    for (uint32_t i = 0; m->cut && i < m->hosts_n; i++) {
        for (uint32_t k = 0; k < m->hosts_n; k++) {
            if (i == k || !m->hosts[i].runs || !m->hosts[k].runs || !net_is_cut(m->net, i, k))
                continue;
            m->split_pairs++;
            m->split_unseen += believes(m, i, k);
        }
    }
}

static void hold_for_dead(struct measure *m, uint32_t observer, struct measured_host *subject,
                          uint64_t incarnation, kith_time now_us)
{
    uint8_t *flaps = &m->flaps[(size_t)observer * m->hosts_n + subject->index];
    if (subject->runs && !is_odd(m, observer) && *flaps < UINT8_MAX)
        (*flaps)++;
    if (m->cut && net_is_cut(m->net, observer, subject->index))
        m->split_us = now_us - m->cut_us;
    if (subject->death && !subject->death->known[observer])
        subject->death->known[observer] = since(subject->death->at_us, now_us);
    struct verdict *v = verdict_of(subject, incarnation);
    if (!v) {
        judge(m, observer, subject, incarnation, now_us);
    } else if (v->false_ && observer != v->about.writer && !is_odd(m, observer)) {
        v->about.holders++;
        m->false_held++;
    }
}

/* The member that a row of table member or verdict is about: its key ends with the id. */
static struct measured_host *subject_of(struct measure *m, struct bytes storage_key)
{
    struct measured_host key;
    if (storage_key.len < sizeof(key.node.b))
        return NULL;
    memcpy(key.node.b, storage_key.data + storage_key.len - sizeof(key.node.b), sizeof(key.node.b));
    return TREE_FIND(host_tree, &m->nodes, &key);
}

static uint64_t incarnation_of(struct bytes record)
{
    struct record r;
    struct wire_error err;
    struct arena mem = {0};
    uint64_t ret = record_decode(&r, record, &mem, &err) == 0 ? r.version.major : 0;
    arena_deinit(&mem);
    return ret;
}

static void look_at_member(struct measure *m, uint32_t host, const struct store_write *w,
                           const struct members *members, kith_time now_us)
{
    struct measured_host *subject = subject_of(m, w->key);
    if (!subject || subject->index == host)
        return;
    const struct member *other = members_get(members, &subject->node);
    bool alive = other && other->state == MEMBER_STATE_ALIVE,
         before = believes(m, host, subject->index);
    set_belief(m, host, subject->index, alive ? kept(other->incarnation) : 0);
    if (before && !alive && w->key.data[0] == TABLE_ID_VERDICT)
        hold_for_dead(m, host, subject, incarnation_of(w->value), now_us);
}

void measure_belief(struct measure *m, uint32_t host, uint32_t subject, bool alive,
                    uint64_t incarnation, kith_time now_us)
{
    if (alive == believes(m, host, subject))
        return;
    set_belief(m, host, subject, alive ? kept(incarnation) : 0);
    if (!alive)
        hold_for_dead(m, host, &m->hosts[subject], incarnation, now_us);
    settle(m, now_us);
}

/* ---- changes ---- */

void measure_write(struct measure *m, uint32_t host, struct bytes storage_key, kith_time now_us)
{
    struct write *w = mem_alloc(sizeof(*w) + m->hosts_n * sizeof(w->held[0]));
    w->host = host;
    w->at_us = now_us;
    w->key = bytes_of(mem_copy(storage_key.data, storage_key.len), storage_key.len);
    w->copies = mem_alloc(m->hosts_n * sizeof(*w->copies));
    w->next = m->writes;
    m->writes = w;
}

static void look_at_row(struct measure *m, uint32_t host, const struct store_write *stored,
                        kith_time now_us)
{
    for (struct write *w = m->writes; w; w = w->next) {
        if (w->held[host] || !bytes_equal(w->key, stored->key))
            continue;
        w->held[host] = since(w->at_us, now_us);
        if (w->record.len == 0)
            w->record =
                bytes_of(mem_copy(stored->value.data, stored->value.len), stored->value.len);
    }
}

void measure_step(struct measure *m, uint32_t host, const struct effects *effects,
                  const struct members *members, kith_time now_us)
{
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *e = &effects->items[i];
        for (uint32_t k = 0; e->kind == EFFECT_STORE && k < e->store.writes_n; k++) {
            const struct store_write *w = &e->store.writes[k];
            if (w->local)
                continue;
            if (w->key.data[0] == TABLE_ID_MEMBER || w->key.data[0] == TABLE_ID_VERDICT)
                look_at_member(m, host, w, members, now_us);
            if (m->writes)
                look_at_row(m, host, w, now_us);
        }
    }
    if (m->wrong == 0)
        settle(m, now_us);
}

static bool contains(struct bytes all, struct bytes part)
{
    const uint8_t *at = all.data;
    while ((size_t)(all.data + all.len - at) >= part.len) {
        size_t left = (size_t)(all.data + all.len - at) - part.len + 1;
        at = memchr(at, part.data[0], left);
        if (!at)
            return false;
        if (memcmp(at, part.data, part.len) == 0)
            return true;
        at++;
    }
    return false;
}

void measure_received(struct measure *m, uint32_t host, struct bytes frame, kith_time now_us)
{
    for (struct write *w = m->writes; w; w = w->next) {
        if (w->record.len > 0 && now_us - w->at_us < MEASURE_COPIES_FOR &&
            contains(frame, w->record))
            w->copies[host]++;
    }
}

/* ---- traffic ---- */

/* The lane and kind of a frame, read where peers of this version put them (proto/envelope.toml). */
static bool skim_envelope(struct bytes frame, unsigned *lane, unsigned *kind)
{
    const size_t at = 1 + 1 + 3 * 18 + 1 + 1; /* array, format, three ULIDs, protocol range */
    const uint8_t *b = frame.data;
    if (frame.len < at + 4 || (b[0] & 0xf0) != 0x90 || b[2] != 0xc4)
        return false;
    *lane = b[at];
    *kind = b[at + 1] == 0xcc   ? b[at + 2]
            : b[at + 1] == 0xcd ? (unsigned)b[at + 2] << 8 | b[at + 3]
                                : b[at + 1];
    return *lane < MEASURE_LANES && *kind < MEASURE_KINDS;
}

/* An observer tells another that it misses one: was it the first after this death? */
static void look_at_miss(struct measure *m, struct bytes frame, kith_time now_us)
{
    struct measured_host key;
    struct frame f;
    struct miss miss;
    struct arena mem = {0};
    struct wire_error err;
    bool told = frame_unpack(&f, frame, &(struct ulid){{0}}, &err) == 0 &&
                miss_decode(&miss, f.payload, &mem, &err) == 0 && miss.missing;
    arena_deinit(&mem);
    if (!told)
        return;
    key.node = miss.about;
    const struct measured_host *subject = TREE_FIND(host_tree, &m->nodes, &key);
    if (subject && subject->death && subject->death->suspected == 0)
        subject->death->suspected = since(subject->death->at_us, now_us);
}

static void note_connections(struct measured_host *h)
{
    h->connections_max = h->connections;
    memcpy(h->open_max, h->open, sizeof(h->open));
}

/* From here on; what was open only before does not count. */
static void begin_count(struct measure *m)
{
    m->counts = true;
    for (uint32_t i = 0; i < m->hosts_n; i++)
        note_connections(&m->hosts[i]);
}

void measure_sent(struct measure *m, uint32_t from, uint32_t to, struct bytes frame,
                  kith_time now_us)
{
    struct measured_host *h = &m->hosts[from];
    unsigned lane = 0, kind = 0;
    (void)to;
    if (now_us < m->from_us)
        return;
    if (!m->counts)
        begin_count(m);
    if (!skim_envelope(frame, &lane, &kind))
        lane = kind = 0;
    if (kind == WIRE_MISS && m->deaths)
        look_at_miss(m, frame, now_us);
    h->bytes += frame.len;
    h->frames++;
    h->lane_bytes[lane] += frame.len;
    h->load_bytes += kind == WIRE_LOAD_BATCH ? frame.len : 0;
    h->kind_bytes[kind] += frame.len;
    m->kind_frames[kind]++;
}

static void count_connection(struct measured_host *h, enum net_role role, bool by_others, bool up)
{
    h->connections += up ? 1 : (uint32_t)-1;
    h->open[role][by_others] = (uint16_t)(h->open[role][by_others] + (up ? 1 : -1));
    if (h->connections > h->connections_max)
        note_connections(h);
}

void measure_connection(struct measure *m, uint32_t from, uint32_t to, enum net_role role, bool up)
{
    count_connection(&m->hosts[from], role, /* by_others= */ false, up);
    count_connection(&m->hosts[to], role, /* by_others= */ true, up);
}
