#include "base/buf.h"
#include "base/mem.h"
#include "sim/measure.h"
#include "sim/measure_inside.h"
#include "wire/frame.h"

#include <stdlib.h>

struct samples {
    double *at;
    size_t n, cap;
    uint64_t missing;
};

static void add(struct samples *s, double value)
{
    if (s->n == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 64;
        s->at = mem_grow(s->at, s->cap, sizeof(*s->at));
    }
    s->at[s->n++] = value;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The smallest sample that so many per mille are not above. */
static double percentile(const struct samples *s, uint64_t per_mille)
{
    size_t rank = (size_t)((s->n * per_mille + 999) / 1000);
    return s->n == 0 ? 0 : s->at[rank > 0 ? rank - 1 : 0];
}

/* Makes a row out of the samples, which are used up. */
static void row(struct measure_result *ret, const char *name, const char *unit, struct samples *s)
{
    double sum = 0;
    if (s->n > 0)
        qsort(s->at, s->n, sizeof(*s->at), by_value);
    for (size_t i = 0; i < s->n; i++)
        sum += s->at[i];
    if (ret->rows_n < sizeof(ret->rows) / sizeof(ret->rows[0]))
        ret->rows[ret->rows_n++] = (struct measure_row){
            .name = name,
            .unit = unit,
            .n = s->n,
            .missing = s->missing,
            .mean = s->n > 0 ? sum / (double)s->n : 0,
            .p50 = percentile(s, 500),
            .p99 = percentile(s, 990),
            .p999 = percentile(s, 999),
            .max = s->n > 0 ? s->at[s->n - 1] : 0,
        };
    mem_free(s->at);
    *s = (struct samples){0};
}

static void single(struct measure_result *ret, const char *name, const char *unit, double value)
{
    struct samples s = {0};
    add(&s, value);
    row(ret, name, unit, &s);
}

static const char *made_name(struct measure_result *ret, const char *before, const char *name,
                             const char *after)
{
    struct buf text = {0};
    if (ret->names_n == sizeof(ret->names) / sizeof(ret->names[0]))
        return "?";
    buf_printf(&text, "%s%s%s", before, name, after);
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == ' ')
            text.data[i] = '_';
    }
    char *copy = mem_str(buf_cstr(&text));
    buf_deinit(&text);
    ret->names[ret->names_n++] = copy;
    return copy;
}

static double ms(uint32_t us_plus_one)
{
    return (double)(us_plus_one - 1) / 1000.0;
}

/* Who ran all the time since. */
static bool survived(const struct measured_host *h, kith_time since_us)
{
    return h->runs && h->runs_since_us <= since_us && !h->paused;
}

static bool known_to_all(const struct measure *m, const struct death *d)
{
    for (uint32_t i = 0; i < m->hosts_n; i++) {
        if (survived(&m->hosts[i], d->at_us) && !d->known[i])
            return false;
    }
    return true;
}

static void deaths(const struct measure *m, struct measure_result *ret)
{
    struct samples suspected = {0}, found = {0}, known = {0}, spread = {0};
    uint64_t n = 0, cut_short = 0;
    for (const struct death *d = m->deaths; d; d = d->next) {
        uint32_t first = UINT32_MAX;
        if (d->over && !known_to_all(m, d)) {
            cut_short++;
            continue;
        }
        n++;
        if (d->suspected)
            add(&suspected, ms(d->suspected));
        for (uint32_t i = 0; i < m->hosts_n; i++) {
            if (d->known[i] && d->known[i] < first)
                first = d->known[i];
        }
        if (first < UINT32_MAX)
            add(&found, ms(first));
        else
            found.missing++;
        for (uint32_t i = 0; i < m->hosts_n; i++) {
            if (!survived(&m->hosts[i], d->at_us))
                continue;
            if (d->known[i]) {
                add(&known, ms(d->known[i]));
                add(&spread, ms(d->known[i] - first + 1));
            } else {
                known.missing++;
            }
        }
    }
    single(ret, "deaths", "", (double)n);
    single(ret, "deaths_cut_short", "", (double)cut_short);
    row(ret, "death_suspected", "ms", &suspected); /* by the first */
    row(ret, "death_found", "ms", &found);         /* by the first */
    row(ret, "death_known", "ms", &known);
    row(ret, "verdict_spread", "ms", &spread);
}

static void verdicts(const struct measure *m, struct measure_result *ret)
{
    struct samples flaps = {0};
    single(ret, "verdicts", "", (double)m->verdicts);
    single(ret, "false_verdicts", "", (double)m->false_n);
    single(ret, "false_verdicts_late", "", (double)m->late_n);
    single(ret, "false_verdicts_held", "", (double)m->false_held);
    for (uint32_t subject = 0; subject < m->hosts_n; subject++) {
        uint8_t worst = 0;
        for (uint32_t i = 0; i < m->hosts_n; i++) {
            uint8_t n = m->flaps[(size_t)i * m->hosts_n + subject];
            worst = n > worst ? n : worst;
        }
        add(&flaps, worst);
        for (const struct verdict *v = m->hosts[subject].verdicts; v; v = v->next) {
            if (v->false_ && ret->wrong_n < MEASURE_FALSE_KEPT)
                ret->wrong[ret->wrong_n++] = v->about;
        }
    }
    row(ret, "flaps", "", &flaps);
}

static void splits(const struct measure *m, struct measure_result *ret)
{
    single(ret, "split_pairs", "", (double)m->split_pairs);
    single(ret, "split_unseen", "", (double)m->split_unseen);
    single(ret, "split_known", "ms", (double)m->split_us / 1000.0);
}

static void writes(const struct measure *m, struct measure_result *ret)
{
    struct samples held = {0}, copies = {0};
    for (const struct write *w = m->writes; w; w = w->next) {
        for (uint32_t i = 0; i < m->hosts_n; i++) {
            if (i == w->host || !survived(&m->hosts[i], w->at_us))
                continue;
            if (w->held[i])
                add(&held, ms(w->held[i]));
            else
                held.missing++;
            add(&copies, w->copies[i]);
        }
    }
    row(ret, "write_held", "ms", &held);
    row(ret, "write_copies", "", &copies);
}

/* By kind of frame: the mean of all, and what the one sent that sent most. */
static void kinds(const struct measure *m, double seconds, uint32_t running,
                  struct measure_result *ret)
{
    const struct measured_host *worst = &m->hosts[0];
    for (uint32_t i = 0; i < m->hosts_n; i++) {
        if (m->hosts[i].runs && m->hosts[i].bytes > worst->bytes)
            worst = &m->hosts[i];
    }
    for (uint32_t kind = 0; kind < MEASURE_KINDS; kind++) {
        uint64_t sum = 0;
        for (uint32_t i = 0; i < m->hosts_n; i++)
            sum += m->hosts[i].runs ? m->hosts[i].kind_bytes[kind] : 0;
        if (m->kind_frames[kind] == 0)
            continue;
        const char *name = frame_kind_name(kind);
        single(ret, made_name(ret, "sent_kind_", name, ""), "B/s", (double)sum / seconds / running);
        single(ret, made_name(ret, "sent_worst_kind_", name, ""), "B/s",
               (double)worst->kind_bytes[kind] / seconds);
    }
}

static void worst_connections(const struct measure *m, struct measure_result *ret)
{
    static const char *const sockets[MEASURE_SOCKETS] = {"probe", "bulk", "pub"};
    const struct measured_host *worst = &m->hosts[0];
    for (uint32_t i = 0; i < m->hosts_n; i++) {
        if (m->hosts[i].connections_max > worst->connections_max)
            worst = &m->hosts[i];
    }
    for (int role = 0; role < MEASURE_SOCKETS; role++) {
        single(ret, made_name(ret, "connections_worst_", sockets[role], ""), "",
               worst->open_max[role][0]);
        single(ret, made_name(ret, "connections_worst_", sockets[role], "_by_others"), "",
               worst->open_max[role][1]);
    }
}

static void traffic(const struct measure *m, kith_time now_us, struct measure_result *ret)
{
    double seconds = (double)(now_us - m->from_us) / 1e6;
    struct samples bytes = {0}, frames = {0}, load = {0}, rest = {0}, lanes[MEASURE_LANES] = {{0}},
                   connections = {0};
    uint32_t running = 0;
    for (uint32_t i = 0; i < m->hosts_n; i++) {
        const struct measured_host *h = &m->hosts[i];
        if (!h->runs)
            continue;
        running++;
        add(&bytes, (double)h->bytes / seconds);
        add(&load, (double)h->load_bytes / seconds);
        add(&rest, (double)(h->bytes - h->load_bytes) / seconds);
        add(&frames, (double)h->frames / seconds);
        add(&connections, h->connections_max);
        for (int lane = 0; lane < MEASURE_LANES; lane++)
            add(&lanes[lane], (double)h->lane_bytes[lane] / seconds);
    }
    row(ret, "sent", "B/s", &bytes);
    row(ret, "sent_load", "B/s", &load);
    row(ret, "sent_without_load", "B/s", &rest);
    row(ret, "sent_frames", "1/s", &frames);
    row(ret, "connections", "", &connections);
    for (int lane = 0; lane < MEASURE_LANES; lane++) {
        const char *name = wire_lane_name((enum wire_lane)lane);
        if (lanes[lane].n > 0 && lane > 0 && lane <= (int)WIRE_LANE_TOPIC)
            row(ret, made_name(ret, "sent_lane_", name, ""), "B/s", &lanes[lane]);
        mem_free(lanes[lane].at);
    }
    if (running > 0) {
        kinds(m, seconds, running, ret);
        worst_connections(m, ret);
    }
}

/* In ms; the middle of its tenth of a second stands for an age. */
static double age_ms(size_t tenths)
{
    return (double)tenths * 100.0 + 50.0;
}

static double age_percentile(const struct ages *a, uint64_t n, uint64_t per_mille)
{
    uint64_t rank = (n * per_mille + 999) / 1000, seen = 0;
    size_t i = 0;
    while (i < MEASURE_AGES - 1 && (seen += a->counts[i]) < rank)
        i++;
    return age_ms(i);
}

static void ages(const struct ages *a, const char *name, struct measure_result *ret)
{
    uint64_t n = 0;
    double sum = 0;
    for (size_t i = 0; i < MEASURE_AGES; i++) {
        n += a->counts[i];
        sum += (double)a->counts[i] * age_ms(i);
    }
    if (n + a->missing == 0 || ret->rows_n == sizeof(ret->rows) / sizeof(ret->rows[0]))
        return;
    ret->rows[ret->rows_n++] = (struct measure_row){.name = name,
                                                    .unit = "ms",
                                                    .n = n,
                                                    .missing = a->missing,
                                                    .mean = n > 0 ? sum / (double)n : 0,
                                                    .p50 = age_percentile(a, n, 500),
                                                    .p99 = age_percentile(a, n, 990),
                                                    .p999 = age_percentile(a, n, 999),
                                                    .max = age_percentile(a, n, 1000)};
}

static void marks(const struct measure *m, struct measure_result *ret)
{
    for (const struct mark *k = m->marks; k; k = k->next) {
        struct samples s = {0};
        if (k->after_us < 0)
            s.missing = 1;
        else
            add(&s, (double)k->after_us / 1000.0);
        row(ret, made_name(ret, "one_view_after_", k->what, ""), "ms", &s);
    }
    single(ret, "wrong_at_end", "", (double)m->wrong);
}

void measure_finish(struct measure *m, kith_time now_us, struct measure_result *ret)
{
    *ret = (struct measure_result){0};
    if (m->deaths)
        deaths(m, ret);
    verdicts(m, ret);
    if (m->split_pairs > 0)
        splits(m, ret);
    if (m->writes)
        writes(m, ret);
    if (now_us > m->from_us)
        traffic(m, now_us, ret);
    ages(&m->load_ages, "load_age", ret);
    ages(&m->needed_ages, "load_age_needed", ret);
    marks(m, ret);
}

void measure_result_deinit(struct measure_result *r)
{
    for (size_t i = 0; i < r->names_n; i++)
        mem_free(r->names[i]);
    *r = (struct measure_result){0};
}
